import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from PIL import Image

from experiments import population_plots as plots
from experiments.plots import INK, PALE
from jaxmlp.runs import Runs
from jaxmlp.statistics import summarize
from jaxmlp.types import Fault

ROOT = Path(__file__).parents[1]
FAULT = Fault(3, 1, "loss", "layer_0", "")
DRAW = {
    plots.learning_curves: plots._curves_figure,
    plots.against_axes: plots._axes_figure,
    plots.over_seeds: plots._seeds_figure,
}
RATES = (0.001, 0.01, 0.1)
T_OF_THREE = 4.302653  # 97.5 % of Student's t with 2 degrees of freedom


def relu(x):
    return x


def runs_of(axes, values, metric="test_loss", faults=()):
    """Members with these histories, values (*axes, epochs) or of fewer elements, spread."""
    axes = {name: tuple(labels) for name, labels in axes.items()}
    shape = tuple(map(len, axes.values()))
    values = np.asarray(values, np.float32)
    values = np.broadcast_to(values, (*shape, values.shape[-1])).copy()
    ends = np.full(shape, values.shape[-1], np.int32)
    places = np.zeros((*shape, 2), np.int32)
    return Runs(axes, {metric: values}, ends, (), places, dict.fromkeys(faults, FAULT))


def random_runs(num_settings, num_seeds, metric="test_loss", epochs=5, **options):
    axes = {"learning_rate": 0.001 * 2.0 ** np.arange(num_settings), "seed": range(num_seeds)}
    axes["learning_rate"] = axes["learning_rate"].tolist()
    random = np.random.default_rng(num_settings)
    values = random.uniform(0.2, 0.9, (num_settings, num_seeds, epochs))
    return runs_of(axes, values, metric, **options)


def figure_of(function, runs, metric="test_loss"):
    figure = DRAW[function](plots._table(runs, metric), metric)
    figure.draw_without_rendering()
    return figure


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


def test_a_curve_is_the_mean_over_seeds_with_students_interval():
    losses = [[1.0, 0.5], [2.0, 0.6], [3.0, 0.7]]
    runs = runs_of({"width": (8, 16), "seed": range(3)}, [losses, np.add(losses, 1)])
    axes = figure_of(plots.learning_curves, runs).axes[0]
    [curve] = lines(axes, plots.COLOURS[0])
    np.testing.assert_allclose(curve, [[1, 2], [2, 0.6]], rtol=1e-6)
    half = T_OF_THREE / np.sqrt(3)
    bands = [band for band in axes.collections if isinstance(band, PolyCollection)]
    [band] = [b for b in bands if np.allclose(b.get_facecolor()[0, :3], to_rgba(plots.BLUE)[:3])]
    corners = band.get_paths()[0].vertices
    first = corners[corners[:, 0] == 1, 1]
    assert first.max() == pytest.approx(2 + half, rel=1e-5)
    second = corners[corners[:, 0] == 2, 1]
    assert second.min() == pytest.approx(0.6 - 0.1 * half, rel=1e-5)


def test_the_interval_is_that_of_the_statistics():
    runs = random_runs(3, 7, faults=[(1, 2)])
    expected = summarize(runs, "test_loss", interval="t")
    table = plots._table(runs, "test_loss")
    for row, summary in enumerate(expected):
        ours = table.mean[row], table.low[row], table.high[row]
        np.testing.assert_allclose(ours, (summary.mean, summary.low, summary.high), rtol=1e-9)


@pytest.mark.parametrize("order", [("seed", "width", "shuffle_seed"), ("shuffle_seed", "seed")])
def test_a_seed_is_the_mean_over_its_shuffle_seeds(order):
    sizes = {"seed": 4, "width": 3, "shuffle_seed": 2}
    axes = {name: range(sizes[name]) for name in order}
    values = np.random.default_rng(0).random((*(sizes[name] for name in order), 2))
    runs = runs_of(axes, values, faults=[tuple(0 for _ in order)])
    table = plots._table(runs, "test_loss")
    expected = summarize(runs, "test_loss", interval="t")
    np.testing.assert_allclose(table.mean, [each.mean for each in expected])
    np.testing.assert_allclose(table.high, [each.high for each in expected])
    finals = plots._interval(table.history[..., -1])
    np.testing.assert_allclose(finals[0], table.mean)


def test_members_that_end_early_count_while_they_train():
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


def test_a_curve_runs_through_epochs_that_were_not_measured():
    losses = [[np.nan, 2.0, np.nan, 1.0], [np.nan, 4.0, np.nan, 1.0]]
    figure = figure_of(plots.learning_curves, runs_of({"seed": (0, 1)}, losses))
    [mean] = [line for line in figure.axes[0].lines if line.get_linewidth() > 1]
    np.testing.assert_array_equal(mean.get_xydata(), [[2, 3], [4, 1]])
    assert "dashed" not in texts(figure)


def test_a_single_setting_shows_its_seeds():
    runs = runs_of({"rate": (0.1,), "seed": range(3)}, [[3.0, 1.0], [3.0, 2.0], [3.0, 3.0]])
    figure = figure_of(plots.learning_curves, runs)
    thin = [line.get_ydata()[1] for line in figure.axes[0].lines if line.get_linewidth() < 1]
    assert thin == [1, 2, 3]
    assert "rate 0.1; line: the mean over 3 seeds; band: 95 % interval" in texts(figure)


@pytest.mark.parametrize(("metric", "best"), [("test_loss", 0), ("x_error", 0), ("f_score", 11)])
def test_the_best_eight_are_in_colour_and_the_others_grey(metric, best):
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


def test_grey_lines_outside_the_frame_are_counted():
    values = np.r_[np.linspace(0.2, 0.5, 8), 0.51, 90, 100][:, None, None] + np.zeros((11, 1, 2))
    figure = figure_of(plots.learning_curves, runs_of({"w": range(11), "seed": (0,)}, values))
    assert "2 of the grey lines lie outside the frame" in texts(figure)
    assert figure.axes[0].get_ylim()[1] < 1


@pytest.mark.parametrize("function", DRAW)
def test_accuracies_are_in_percent(function):
    runs = runs_of({"width": (8, 16), "seed": (0, 1)}, [[[0.5]], [[0.75]]], "test_accuracy")
    figure = figure_of(function, runs, "test_accuracy")
    side = 0 if function == plots.over_seeds else 1
    drawn = [line.get_xydata()[:, side] for line in figure.axes[0].lines]
    assert set(np.concatenate(drawn)) >= {50, 75}
    assert "test accuracy (%)" in texts(figure)
    limits = figure.axes[0].get_xlim if function == plots.over_seeds else figure.axes[0].get_ylim
    assert 40 < limits()[0] < 50 < 75 < limits()[1] < 85


@pytest.mark.parametrize("function", DRAW)
def test_diverged_members_are_left_out_and_counted(function):
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


def test_each_axis_has_a_panel_with_a_line_for_each_setting_of_the_others():
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


def test_an_axis_shows_intervals_and_every_member():
    values = [[[1.0], [2.0], [3.0]], [[4.0], [4.0], [4.0]]]
    axes = figure_of(plots.against_axes, runs_of({"w": (8, 9), "seed": range(3)}, values)).axes[0]
    half = T_OF_THREE / np.sqrt(3)
    expected = [[[8, 2 - half], [8, 2 + half]], [[9, 4], [9, 4]]]
    np.testing.assert_allclose(bars(axes, plots.BLUE), expected, rtol=1e-5)
    members, means = lines(axes, plots.BLUE)
    assert members.tolist() == [[8, 1], [8, 2], [8, 3], [9, 4], [9, 4], [9, 4]]
    assert means.tolist() == [[8, 2], [9, 4]]


def test_more_than_eight_lines_are_said_to_be_cut():
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
def test_numbers_are_to_scale_and_others_side_by_side(values, scale, places):
    runs = runs_of({"x_y": values, "seed": (0,)}, np.ones(1))
    figure = figure_of(plots.against_axes, runs)
    axes = figure.axes[0]
    assert axes.get_xscale() == scale
    np.testing.assert_allclose(axes.lines[0].get_xdata(), places)
    np.testing.assert_allclose(axes.get_xticks(), places)
    assert ("not to scale" in axes.get_xlabel()) == (values == (0.01, 0, 0.0001))


@pytest.mark.parametrize("function", DRAW)
def test_losses_over_more_than_a_decade_have_a_scale_of_logarithms(function):
    def scale(values):
        runs = runs_of({"w": (1, 2), "seed": (0, 1)}, np.reshape(values, (2, 1, 1)))
        axes = figure_of(function, runs).axes[0]
        return axes.get_xscale() if function == plots.over_seeds else axes.get_yscale()

    assert scale([0.01, 1]) == "log"
    assert scale([0.2, 1]) == "linear"
    assert scale([0, 1]) == "linear"


def test_nothing_is_drawn_if_nothing_is_swept(tmp_path):
    runs = runs_of({"rate": (0.1,), "seed": range(3)}, np.ones(2))
    assert not plots.against_axes(runs, "test_loss", tmp_path / "a.png")
    assert not any(tmp_path.iterdir())


def test_rows_show_every_member_and_the_best_mean_on_top():
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
    table = plots._table(runs, "test_loss")
    expected = np.stack([table.low, table.high], axis=1)[ranking]
    np.testing.assert_allclose(bars(axes, INK)[:, :, 0], expected)
    assert "0.2500 ± 0" in texts(figure) or "0.25 ± 0" in texts(figure)


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
def test_settings_are_named_as_a_reader_writes_them(axis, value, name):
    runs = runs_of({axis: (value, "other"), "seed": (0,)}, np.ones(1))
    assert name in texts(figure_of(plots.over_seeds, runs))


def test_the_best_twenty_settings_have_rows():
    figure = figure_of(plots.over_seeds, random_runs(30, 2))
    assert len(figure.axes[0].get_yticks()) == 20
    assert "the best 20 of 30 settings" in texts(figure)


def test_a_single_setting_of_many_seeds_is_a_histogram():
    runs = random_runs(1, 64, faults=[(0, 5), (0, 6)])
    figure = figure_of(plots.over_seeds, runs)
    axes = figure.axes[0]
    assert sum(bar.get_height() for bar in axes.patches[:-1]) == 62
    assert len(bars(axes, plots.BLUE)) == 62  # the rug
    assert "2 of 64 diverged" in texts(figure)


def test_one_seed_has_no_interval():
    runs = random_runs(3, 1)
    for function in DRAW:
        figure = figure_of(function, runs)
        kinds = [type(each) for axes in figure.axes for each in axes.collections]
        assert "interval of the mean" not in texts(figure)
        if function != plots.learning_curves:
            assert not any(len(axes.collections) > 1 for axes in figure.axes), kinds
    assert "one seed a setting: no interval" in texts(figure_of(plots.learning_curves, runs))


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
def test_what_has_no_value_is_said(function):
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
def test_nothing_written_is_cut_off_or_covers_another(function):
    runs = runs_of(
        {LONG: [LONG[i:] for i in range(9)], "learning_rate": RATES, "seed": (0, 1)},
        np.random.default_rng(0).random((9, 3, 2, 4)),
        faults=[(0, 0, 0)],
    )
    figure = DRAW[function](plots._table(runs, "test_loss"), "test_loss")
    figure.draw_without_rendering()
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


def test_no_display_and_no_global_state_are_needed():
    code = "import sys, experiments.population_plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("stopped_at", "lost", "expected"),
    [
        ([3, 3], "", ""),
        ([0, 3], "1 of 2 diverged", "1 of 2 diverged"),
        ([1, 9], "", "members ended after 1 to 9 epochs"),
        ([1, 9], "x", "x, members ended after 1 to 9 epochs"),
    ],
)
def test_members_of_other_lengths_are_told_of(stopped_at, lost, expected):
    runs = Runs({"seed": (0, 1)}, {}, np.int32(stopped_at), (), np.zeros((2, 2), np.int32), {})
    assert plots._lengths(runs, lost) == expected
