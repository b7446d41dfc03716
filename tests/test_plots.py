import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments import plots

BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
DARKEST_BLUE = (8, 48, 107)  # the top of the colour map of counts
ROOT = Path(__file__).parents[1]


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
    places = {}
    for shade in images[:, 0]:
        rows, columns = where(pixels, (shade,) * 3)
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
    code = "import sys, experiments.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0
