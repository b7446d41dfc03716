import numpy as np
import pytest
from run_pictures import read, where, written

from experiments.plots import run


def test_weights_are_red_above_zero_and_blue_below_on_one_scale(tmp_path):
    kernel = np.array([[-0.5] * 64, [1.0] * 64]).T
    pixels = read(run.first_layer(tmp_path / "first.png", kernel, (8, 8)))
    strong, weak = pixels[60, 40], pixels[60, 130]  # the larger norm comes first
    assert strong[0] > 2 * strong[2]
    assert weak[2] > weak[0] > strong[0]


@pytest.mark.parametrize(("num_units", "shape"), [(1, (8, 8)), (64, (8, 8)), (300, (28, 28))])
def test_up_to_100_units_are_shown(tmp_path, num_units, shape):
    kernel = np.full((shape[0] * shape[1], num_units), 0.5)
    pixels = read(run.first_layer(tmp_path / "first.png", kernel, shape))
    tile = 84 // shape[0] * shape[0]
    assert pixels[60, 40, 0] > 2 * pixels[60, 40, 2]  # red
    squares = len(where(pixels, pixels[60, 40])[0]) / tile**2
    assert squares == pytest.approx(min(num_units, 100), abs=0.5)


def test_the_scale_of_weights_and_their_number_are_said(figure_of_run):
    kernel = np.random.default_rng(0).normal(size=(64, 120)) * 0.1
    figure = figure_of_run(run.first_layer, kernel, (8, 8))
    assert written(figure) == ["Weights into 100 of 120 hidden units, the largest norm first"]
    [bar] = figure.axes
    largest = np.argsort(-np.linalg.norm(kernel, axis=0))[:100]
    limit = np.quantile(np.abs(kernel[:, largest]), 0.998)
    assert bar.get_ylim() == pytest.approx((-limit, limit))


def test_weights_of_zero_and_nan_are_drawn(tmp_path):
    read(run.first_layer(tmp_path / "first.png", np.zeros((64, 3)), (8, 8)))
    read(run.first_layer(tmp_path / "first.png", np.full((64, 3), np.nan), (8, 8)))


def test_weights_of_colours_are_colours_about_grey(tmp_path, figure_of_run):
    pixel = np.tile([1.0, 0.0, -1.0], 64)  # into a unit that likes red and dislikes blue
    pixels = read(run.first_layer(tmp_path / "first.png", pixel[:, None], (8, 8, 3)))
    assert pixels[60, 40].tolist()[:3] == [255, 128, 1]
    assert pixels[46 + 79, 18 + 79].tolist()[:3] == [255, 128, 1]
    figure = figure_of_run(run.first_layer, np.full((192, 2), np.nan), (8, 8, 3))
    title = "Weights into 2 of 2 hidden units, the largest norm first; grey is 0"
    assert (written(figure), figure.axes) == ([title], [])
