import io
import re

import peer_stubs
import pytest
from rich.console import Console

from experiments.speed import tables


@pytest.fixture
def figures():
    return peer_stubs.figures()


def shown(function, figures):
    console = Console(width=200, record=True, file=io.StringIO())
    function(console, figures)
    return [re.sub(r"[\s│┃]+", " ", line).strip() for line in console.export_text().splitlines()]


def test_each_has_its_line_and_those_that_are_not_there_theirs(figures):
    text = shown(tables.show_race, figures)
    assert text[0] == (
        "784-256-10, ReLU, Adam 0.001, batches of 256, 4 epochs of 60,000 examples of mnist: "
        "48 GFLOP a network-epoch; trained at once: 8 in train_many, else 1"
    )
    assert "train 2 2 to 2 1.00 2.00 24" in text
    assert "train_many 1 1 to 1 0.50 1.00 48" in text
    assert "a slow one 6 5.5 to 6.5 3.00 6.00 8" in text
    assert "train 3 3 to 3 1.00 2.00" in text
    assert "train_many 1.5 1.5 to 1.5 0.50 1.00" in text
    assert "a slow one 10 9.5 to 11 3.33 6.67" in text
    assert "train 90.50 % 1,536 MiB 1.0 5.0 8.2 4.2" in text
    assert "a slow one 70.00 % (!) 1,536 MiB 1.0 1.0 8.2 4.2" in text
    assert "one that fell: failed, it fell" in text
    assert "one that is not here: absent, needs a and b: pip install '.[peers]'" in text
    assert text[-3].startswith("By the seeds of train_many, 99% of single networks reach an acc")
    assert text[-3].endswith("outside its own: a slow one.")


def test_where_all_are_alike_it_says_so(figures):
    figures["rows"][2]["is_alike"] = True
    assert any(line.endswith("all are as expected.") for line in tables.notes(figures))
    figures["accuracy_interval"] = None
    assert not any("expected" in line for line in tables.notes(figures))


def test_what_was_not_measured_is_a_dash(figures):
    figures["rows"][0] |= {"ratio_to_population": None, "warm_start": None, "compile_seconds": None}
    figures["rows"][0] |= {"tested_epoch": None, "tested_ratio_to_population": None}
    figures["rows"][0] |= {"accuracies": [], "peak_bytes": None}
    text = shown(tables.show_race, figures)
    assert "train 2 2 to 2 1.00 – 24" in text
    assert "train – – 1.00 –" in text
    assert "train – – 1.0 – 8.2 –" in text


def test_growth_has_a_line_for_each_case():
    rows = peer_stubs.growth()
    text = shown(tables.show_scaling, rows)
    assert "width 64 784-64-10 1 2 12.3 1,024 MiB" in text
    assert "data 0.25 failed, it fell [down]" in text
