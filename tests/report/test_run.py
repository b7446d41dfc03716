import json
import re

import numpy as np
import pytest
from report_subjects import subject

from experiments.report import run

ALWAYS = {"run", "network", "curves", "receipt"}
HEADINGS = {"run": "figures", "network": "try"}


@pytest.mark.parametrize(
    ("task", "shape", "sections"),
    [
        ("classification", (2, 3), {"confusion", "examples", "first_layer"}),
        ("classification", None, {"confusion", "examples"}),
        ("binary", None, {"confusion", "examples"}),
        ("multilabel", None, {"questions"}),
        ("regression", None, {"values"}),
    ],
)
def test_sections_are_there_by_the_kind_of_data(task, shape, sections, tmp_path):
    made = subject(tmp_path, task, image_shape=shape)
    text = run.write(made).read_text()
    block = re.search(r'id="data">(.*?)</script>', text)[1]
    assert json.loads(block).keys() == ALWAYS | sections
    headings = set(re.findall(r'<h2 id="(\w+)-heading"', text))
    assert headings == {HEADINGS.get(name, name) for name in ALWAYS | sections}
    assert set(re.findall(r'<a href="#(\w+)-heading"', text)) == headings


def test_names_of_users_are_texts_everywhere(tmp_path):
    evil = "</td><script>alert('x')</script>{{ 1 }}"
    made = subject(tmp_path, name=evil, source=evil, class_names=(evil, "b", "c"))
    made = made._replace(job=made.job._replace(notice=evil, path=tmp_path / "a<b>"))
    (tmp_path / "a<b>").mkdir()
    text = run.write(made).read_text()
    assert text.count("<script") == 2
    assert "</td><script" not in text
    assert "alert(&#39;x&#39;)" in text
    assert "a&lt;b&gt;" in text


def test_a_page_of_mnist_is_small(tmp_path):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (1000, 784)).astype(np.uint8)
    labels = random.integers(0, 3, 1000).astype(np.int32)
    made = subject(
        tmp_path,
        train_inputs=pixels,
        test_inputs=pixels,
        test_labels=labels,
        train_labels=labels,
        image_shape=(28, 28),
    )
    assert run.write(made).stat().st_size < 1_000_000


def test_nothing_is_left_half_written(tmp_path, monkeypatch):
    made = subject(tmp_path)
    run.write(made)
    before = (tmp_path / run.NAME).read_bytes()
    monkeypatch.setitem(run.SECTIONS, "curves", lambda subject: {"panels": []})
    with pytest.raises(Exception, match="note"):
        run.write(made)
    assert (tmp_path / run.NAME).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [run.NAME]
