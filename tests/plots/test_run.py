import itertools
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from PIL import Image

from experiments.plots import run as plots
from experiments.plots.style import GREEN, GREY, STYLE
from jaxmlp import Metric

BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
DARKEST_BLUE = (8, 48, 107)  # the top of the colour map of counts
ROOT = Path(__file__).parents[2]


def read(path):
    """A picture's pixels, (height, width, 3), after looking whether it is a sane PNG."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert all(100 <= side <= 2000 for side in image.size)
        return np.asarray(image.convert("RGB"))


def where(pixels, colour):
    """Rows and columns of the pixels of exactly this colour."""
    return np.nonzero((pixels == colour).all(axis=-1))


def contains(pixels, tile):
    """Whether a small picture, (height, width) grey, is in a large one, pixel for pixel."""
    tile = np.stack([tile] * 3, axis=-1)
    first = tile[0].tobytes()
    for row in range(len(pixels) - len(tile) + 1):
        at = pixels[row].tobytes().find(first)
        if at >= 0:
            x = at // 3
            return np.array_equal(pixels[row : row + len(tile), x : x + tile.shape[1]], tile)
    return False


def enlarged(image, factor):
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def history(num_epochs):
    epochs = np.arange(1, num_epochs + 1)
    return {
        "train_loss": 2 / epochs,
        "train_accuracy": 1 - 0.5 / epochs,
        "test_loss": 2.2 / epochs**0.8,
        "test_accuracy": 1 - 0.6 / epochs,
    }


@pytest.fixture
def figure_of(monkeypatch):
    """Draws, and gives the figure that would be saved, with everything in its place."""

    def draw(function, *arguments):
        figures = []
        monkeypatch.setattr(plots, "save", lambda path, figure: figures.append(figure))
        function("anywhere", *arguments)
        [figure] = figures
        with matplotlib.rc_context(STYLE):
            figure.draw_without_rendering()
        return figure

    return draw


def written(figure):
    """The texts of a figure, from the first to the last."""
    return [text.get_text().replace("\xa0", " ") for text in figure.texts]


def test_each_panel_shows_each_sets_values_by_epoch_in_its_colour(figure_of):
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
    figure = figure_of(plots.learning_curves, {**values, "learning_rate": rate, "seconds": rate})
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["loss", "absolute error", "accuracy (%)", "learning rate"]
    lefts = [axes.get_position().x0 for axes in figure.axes]
    assert lefts == sorted(lefts)
    colours = {"train": plots.BLUE, "validation": GREEN, "test": plots.ORANGE}
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


@pytest.mark.parametrize("share", [0.0, 0.005, 0.995, 1.0])
def test_no_tick_of_accuracies_is_beyond_0_and_100(figure_of, share):
    figure = figure_of(plots.learning_curves, {"test_accuracy": np.full(5, share)})
    ticks = figure.axes[0].get_yticks()
    assert ticks.min() >= 0
    assert ticks.max() <= 100


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
def test_names_at_the_ends_do_not_touch(figure_of, at):
    ends = {"train": 0.5001, "validation": 0.5, "test": 0.4999}
    full = {f"{kind}_loss": np.array([1 - at, at, end]) for kind, end in ends.items()}
    full["train_loss"][:2] = full["test_loss"][:2] = (at, at)
    axes = figure_of(plots.learning_curves, full).axes[0]
    boxes = sorted((b.y0, b.y1) for b in (text.get_window_extent() for text in axes.texts))
    assert len(boxes) == 3
    assert all(low[1] <= high[0] for low, high in itertools.pairwise(boxes))
    frame = axes.get_window_extent()
    assert boxes[0][0] > frame.y0 - 10
    assert boxes[-1][1] < frame.y1 + 10


@pytest.mark.parametrize(
    "values", [-1e5 * np.arange(9), 1e30 * np.arange(-4, 5), 1 + 1e-7 * np.arange(3)]
)
def test_nothing_written_at_a_panel_is_cut_off_or_covers_another(figure_of, values):
    figure = figure_of(plots.learning_curves, {"train_r2_score": values, "test_loss": values})
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
    path = plots.learning_curves(tmp_path / "curves.png", history(num_epochs))
    assert path == tmp_path / "curves.png"
    pixels = read(path)
    halves = np.array_split(pixels, 2, axis=1)  # loss and accuracy, side by side
    assert all(len(where(half, colour)[0]) > 20 for half in halves for colour in (BLUE, ORANGE))


def test_curves_depend_on_the_history_alone(tmp_path):
    draw = plots.learning_curves
    first = draw(tmp_path / "a.png", history(10)).read_bytes()
    other = history(10) | {"test_loss": np.full(10, 0.5)}
    assert draw(tmp_path / "b.png", history(10)).read_bytes() == first
    assert draw(tmp_path / "c.png", other).read_bytes() != first


def test_curves_run_through_epochs_without_a_value(tmp_path):
    gaps = {"test_loss": np.array([1, np.nan, np.nan, np.nan, 1, np.nan])}
    pixels = read(plots.learning_curves(tmp_path / "curves.png", gaps))
    _, columns = where(pixels[:, :400], ORANGE)
    assert np.ptp(columns) > 200
    assert set(columns) >= set(range(columns.min() + 10, columns.max() - 10))


def test_a_learning_rate_has_a_panel_only_if_it_changes(tmp_path):
    def width(rate):
        full = history(3) | {"learning_rate": np.array(rate)}
        return read(plots.learning_curves(tmp_path / "curves.png", full)).shape[1]

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
    read(plots.learning_curves(tmp_path / "curves.png", odd))


@pytest.mark.parametrize("num_classes", [2, 20, 47, 62])
def test_confusions_of_any_number_of_classes_are_drawn(tmp_path, num_classes):
    labels = np.random.default_rng(0).integers(0, num_classes, 1000)
    draw = plots.confusion_matrix
    diagonal = read(draw(tmp_path / "a.png", labels, labels, num_classes))
    shifted = read(draw(tmp_path / "b.png", labels, (labels + 1) % num_classes, num_classes))
    assert (diagonal != shifted).any()


def test_confusions_have_labels_as_rows_and_guesses_as_columns(tmp_path):
    path = plots.confusion_matrix(tmp_path / "a.png", np.zeros(9, int), np.full(9, 2), 3)
    pixels = read(path)
    matrix = pixels[:, : int(0.87 * pixels.shape[1])]  # without the colour bar
    rows, columns = where(matrix, DARKEST_BLUE)
    assert len(rows) > 0.04 * matrix.size / 3
    assert rows.mean() < 0.4 * len(matrix)
    assert columns.mean() > 0.6 * matrix.shape[1]


def test_a_confusion_is_counted_in_the_row_of_its_label_and_the_column_of_its_guess(figure_of):
    labels, guesses = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 2, 2, 1, 0, 2])
    figure = figure_of(plots.confusion_matrix, labels, guesses, 3)
    matrix, bar = figure.axes
    assert (matrix.get_ylabel(), matrix.get_xlabel()) == ("label", "guess")
    counts = {(0, 0): 1, (0, 2): 2, (1, 1): 1, (1, 0): 1, (2, 2): 1}
    expected = np.zeros((3, 3))
    for place, count in counts.items():
        expected[place] = count
    [image] = matrix.images
    np.testing.assert_array_equal(image.get_array(), expected)
    assert matrix.get_ylim() == (2.5, -0.5)  # the first label on top, the first guess on the left
    assert matrix.get_xlim() == (-0.5, 2.5)
    cells = {tuple(map(int, text.get_position()[::-1])): text for text in matrix.texts}
    assert {place: int(text.get_text()) for place, text in cells.items()} == counts
    assert cells[0, 2].get_color() == "white"
    assert matrix.get_title(loc="left") == "3 of 6 right (50.00 %)"
    assert bar.get_ylabel() == "examples (logarithmic scale)"


def test_colours_of_confusions_follow_the_logarithm_that_their_bar_says(figure_of):
    labels = np.repeat([0, 1], [1000, 10])
    figure = figure_of(plots.confusion_matrix, labels, labels, 2)
    matrix, bar = figure.axes
    [image] = matrix.images
    tenth, full = (image.norm(count) for count in (10, 1000))
    assert full == 1
    assert tenth > 0.3
    assert [text.get_text() for text in bar.get_yticklabels()] == ["0", "1", "10", "100", "1,000"]
    assert bar.get_yticks().tolist() == [0, 1, 10, 100, 1000]
    assert not matrix.texts or {text.get_text() for text in matrix.texts} == {"1000", "10"}


@pytest.mark.parametrize("num_classes", [3, 24, 47, 100, 200, 1000])
def test_classes_are_named_where_they_are_and_do_not_touch(figure_of, num_classes):
    figure = figure_of(plots.confusion_matrix, np.arange(2), np.arange(2), num_classes)
    matrix = figure.axes[0]
    for axis in (matrix.xaxis, matrix.yaxis):
        names = [text.get_text() for text in axis.get_ticklabels()]
        assert [float(name) for name in names] == axis.get_majorticklocs().tolist()
    boxes = [text.get_window_extent() for text in matrix.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_one_confusion_shows_beside_thousands_of_hits(tmp_path):
    labels = np.repeat([28, 29], 5000)
    guesses = labels.copy()
    guesses[-1] = 28
    all_right = read(plots.confusion_matrix(tmp_path / "a.png", labels, labels, 30))
    one_wrong = read(plots.confusion_matrix(tmp_path / "b.png", labels, guesses, 30))
    difference = abs(all_right.astype(int) - one_wrong)[100:].max(axis=-1)  # below the title
    assert (difference > 25).sum() > 100


def certain(classes, confidence, num_classes=10):
    rest = (1 - np.asarray(confidence)) / (num_classes - 1)
    probabilities = np.repeat(rest[:, None], num_classes, axis=1)
    probabilities[np.arange(len(classes)), classes] = confidence
    return probabilities.astype(np.float32)


def test_a_wrong_example_has_its_label_its_guess_and_its_confidence(figure_of):
    images, labels = np.zeros((4, 64), np.uint8), np.array([3, 4, 5, 6])
    probabilities = certain([3, 9, 2, 6], [0.9, 0.8, 0.85, 0.7])
    figure = figure_of(plots.wrong_examples, images, labels, probabilities, (8, 8))
    assert written(figure) == [
        "2 of 4 wrong; the most confident first",
        "label 5, guess 2 (85.0 %)",
        "label 4, guess 9 (80.0 %)",
    ]
    x, y = np.array([text.get_position() for text in figure.texts[1:]]).T
    assert x[0] < x[1]
    assert y[0] == y[1]


@pytest.mark.parametrize(("side", "factor"), [(28, 7), (8, 24)])
def test_a_wrong_example_is_shown_as_it_is(tmp_path, side, factor):
    images = np.random.default_rng(0).integers(0, 256, (2, side * side), np.uint8)
    labels, probabilities = np.array([3, 4]), certain([3, 9], [0.9, 0.8])
    path = tmp_path / "wrong.png"
    pixels = read(plots.wrong_examples(path, images, labels, probabilities, (side, side)))
    right, wrong = (enlarged(image.reshape(side, side), factor) for image in images)
    assert contains(pixels, wrong)
    assert not contains(pixels, right)


def test_the_25_most_confidently_wrong_are_shown_in_order(tmp_path):
    confidence = np.random.default_rng(0).permutation(np.linspace(0.2, 0.9, 40))
    images = np.arange(10, 170, 4, np.uint8)[:, None].repeat(64, axis=1)  # 40 shades of grey
    probabilities = certain(np.ones(40, int), confidence)
    path = tmp_path / "wrong.png"
    pixels = read(plots.wrong_examples(path, images, np.zeros(40, int), probabilities, (8, 8)))
    grey = np.where((pixels == pixels[..., :1]).all(axis=-1), pixels[..., 0], 0)
    places = {}
    for shade in images[:, 0]:
        rows, columns = np.nonzero(grey == shade)
        if len(rows) > 10_000:  # more than the edges of letters
            corner = [(np.bincount(index) > 150).argmax() for index in (rows, columns)]
            places[shade] = tuple(corner)
    expected = images[np.argsort(-confidence)[:25], 0]
    assert sorted(places, key=places.__getitem__) == list(expected)


def test_floats_of_any_range_share_one_scale(tmp_path):
    images = np.array([[-2.0] * 64, [1.0] * 64], np.float32)
    probabilities = certain([1, 1], [0.9, 0.8])
    path = tmp_path / "wrong.png"
    pixels = read(plots.wrong_examples(path, images, np.zeros(2, int), probabilities, (8, 8)))
    assert len(where(pixels[:, :210], (0, 0, 0))[0]) >= 192 * 192


def test_nothing_wrong_is_said_and_no_example_shown(tmp_path):
    images = np.zeros((3, 64), np.uint8)
    path = tmp_path / "wrong.png"
    probabilities = certain([0, 1, 2], [0.9] * 3)
    pixels = read(plots.wrong_examples(path, images, np.arange(3), probabilities, (8, 8)))
    assert 50 < (pixels < 128).all(axis=-1).sum() < 5000  # a text, and no black square


def test_probabilities_that_are_nan_count_as_wrong(tmp_path):
    images = np.full((1, 64), 77, np.uint8)
    path = tmp_path / "wrong.png"
    nan = np.full((1, 10), np.nan, np.float32)
    pixels = read(plots.wrong_examples(path, images, np.zeros(1, int), nan, (8, 8)))
    assert len(where(pixels, (77, 77, 77))[0]) >= 192 * 192


def test_weights_are_red_above_zero_and_blue_below_on_one_scale(tmp_path):
    kernel = np.array([[-0.5] * 64, [1.0] * 64]).T
    pixels = read(plots.first_layer(tmp_path / "first.png", kernel, (8, 8)))
    strong, weak = pixels[60, 40], pixels[60, 130]  # the larger norm comes first
    assert strong[0] > 2 * strong[2]
    assert weak[2] > weak[0] > strong[0]


@pytest.mark.parametrize(("num_units", "shape"), [(1, (8, 8)), (64, (8, 8)), (300, (28, 28))])
def test_up_to_100_units_are_shown(tmp_path, num_units, shape):
    kernel = np.full((shape[0] * shape[1], num_units), 0.5)
    pixels = read(plots.first_layer(tmp_path / "first.png", kernel, shape))
    tile = 84 // shape[0] * shape[0]
    assert pixels[60, 40, 0] > 2 * pixels[60, 40, 2]  # red
    squares = len(where(pixels, pixels[60, 40])[0]) / tile**2
    assert squares == pytest.approx(min(num_units, 100), abs=0.5)


def test_the_scale_of_weights_and_their_number_are_said(figure_of):
    kernel = np.random.default_rng(0).normal(size=(64, 120)) * 0.1
    figure = figure_of(plots.first_layer, kernel, (8, 8))
    assert written(figure) == ["Weights into 100 of 120 hidden units, the largest norm first"]
    [bar] = figure.axes
    largest = np.argsort(-np.linalg.norm(kernel, axis=0))[:100]
    limit = np.quantile(np.abs(kernel[:, largest]), 0.998)
    assert bar.get_ylim() == pytest.approx((-limit, limit))


def test_weights_of_zero_and_nan_are_drawn(tmp_path):
    read(plots.first_layer(tmp_path / "first.png", np.zeros((64, 3)), (8, 8)))
    read(plots.first_layer(tmp_path / "first.png", np.full((64, 3), np.nan), (8, 8)))


def test_a_prediction_shows_the_input_and_a_bar_as_long_as_its_probability(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (1, 784), np.uint8)

    def draw(share):
        path, probabilities = tmp_path / "predictions.png", certain([7], [share])
        return read(plots.predictions(path, images, probabilities, ["seven.png"], (28, 28)))

    assert contains(draw(0.5), enlarged(images.reshape(28, 28), 4))
    for share, length in ((1.0, 100), (0.5, 50)):
        rows, columns = where(draw(share), BLUE)
        assert len(rows) == 10 * length
        assert np.ptp(columns) + 1 == pytest.approx(length, abs=1)


def test_a_prediction_has_its_name_and_its_classes_with_the_guess_in_percent(figure_of):
    images = np.zeros((2, 64), np.float32)
    probabilities = np.array([[0.25, 0.75], [0.625, 0.375]])
    names = ["first", "second"]
    figure = figure_of(plots.predictions, images, probabilities, names, (8, 8))
    assert written(figure) == ["first", "0", "1", "75.0 %", "second", "0", "62.5 %", "1"]
    at = {text.get_text(): text.get_position() for text in figure.texts}
    assert at["first"][0] < at["75.0 %"][0] < at["second"][0] < at["62.5 %"][0]
    assert at["75.0 %"][1] < at["62.5 %"][1]  # beside class 1, and beside class 0


def test_of_many_classes_the_likeliest_are_shown(figure_of):
    shares = np.random.default_rng(0).dirichlet(np.ones(40))
    images = np.zeros((1, 64), np.float32)
    figure = figure_of(plots.predictions, images, shares[None], ["x"], (8, 8))
    numbers = [int(text) for text in written(figure)[1:] if text.isdigit()]
    assert numbers == np.argsort(-shares)[:10].tolist()


@pytest.mark.parametrize(("count", "num_classes"), [(1, 2), (5, 10), (24, 10), (30, 47)])
def test_up_to_24_predictions_are_shown(tmp_path, count, num_classes):
    images = np.full((count, 64), 77, np.uint8)
    probabilities = certain(np.zeros(count, int), np.full(count, 0.9), num_classes)
    names = [f"a/long/way/to/a/picture/with/a/name/number_{i}_$_$.png" for i in range(count)]
    path = tmp_path / "predictions.png"
    pixels = read(plots.predictions(path, images, probabilities, names, (8, 8)))
    squares = len(where(pixels, (77, 77, 77))[0]) / 112**2
    assert squares == pytest.approx(min(count, 24), abs=0.1)


def test_names_are_shown(tmp_path):
    images, probabilities = np.zeros((1, 64), np.float32), certain([1], [0.9])
    one = plots.predictions(tmp_path / "1.png", images, probabilities, ["one"], (8, 8))
    two = plots.predictions(tmp_path / "2.png", images, probabilities, ["two"], (8, 8))
    assert one.read_bytes() != two.read_bytes()


def test_no_display_and_no_global_state_are_needed():
    code = "import sys, experiments.plots.run; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=300).returncode == 0


def test_a_panel_of_a_share_is_in_percent_whatever_its_name(figure_of):
    values = {"train_hits": np.array([0.5, 0.75]), "test_hits": np.array([0.25, 0.5])}
    figure = figure_of(plots.learning_curves, values, (Metric("hits", is_share=True),))
    assert figure.axes[0].get_title(loc="left") == "hits (%)"
    assert "test 50.00\N{NO-BREAK SPACE}%" in [text.get_text() for text in figure.axes[0].texts]
    assert figure.axes[0].lines[0].get_ydata().tolist() == [50.0, 75.0]
    figure = figure_of(plots.learning_curves, values)
    assert figure.axes[0].get_title(loc="left") == "hits"
