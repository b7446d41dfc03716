import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from experiments.lessons import drawing, surfaces
from jaxmlp.populations.runs import Runs


def runs(metric, values):
    values = np.float32(values)
    axes = {"seed": tuple(range(len(values)))}
    return Runs(axes, {metric: values}, np.ones(len(values)), (), np.zeros((len(values), 2)), {})


def curves(metric, seconds=None, **values):
    _, (axes,) = drawing.sheet("", 1)
    drawing.curves(
        axes, {name: runs(metric, each) for name, each in values.items()}, metric, seconds
    )
    return axes


def test_curves_are_means_over_seeds_by_epoch_in_the_order_of_their_names():
    axes = curves("test_accuracy", a=[[0.25, 0.5], [0.75, 1.0]], b=[[0.5, 0.5], [0.5, 0.5]])
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    assert [line.get_color() for line in axes.lines] == list(drawing.COLOURS[:2])
    assert axes.lines[0].get_xdata().tolist() == [1, 2]
    assert axes.lines[0].get_ydata().tolist() == [0.5, 0.75]
    assert (axes.get_title(), axes.get_xlabel()) == ("test accuracy", "epoch")


def test_curves_are_by_time_where_an_epochs_seconds_are_known():
    axes = curves("train_loss", {"a": 2.0, "b": 0.5}, a=[[1, 2], [1, 2]], b=[[1, 2], [1, 2]])
    assert [line.get_xdata().tolist() for line in axes.lines] == [[2, 4], [0.5, 1]]
    assert axes.get_xlabel() == "seconds of training"


def test_shares_are_shown_from_0_to_1_however_wide_the_band():
    wide = [[0.1, 0.5], [0.9, 0.6]]
    assert curves("test_accuracy", a=wide).get_ylim() == (0, 1)
    low, high = curves("train_loss", a=wide).get_ylim()
    assert low < 0 < 1 < high
    low, high = curves("test_accuracy", a=[[0.5, 0.6], [0.5, 0.6]]).get_ylim()
    assert 0.4 < low < 0.5 < 0.6 < high < 0.7


def test_panels_begin_with_the_first_colour():
    _, panels = drawing.sheet("", 2)
    for panel in panels:
        panel.plot([0, 1])
        panel.plot([1, 0])
        assert [line.get_color() for line in panel.lines] == list(drawing.COLOURS[:2])


def test_walks_begin_at_a_dot_and_minima_are_stars():
    _, (axes,) = drawing.sheet("", 1)
    paths = {
        "sgd": np.array([[[1, 1], [0.5, 0.2]], [[-1, 1], [0, 0.1]]]),
        "adam": np.zeros((2, 2, 2)),
    }
    surfaces.draw(axes, "wells", paths)
    lines = {line.get_label(): line for line in axes.lines if line.get_label()[0] != "_"}
    assert list(lines) == ["sgd", "adam"]
    assert lines["sgd"].get_xydata().tolist() == [[1, 1], [0.5, 0.2]]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert dots[0].get_xydata().tolist() == [[1, 1], [-1, 1]]
    (stars,) = (line for line in axes.lines if line.get_marker() == "*")
    assert stars.get_xydata() == pytest.approx(np.array([[-1.0356, 0], [0.9601, 0]]), abs=1e-3)


def test_a_saved_picture_keeps_the_colours_of_lines(tmp_path):
    random = np.random.default_rng(0)
    figure, axes = drawing.sheet("", 2, 2)
    for height, colour in enumerate(drawing.COLOURS):
        drawing.band(axes[0], range(5), 3 * height + random.normal(size=(6, 5)), "", colour)
    for panel in axes[1:]:
        drawing.matrix(panel, random.normal(size=(40, 40)))
    drawing.save(tmp_path / "picture.png", figure)
    figure.savefig(tmp_path / "drawn.png")
    with Image.open(tmp_path / "picture.png") as saved, Image.open(tmp_path / "drawn.png") as drawn:
        saved_as, meant = (np.array(each.convert("RGB")).astype(int) for each in (saved, drawn))
    for colour in drawing.COLOURS:
        wanted = np.round(255 * np.array(to_rgb(colour)))
        places = (meant == wanted).all(axis=-1)
        assert places.sum() > 100
        assert abs(saved_as[places] - wanted).max() < 10, colour
