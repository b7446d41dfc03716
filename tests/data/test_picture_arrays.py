import numpy as np
import pytest
from PIL import Image

from experiments.data import picture_arrays
from experiments.data.idx import DataError


def save(folder, name, size, colour=None):
    path = folder / name
    Image.new("L" if colour is None else "RGB", size, 9 if colour is None else colour).save(path)
    return path


def test_pictures_of_one_size_are_as_they_are(tmp_path):
    files = [save(tmp_path, f"{i}.png", (4, 3)) for i in range(3)]
    found, notes = picture_arrays.read(files, None)
    assert (found.shape, found.dtype, notes) == ((3, 3, 4), np.uint8, [])
    assert (found == 9).all()
    assert picture_arrays.read(files, (3, 4))[1] == []


def test_one_in_colour_makes_all_so_and_says_so(tmp_path):
    files = [save(tmp_path, "a.png", (4, 3)), save(tmp_path, "b.png", (4, 3), (1, 2, 3))]
    found, notes = picture_arrays.read(files, None)
    assert found[:, 0, 0].tolist() == [[9, 9, 9], [1, 2, 3]]
    assert notes == ["1 of 2 pictures are grey, and taken as in colour too"]
    assert picture_arrays.read(files[1:], None)[1] == []


def test_several_sizes_are_refused_with_the_flag_that_mends_it(tmp_path):
    sizes = [(4, 3), (4, 3), (300, 200), (5, 3)]
    files = [save(tmp_path, f"{i}.png", size) for i, size in enumerate(sizes)]
    expected = (
        r"0.png: expected pictures of one size, got 3x4 here and 200x300 in .*2.png, of 3 sizes "
        "from 3x4 to 200x300: --image_size=3x4 mends it$"
    )
    with pytest.raises(DataError, match=expected):
        picture_arrays.read(files, None)
    found, notes = picture_arrays.read(files, (3, 4))
    assert found.shape == (4, 3, 4)
    assert notes == ["pictures of 3 sizes from 3x4 to 200x300 are brought to 3x4"]
    with pytest.raises(DataError, match="--image_size=64x64"):
        picture_arrays.read([save(tmp_path, "l.png", (99, 98)), files[2]], None)


def test_more_than_the_memory_holds_is_refused_before_it_is_read(tmp_path, monkeypatch):
    files = [save(tmp_path, "a.png", (40, 30))] * 100
    monkeypatch.setattr(picture_arrays.memory, "available", lambda device: 700_000)
    with pytest.raises(DataError, match=r"expected pictures for the memory, .*=30x40 makes them"):
        picture_arrays.read(files, None)
    assert picture_arrays.read(files, (10, 10))[0].shape == (100, 10, 10)
