import gzip
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import photographs
import pytest
from PIL import Image, ImageDraw, ImageOps

from experiments.data.images import ImageError, read_as_it_is, read_image, read_picture

MNIST = (28, 28)
DIGITS = (8, 8)


def seven(size=(200, 200), height=0.6, width=0.36, at=(0.3, 0.2), stroke=0.07):
    """A seven in black on white; the measures are shares of the picture's shorter side."""
    image = Image.new("L", size, 255)
    short = min(size)
    x, y = at[0] * size[0], at[1] * size[1]
    right, bottom = x + width * short, y + height * short
    corners = [(x, y), (right, y), (x + 0.4 * (right - x), bottom)]
    ImageDraw.Draw(image).line(corners, fill=0, width=max(1, round(stroke * short)), joint="curve")
    return image


def save(path, image, **options):
    image.save(path, **options)
    return path


@pytest.fixture
def plain(tmp_path):
    """What comes of a plain black seven on white."""
    return read_image(save(tmp_path / "plain.png", seven()), MNIST)


def box(pixels, threshold=0.3):
    rows, columns = np.nonzero(pixels > threshold)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


@pytest.mark.parametrize("size", [(40, 40), (100, 300), (640, 480), (3000, 2000)])
def test_a_figure_is_20_of_28_high_with_its_centre_of_mass_in_the_middle(tmp_path, size):
    row = read_image(save(tmp_path / "a.png", seven(size)), MNIST)
    assert row.shape == (784,)
    assert row.dtype == np.float32
    assert row.min() == 0
    assert row.max() == 1
    pixels = row.reshape(MNIST)
    top, bottom, left, right = box(pixels)
    assert bottom - top in (19, 20)
    assert (right - left) / (bottom - top) == pytest.approx(0.6, abs=0.15)
    rows, columns = np.indices(MNIST)
    assert (pixels * rows).sum() / pixels.sum() == pytest.approx(14, abs=0.51)
    assert (pixels * columns).sum() / pixels.sum() == pytest.approx(14, abs=0.51)


def test_a_wide_figure_is_20_of_28_wide(tmp_path):
    image = seven((400, 200), height=0.3, width=1.2)
    _, _, left, right = box(read_image(save(tmp_path / "a.png", image), MNIST).reshape(MNIST))
    assert right - left in (19, 20)


def test_the_place_of_a_figure_does_not_matter(tmp_path, plain):
    image = Image.new("L", (700, 500), 255)
    image.paste(seven(), (430, 20))
    assert np.array_equal(read_image(save(tmp_path / "a.png", image), MNIST), plain)


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "RGBA", "LA", "I;16", "inverted"])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_modes_and_inversion_do_not_matter(tmp_path, plain, mode, ending):
    if mode == "inverted":
        image = ImageOps.invert(seven())
    elif mode == "I;16":
        image = Image.fromarray(np.asarray(seven()).astype(np.uint16) * 257)
    else:
        image = seven().convert(mode)
    row = read_image(save(tmp_path / f"a.{ending}", image), MNIST)
    np.testing.assert_allclose(row, plain, atol=0.01)


@pytest.mark.parametrize("ink", ["black", "white"])
def test_a_transparent_background_does_not_matter(tmp_path, plain, ink):
    image = Image.new("RGBA", (200, 200), ink)
    image.putalpha(ImageOps.invert(seven()))
    np.testing.assert_allclose(read_image(save(tmp_path / "a.png", image), MNIST), plain, atol=0.01)


def test_a_camera_that_lay_on_its_side_does_not_matter(tmp_path, plain):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned by 90 degrees clockwise
    turned = seven().transpose(Image.Transpose.ROTATE_90)
    row = read_image(save(tmp_path / "a.jpg", turned, quality=95, exif=exif), MNIST)
    assert abs(row - plain).mean() < 0.005


def test_grey_paper_with_noise_shade_dust_and_jpeg_does_not_matter(tmp_path, plain):
    rng = np.random.default_rng(0)
    ink = 1 - np.asarray(seven()) / 255
    for x, y in ((5, 5), (190, 100)):
        ink[y : y + 2, x : x + 2] = 1
    light = np.linspace(0.9, 0.7, 200)
    grey = (0.9 - 0.6 * ink) * light + rng.normal(0, 0.02, ink.shape)
    photo = Image.fromarray(np.uint8(255 * grey.clip(0, 1)))
    row = read_image(save(tmp_path / "a.jpg", photo, quality=40), MNIST)
    assert abs(row - plain).mean() < 0.02


@pytest.mark.parametrize("shape", [MNIST, DIGITS])
def test_a_picture_of_the_very_size_comes_through(tmp_path, shape):
    pixels = np.zeros(shape, np.uint8)
    pixels[2:5, 3:7] = np.random.default_rng(0).integers(1, 256, (3, 4))
    row = read_image(save(tmp_path / "a.png", Image.fromarray(pixels)), shape)
    np.testing.assert_allclose(row, pixels.ravel() / np.float32(255), rtol=1e-6)
    row = read_image(save(tmp_path / "a.png", Image.fromarray(255 - pixels)), shape)
    np.testing.assert_allclose(row, pixels.ravel() / np.float32(255), atol=1e-6)


@pytest.mark.parametrize("white", [4095, 65535])
def test_more_than_8_bits_keep_their_levels(tmp_path, white):
    pixels = np.zeros(MNIST, np.uint16)
    pixels[10, 10:13] = 0.3 * white, 0.5 * white, 0.8 * white
    row = read_image(save(tmp_path / "a.png", Image.fromarray(pixels)), MNIST)
    np.testing.assert_allclose(row.reshape(MNIST)[10, 10:13], [0.3, 0.5, 0.8], atol=0.001)


def test_a_thin_stroke_is_as_bright_as_a_broad_one(tmp_path):
    row = read_image(save(tmp_path / "a.png", seven((800, 800), stroke=0.01)), MNIST)
    assert row.max() == 1
    assert row.sum() > 15


def test_an_8x8_digit_stands_upright_from_top_to_bottom_with_broad_strokes(tmp_path):
    image = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(image).line([(130, 30), (70, 170)], fill=0, width=14)  # a leaning 1
    pixels = read_image(save(tmp_path / "a.png", image), DIGITS).reshape(DIGITS)
    assert set(16 * pixels.ravel()) <= set(range(17))  # shares of 4x4
    assert (pixels.max(axis=1) > 0.5).all()
    middles = pixels @ np.arange(8) / pixels.sum(axis=1)
    assert np.ptp(middles) < 1
    assert middles.mean() == pytest.approx(3.5, abs=0.5)
    thin = read_image(save(tmp_path / "a.png", seven(stroke=0.02)), DIGITS)
    assert thin.mean() > 0.2


@pytest.fixture(scope="module")
def mnist():
    """The first 100 test images, (100, 28, 28) uint8."""
    folder = os.environ.get("JAXMLP_DATA_DIR")
    name = "t10k-images-idx3-ubyte"
    places = [Path(folder or ".") / place for place in (".", "mnist", "MNIST/raw")]
    files = [place / file for place in places for file in (f"{name}.gz", name)]
    path = next((file for file in files if folder and file.is_file()), None)
    if path is None:
        pytest.skip("needs MNIST in the directory that JAXMLP_DATA_DIR names")
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return np.frombuffer(raw, np.uint8, offset=16)[: 100 * 784].reshape(100, 28, 28)


def test_a_test_digit_as_a_png_comes_through_exactly(tmp_path, mnist):
    for image in mnist[:20]:
        row = read_image(save(tmp_path / "a.png", Image.fromarray(image)), MNIST)
        assert np.array_equal(row, image.ravel() / np.float32(255))


def test_test_digits_blown_up_to_dark_jpegs_come_back(tmp_path, mnist):
    originals = mnist.reshape(100, 784) / np.float32(255)
    rows = []
    for image in mnist:
        large = Image.new("L", (300, 200), 255)
        digit = Image.fromarray(255 - image).resize((200, 200), Image.Resampling.BICUBIC)
        large.paste(digit, (50, 0))
        rows.append(read_image(save(tmp_path / "a.jpg", large, quality=75), MNIST))
    errors = abs(np.array(rows) - originals).mean(axis=1)
    assert errors.mean() < 0.04  # measured: 0.031, where a shift by one pixel makes 0.07
    squares = ((np.array(rows)[:, None] - originals) ** 2).sum(axis=-1)
    assert (squares.argmin(axis=1) == np.arange(100)).mean() > 0.95  # each is nearest to itself


def views(path, image):
    return read_picture(save(path / "a.png", image), MNIST).rows


def test_a_turned_figure_stands_upright_in_one_of_its_views(tmp_path):
    coverage = photographs.strokes(4, stroke=0.06)
    straight = views(tmp_path, Image.fromarray(np.uint8(255 * coverage)))
    for angle, view in ((14, 1), (-14, 2), (28, 3), (-28, 4)):
        turned = Image.fromarray(np.uint8(255 * coverage)).rotate(angle, Image.Resampling.BICUBIC)
        distances = abs(views(tmp_path, turned) - straight[0]).mean(axis=1)
        assert distances.argmin() == view
        assert distances[view] < 0.02
        assert distances[0] > 0.05


def test_the_first_view_is_what_read_image_gives(tmp_path, plain):
    rows = views(tmp_path, seven())
    assert rows.shape == (5, 784)
    assert rows.dtype == np.float32
    assert np.array_equal(rows[0], plain)


def test_a_picture_of_the_very_size_and_small_digits_have_one_view(tmp_path):
    small = seven((28, 28))
    assert views(tmp_path, small).shape == (1, 784)
    assert read_picture(save(tmp_path / "a.png", small), MNIST).oddity == ""
    assert read_picture(save(tmp_path / "a.png", seven()), DIGITS).rows.shape == (1, 64)


def test_what_is_odd_about_a_picture_is_said(tmp_path):
    word = Image.new("L", (400, 120), 255)
    for place in range(5):
        word.paste(seven((80, 120)), (80 * place, 0))
    assert read_picture(save(tmp_path / "a.png", word), MNIST).oddity == "several figures"
    assert read_picture(save(tmp_path / "a.png", seven()), MNIST).oddity == ""


def test_a_photograph_comes_as_the_plain_figure_does(tmp_path):
    """12 megapixels of ruled paper beside a lamp: reduced, and cleaned."""
    rng = np.random.default_rng(0)
    coverage = photographs.strokes(5, (400, 300), 0.5, 0.05)
    photo = photographs.ruled_gradient(coverage, rng).resize((4000, 3000))
    row = read_image(save(tmp_path / "a.jpg", photo), MNIST)
    clean = read_image(save(tmp_path / "a.png", photographs.clean(coverage, rng)), MNIST)
    assert abs(row - clean).mean() < 0.02


def png(width, height):
    """A small file that claims to be a picture of this size."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "expected a picture (.*), got another kind"),
        (b"no picture", "expected a picture (.*), got another kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "got another kind"),
        (png(50, 50), "expected an undamaged picture, got"),
        (png(10_000, 10_000), "expected at most [0-9,]+ pixels, got more"),
        (png(60_000, 60_000), "expected at most [0-9,]+ pixels, got more"),
    ],
)
def test_a_bad_file_gets_one_line_with_its_path(tmp_path, content, expected):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=expected) as caught:
        read_image(path, MNIST)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_directory_are_said(tmp_path):
    with pytest.raises(ImageError, match="expected a picture file, got no such file"):
        read_image(tmp_path / "missing.png", MNIST)
    with pytest.raises(ImageError, match="expected a picture file, got a directory"):
        read_image(tmp_path, MNIST)
    assert issubclass(ImageError, ValueError)


@pytest.mark.parametrize("shape", [MNIST, DIGITS])
@pytest.mark.parametrize(
    "blank",
    [
        Image.new("L", (28, 28), 255),
        Image.new("L", (200, 100), 0),
        Image.new("RGBA", (50, 50), (255, 255, 255, 0)),
        Image.new("L", (1, 1), 128),
        Image.fromarray(
            np.uint8(np.random.default_rng(0).normal(210, 10, (300, 200)).clip(0, 255))
        ),
    ],
)
def test_a_blank_picture_is_refused(tmp_path, blank, shape):
    with pytest.raises(ImageError, match="expected a figure on a background, got a blank picture"):
        read_image(save(tmp_path / "a.png", blank), shape)


def test_a_network_of_colours_takes_the_middle_of_a_photograph(tmp_path):
    photo = Image.new("RGB", (90, 60), (255, 0, 51))
    photo.paste((0, 102, 255), (45, 0, 90, 60))
    photo.paste((0, 255, 0), (0, 0, 15, 60))  # outside of the middle's square
    found = read_picture(save(tmp_path / "a.png", photo), (32, 32, 3))
    assert found.oddity == ""
    assert (found.rows.shape, found.rows.dtype) == ((1, 32 * 32 * 3), np.float32)
    pixels = found.rows.reshape(32, 32, 3)
    np.testing.assert_allclose(pixels[5, 4], [1, 0, 0.2], atol=0.01)
    np.testing.assert_allclose(pixels[5, 28], [0, 0.4, 1], atol=0.01)


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [("L", 102, 0.4), ("RGBA", (0, 0, 0, 102), 0.6), ("I;16", 26214, 0.4)],
)
def test_pictures_of_other_kinds_are_grey_to_a_network_of_colours(tmp_path, mode, colour, seen):
    picture = Image.new(mode, (20, 20), colour)
    if mode == "I;16":
        picture.putpixel((0, 0), 65535)
    row = read_image(save(tmp_path / "a.png", picture), (4, 4, 3))
    np.testing.assert_allclose(row[-3:], seen, atol=0.01)


def test_a_picture_as_it_is_has_the_pixels_that_training_has(tmp_path):
    grey = np.random.default_rng(0).integers(100, 256, (4, 5), np.uint8)  # dark on light
    path = save(tmp_path / "a.png", Image.fromarray(grey))
    found = read_as_it_is(path, (4, 5))
    assert (found.rows.dtype, found.rows.tolist()) == (np.uint8, [grey.ravel().tolist()])
    assert read_as_it_is(path, (4, 5, 3)).rows.tolist() == [grey.ravel().repeat(3).tolist()]
    assert read_as_it_is(path, (2, 9)).rows.shape == (1, 18)
    red = save(tmp_path / "b.png", Image.new("RGB", (9, 9), "red"))
    assert read_as_it_is(red, (2, 2)).rows.tolist() == [[76] * 4]
    assert read_as_it_is(red, (1, 1, 3)).rows.tolist() == [[255, 0, 0]]
