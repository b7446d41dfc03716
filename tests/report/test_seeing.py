"""Drawings come to the network in a page as pictures do in experiments.predict."""

import functools

import numpy as np
import page_scripts
import pytest
from page_scripts import needs_node
from photographs import STROKES, arc, strokes
from PIL import Image

from experiments.data import likeness
from experiments.data.images import ImageError, read_picture

SEE = """
  return given.map(({ ink, width, shape, act }) => {
    const image = { width, height: ink.length / width, values: Float32Array.from(ink) };
    const found = Seeing[act](image, shape);
    return found && { views: found.views.map((view) => [...view]), oddity: found.oddity };
  });
"""
seen = functools.partial(page_scripts.run, "seeing.js", SEE)
SIDE = 200
# Clean strokes that are no digits, with what is odd about them.
SHAPES = {
    "several figures": [[(x, y), (x, y + 0.1)] for x in (0, 1) for y in (0, 0.8)],
    "wide": [[(0, 0.2), (1, 0.5)]],
    "many loops": [arc(x, y, 0.2, 0.2, 0, 360) for x in (0.2, 0.8) for y in (0.2, 0.8)]
    + [[(0.2, 0.2), (0.8, 0.8), (0.2, 0.8), (0.8, 0.2)]],
    "tangled": [[(x, y / 4) for y in range(5) for x in ((0, 1), (1, 0))[y % 2]]],
    "a blot": [[(0.5, 0.5), (0.5, 0.52)]],
}


def drawn(monkeypatch, points):
    monkeypatch.setitem(STROKES, "shape", [points])
    return strokes("shape", (SIDE, SIDE))


def as_file(path, coverage):
    """The drawing as a file of dark ink on light paper, and its ink as 8 bits keep it."""
    image = Image.fromarray(np.uint8(np.round(255 * (1 - coverage))))
    image.save(path)
    return 1 - np.float32(image) / 255


def cases(inks, shape, act="prepared"):
    return [
        {"ink": ink.ravel().tolist(), "width": ink.shape[1], "shape": shape, "act": act}
        for ink in inks
    ]


@needs_node
@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (12, 20)])
def test_drawings_of_all_digits_are_prepared_as_files_of_them(tmp_path, shape):
    path, inks, expected = tmp_path / "drawing.png", [], []
    for digit in range(10):
        ink = as_file(path, strokes(digit, (SIDE, SIDE), slant=0.2, way=1, at=(0.45, 0.55)))
        inks.append(ink)
        expected.append(read_picture(path, shape))
    for got, file in zip(seen(cases(inks, shape)), expected, strict=True):
        assert np.shape(got["views"]) == file.rows.shape
        np.testing.assert_allclose(got["views"], file.rows, atol=1e-4)
        assert got["oddity"] == file.oddity == ""


@needs_node
@pytest.mark.parametrize("name", SHAPES)
def test_what_is_odd_is_named_alike(tmp_path, monkeypatch, name):
    ink = as_file(tmp_path / "drawing.png", drawn(monkeypatch, SHAPES[name]))
    [got] = seen(cases([ink], (28, 28)))
    assert got["oddity"] == read_picture(tmp_path / "drawing.png", (28, 28)).oddity == name


@needs_node
def test_specks_beside_a_drawing_are_no_part_of_it(tmp_path):
    coverage = strokes(3, (SIDE, SIDE))
    coverage[20:22, 20:22] = 1
    ink = as_file(tmp_path / "drawing.png", coverage)
    [got] = seen(cases([ink], (28, 28)))
    expected = read_picture(tmp_path / "drawing.png", (28, 28))
    np.testing.assert_allclose(got["views"], expected.rows, atol=1e-4)
    [clean] = seen(cases([as_file(tmp_path / "3.png", strokes(3, (SIDE, SIDE)))], (28, 28)))
    np.testing.assert_allclose(got["views"], clean["views"], atol=1e-6)


@needs_node
def test_a_blank_sheet_is_nothing_to_ask_about(tmp_path):
    blank = np.zeros((SIDE, SIDE), np.float32)
    as_file(tmp_path / "blank.png", blank)
    with pytest.raises(ImageError, match="blank"):
        read_picture(tmp_path / "blank.png", (28, 28))
    assert seen(cases([blank], (28, 28)) + cases([1 - blank], (28, 28), "ofGrey")) == [None, None]


@needs_node
@pytest.mark.parametrize("is_light", [True, False])
def test_files_are_taken_with_either_ground(tmp_path, is_light):
    path = tmp_path / "digit.png"
    ink = as_file(path, strokes(5, (SIDE, SIDE)))
    expected = read_picture(path, (28, 28))
    [got] = seen(cases([1 - ink if is_light else ink], (28, 28), "ofGrey"))
    np.testing.assert_allclose(got["views"], expected.rows, atol=1e-4)


@needs_node
@pytest.mark.parametrize("is_light", [True, False])
def test_a_picture_of_the_networks_size_counts_as_prepared(tmp_path, is_light):
    path = tmp_path / "digit.png"
    pixels = np.random.default_rng(0).integers(0, 100, (28, 28)).astype(np.uint8)
    pixels[10:20, 10:20] = 255
    Image.fromarray(255 - pixels if is_light else pixels).save(path)
    grey = np.float32(255 - pixels if is_light else pixels) / 255
    [got] = seen(cases([grey], (28, 28), "ofGrey"))
    np.testing.assert_allclose(got["views"], read_picture(path, (28, 28)).rows, atol=1e-6)
    assert np.argmax(got["views"][0]) == pixels.argmax()


@needs_node
@pytest.mark.parametrize("size", [(50, 31), (31, 50), (32, 32), (10, 12)])
def test_colour_is_taken_from_the_middle_of_a_photograph(tmp_path, size):
    from scipy.ndimage import gaussian_filter

    path, (height, width) = tmp_path / "photo.png", size
    noise = np.random.default_rng(0).uniform(0, 255, (height, width, 3))
    pixels = np.uint8(gaussian_filter(noise, (1, 1, 0)))
    Image.fromarray(pixels).save(path)
    body = """
      const { width, height, channels, shape } = given;
      const found = Seeing.ofColour(channels.map((values) => ({ width, height, values })), shape);
      return found.views.map((view) => [...view]);
    """
    given = {"width": width, "height": height, "shape": [16, 16, 3]}
    given["channels"] = [(pixels[..., k].ravel() / 255).tolist() for k in range(3)]
    got = page_scripts.run("seeing.js", body, given)
    # Pillow rounds to 8 bits between rows and columns, and in the end.
    np.testing.assert_allclose(got, read_picture(path, (16, 16, 3)).rows, atol=1.5 / 255)


@needs_node
def test_views_are_combined_and_doubted_alike():
    views = np.random.default_rng(0).dirichlet(np.ones(10), (2, 5)) ** np.float64([[[1]], [[9]]])
    views /= views.sum(axis=2, keepdims=True)
    body = """
      const combined = given.map(Likeness.combined);
      return { combined, undecided: combined.map(Likeness.undecided) };
    """
    got = page_scripts.run("likeness.js", body, views.tolist())
    expected = [likeness.combined(rows) for rows in views]
    np.testing.assert_allclose(got["combined"], expected, rtol=1e-9)
    assert (
        got["undecided"] == [likeness.undecided(row) for row in expected] == ["no class fits", ""]
    )


@needs_node
@pytest.mark.parametrize(
    ("views", "kind", "expected"),
    [
        ([[0.5, 0.5], [1.0, 0.0]], "classification", [0.6754, 0.3246]),
        ([[0.2], [0.2]], "binary", [0.2]),
        ([[0.5], [0.0]], "binary", [0.3246]),
        ([[0.9, 0.8, 0.1], [0.1, 0.1, 0.1]], "binary", [0.9, 0.8, 0.1]),
        ([[7.5], [0.0]], "regression", [7.5]),
        ([[1.0, 3.0]], "regression", [1.0, 3.0]),
    ],
)
def test_only_shares_of_classes_are_put_together(views, kind, expected):
    body = "return Likeness.together(given.views, given.kind);"
    got = page_scripts.run("likeness.js", body, {"views": views, "kind": kind})
    np.testing.assert_allclose(got, expected, atol=1e-4)


@needs_node
def test_what_is_far_from_every_class_is_marked():
    body = """
      const far = Likeness.farFrom({ means: [[0, 0], [4, 0]], limit: 1.5 });
      return given.map(far);
    """
    words = ["", "", "far from every class"]
    assert page_scripts.run("likeness.js", body, [[0, 1], [4, 1], [2, 0]]) == words
