import numpy as np
import pytest
from PIL import Image

from experiments.data import photographs
from experiments.data.picture_files import ImageError

GREY = np.random.default_rng(0).integers(0, 256, (5, 7), np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)


def save(path, image, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_a_grey_picture_is_grey_however_it_is_kept(tmp_path, mode):
    found = photographs.read(save(tmp_path / "a.png", Image.fromarray(GREY).convert(mode)))
    assert found.dtype == np.uint8
    assert found.tolist() == GREY.tolist()
    assert found.flags.c_contiguous


def test_a_picture_in_colour_is_as_it_is(tmp_path):
    path = save(tmp_path / "a.png", Image.fromarray(COLOUR))
    assert photographs.read(path).tolist() == COLOUR.tolist()
    assert photographs.read(path, (5, 7)).tolist() == COLOUR.tolist()
    almost = np.repeat(GREY[..., None], 3, axis=-1)
    almost[4, 6, 2] ^= 1
    assert photographs.read(save(path, Image.fromarray(almost))).shape == (5, 7, 3)


def test_black_and_white_16_bits_and_cmyk_are_read(tmp_path):
    black = Image.fromarray(GREY > 99)
    assert (
        photographs.read(save(tmp_path / "a.png", black)).tolist() == (255 * (GREY > 99)).tolist()
    )
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    assert photographs.read(save(tmp_path / "a.png", deep)).tolist() == GREY.tolist()
    cmyk = Image.fromarray(COLOUR).convert("CMYK")
    assert photographs.read(save(tmp_path / "a.tif", cmyk)).shape == (5, 7, 3)


def test_what_is_transparent_is_white(tmp_path):
    image = Image.fromarray(COLOUR).convert("RGBA")
    image.putalpha(Image.fromarray(np.uint8([[0] * 7] * 2 + [[255] * 7] * 3)))
    found = photographs.read(save(tmp_path / "a.png", image))
    assert (found[:2] == 255).all()
    assert (found[2:] == COLOUR[2:]).all()


def test_a_middle_is_brought_to_a_size(tmp_path):
    wide = Image.new("L", (90, 30), 200)
    wide.paste(40, (30, 0, 60, 30))
    found = photographs.read(save(tmp_path / "a.png", wide), (10, 10))
    assert found.shape == (10, 10)
    assert (abs(found[:, 1:-1].astype(int) - 40) < 5).all()
    found = photographs.read(tmp_path / "a.png", (10, 30))  # height first
    assert found.shape == (10, 30)
    assert (found[5, 2], found[5, 15], found[5, 27]) == (200, 40, 200)


def test_numbers_that_are_no_pixels_are_refused(tmp_path):
    path = save(tmp_path / "a.tif", Image.fromarray(np.float32(GREY)))
    with pytest.raises(ImageError, match=r"a.tif: expected 8 or 16 bits a pixel, got floats"):
        photographs.read(path)
    save(path, Image.fromarray(np.int32(GREY) * 1000))
    with pytest.raises(ImageError, match="expected at most 16 bits a pixel, got numbers from "):
        photographs.read(path)


def test_colours_and_greys_of_each_other():
    assert photographs.in_colour(COLOUR) is COLOUR
    assert photographs.in_grey(GREY) is GREY
    assert photographs.in_grey(photographs.in_colour(GREY)).tolist() == GREY.tolist()


def test_a_camera_that_lay_on_its_side_does_not_matter(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = Image.fromarray(GREY).transpose(Image.Transpose.ROTATE_90)
    found = photographs.read(save(tmp_path / "a.png", turned, exif=exif))
    assert found.tolist() == GREY.tolist()
