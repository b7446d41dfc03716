import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures import DRAW, RATES, bars, heights, legends, lines, texts
from PIL import Image
from run_tables import random_runs, runs_of

from experiments.app import sweep_report
from experiments.plots import population
from experiments.plots.style import INK
from jaxmlp import Metric

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("function", DRAW)
def test_accuracies_are_in_percent(figure_of, function):
    runs = runs_of({"width": (8, 16), "seed": (0, 1)}, [[[0.5]], [[0.75]]], "test_accuracy")
    figure = figure_of(function, runs, "test_accuracy")
    side = 0 if function == population.over_seeds else 1
    drawn = [line.get_xydata()[:, side] for line in figure.axes[0].lines]
    assert set(np.concatenate(drawn)) >= {50, 75}
    assert "test accuracy (%)" in texts(figure)
    limits = (
        figure.axes[0].get_xlim if function == population.over_seeds else figure.axes[0].get_ylim
    )
    assert 40 < limits()[0] < 50 < 75 < limits()[1] < 85


@pytest.mark.parametrize("function", DRAW)
def test_diverged_members_are_left_out_and_counted(figure_of, function):
    values = np.ones((2, 4, 1))
    values[0, 1] = 99  # finite until its fault
    values[1, 2] = np.inf
    values[1, 3] = np.nan
    faults = [(0, 1)]
    figure = figure_of(function, runs_of({"w": (1, 2), "seed": range(4)}, values, faults=faults))
    side = 0 if function == population.over_seeds else 1
    drawn = [line.get_xydata()[:, side] for line in figure.axes[0].lines]
    drawn = np.concatenate(drawn)
    assert set(drawn[np.isfinite(drawn)]) == {1}
    assert "2 of 8 diverged, 1 of 8 without a value" in texts(figure)
    if function != population.against_axes:
        assert "1 of 4 diverged, 1 of 4 without a value" in texts(figure)


@pytest.mark.parametrize("function", DRAW)
def test_losses_over_more_than_a_decade_have_a_scale_of_logarithms(figure_of, function):
    def scale(values):
        runs = runs_of({"w": (1, 2), "seed": (0, 1)}, np.reshape(values, (2, 1, 1)))
        axes = figure_of(function, runs).axes[0]
        return axes.get_xscale() if function == population.over_seeds else axes.get_yscale()

    assert scale([0.01, 1]) == "log"
    assert scale([0.2, 1]) == "linear"
    assert scale([0, 1]) == "linear"


@pytest.mark.parametrize("function", DRAW)
def test_intervals_that_reach_zero_go_down_a_scale_of_logarithms(figure_of, function):
    values = [[[1.0, 1.0], [999.0, 999.0], [1.0, 1.0]], [[5.0, 5.0]] * 3]
    panel = figure_of(function, runs_of({"w": (1, 2), "seed": range(3)}, values)).axes[0]
    if function == population.over_seeds:
        assert bars(panel, INK)[:, 0, 0].min() == panel.get_xlim()[0] > 0
    else:
        assert heights(panel).min() == panel.get_ylim()[0] > 0


def test_one_seed_has_no_interval(figure_of):
    runs = random_runs(3, 1)
    for function in DRAW:
        figure = figure_of(function, runs)
        kinds = [type(each) for axes in figure.axes for each in axes.collections]
        assert "interval of the mean" not in texts(figure)
        if function != population.learning_curves:
            assert not any(len(axes.collections) > 1 for axes in figure.axes), kinds
    assert "one seed a setting: no interval" in texts(figure_of(population.learning_curves, runs))


@pytest.mark.parametrize("function", DRAW)
def test_no_interval_of_accuracies_leaves_0_to_100(figure_of, function):
    axes = {"w": (1, 2), "seed": range(3)}
    values = [[[0.6], [1], [1]], [[0], [0], [0.3]]]
    figure = figure_of(function, runs_of(axes, values, "test_accuracy"), "test_accuracy")
    [panel] = figure.axes
    is_across = function == population.over_seeds
    ends = bars(panel, INK)[:, :, 0] if is_across else heights(panel)
    assert (ends.min(), ends.max()) == (0, 100)
    ticks = (panel.xaxis if is_across else panel.yaxis).get_majorticklocs()
    assert (ticks.min(), ticks.max()) == (0, 100)
    assert "±" not in texts(figure)
    if is_across:
        assert "86.67 % (29.30 to 100.00)" in texts(figure)
        assert "10.00 % (0.00 to 53.03)" in texts(figure)


def named_lines(figure, panel):
    """The name of each line in the legend, and the line of its colour."""
    legend = legends(figure)[panel]
    for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        [curve] = lines(figure.axes[panel], handle.get_color())
        yield text.get_text().replace("\xa0", " "), curve[:, 1]


def test_legends_name_the_lines_by_their_colours(figure_of):
    losses = np.float32([[0.3, 0.4], [0.1, 0.25], [0.2, 0.9]])
    runs = runs_of({"w": (5, 6, 7), "b": (1, 2), "seed": (0,)}, losses[:, :, None, None])
    figure = figure_of(population.learning_curves, runs)
    found = {name: loss for name, [loss] in named_lines(figure, 0)}
    assert found == {
        f"w {w}, b {b}: {losses[i, j]:.4g}": losses[i, j]
        for i, w in enumerate((5, 6, 7))
        for j, b in enumerate((1, 2))
    }
    figure = figure_of(population.against_axes, runs)
    for panel, name, values, expected in (
        (0, "b", (1, 2), losses.T),
        (1, "w", (5, 6, 7), losses),
    ):
        found = {name: curve.tolist() for name, curve in named_lines(figure, panel)}
        rows = zip(values, expected, strict=True)
        assert found == {f"{name} {value}": row.tolist() for value, row in rows}


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
    assert is_drawn == (function != population.against_axes or is_swept)
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
    boxes += [legend.get_window_extent() for legend in legends(figure)]
    for axes in figure.axes:
        artists = [each for each in axes.get_default_bbox_extra_artists() if each != axes.legend_]
        boxes.append(axes.get_tightbbox(bbox_extra_artists=artists))
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
        monkeypatch.setattr(population, function.__name__, note)
    runs = random_runs(1, 1)
    sweep_report.draw(tmp_path / "plots", runs, "train_accuracy")
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
