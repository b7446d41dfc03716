import base64

import numpy as np

from experiments.report import pictures


def test_bytes_stay_and_floats_from_0_to_1_become_them():
    rows = np.arange(6, dtype=np.uint8).reshape(1, 6)
    assert pictures.pixels(rows, (2, 3)).tolist() == [[[0, 1, 2], [3, 4, 5]]]
    assert pictures.pixels(np.float32([[0, 0.2, 1, 0.4]]), (2, 2)).tolist() == [
        [[0, 51], [255, 102]]
    ]
    wide = np.float32([[-1, 1, np.nan, np.inf]])
    assert pictures.pixels(wide, (2, 2)).tolist() == [[[0, 255], [128, 128]]]


def test_colours_stay_together():
    rows = np.arange(12, dtype=np.uint8)[None]
    assert pictures.pixels(rows, (2, 2, 3))[0, 1, 0].tolist() == [6, 7, 8]
    assert pictures.shown_shape((2, 2, 3)) == [2, 2, 3]


def test_a_large_picture_has_every_second_pixel():
    rows = np.tile(np.arange(100, dtype=np.uint8), 100)[None]
    assert pictures.pixels(rows, (100, 100)).shape == (1, 50, 50)
    assert pictures.pixels(rows, (100, 100))[0, 0, :3].tolist() == [0, 2, 4]


def test_weights_have_128_for_none_and_keep_their_signs():
    images, limit = pictures.signed(np.array([[-0.5, 0, 0.25, 0.5]]), (2, 2))
    assert limit == 0.5
    assert images.tolist() == [[[1, 128], [192, 255]]]
    assert pictures.signed(np.zeros((1, 4)), (2, 2))[0].tolist() == [[[128, 128], [128, 128]]]
    assert pictures.signed(np.array([[np.nan, 1, 1, 1]]), (2, 2))[0][0, 0, 0] == 128


def test_text_is_the_bytes():
    assert base64.b64decode(pictures.as_text(np.array([[1, 255]]))) == b"\x01\xff"
