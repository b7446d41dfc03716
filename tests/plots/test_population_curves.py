import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from pictures import T_OF_THREE, bars, lines, texts
from run_tables import runs_of

from experiments.plots import population, population_curves
from experiments.plots.style import BLUE, COLOURS, PALE
from experiments.plots.table import tabulate


def test_a_curve_is_the_mean_over_seeds_with_students_interval(figure_of):
    losses = [[1.0, 0.5], [2.0, 0.6], [3.0, 0.7]]
    runs = runs_of({"width": (8, 16), "seed": range(3)}, [losses, np.add(losses, 1)])
    axes = figure_of(population.learning_curves, runs).axes[0]
    [curve] = lines(axes, COLOURS[0])
    np.testing.assert_allclose(curve, [[1, 2], [2, 0.6]], rtol=1e-6)
    half = T_OF_THREE / np.sqrt(3)
    bands = [band for band in axes.collections if isinstance(band, PolyCollection)]
    [band] = [b for b in bands if np.allclose(b.get_facecolor()[0, :3], to_rgba(BLUE)[:3])]
    assert band.get_alpha() > 0.05
    corners = band.get_paths()[0].vertices
    first = corners[corners[:, 0] == 1, 1]
    assert first.max() == pytest.approx(2 + half, rel=1e-5)
    second = corners[corners[:, 0] == 2, 1]
    assert second.min() == pytest.approx(0.6 - 0.1 * half, rel=1e-5)


def test_members_that_end_early_count_while_they_train(figure_of):
    nan = np.nan
    losses = [[4.0, 2.0, nan, nan], [6.0, 4.0, 3.0, nan]]
    figure = figure_of(population.learning_curves, runs_of({"seed": (0, 1)}, losses))
    mean, rest, end = [line for line in figure.axes[0].lines if line.get_linewidth() > 1]
    np.testing.assert_array_equal(mean.get_xydata(), [[1, 5], [2, 3]])
    np.testing.assert_array_equal(rest.get_xydata(), [[2, 3], [3, 3]])
    assert rest.is_dashed()
    np.testing.assert_array_equal(end.get_xydata(), [[3, 3]])
    assert "dashed: the mean of the seeds still in training" in texts(figure)
    assert figure.axes[0].get_xlim() == (1, 4)


def test_a_curve_runs_through_epochs_that_were_not_measured(figure_of):
    losses = [[np.nan, 2.0, np.nan, 1.0], [np.nan, 4.0, np.nan, 1.0]]
    figure = figure_of(population.learning_curves, runs_of({"seed": (0, 1)}, losses))
    [mean] = [line for line in figure.axes[0].lines if line.get_linewidth() > 1]
    np.testing.assert_array_equal(mean.get_xydata(), [[2, 3], [4, 1]])
    assert "dashed" not in texts(figure)


def test_a_single_setting_shows_its_seeds(figure_of):
    runs = runs_of({"rate": (0.1,), "seed": range(3)}, [[3.0, 1.0], [3.0, 2.0], [3.0, 3.0]])
    figure = figure_of(population.learning_curves, runs)
    thin = [line.get_ydata()[1] for line in figure.axes[0].lines if line.get_linewidth() < 1]
    assert thin == [1, 2, 3]
    assert "rate 0.1; line: the mean over 3 seeds; band: 95 % interval" in texts(figure)


@pytest.mark.parametrize(("metric", "best"), [("test_loss", 0), ("x_error", 0), ("f_score", 11)])
def test_the_best_eight_are_in_colour_and_the_others_grey(figure_of, metric, best):
    values = np.linspace(0.2, 0.5, 12)[:, None, None] + np.zeros((12, 2, 3))
    runs = runs_of({"width": range(12), "seed": (0, 1)}, values, metric)
    figure = figure_of(population.learning_curves, runs, metric)
    axes = figure.axes[0]
    [curve] = lines(axes, COLOURS[0])
    assert curve[-1, 1] == pytest.approx(values[best, 0, 0])
    assert len(axes.lines) == 8
    assert len(bars(axes, PALE)) == 4
    written = texts(figure)
    assert "the best 8 of 12 settings" in written
    assert "the other 4" in written
    assert f"width {best}: " in written


def test_grey_lines_outside_the_frame_are_counted(figure_of):
    values = np.r_[np.linspace(0.2, 0.5, 8), 0.51, 90, 100][:, None, None] + np.zeros((11, 1, 2))
    figure = figure_of(population.learning_curves, runs_of({"w": range(11), "seed": (0,)}, values))
    assert "2 of the grey lines lie outside the frame" in texts(figure)
    assert figure.axes[0].get_ylim()[1] < 1


def test_grey_lines_outside_each_frame_are_counted_apart(figure_of):
    accuracy = np.linspace(0.9, 0.5, 11)[:, None, None] + np.zeros((11, 1, 2))
    losses = np.r_[np.linspace(0.2, 0.5, 8), 0.3, 70, 80][:, None, None] + np.zeros((11, 1, 2))
    runs = runs_of({"w": range(11), "seed": (0,)}, accuracy, "test_accuracy", test_loss=losses)
    written = texts(figure_of(population.learning_curves, runs, "test_accuracy"))
    assert "3 of the grey lines lie outside the frame of test accuracy" in written
    assert "2 of the grey lines lie outside the frame of test loss" in written


def test_below_the_metric_are_the_curves_of_the_loss_in_the_same_colours(figure_of):
    accuracy = np.array([[0.5, 0.6], [0.3, 0.9], [0.1, 0.2]])[:, None]
    losses = np.array([[2.0, 1.0], [3.0, 0.01], [5.0, 4.0]])[:, None]
    axes = {"w": (1, 2, 3), "seed": (0,)}
    runs = runs_of(axes, accuracy, "test_accuracy", test_loss=losses, train_loss=losses + 9)
    figure = figure_of(population.learning_curves, runs, "test_accuracy")
    above, below = figure.axes
    for colour, setting in zip(COLOURS, (1, 0, 2), strict=False):
        [curve] = lines(above, colour)
        expected = np.stack([[1, 2], 100 * accuracy[setting, 0]], 1)
        np.testing.assert_allclose(curve, expected, rtol=1e-6)
        [curve] = lines(below, colour)
        np.testing.assert_allclose(curve, np.stack([[1, 2], losses[setting, 0]], 1), rtol=1e-6)
    assert (above.get_yscale(), below.get_yscale()) == ("linear", "log")
    assert below.get_title(loc="left") == "test loss"
    assert above.get_position().y0 > below.get_position().y1
    assert [axes.get_xlabel() for axes in figure.axes] == ["epoch", "epoch"]


def test_the_frame_holds_bands_however_much_wider_than_the_lines(figure_of):
    losses = np.array([[[1.0, 0.9], [1.4, 1.3]], [[1.01, 0.91], [1.39, 1.29]]])
    figure = figure_of(population.learning_curves, runs_of({"w": (1, 2), "seed": (0, 1)}, losses))
    low, high = figure.axes[0].get_ylim()
    assert low < 1.1 - 12.7 * 0.2 < 1.2 + 12.7 * 0.2 < high  # Student's t with 1 degree of freedom
    assert "bands go on" not in texts(figure)


def test_bands_that_reach_zero_are_said_to_go_on_down_a_scale_of_logarithms(figure_of):
    losses = np.array([[[9.0, 0.1], [9.1, 0.3]], [[8.0, 0.2], [8.1, 0.2]]])
    figure = figure_of(population.learning_curves, runs_of({"w": (1, 2), "seed": (0, 1)}, losses))
    assert figure.axes[0].get_yscale() == "log"
    assert "at the edge of the frame of test loss bands go on" in texts(figure)


def test_the_bands_of_folds_know_what_they_share(monkeypatch):
    runs = runs_of(
        {"w": (1, 2), "fold": range(5), "seed": (0,)}, np.random.default_rng(0).random((2, 5, 1, 3))
    )
    told, own = [], population_curves.interval_of
    monkeypatch.setattr(population_curves, "interval_of", lambda *g: told.append(g[2:]) or own(*g))
    population_curves.figure_of(runs, tabulate(runs, "test_loss"))
    assert told == [(0.25,)]
