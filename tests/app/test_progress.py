import io
import math

import pytest
from rich.console import Console

from experiments.app.progress import EpochTable, format_metric
from jaxmlp import Metric


def test_metrics_read_well():
    assert format_metric("test_accuracy", 0.98046) == "98.05 %"
    assert format_metric("train_loss", 0.38254) == "0.3825"
    assert format_metric("learning_rate", 1e-5) == "1e-05"
    assert format_metric("seconds", 12.345) == "12.35"
    assert format_metric("test_loss", float("nan")) == "-"


def test_a_record_says_what_is_in_percent():
    assert format_metric(Metric("test_hits", is_share=True), 0.25) == "25.00 %"
    assert format_metric(Metric("test_accuracy"), 0.25) == "0.2500"


def test_columns_go_by_the_records_of_the_task():
    metrics = Metric("hits", is_share=True), Metric("accuracy")
    line = {"test_hits": 0.5, "test_accuracy": 0.5}
    [*_, last] = shown([line], metrics=metrics, width=60)
    assert last == "  1/2   50.00 %     0.5000      1.00"


def shown(lines, num_epochs=2, metrics=(), **options):
    """The screen's lines after some epochs."""
    out = io.StringIO()
    with EpochTable(Console(file=out, **options), num_epochs, 5, metrics) as table:
        for epoch, metrics in enumerate(lines, 1):
            table.step(5 * epoch)
            table.line(epoch, metrics, seconds=1.0)
    return out.getvalue().splitlines()


def test_each_epoch_is_a_line_below_its_names():
    lines = [{"train_loss": 0.5 / epoch, "test_accuracy": 0.5} for epoch in (1, 2)]
    assert shown(lines, width=60) == [
        "           train      test          ",
        "epoch       loss  accuracy   seconds",
        "  1/2     0.5000   50.00 %      1.00",
        "  2/2     0.2500   50.00 %      1.00",
    ]


def test_of_too_many_columns_those_of_training_go_first():
    names = [
        f"{kind}_{name}" for name in ("loss", "hits") for kind in ("train", "validation", "test")
    ]
    line = dict.fromkeys((*names, "test_misses", "test_regret", "learning_rate"), 0.5)
    [first, second, _] = shown([line], width=200)
    assert "hits" in second
    assert (first.count("train"), first.count("validation"), first.count("test")) == (1, 2, 4)
    assert "rate" not in second


LOSSES = ("train_loss", "validation_loss", "test_loss")
ACCURACIES = ("train_accuracy", "validation_accuracy", "test_accuracy")
NUMBERS = [0.5, -0.5, 1e20, -1e20, 3.4e38, -3.4e38, 999.99999, -999.99999, 1e-30, math.inf]
NUMBERS += [-math.inf, math.nan, 12345.678, -12345.678]


@pytest.mark.parametrize("num_epochs", [1, 100, 10**6])
@pytest.mark.parametrize("sets", [("train",), ("train", "test"), ("train", "validation", "test")])
@pytest.mark.parametrize("width", [80, 40])
def test_a_table_fits_on_a_screen_and_no_columns_touch(num_epochs, sets, width):
    metrics = [name for pair in zip(LOSSES, ACCURACIES, strict=True) for name in pair]
    metrics = [name for name in metrics if name.split("_")[0] in sets]
    lines = [
        {
            **{name: 1.0 if name in ACCURACIES else number for name in metrics},
            "learning_rate": 1.2345e-5,
        }
        for number in NUMBERS
    ]
    table = shown(lines, num_epochs, width=width)
    assert len(table) == len(lines) + 2
    assert max(map(len, table)) <= 80
    assert len({len(row) for row in table}) == 1
    columns = len(table[1].split())  # of which each name is a word
    assert columns >= len(metrics) + 1
    for row in table[2:]:
        assert len(row.replace(" %", "").split()) == columns
    for name in metrics:  # what is left out for want of room is what a reader misses least
        assert name.split("_")[0] in table[0] or name == "train_accuracy"


def test_a_regressions_table_keeps_its_loss_and_its_error():
    metrics = Metric("loss"), Metric("absolute_error"), Metric("r2")
    line = {
        f"{kind}_{metric.name}": 1.0
        for kind in ("train", "validation", "test")
        for metric in metrics
    }
    _, second, last = shown([line], metrics=metrics, width=80)
    assert second.split() == ["epoch", "loss", "loss", "error", "loss", "error", "seconds"]
    assert len(last) <= 80


def test_a_terminal_gets_a_bar():
    out = io.StringIO()
    with EpochTable(Console(file=out, force_terminal=True, width=80), 2, 5) as table:
        table.step(5)
        table.line(1, {"train_loss": 0.5}, seconds=1.0)
    assert "5/10" in out.getvalue()
