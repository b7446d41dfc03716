import numpy as np
import pytest
from run_pictures import BLUE, contains, enlarged, read, where, written

from experiments.plots import run


def certain(classes, confidence, num_classes=10):
    rest = (1 - np.asarray(confidence)) / (num_classes - 1)
    probabilities = np.repeat(rest[:, None], num_classes, axis=1)
    probabilities[np.arange(len(classes)), classes] = confidence
    return probabilities.astype(np.float32)


def test_a_wrong_example_has_its_label_its_guess_and_its_confidence(figure_of_run):
    images, labels = np.zeros((4, 64), np.uint8), np.array([3, 4, 5, 6])
    probabilities = certain([3, 9, 2, 6], [0.9, 0.8, 0.85, 0.7])
    figure = figure_of_run(run.wrong_examples, images, labels, probabilities, (8, 8))
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
    pixels = read(run.wrong_examples(path, images, labels, probabilities, (side, side)))
    right, wrong = (enlarged(image.reshape(side, side), factor) for image in images)
    assert contains(pixels, wrong)
    assert not contains(pixels, right)


def test_the_25_most_confidently_wrong_are_shown_in_order(tmp_path):
    confidence = np.random.default_rng(0).permutation(np.linspace(0.2, 0.9, 40))
    images = np.arange(10, 170, 4, np.uint8)[:, None].repeat(64, axis=1)  # 40 shades of grey
    probabilities = certain(np.ones(40, int), confidence)
    path = tmp_path / "wrong.png"
    pixels = read(run.wrong_examples(path, images, np.zeros(40, int), probabilities, (8, 8)))
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
    pixels = read(run.wrong_examples(path, images, np.zeros(2, int), probabilities, (8, 8)))
    assert len(where(pixels[:, :210], (0, 0, 0))[0]) >= 192 * 192


def test_nothing_wrong_is_said_and_no_example_shown(tmp_path):
    images = np.zeros((3, 64), np.uint8)
    path = tmp_path / "wrong.png"
    probabilities = certain([0, 1, 2], [0.9] * 3)
    pixels = read(run.wrong_examples(path, images, np.arange(3), probabilities, (8, 8)))
    assert 50 < (pixels < 128).all(axis=-1).sum() < 5000  # a text, and no black square


def test_probabilities_that_are_nan_count_as_wrong(tmp_path):
    images = np.full((1, 64), 77, np.uint8)
    path = tmp_path / "wrong.png"
    nan = np.full((1, 10), np.nan, np.float32)
    pixels = read(run.wrong_examples(path, images, np.zeros(1, int), nan, (8, 8)))
    assert len(where(pixels, (77, 77, 77))[0]) >= 192 * 192


def test_a_prediction_shows_the_input_and_a_bar_as_long_as_its_probability(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (1, 784), np.uint8)

    def draw(share):
        path, probabilities = tmp_path / "predictions.png", certain([7], [share])
        return read(run.predictions(path, images, probabilities, ["seven.png"], (28, 28)))

    assert contains(draw(0.5), enlarged(images.reshape(28, 28), 4))
    for share, length in ((1.0, 100), (0.5, 50)):
        rows, columns = where(draw(share), BLUE)
        assert len(rows) == 10 * length
        assert np.ptp(columns) + 1 == pytest.approx(length, abs=1)


def test_a_prediction_has_its_name_and_its_classes_with_the_guess_in_percent(figure_of_run):
    images = np.zeros((2, 64), np.float32)
    probabilities = np.array([[0.25, 0.75], [0.625, 0.375]])
    names = ["first", "second"]
    figure = figure_of_run(run.predictions, images, probabilities, names, (8, 8))
    assert written(figure) == ["first", "0", "1", "75.0 %", "second", "0", "62.5 %", "1"]
    at = {text.get_text(): text.get_position() for text in figure.texts}
    assert at["first"][0] < at["75.0 %"][0] < at["second"][0] < at["62.5 %"][0]
    assert at["75.0 %"][1] < at["62.5 %"][1]  # beside class 1, and beside class 0


def test_of_many_classes_the_likeliest_are_shown(figure_of_run):
    shares = np.random.default_rng(0).dirichlet(np.ones(40))
    images = np.zeros((1, 64), np.float32)
    figure = figure_of_run(run.predictions, images, shares[None], ["x"], (8, 8))
    numbers = [int(text) for text in written(figure)[1:] if text.isdigit()]
    assert numbers == np.argsort(-shares)[:10].tolist()


@pytest.mark.parametrize(("count", "num_classes"), [(1, 2), (5, 10), (24, 10), (30, 47)])
def test_up_to_24_predictions_are_shown(tmp_path, count, num_classes):
    images = np.full((count, 64), 77, np.uint8)
    probabilities = certain(np.zeros(count, int), np.full(count, 0.9), num_classes)
    names = [f"a/long/way/to/a/picture/with/a/name/number_{i}_$_$.png" for i in range(count)]
    path = tmp_path / "predictions.png"
    pixels = read(run.predictions(path, images, probabilities, names, (8, 8)))
    squares = len(where(pixels, (77, 77, 77))[0]) / 112**2
    assert squares == pytest.approx(min(count, 24), abs=0.1)


def test_names_are_shown(tmp_path):
    images, probabilities = np.zeros((1, 64), np.float32), certain([1], [0.9])
    one = run.predictions(tmp_path / "1.png", images, probabilities, ["one"], (8, 8))
    two = run.predictions(tmp_path / "2.png", images, probabilities, ["two"], (8, 8))
    assert one.read_bytes() != two.read_bytes()


NAMES = ("cat", "a dog with a very long name indeed", "$x_2$")


def test_names_of_classes_are_in_the_place_of_their_numbers(figure_of_run):
    images, labels = np.zeros((2, 48), np.uint8), np.array([2, 0])
    probabilities = certain([1, 2], [0.9, 0.8], 3)
    figure = figure_of_run(run.wrong_examples, images, labels, probabilities, (4, 4, 3), NAMES)
    assert written(figure)[1:] == [
        *("label $x_2$", "guess a dog with a v… indeed (90.0 %)"),
        *("label cat", "guess $x_2$ (80.0 %)"),
    ]
    boxes = [text.get_window_extent() for text in figure.texts]
    assert boxes[2].x1 < boxes[4].x0  # of neighbours
    assert boxes[1].y0 > boxes[2].y0
    assert not any(text.get_parse_math() for text in figure.texts)
    figure = figure_of_run(run.predictions, images, probabilities, ["a", "b"], (4, 4, 3), NAMES)
    assert written(figure)[1:5] == ["cat", "a dog with a v… indeed", "90.0 %", "$x_2$"]
    boxes = [text.get_window_extent() for text in figure.texts]
    assert min(box.x0 for box in boxes[1:5]) > 112  # right of the picture
    assert boxes[3].x1 < boxes[5].x0


def test_examples_in_colour_are_shown_in_their_colours(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
    probabilities = certain([1, 1], [0.9, 0.8])
    rows, labels, path = colour.reshape(2, 60), np.zeros(2, int), tmp_path / "a.png"
    page = read(run.wrong_examples(path, rows, labels, probabilities, (4, 5, 3)))
    assert np.array_equal(page[48 : 48 + 156, 18 : 18 + 195], enlarged(colour[0], 39))
    page = read(run.predictions(path, rows, probabilities, ["a", "b"], (4, 5, 3)))
    assert np.array_equal(page[42 : 42 + 88, 18 : 18 + 110], enlarged(colour[0], 22))
