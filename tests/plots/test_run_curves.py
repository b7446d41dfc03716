import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from run_pictures import BLUE, ORANGE, history, read, where, written

from experiments.plots import run, style
from experiments.plots.style import GREEN, GREY
from jaxmlp import Metric


def test_each_panel_shows_each_sets_values_by_epoch_in_its_colour(figure_of_run):
    values = {
        f"{kind}_{name}": np.linspace(low, high, 4)
        for name, ends in {
            "accuracy": ((0.5, 0.7), (0.45, 0.65), (0.4, 0.6)),
            "absolute_error": ((0.3, 0.02), (0.5, 0.4), (0.8, 0.7)),
            "loss": ((9.0, 3.0), (8.0, 4.0), (7.0, 5.0)),
        }.items()
        for kind, (low, high) in zip(("train", "validation", "test"), ends, strict=True)
    }
    rate = np.array([0.1, 0.2, 0.4, 0.1])
    figure = figure_of_run(run.learning_curves, {**values, "learning_rate": rate, "seconds": rate})
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["loss", "absolute error", "accuracy (%)", "learning rate"]
    lefts = [axes.get_position().x0 for axes in figure.axes]
    assert lefts == sorted(lefts)
    colours = {"train": style.BLUE, "validation": GREEN, "test": style.ORANGE}
    names = ["loss", "absolute_error", "accuracy"]
    for axes, name in zip(figure.axes, names, strict=False):
        for kind, colour in colours.items():
            line = next(line for line in axes.lines if to_hex(line.get_color()) == colour.lower())
            shown = values[f"{kind}_{name}"] * (100 if name == "accuracy" else 1)
            np.testing.assert_allclose(line.get_xydata(), np.stack([[1, 2, 3, 4], shown], 1))
            [text] = [text for text in axes.texts if text.get_text().startswith(kind)]
            assert text.get_color() == colour
            end = f"{shown[-1]:.2f} %" if name == "accuracy" else f"{shown[-1]:.4g}"
            assert text.get_text().replace("\xa0", " ") == f"{kind} {end}"
            place = axes.transLimits.transform((1, shown[-1]))[1]
            if axes.get_yscale() == "linear":
                assert text.get_position()[1] == pytest.approx(place, abs=0.02)
        assert axes.get_xlim() == (1, 4)
        assert axes.get_xlabel() == "epoch"
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "log", "linear", "linear"]
    np.testing.assert_array_equal(figure.axes[3].lines[0].get_ydata(), rate)
    assert figure.axes[3].lines[0].get_color() == GREY
    assert written(figure) == [
        "train: mean over the epoch, before each update; the others: after the epoch"
    ]


def test_figures_of_training_are_said_to_be_with_dropout(figure_of_run):
    figure = figure_of_run(run.learning_curves, history(3), (), "dropout")
    [note] = written(figure)
    assert "before each update, with dropout; the others: after the epoch, without" in note


@pytest.mark.parametrize("share", [0.0, 0.005, 0.995, 1.0])
def test_no_tick_of_accuracies_is_beyond_0_and_100(figure_of_run, share):
    figure = figure_of_run(run.learning_curves, {"test_accuracy": np.full(5, share)})
    ticks = figure.axes[0].get_yticks()
    assert ticks.min() >= 0
    assert ticks.max() <= 100


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
def test_names_at_the_ends_do_not_touch(figure_of_run, at):
    ends = {"train": 0.5001, "validation": 0.5, "test": 0.4999}
    full = {f"{kind}_loss": np.array([1 - at, at, end]) for kind, end in ends.items()}
    full["train_loss"][:2] = full["test_loss"][:2] = (at, at)
    axes = figure_of_run(run.learning_curves, full).axes[0]
    boxes = sorted((b.y0, b.y1) for b in (text.get_window_extent() for text in axes.texts))
    assert len(boxes) == 3
    assert all(low[1] <= high[0] for low, high in itertools.pairwise(boxes))
    frame = axes.get_window_extent()
    assert boxes[0][0] > frame.y0 - 10
    assert boxes[-1][1] < frame.y1 + 10


@pytest.mark.parametrize(
    "values", [-1e5 * np.arange(9), 1e30 * np.arange(-4, 5), 1 + 1e-7 * np.arange(3)]
)
def test_nothing_written_at_a_panel_is_cut_off_or_covers_another(figure_of_run, values):
    figure = figure_of_run(run.learning_curves, {"train_r2_score": values, "test_loss": values})
    boxes = [text.get_window_extent() for text in figure.texts]
    for axes in figure.axes:
        pieces = [axes.xaxis.label, axes.yaxis.get_offset_text(), *axes.texts]
        pieces += [*axes.get_yticklabels(), *axes.get_xticklabels()]
        boxes += [piece.get_window_extent() for piece in pieces]
        titles = [t for t in axes.findobj(Text) if t.get_text() == axes.get_title(loc="left")]
        boxes += [title.get_window_extent() for title in titles]
    boxes = [box for box in boxes if box.width > 1]
    for i, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
        assert not any(box.overlaps(other) for other in boxes[:i]), i


@pytest.mark.parametrize("num_epochs", [1, 2, 10, 100])
def test_curves_of_training_and_testing_are_drawn(tmp_path, num_epochs):
    path = run.learning_curves(tmp_path / "curves.png", history(num_epochs))
    assert path == tmp_path / "curves.png"
    pixels = read(path)
    halves = np.array_split(pixels, 2, axis=1)  # loss and accuracy, side by side
    assert all(len(where(half, colour)[0]) > 20 for half in halves for colour in (BLUE, ORANGE))


def test_curves_depend_on_the_history_alone(tmp_path):
    draw = run.learning_curves
    first = draw(tmp_path / "a.png", history(10)).read_bytes()
    other = history(10) | {"test_loss": np.full(10, 0.5)}
    assert draw(tmp_path / "b.png", history(10)).read_bytes() == first
    assert draw(tmp_path / "c.png", other).read_bytes() != first


def test_curves_run_through_epochs_without_a_value(tmp_path):
    gaps = {"test_loss": np.array([1, np.nan, np.nan, np.nan, 1, np.nan])}
    pixels = read(run.learning_curves(tmp_path / "curves.png", gaps))
    _, columns = where(pixels[:, :400], ORANGE)
    assert np.ptp(columns) > 200
    assert set(columns) >= set(range(columns.min() + 10, columns.max() - 10))


def test_a_learning_rate_has_a_panel_only_if_it_changes(tmp_path):
    def width(rate):
        full = history(3) | {"learning_rate": np.array(rate)}
        return read(run.learning_curves(tmp_path / "curves.png", full)).shape[1]

    assert width([0.1, 0.05, 0.01]) * 2 == width([0.1, 0.1, 0.1]) * 3


@pytest.mark.parametrize(
    "odd",
    [
        {"train_loss": np.full(3, np.nan), "test_loss": np.full(3, np.nan)},
        {"train_loss": np.array([1e5, 1e30, np.inf])},
        {"train_loss": np.zeros(3), "train_absolute_error": np.array([0.1, 0.1, 0.1])},
        {"train_loss": np.array([0.9999999, 0.99999991, 0.99999992])},
    ],
)
def test_curves_of_odd_histories_are_drawn(tmp_path, odd):
    read(run.learning_curves(tmp_path / "curves.png", odd))


def test_a_panel_of_a_share_is_in_percent_whatever_its_name(figure_of_run):
    values = {"train_hits": np.array([0.5, 0.75]), "test_hits": np.array([0.25, 0.5])}
    figure = figure_of_run(run.learning_curves, values, (Metric("hits", is_share=True),))
    assert figure.axes[0].get_title(loc="left") == "hits (%)"
    assert "test 50.00\N{NO-BREAK SPACE}%" in [text.get_text() for text in figure.axes[0].texts]
    assert figure.axes[0].lines[0].get_ydata().tolist() == [50.0, 75.0]
    figure = figure_of_run(run.learning_curves, values)
    assert figure.axes[0].get_title(loc="left") == "hits"
