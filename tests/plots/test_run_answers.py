"""What is drawn of answers of their own."""

import numpy as np
import pytest
from PIL import Image

from experiments.plots import run_answers
from experiments.scores.classes import wilson


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    figures, save = [], run_answers.save
    monkeypatch.setattr(
        run_answers, "save", lambda path, figure: figures.append(figure) or save(path, figure)
    )
    return figures


def test_each_answer_has_a_bar_with_its_interval_and_what_the_commonest_reaches(drawn, tmp_path):
    labels = np.array([[0, 1], [0, 1], [1, 1], [0, 0]])
    shares = np.array([[0.1, 0.9], [0.6, 0.8], [0.7, np.nan], [0.2, 0.4]])
    path = run_answers.answers(tmp_path / "answers.png", labels, shares, ["a", "b$"])
    (axes,) = drawn[0].axes
    assert [bar.get_width() for bar in axes.patches] == [75, 75]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", r"b\$"]
    (lines,) = axes.collections
    low, high = wilson(3, 4)
    np.testing.assert_allclose(
        [s[:, 0] for s in lines.get_segments()], [[100 * low, 100 * high]] * 2
    )
    assert axes.lines[0].get_xdata().tolist() == [75, 75]
    with Image.open(path) as picture:
        assert min(picture.size) > 200


def test_of_many_answers_the_worst_are_drawn(drawn, tmp_path):
    labels = np.ones((2, 50), int)
    shares = np.where(np.arange(50) % 5 == 1, 0.2, 0.9)[None].repeat(2, 0)
    run_answers.answers(tmp_path / "answers.png", labels, shares)
    (axes,) = drawn[0].axes
    assert len(axes.patches) == 40
    assert sum(bar.get_width() == 0 for bar in axes.patches) == 10
    assert "the 40 worst of 50" in axes.get_title(loc="left")
