import os

import pytest
from PIL import Image

from experiments.data import picture_files
from experiments.data.picture_files import ImageError


def test_a_size_is_read_as_the_camera_was_held(tmp_path):
    image, path = Image.new("RGB", (30, 20)), tmp_path / "a.jpg"
    image.save(path)
    assert picture_files.size(path) == (20, 30)
    for orientation, size in ((3, (20, 30)), (6, (30, 20)), (8, (30, 20))):
        exif = Image.Exif()
        exif[0x0112] = orientation
        image.save(path, exif=exif)
        assert picture_files.size(path) == size
        assert picture_files.read(path, picture_files.upright).size[::-1] == size


def test_what_is_transparent_is_white():
    half = Image.new("RGBA", (1, 1), (0, 0, 0, 51))
    assert picture_files.on_white(half).getpixel((0, 0)) == (204, 204, 204, 255)


def test_what_is_no_file_or_nothing_to_wait_for_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    for name in ("pipe.png", "gone.png", "none.png"):
        with pytest.raises(ImageError, match=f"{name}: expected a picture file, got no such file"):
            picture_files.size(tmp_path / name)


def test_what_goes_wrong_in_the_making_is_said_with_the_path(tmp_path):
    Image.new("L", (3, 3)).save(tmp_path / "a.png")

    def make(image):
        raise ImageError("as it is")

    with pytest.raises(ImageError, match="^as it is$"):
        picture_files.read(tmp_path / "a.png", make)
    with pytest.raises(ImageError, match=r"a.png: expected an undamaged picture, got division"):
        picture_files.read(tmp_path / "a.png", lambda image: 1 / 0)
