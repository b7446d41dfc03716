import itertools

import numpy as np
import pytest
from pictures import bars, lines, texts
from run_tables import random_runs, relu, runs_of

from experiments.plots import population
from experiments.plots.style import BLUE, INK
from experiments.plots.table import tabulate

METRIC = "test_accuracy"


def test_rows_show_every_member_and_the_best_mean_on_top(figure_of):
    values = np.random.default_rng(0).random((5, 30, 1))
    values[3] = 0.25  # all alike
    runs = runs_of({"w": range(5), "seed": range(30)}, values)
    figure = figure_of(population.over_seeds, runs)
    axes = figure.axes[0]
    swarms = lines(axes, BLUE)
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
    assert name in texts(figure_of(population.over_seeds, runs))


def test_the_best_twenty_settings_have_rows(figure_of):
    figure = figure_of(population.over_seeds, random_runs(30, 2))
    assert len(figure.axes[0].get_yticks()) == 20
    assert "the best 20 of 30 settings" in texts(figure)


def test_a_single_setting_of_many_seeds_is_a_histogram(figure_of):
    runs = random_runs(1, 64, faults=[(0, 5), (0, 6)])
    figure = figure_of(population.over_seeds, runs)
    axes = figure.axes[0]
    assert sum(bar.get_height() for bar in axes.patches[:-1]) == 62
    assert len(bars(axes, BLUE)) == 62  # the rug
    assert "2 of 64 diverged" in texts(figure)


@pytest.mark.parametrize("rest", [1.0, 0.3])
def test_no_histogram_of_accuracies_leaves_0_to_100(figure_of, rest):
    values = [[1.0]] * 18 + [[rest], [rest]]
    figure = figure_of(
        population.over_seeds,
        runs_of({"seed": range(20)}, values, "test_accuracy"),
        "test_accuracy",
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


def test_estimates_and_bars_are_in_the_rows_of_their_settings(figure_of):
    runs = random_runs(4, 3)
    axes = figure_of(population.over_seeds, runs).axes[0]
    table = tabulate(runs, "test_loss")
    found = {text.get_position()[1]: text.get_text() for text in axes.texts}
    for row, setting in enumerate(table.ranking):
        mean, low, high = table.mean[setting], table.low[setting], table.high[setting]
        assert found[row] == f"{mean:.4g} ({low:.3g} to {high:.3g})"
        bar = bars(axes, INK)[row]
        np.testing.assert_allclose(bar[:, 0], [low, high])
        assert np.abs(bar[:, 1] - row).max() < 0.5


def test_names_of_many_lines_do_not_touch(figure_of):
    names = [f"a_long_value_of_many_words_{i} " * 2 for i in range(9)]
    runs = runs_of(
        dict.fromkeys(("one", "two", "three", "four"), names[:3]) | {"seed": (0,)}, np.ones(1)
    )
    axes = figure_of(population.over_seeds, runs).axes[0]
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert axes.get_yticklabels()[0].get_text().count("\n") >= 2
    assert all(above.y0 > below.y1 for above, below in itertools.pairwise(boxes))


def test_the_axis_holds_intervals_that_are_wider_than_the_dots(figure_of):
    axes = {"dropout": (0.0, 0.3), "seed": range(2)}
    values = np.array([[[0.95], [0.951]], [[0.93], [0.935]]])
    figure = figure_of(population.over_seeds, runs_of(axes, values, "test_accuracy"), METRIC)
    low, high = figure.axes[0].get_xlim()
    ends = bars(figure.axes[0], INK)[:, :, 0]
    assert low < ends.min() < 90.1
    assert 96.4 < ends.max() < high
    assert "arrowhead" not in texts(figure)
    assert {line.get_marker() for line in figure.axes[0].lines} == {"o", "D"}


def test_a_bar_far_wider_than_the_dots_goes_on_beyond_the_frame_with_arrowheads(figure_of):
    values = [[[0.5], [0.51]], [[0.504], [0.505]]]
    runs = runs_of({"w": (1, 2), "seed": range(2)}, np.array(values), "test_accuracy")
    figure = figure_of(population.over_seeds, runs, METRIC)
    panel = figure.axes[0]
    low, high = panel.get_xlim()
    assert high - low < 3  # of which the dots take 1
    heads = {line.get_marker(): line.get_xydata() for line in panel.lines}
    assert (heads["<"][0, 0], heads[">"][0, 0]) == (low, high)
    assert heads["<"][0, 1] == heads[">"][0, 1] == bars(panel, INK)[0, 0, 1]
    assert sum(line.get_marker() in "<>" for line in panel.lines) == 2
    assert "(Student's t); arrowhead: it goes on; dot: a member" in texts(figure)


def test_crossed_members_are_said_to_be_averaged_by_seed(figure_of):
    axes = {"w": (1, 2), "noise_seed": range(2), "seed": range(3)}
    runs = runs_of(axes, np.random.default_rng(0).random((2, 2, 3, 1)))
    for draw in (population.over_seeds, population.against_axes, population.learning_curves):
        assert "the mean over 3 seeds, each the mean of its 2 members; " in texts(
            figure_of(draw, runs)
        )
    alone = random_runs(2, 3)
    assert "each the mean" not in texts(figure_of(population.over_seeds, alone))
