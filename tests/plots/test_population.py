import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from PIL import Image
from run_tables import random_runs, relu, runs_of

from experiments.app import sweep_runner
from experiments.plots import population as plots
from experiments.plots.style import INK, PALE, STYLE
from experiments.plots.table import tabulate
from jaxmlp import Metric

ROOT = Path(__file__).parents[2]
DRAW = [plots.learning_curves, plots.against_axes, plots.over_seeds]
RATES = (0.001, 0.01, 0.1)
T_OF_THREE = 4.302653  # 97.5 % of Student's t with 2 degrees of freedom


@pytest.fixture
def figure_of(monkeypatch):
    """Draws runs, and gives the figure that would be saved, with everything in its place."""

    def draw(function, runs, metric="test_loss"):
        figures = []
        monkeypatch.setattr(plots, "save", lambda path, figure: figures.append(figure))
        assert function(runs, metric, "anywhere")
        [figure] = figures
        with matplotlib.rc_context(STYLE):
            figure.draw_without_rendering()
        return figure

    return draw


def texts(figure):
    """All that is written, without what only keeps words together."""
    found = [text.get_text() for text in figure.texts]
    for legend in figure.legends:
        found += [text.get_text() for text in (legend.get_title(), *legend.get_texts())]
    for axes in figure.axes:
        found += [text.get_text() for text in (*axes.texts, *axes.get_yticklabels())]
        found += [axes.get_xlabel(), *(text.get_text() for text in axes.get_xticklabels())]
    return re.sub(r"\s+", " ", " ".join(found))


def lines(axes, colour):
    """The points of the lines of a colour, each (num_points, 2)."""
    found = [line for line in axes.lines if line.get_color() == colour]
    return [np.asarray(line.get_xydata()) for line in found]


def bars(axes, colour):
    """The ends of intervals, (num_intervals, 2 ends, 2)."""
    found = [each for each in axes.collections if isinstance(each, LineCollection)]
    found = [each for each in found if np.array_equal(each.get_color()[0, :3], to_rgba(colour)[:3])]
    return np.concatenate([each.get_segments() for each in found])


def test_a_curve_is_the_mean_over_seeds_with_students_interval(figure_of):
    losses = [[1.0, 0.5], [2.0, 0.6], [3.0, 0.7]]
    runs = runs_of({"width": (8, 16), "seed": range(3)}, [losses, np.add(losses, 1)])
    axes = figure_of(plots.learning_curves, runs).axes[0]
    [curve] = lines(axes, plots.COLOURS[0])
    np.testing.assert_allclose(curve, [[1, 2], [2, 0.6]], rtol=1e-6)
    half = T_OF_THREE / np.sqrt(3)
    bands = [band for band in axes.collections if isinstance(band, PolyCollection)]
    [band] = [b for b in bands if np.allclose(b.get_facecolor()[0, :3], to_rgba(plots.BLUE)[:3])]
    assert band.get_alpha() > 0.05
    corners = band.get_paths()[0].vertices
    first = corners[corners[:, 0] == 1, 1]
    assert first.max() == pytest.approx(2 + half, rel=1e-5)
    second = corners[corners[:, 0] == 2, 1]
    assert second.min() == pytest.approx(0.6 - 0.1 * half, rel=1e-5)


def test_members_that_end_early_count_while_they_train(figure_of):
    nan = np.nan
    losses = [[4.0, 2.0, nan, nan], [6.0, 4.0, 3.0, nan]]
    figure = figure_of(plots.learning_curves, runs_of({"seed": (0, 1)}, losses))
    mean, rest, end = [line for line in figure.axes[0].lines if line.get_linewidth() > 1]
    np.testing.assert_array_equal(mean.get_xydata(), [[1, 5], [2, 3]])
    np.testing.assert_array_equal(rest.get_xydata(), [[2, 3], [3, 3]])
    assert rest.is_dashed()
    np.testing.assert_array_equal(end.get_xydata(), [[3, 3]])
    assert "dashed: the mean of the seeds still in training" in texts(figure)
    assert figure.axes[0].get_xlim() == (1, 4)


def test_a_curve_runs_through_epochs_that_were_not_measured(figure_of):
    losses = [[np.nan, 2.0, np.nan, 1.0], [np.nan, 4.0, np.nan, 1.0]]
    figure = figure_of(plots.learning_curves, runs_of({"seed": (0, 1)}, losses))
    [mean] = [line for line in figure.axes[0].lines if line.get_linewidth() > 1]
    np.testing.assert_array_equal(mean.get_xydata(), [[2, 3], [4, 1]])
    assert "dashed" not in texts(figure)


def test_a_single_setting_shows_its_seeds(figure_of):
    runs = runs_of({"rate": (0.1,), "seed": range(3)}, [[3.0, 1.0], [3.0, 2.0], [3.0, 3.0]])
    figure = figure_of(plots.learning_curves, runs)
    thin = [line.get_ydata()[1] for line in figure.axes[0].lines if line.get_linewidth() < 1]
    assert thin == [1, 2, 3]
    assert "rate 0.1; line: the mean over 3 seeds; band: 95 % interval" in texts(figure)


@pytest.mark.parametrize(("metric", "best"), [("test_loss", 0), ("x_error", 0), ("f_score", 11)])
def test_the_best_eight_are_in_colour_and_the_others_grey(figure_of, metric, best):
    values = np.linspace(0.2, 0.5, 12)[:, None, None] + np.zeros((12, 2, 3))
    runs = runs_of({"width": range(12), "seed": (0, 1)}, values, metric)
    figure = figure_of(plots.learning_curves, runs, metric)
    axes = figure.axes[0]
    [curve] = lines(axes, plots.COLOURS[0])
    assert curve[-1, 1] == pytest.approx(values[best, 0, 0])
    assert len(axes.lines) == 8
    assert len(bars(axes, PALE)) == 4
    written = texts(figure)
    assert "the best 8 of 12 settings" in written
    assert "the other 4" in written
    assert f"width {best}: " in written


def test_grey_lines_outside_the_frame_are_counted(figure_of):
    values = np.r_[np.linspace(0.2, 0.5, 8), 0.51, 90, 100][:, None, None] + np.zeros((11, 1, 2))
    figure = figure_of(plots.learning_curves, runs_of({"w": range(11), "seed": (0,)}, values))
    assert "2 of the grey lines lie outside the frame" in texts(figure)
    assert figure.axes[0].get_ylim()[1] < 1


def test_grey_lines_outside_each_frame_are_counted_apart(figure_of):
    accuracy = np.linspace(0.9, 0.5, 11)[:, None, None] + np.zeros((11, 1, 2))
    losses = np.r_[np.linspace(0.2, 0.5, 8), 0.3, 70, 80][:, None, None] + np.zeros((11, 1, 2))
    runs = runs_of({"w": range(11), "seed": (0,)}, accuracy, "test_accuracy", test_loss=losses)
    written = texts(figure_of(plots.learning_curves, runs, "test_accuracy"))
    assert "3 of the grey lines lie outside the frame of test accuracy" in written
    assert "2 of the grey lines lie outside the frame of test loss" in written


@pytest.mark.parametrize("function", DRAW)
def test_accuracies_are_in_percent(figure_of, function):
    runs = runs_of({"width": (8, 16), "seed": (0, 1)}, [[[0.5]], [[0.75]]], "test_accuracy")
    figure = figure_of(function, runs, "test_accuracy")
    side = 0 if function == plots.over_seeds else 1
    drawn = [line.get_xydata()[:, side] for line in figure.axes[0].lines]
    assert set(np.concatenate(drawn)) >= {50, 75}
    assert "test accuracy (%)" in texts(figure)
    limits = figure.axes[0].get_xlim if function == plots.over_seeds else figure.axes[0].get_ylim
    assert 40 < limits()[0] < 50 < 75 < limits()[1] < 85


@pytest.mark.parametrize("function", DRAW)
def test_diverged_members_are_left_out_and_counted(figure_of, function):
    values = np.ones((2, 4, 1))
    values[0, 1] = 99  # finite until its fault
    values[1, 2] = np.inf
    values[1, 3] = np.nan
    faults = [(0, 1)]
    figure = figure_of(function, runs_of({"w": (1, 2), "seed": range(4)}, values, faults=faults))
    side = 0 if function == plots.over_seeds else 1
    drawn = [line.get_xydata()[:, side] for line in figure.axes[0].lines]
    drawn = np.concatenate(drawn)
    assert set(drawn[np.isfinite(drawn)]) == {1}
    assert "2 of 8 diverged, 1 of 8 without a value" in texts(figure)
    if function != plots.against_axes:
        assert "1 of 4 diverged, 1 of 4 without a value" in texts(figure)


def test_each_axis_has_a_panel_with_a_line_for_each_setting_of_the_others(figure_of):
    random = np.random.default_rng(0)
    values = random.random((3, 2, 1, 4, 1))
    names = {"learning_rate": (0.1, 0.001, 0.01), "activation": (relu, "tanh"), "layers": (2,)}
    runs = runs_of({**names, "seed": range(4)}, values)
    figure = figure_of(plots.against_axes, runs)
    rates, activations = figure.axes
    means = values.astype(np.float32).mean(axis=(2, 3, 4))
    assert (rates.get_xlabel(), activations.get_xlabel()) == ("learning rate", "activation")
    written = [line.get_xydata() for line in rates.lines if line.get_linestyle() == "-"]
    order = [1, 2, 0]
    expected = sorted(means.T[:, order].tolist())
    np.testing.assert_allclose(sorted(line[:, 1].tolist() for line in written), expected)
    np.testing.assert_allclose(np.mean([line[:, 0] for line in written], axis=0), RATES, rtol=0.01)
    written = [line.get_ydata().tolist() for line in activations.lines if len(line.get_ydata()) < 3]
    np.testing.assert_allclose(sorted(written), sorted(means.tolist()))
    assert [text.get_text() for text in activations.get_xticklabels()] == ["relu", "tanh"]
    words = texts(figure)
    assert "layers 2; circle: the mean over 4 seeds" in words
    assert all(name in words for name in ("activation relu", "learning rate 0.001"))


def test_an_axis_shows_intervals_and_every_member(figure_of):
    values = [[[1.0], [2.0], [3.0]], [[4.0], [4.0], [4.0]]]
    axes = figure_of(plots.against_axes, runs_of({"w": (8, 9), "seed": range(3)}, values)).axes[0]
    half = T_OF_THREE / np.sqrt(3)
    expected = [[[8, 2 - half], [8, 2 + half]], [[9, 4], [9, 4]]]
    np.testing.assert_allclose(bars(axes, plots.BLUE), expected, rtol=1e-5)
    members, means = lines(axes, plots.BLUE)
    assert members.tolist() == [[8, 1], [8, 2], [8, 3], [9, 4], [9, 4], [9, 4]]
    assert means.tolist() == [[8, 2], [9, 4]]


def test_more_than_eight_lines_are_said_to_be_cut(figure_of):
    axes = {"a": range(12), "b": range(2), "seed": (0,)}
    figure = figure_of(plots.against_axes, runs_of(axes, np.arange(24.0).reshape(12, 2, 1, 1)))
    assert len(figure.axes[0].lines) == 2
    assert len(figure.axes[1].lines) == 8
    assert len(bars(figure.axes[1], PALE)) == 4
    assert "the best 8 of 12 lines" in texts(figure)


@pytest.mark.parametrize(
    ("values", "scale", "places"),
    [
        ((0.001, 0.01, 0.1), "log", [0.001, 0.01, 0.1]),
        ((64, 128, 256), "linear", [64, 128, 256]),
        ((0, 0.2, 0.5), "linear", [0, 0.2, 0.5]),
        ((0.01, 0, 0.0001), "linear", [0, 1, 2]),
        ((True, False), "linear", [0, 1]),
        (((64,), (64, 32), 5), "linear", [0, 1, 2]),
        ((float("inf"), 1.0), "linear", [0, 1]),
        ((None, 0.5), "linear", [0, 1]),
    ],
)
def test_numbers_are_to_scale_and_others_side_by_side(figure_of, values, scale, places):
    runs = runs_of({"x_y": values, "seed": (0,)}, np.ones(1))
    figure = figure_of(plots.against_axes, runs)
    axes = figure.axes[0]
    assert axes.get_xscale() == scale
    np.testing.assert_allclose(axes.lines[0].get_xdata(), places)
    np.testing.assert_allclose(axes.get_xticks(), places)
    assert ("not to scale" in axes.get_xlabel()) == (values == (0.01, 0, 0.0001))


@pytest.mark.parametrize("function", DRAW)
def test_losses_over_more_than_a_decade_have_a_scale_of_logarithms(figure_of, function):
    def scale(values):
        runs = runs_of({"w": (1, 2), "seed": (0, 1)}, np.reshape(values, (2, 1, 1)))
        axes = figure_of(function, runs).axes[0]
        return axes.get_xscale() if function == plots.over_seeds else axes.get_yscale()

    assert scale([0.01, 1]) == "log"
    assert scale([0.2, 1]) == "linear"
    assert scale([0, 1]) == "linear"


@pytest.mark.parametrize("function", DRAW)
def test_intervals_that_reach_zero_go_down_a_scale_of_logarithms(figure_of, function):
    values = [[[1.0, 1.0], [999.0, 999.0], [1.0, 1.0]], [[5.0, 5.0]] * 3]
    panel = figure_of(function, runs_of({"w": (1, 2), "seed": range(3)}, values)).axes[0]
    if function == plots.over_seeds:
        assert bars(panel, INK)[:, 0, 0].min() == panel.get_xlim()[0] > 0
    else:
        assert heights(panel).min() == panel.get_ylim()[0] > 0


def test_nothing_is_drawn_if_nothing_is_swept(tmp_path):
    runs = runs_of({"rate": (0.1,), "seed": range(3)}, np.ones(2))
    assert not plots.against_axes(runs, "test_loss", tmp_path / "a.png")
    assert not any(tmp_path.iterdir())


def test_rows_show_every_member_and_the_best_mean_on_top(figure_of):
    values = np.random.default_rng(0).random((5, 30, 1))
    values[3] = 0.25  # all alike
    runs = runs_of({"w": range(5), "seed": range(30)}, values)
    figure = figure_of(plots.over_seeds, runs)
    axes = figure.axes[0]
    swarms = lines(axes, plots.BLUE)
    ranking = np.argsort(values.mean(axis=(1, 2)))
    for row, (setting, swarm) in enumerate(zip(ranking, swarms, strict=True)):
        np.testing.assert_allclose(np.sort(swarm[:, 0]), np.sort(values[setting, :, 0]), rtol=1e-6)
        assert len(np.unique(swarm, axis=0)) == 30  # none covers another wholly
        assert np.abs(swarm[:, 1] - row).max() < 0.5
    assert axes.get_ylim() == (4.5, -0.5)
    labels = [label.get_text().replace("\xa0", " ") for label in axes.get_yticklabels()]
    assert labels == [f"w {setting}" for setting in ranking]
    diamonds = np.concatenate(lines(axes, INK))[:, 0]
    np.testing.assert_allclose(diamonds, np.sort(values.mean(axis=(1, 2))), rtol=1e-6)
    table = tabulate(runs, "test_loss")
    expected = np.stack([table.low, table.high], axis=1)[ranking]
    np.testing.assert_allclose(bars(axes, INK)[:, :, 0], expected)
    assert "0.25 (0.25 to 0.25)" in texts(figure)


@pytest.mark.parametrize(
    ("axis", "value", "name"),
    [
        ("learning_rate", 0.001, "learning rate 0.001"),
        ("learning_rate", 0.1 + 0.2, "learning rate 0.3"),
        ("hidden_sizes", (64, 32), "hidden sizes 64x32"),
        ("activation", relu, "activation relu"),
        ("note", "x" * 99, f"note {'x' * 26}…{'x' * 13}"),
    ],
)
def test_settings_are_named_as_a_reader_writes_them(figure_of, axis, value, name):
    runs = runs_of({axis: (value, "other"), "seed": (0,)}, np.ones(1))
    assert name in texts(figure_of(plots.over_seeds, runs))


def test_the_best_twenty_settings_have_rows(figure_of):
    figure = figure_of(plots.over_seeds, random_runs(30, 2))
    assert len(figure.axes[0].get_yticks()) == 20
    assert "the best 20 of 30 settings" in texts(figure)


def test_a_single_setting_of_many_seeds_is_a_histogram(figure_of):
    runs = random_runs(1, 64, faults=[(0, 5), (0, 6)])
    figure = figure_of(plots.over_seeds, runs)
    axes = figure.axes[0]
    assert sum(bar.get_height() for bar in axes.patches[:-1]) == 62
    assert len(bars(axes, plots.BLUE)) == 62  # the rug
    assert "2 of 64 diverged" in texts(figure)


def test_one_seed_has_no_interval(figure_of):
    runs = random_runs(3, 1)
    for function in DRAW:
        figure = figure_of(function, runs)
        kinds = [type(each) for axes in figure.axes for each in axes.collections]
        assert "interval of the mean" not in texts(figure)
        if function != plots.learning_curves:
            assert not any(len(axes.collections) > 1 for axes in figure.axes), kinds
    assert "one seed a setting: no interval" in texts(figure_of(plots.learning_curves, runs))


def heights(axes):
    """Of all that is drawn: lines, bars and bands."""
    found = [line.get_ydata() for line in axes.lines]
    for each in axes.collections:
        found += [path.vertices[:, 1] for path in each.get_paths() if len(path.vertices)]
    return np.concatenate(found)


@pytest.mark.parametrize("function", DRAW)
def test_no_interval_of_accuracies_leaves_0_to_100(figure_of, function):
    axes = {"w": (1, 2), "seed": range(3)}
    values = [[[0.6], [1], [1]], [[0], [0], [0.3]]]
    figure = figure_of(function, runs_of(axes, values, "test_accuracy"), "test_accuracy")
    [panel] = figure.axes
    is_across = function == plots.over_seeds
    ends = bars(panel, INK)[:, :, 0] if is_across else heights(panel)
    assert (ends.min(), ends.max()) == (0, 100)
    ticks = (panel.xaxis if is_across else panel.yaxis).get_majorticklocs()
    assert (ticks.min(), ticks.max()) == (0, 100)
    assert "±" not in texts(figure)
    if is_across:
        assert "86.67 % (29.30 to 100.00)" in texts(figure)
        assert "10.00 % (0.00 to 53.03)" in texts(figure)


@pytest.mark.parametrize("rest", [1.0, 0.3])
def test_no_histogram_of_accuracies_leaves_0_to_100(figure_of, rest):
    values = [[1.0]] * 18 + [[rest], [rest]]
    figure = figure_of(
        plots.over_seeds, runs_of({"seed": range(20)}, values, "test_accuracy"), "test_accuracy"
    )
    *found, shade = figure.axes[0].patches
    assert sum(bar.get_height() for bar in found) == 20
    assert found[-1].get_x() + found[-1].get_width() == pytest.approx(100)
    assert found[0].get_x() > 0
    assert found[0].get_width() > 0
    assert shade.get_x() + shade.get_width() <= 100
    assert figure.axes[0].get_xticks().max() == 100
    mean = 90 + 10 * rest
    half = 2.093024 * (100 - 100 * rest) * np.sqrt(0.1 * 0.9 / 19)  # Student's t times the error
    low = mean - half
    assert f"mean {mean:.2f} % ({low:.2f} to {min(100, mean + half):.2f})" in texts(figure)
    assert shade.get_x() == pytest.approx(low, abs=1e-3)


def test_below_the_metric_are_the_curves_of_the_loss_in_the_same_colours(figure_of):
    accuracy = np.array([[0.5, 0.6], [0.3, 0.9], [0.1, 0.2]])[:, None]
    losses = np.array([[2.0, 1.0], [3.0, 0.01], [5.0, 4.0]])[:, None]
    axes = {"w": (1, 2, 3), "seed": (0,)}
    runs = runs_of(axes, accuracy, "test_accuracy", test_loss=losses, train_loss=losses + 9)
    figure = figure_of(plots.learning_curves, runs, "test_accuracy")
    above, below = figure.axes
    for colour, setting in zip(plots.COLOURS, (1, 0, 2), strict=False):
        [curve] = lines(above, colour)
        expected = np.stack([[1, 2], 100 * accuracy[setting, 0]], 1)
        np.testing.assert_allclose(curve, expected, rtol=1e-6)
        [curve] = lines(below, colour)
        np.testing.assert_allclose(curve, np.stack([[1, 2], losses[setting, 0]], 1), rtol=1e-6)
    assert (above.get_yscale(), below.get_yscale()) == ("linear", "log")
    assert below.get_title(loc="left") == "test loss"
    assert above.get_position().y0 > below.get_position().y1
    assert [axes.get_xlabel() for axes in figure.axes] == ["epoch", "epoch"]


def named_lines(figure, panel):
    """The name of each line in the legend, and the line of its colour."""
    legend = figure.legends[panel]
    for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        [curve] = lines(figure.axes[panel], handle.get_color())
        yield text.get_text().replace("\xa0", " "), curve[:, 1]


def test_legends_name_the_lines_by_their_colours(figure_of):
    losses = np.float32([[0.3, 0.4], [0.1, 0.25], [0.2, 0.9]])
    runs = runs_of({"w": (5, 6, 7), "b": (1, 2), "seed": (0,)}, losses[:, :, None, None])
    figure = figure_of(plots.learning_curves, runs)
    found = {name: loss for name, [loss] in named_lines(figure, 0)}
    assert found == {
        f"w {w}, b {b}: {losses[i, j]:.4g}": losses[i, j]
        for i, w in enumerate((5, 6, 7))
        for j, b in enumerate((1, 2))
    }
    figure = figure_of(plots.against_axes, runs)
    for panel, name, values, expected in (
        (0, "b", (1, 2), losses.T),
        (1, "w", (5, 6, 7), losses),
    ):
        found = {name: curve.tolist() for name, curve in named_lines(figure, panel)}
        rows = zip(values, expected, strict=True)
        assert found == {f"{name} {value}": row.tolist() for value, row in rows}


def test_estimates_and_bars_are_in_the_rows_of_their_settings(figure_of):
    runs = random_runs(4, 3)
    axes = figure_of(plots.over_seeds, runs).axes[0]
    table = tabulate(runs, "test_loss")
    found = {text.get_position()[1]: text.get_text() for text in axes.texts}
    for row, setting in enumerate(table.ranking):
        mean, low, high = table.mean[setting], table.low[setting], table.high[setting]
        assert found[row] == f"{mean:.4g} ({low:.3g} to {high:.3g})"
        bar = bars(axes, INK)[row]
        np.testing.assert_allclose(bar[:, 0], [low, high])
        assert np.abs(bar[:, 1] - row).max() < 0.5


def on_page(line):
    """Where a line's points are along the page, in points of a printer."""
    points = line.get_transform().transform(line.get_xydata())
    return points[:, 0] * 72 / line.axes.figure.dpi


@pytest.mark.parametrize("values", [("relu", "tanh", "gelu"), RATES, (1, 2, 4)])
@pytest.mark.parametrize("num_lines", [1, 3, 8])
def test_points_are_at_their_ticks_or_a_little_beside_them(figure_of, values, num_lines):
    axes = {"x": values, "b": range(num_lines), "seed": (0,)}
    losses = np.random.default_rng(0).random((3, num_lines, 1, 1))
    figure = figure_of(plots.against_axes, runs_of(axes, losses))
    panel = figure.axes[0]
    ticks = panel.transData.transform([(tick, 0.5) for tick in panel.get_xticks()])[:, 0]
    places = np.array([on_page(line) for line in panel.lines])
    moved = places - ticks * 72 / figure.dpi
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(np.diff(np.sort(moved, axis=0), axis=0), 4, atol=0.01)
    for line in panel.lines:  # what is moved is where it is drawn, no value
        np.testing.assert_allclose(line.get_xdata(), panel.get_xticks())
    assert ("lines are drawn a little apart" in texts(figure)) == (num_lines > 1)


def test_members_and_bars_are_moved_with_their_line(figure_of):
    axes = {"x": ("a", "b"), "b": (0, 1), "seed": (0, 1)}
    losses = np.random.default_rng(0).random((2, 2, 2, 1))
    panel = figure_of(plots.against_axes, runs_of(axes, losses)).axes[0]
    for colour in plots.COLOURS[:2]:
        members, means = (line for line in panel.lines if line.get_color() == colour)
        np.testing.assert_allclose(on_page(members)[::2], on_page(means))
        [bar] = [
            each
            for each in panel.collections
            if len(each.get_color()) and np.array_equal(each.get_color()[0], to_rgba(colour))
        ]
        assert bar.get_transform() == means.get_transform()


def test_many_lines_and_values_stay_with_their_ticks(figure_of):
    axes = {"x": [f"x{i}" for i in range(30)], "b": range(8), "seed": (0,)}
    figure = figure_of(plots.against_axes, runs_of(axes, np.ones(1)))
    places = np.array([on_page(line) for line in figure.axes[0].lines])
    assert (places.max(axis=0)[:-1] < places.min(axis=0)[1:]).all()


LONG = "a_very_long_name_of_an_axis_that_nobody_would_want_to_type"
ODD = {
    "one member": runs_of({"seed": (0,)}, np.ones(3)),
    "no axis": runs_of({}, np.ones(3)),
    "one epoch": random_runs(3, 2, epochs=1),
    "no epoch": random_runs(3, 2, epochs=0),
    "nothing measured": runs_of({"w": (1, 2), "seed": (0, 1)}, np.full(3, np.nan)),
    "one setting without a value": runs_of({"seed": range(20)}, np.full(3, np.inf)),
    "all faulty": random_runs(1, 2, faults=[(0, 0), (0, 1)]),
    "a setting all faulty": random_runs(2, 2, faults=[(0, 0), (0, 1)]),
    "all alike": runs_of({"w": (1, 2), "seed": range(20)}, np.zeros(3)),
    "one setting all alike": runs_of({"seed": range(20)}, np.full(3, 0.1)),
    "huge": runs_of({"w": (1, 2), "seed": (0, 1)}, [[[1e-30], [3e38]], [[1e-3], [1]]]),
    "negative": runs_of({"w": (1, 2), "seed": (0, 1)}, [[[-3], [3]], [[-1], [-2]]]),
    "markup": runs_of(
        {"$a_$": ("$x$", "_y\n", "%"), "_b": ("^", "\\"), "seed": (0, 1)}, np.ones(2)
    ),
    "long": runs_of(
        {LONG: [LONG[i:] for i in range(9)], "w": range(3), "seed": (0, 1)}, np.ones(2)
    ),
    "many values": random_runs(60, 2),
    "many axes": runs_of({**{f"a{i}": (1, 2) for i in range(6)}, "seed": (0,)}, np.ones(2)),
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("function", DRAW)
def test_odd_runs_are_drawn_or_refused(tmp_path, function, case):
    path = tmp_path / "odd.png"
    is_drawn = function(ODD[case], "test_loss", path)
    is_swept = any(len(v) > 1 for name, v in ODD[case].axes.items() if name != "seed")
    assert is_drawn == (function != plots.against_axes or is_swept)
    if is_drawn:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert all(100 <= side <= 2500 for side in image.size)


@pytest.mark.parametrize("function", DRAW)
def test_what_has_no_value_is_said(figure_of, function):
    assert "no finite value" in texts(figure_of(function, ODD["nothing measured"]))
    assert "4 of 4 without a value" in texts(figure_of(function, ODD["nothing measured"]))


@pytest.mark.parametrize("function", DRAW)
def test_nothing_is_drawn_of_no_member(tmp_path, function):
    runs = runs_of({"w": (1, 2), "seed": ()}, np.ones(2))
    assert not function(runs, "test_loss", tmp_path / "a.png")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("function", DRAW)
def test_a_metric_that_is_not_there_is_refused(tmp_path, function):
    with pytest.raises(ValueError, match=r"needs accuracy, got test_loss"):
        function(random_runs(2, 2), "accuracy", tmp_path / "a.png")


@pytest.mark.parametrize("function", DRAW)
def test_nothing_written_is_cut_off_or_covers_another(figure_of, function):
    runs = runs_of(
        {LONG: [LONG[i:] for i in range(9)], "learning_rate": RATES, "seed": (0, 1)},
        np.random.default_rng(0).random((9, 3, 2, 4)),
        faults=[(0, 0, 0)],
    )
    figure = figure_of(function, runs)
    boxes = [text.get_window_extent() for text in figure.texts if text.get_text()]
    boxes += [legend.get_window_extent() for legend in figure.legends]
    for axes in figure.axes:
        boxes.append(axes.get_tightbbox())
    for i, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
        assert not any(box.overlaps(other) for other in boxes[:i]), i


@pytest.mark.parametrize("function", DRAW)
def test_pictures_depend_on_the_runs_alone(tmp_path, function):
    function(random_runs(3, 4), "test_loss", tmp_path / "a.png")
    function(random_runs(3, 4), "test_loss", tmp_path / "b.png")
    function(random_runs(3, 4, faults=[(1, 1)]), "test_loss", tmp_path / "c.png")
    first, same, other = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert first == same != other


def test_a_sweep_draws_every_picture_of_its_own_metric(tmp_path, monkeypatch):
    drawn = []
    for function in DRAW:

        def note(*arguments):
            drawn.append(arguments)

        note.__name__ = function.__name__
        monkeypatch.setattr(plots, function.__name__, note)
    job, runs = SimpleNamespace(path=tmp_path, metric="train_accuracy"), random_runs(1, 1)
    sweep_runner._draw(job, runs)
    names = ("learning_curves", "against_axes", "over_seeds")
    assert drawn == [(runs, "train_accuracy", tmp_path / "plots" / f"{name}.png") for name in names]


def test_no_display_and_no_global_state_are_needed():
    code = "import sys, experiments.plots.population; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=300).returncode == 0


@pytest.mark.parametrize("draw", DRAW)
def test_a_share_is_in_percent_whatever_its_name(figure_of, draw):
    values = np.random.default_rng(0).uniform(0.2, 0.9, (2, 3, 4))
    runs = runs_of({"w": (1, 2), "seed": range(3)}, values, "test_hits")
    runs = runs._replace(metrics=(Metric("hits", is_share=True),))
    assert "test hits (%)" in titles(figure_of(draw, runs, "test_hits"))
    assert "(%)" not in titles(figure_of(draw, runs._replace(metrics=()), "test_hits"))


def titles(figure):
    more = [axes.get_title(loc="left") for axes in figure.axes]
    return " ".join([texts(figure), *more])
