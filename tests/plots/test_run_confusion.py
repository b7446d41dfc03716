import itertools

import numpy as np
import pytest
from run_pictures import read, where

from experiments.plots import run

DARKEST_BLUE = (8, 48, 107)  # the top of the colour map of counts


@pytest.mark.parametrize("num_classes", [2, 20, 47, 62])
def test_confusions_of_any_number_of_classes_are_drawn(tmp_path, num_classes):
    labels = np.random.default_rng(0).integers(0, num_classes, 1000)
    draw = run.confusion_matrix
    diagonal = read(draw(tmp_path / "a.png", labels, labels, num_classes))
    shifted = read(draw(tmp_path / "b.png", labels, (labels + 1) % num_classes, num_classes))
    assert (diagonal != shifted).any()


def test_confusions_have_labels_as_rows_and_guesses_as_columns(tmp_path):
    path = run.confusion_matrix(tmp_path / "a.png", np.zeros(9, int), np.full(9, 2), 3)
    pixels = read(path)
    matrix = pixels[:, : int(0.87 * pixels.shape[1])]  # without the colour bar
    rows, columns = where(matrix, DARKEST_BLUE)
    assert len(rows) > 0.04 * matrix.size / 3
    assert rows.mean() < 0.4 * len(matrix)
    assert columns.mean() > 0.6 * matrix.shape[1]


def test_a_confusion_is_counted_in_the_row_of_its_label_and_the_column_of_its_guess(figure_of_run):
    labels, guesses = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 2, 2, 1, 0, 2])
    figure = figure_of_run(run.confusion_matrix, labels, guesses, 3)
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


def test_colours_of_confusions_follow_the_logarithm_that_their_bar_says(figure_of_run):
    labels = np.repeat([0, 1], [1000, 10])
    figure = figure_of_run(run.confusion_matrix, labels, labels, 2)
    matrix, bar = figure.axes
    [image] = matrix.images
    tenth, full = (image.norm(count) for count in (10, 1000))
    assert full == 1
    assert tenth > 0.3
    assert [text.get_text() for text in bar.get_yticklabels()] == ["0", "1", "10", "100", "1,000"]
    assert bar.get_yticks().tolist() == [0, 1, 10, 100, 1000]
    assert not matrix.texts or {text.get_text() for text in matrix.texts} == {"1000", "10"}


@pytest.mark.parametrize("num_classes", [3, 24, 47, 100, 200, 1000])
def test_classes_are_named_where_they_are_and_do_not_touch(figure_of_run, num_classes):
    figure = figure_of_run(run.confusion_matrix, np.arange(2), np.arange(2), num_classes)
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
    all_right = read(run.confusion_matrix(tmp_path / "a.png", labels, labels, 30))
    one_wrong = read(run.confusion_matrix(tmp_path / "b.png", labels, guesses, 30))
    difference = abs(all_right.astype(int) - one_wrong)[100:].max(axis=-1)  # below the title
    assert (difference > 25).sum() > 100


def test_classes_have_their_names_as_they_are_beside_the_matrix(figure_of_run):
    names = ("x_$1$", "a name that is much longer than any other", "c")
    figure = figure_of_run(run.confusion_matrix, np.arange(3), np.arange(3), 3, names)
    matrix, bar = figure.axes
    shown = ["x_$1$", "a name that i… other", "c"]
    assert [text.get_text() for text in matrix.get_yticklabels()] == shown
    assert [text.get_text() for text in matrix.get_xticklabels()] == shown
    assert not any(text.get_parse_math() for text in matrix.get_yticklabels())
    boxes = [text.get_window_extent() for text in matrix.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
    width, height = matrix.get_window_extent().size
    assert width == pytest.approx(height)
    left = min(text.get_window_extent().x0 for text in matrix.get_yticklabels())
    assert matrix.yaxis.label.get_window_extent().x1 < left
    assert matrix.yaxis.label.get_window_extent().x0 > 0
    assert bar.get_window_extent().x0 > matrix.get_window_extent().x1


@pytest.mark.parametrize("num_classes", [20, 47])
def test_names_of_many_classes_are_turned(figure_of_run, num_classes):
    names = tuple(f"class number {number}" for number in range(num_classes))
    figure = figure_of_run(run.confusion_matrix, np.arange(2), np.arange(2), num_classes, names)
    matrix = figure.axes[0]
    places = matrix.xaxis.get_majorticklocs().astype(int)
    assert [text.get_text() for text in matrix.get_xticklabels()] == [names[i] for i in places]
    assert {text.get_rotation() for text in matrix.get_xticklabels()} == {90}
    assert matrix.xaxis.label.get_window_extent().y0 > 0
