import numpy as np
import pytest
from matplotlib.colors import to_rgba
from pictures import RATES, T_OF_THREE, bars, lines, texts
from run_tables import relu, runs_of

from experiments.plots import population
from experiments.plots.style import BLUE, COLOURS, PALE


def test_each_axis_has_a_panel_with_a_line_for_each_setting_of_the_others(figure_of):
    random = np.random.default_rng(0)
    values = random.random((3, 2, 1, 4, 1))
    names = {"learning_rate": (0.1, 0.001, 0.01), "activation": (relu, "tanh"), "layers": (2,)}
    runs = runs_of({**names, "seed": range(4)}, values)
    figure = figure_of(population.against_axes, runs)
    rates, activations = figure.axes
    means = values.astype(np.float32).mean(axis=(2, 3, 4))
    assert (rates.get_xlabel(), activations.get_xlabel()) == ("learning rate", "activation")
    written = [line.get_xydata() for line in rates.lines if line.get_linestyle() == "-"]
    order = [1, 2, 0]
    expected = sorted(means.T[:, order].tolist())
    np.testing.assert_allclose(sorted(line[:, 1].tolist() for line in written), expected)
    np.testing.assert_allclose(np.mean([line[:, 0] for line in written], axis=0), RATES, rtol=0.01)
    means_of = [line for line in activations.lines if line.get_linestyle() == "-"]
    written = [line.get_ydata().tolist() for line in means_of]
    np.testing.assert_allclose(sorted(written), sorted(means.tolist()))
    assert [text.get_text() for text in activations.get_xticklabels()] == ["relu", "tanh"]
    words = texts(figure)
    assert "layers 2; circle: the mean over 4 seeds" in words
    assert all(name in words for name in ("activation relu", "learning rate 0.001"))


def test_an_axis_shows_intervals_and_every_member(figure_of):
    values = [[[1.0], [2.0], [3.0]], [[4.0], [4.0], [4.0]]]
    axes = figure_of(
        population.against_axes, runs_of({"w": (8, 9), "seed": range(3)}, values)
    ).axes[0]
    half = T_OF_THREE / np.sqrt(3)
    expected = [[[8, 2 - half], [8, 2 + half]], [[9, 4], [9, 4]]]
    np.testing.assert_allclose(bars(axes, BLUE), expected, rtol=1e-5)
    members, means = lines(axes, BLUE)
    assert members.tolist() == [[8, 1], [8, 2], [8, 3], [9, 4], [9, 4], [9, 4]]
    assert means.tolist() == [[8, 2], [9, 4]]


def test_more_than_eight_lines_are_said_to_be_cut(figure_of):
    axes = {"a": range(12), "b": range(2), "seed": (0,)}
    figure = figure_of(population.against_axes, runs_of(axes, np.arange(24.0).reshape(12, 2, 1, 1)))
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
    figure = figure_of(population.against_axes, runs)
    axes = figure.axes[0]
    assert axes.get_xscale() == scale
    np.testing.assert_allclose(axes.lines[0].get_xdata(), places)
    np.testing.assert_allclose(axes.get_xticks(), places)
    assert ("not to scale" in axes.get_xlabel()) == (values == (0.01, 0, 0.0001))


def test_nothing_is_drawn_if_nothing_is_swept(tmp_path):
    runs = runs_of({"rate": (0.1,), "seed": range(3)}, np.ones(2))
    assert not population.against_axes(runs, "test_loss", tmp_path / "a.png")
    assert not any(tmp_path.iterdir())


def on_page(line):
    """Where a line's points are along the page, in points of a printer."""
    points = line.get_transform().transform(line.get_xydata())
    return points[:, 0] * 72 / line.axes.figure.dpi


@pytest.mark.parametrize("values", [("relu", "tanh", "gelu"), RATES, (1, 2, 4)])
@pytest.mark.parametrize("num_lines", [1, 3, 8])
def test_points_are_at_their_ticks_or_a_little_beside_them(figure_of, values, num_lines):
    axes = {"x": values, "b": range(num_lines), "seed": (0,)}
    losses = np.random.default_rng(0).random((3, num_lines, 1, 1))
    figure = figure_of(population.against_axes, runs_of(axes, losses))
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
    panel = figure_of(population.against_axes, runs_of(axes, losses)).axes[0]
    for colour in COLOURS[:2]:
        dots = [line for line in panel.lines if line.get_marker() == "o"]
        members, means = (line for line in dots if line.get_color() == colour)
        np.testing.assert_allclose(on_page(members)[::2], on_page(means))
        [bar] = [
            each
            for each in panel.collections
            if len(each.get_color()) and np.array_equal(each.get_color()[0], to_rgba(colour))
        ]
        assert bar.get_transform() == means.get_transform()


def test_many_lines_and_values_stay_with_their_ticks(figure_of):
    axes = {"x": [f"x{i}" for i in range(30)], "b": range(8), "seed": (0,)}
    figure = figure_of(population.against_axes, runs_of(axes, np.ones(1)))
    places = np.array([on_page(line) for line in figure.axes[0].lines])
    assert (places.max(axis=0)[:-1] < places.min(axis=0)[1:]).all()


def test_a_bar_that_goes_on_beyond_the_frame_has_an_arrowhead(figure_of):
    axes = {"x": ("a", "b"), "seed": range(2)}
    figure = figure_of(population.against_axes, runs_of(axes, [[[0.4], [0.5]], [[0.0], [1.0]]]))
    panel = figure.axes[0]
    heads = {line.get_marker(): line.get_xydata().tolist() for line in panel.lines}
    low, high = panel.get_ylim()
    assert (heads["v"], heads["^"]) == ([[1, low]], [[1, high]])
    assert "arrowhead: it goes on" in texts(figure)
    narrow = figure_of(population.against_axes, runs_of(axes, [[[0.0], [0.1]], [[0.4], [0.5]]]))
    assert {line.get_marker() for line in narrow.axes[0].lines} == {"o"}
    assert "arrowhead" not in texts(narrow)
