"""What is drawn of a regression's answers."""

import numpy as np
import pytest
from PIL import Image

from experiments.plots import run_values


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    figures, save = [], run_values.save
    monkeypatch.setattr(
        run_values, "save", lambda path, figure: figures.append(figure) or save(path, figure)
    )
    return figures


def test_each_example_is_a_point_at_what_is_true_and_what_is_answered(drawn, tmp_path):
    true, answered = np.array([1.0, 2.0, 4.0]), np.array([[1.5], [np.nan], [3.0]])
    path = run_values.values(tmp_path / "values.png", true, answered)
    (axes,) = drawn[0].axes
    points, diagonal = axes.lines
    assert np.transpose(points.get_data()).tolist() == [[1.0, 1.5], [4.0, 3.0]]
    assert np.transpose(diagonal.get_data()).tolist() == [[1.0, 1.0], [4.0, 4.0]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true", "answered")
    with Image.open(path) as picture:
        assert min(picture.size) > 200


def test_each_value_has_a_panel_up_to_four(drawn, tmp_path):
    true = np.arange(30.0).reshape(5, 6)
    run_values.values(tmp_path / "values.png", true, -true)
    assert [axes.get_title(loc="left") for axes in drawn[0].axes] == [
        f"test set, value {i}" for i in (1, 2, 3, 4)
    ]
    for i, axes in enumerate(drawn[0].axes):
        assert axes.lines[0].get_xdata().tolist() == true[:, i].tolist()
        assert axes.lines[0].get_ydata().tolist() == (-true[:, i]).tolist()


def test_nothing_finite_is_an_empty_picture(drawn, tmp_path):
    run_values.values(tmp_path / "values.png", np.ones(3), np.full((3, 1), np.inf))
    assert len(drawn[0].axes[0].lines) == 1
