import numpy as np
from PIL import Image

from experiments.plots.pixels import blank, enlarged, page_figure, save_page, tiles
from experiments.plots.style import DPI


def test_tiles_are_grey_and_share_one_scale():
    found = tiles(np.uint8([[0, 51], [255, 102]]), (1, 2), 2)
    assert found.shape == (2, 1, 2, 3)
    assert found[..., 0].tolist() == found[..., 2].tolist() == [[[0, 51]], [[255, 102]]]
    found = tiles(np.float32([[-1, 1], [3, np.nan]]), (1, 2), 2)  # from -1 to 3
    assert found[..., 1].tolist() == [[[0, 128]], [[255, 64]]]
    assert tiles(np.float32([[0.2, 1]]), (1, 2), 2)[..., 0].tolist() == [[[51, 255]]]


def test_images_grow_by_a_whole_factor_and_large_ones_lose_pixels():
    rows = np.arange(6, dtype=np.uint8).reshape(1, 6, 1) * np.ones(3, np.uint8)
    grown = enlarged(rows, (2, 3), 8)  # 3 pixels by 2, and not by 8 / 3
    assert grown.shape == (1, 4, 6, 3)
    assert grown[0, ::2, ::2, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert grown[0, 1::2, 1::2, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert enlarged(np.zeros((1, 100, 3)), (10, 10), 2).shape == (1, 4, 4, 3)


def test_a_page_is_saved_pixel_for_pixel_with_its_texts(tmp_path):
    page = blank(60, 90)
    page[10:20, 30:50] = (200, 0, 7)
    [text] = page_figure(page, [(45, 15, "$a", {"size": 8})]).texts
    assert text.get_position() == (0.5, 0.75)
    save_page(tmp_path / "page.png", page, [])
    with Image.open(tmp_path / "page.png") as image:
        assert image.size == (90, 60)
        assert np.array_equal(np.asarray(image.convert("RGB")), page)
    assert page_figure(page, []).get_size_inches().tolist() == [90 / DPI, 60 / DPI]


def test_tiles_of_three_numbers_a_pixel_are_in_colour():
    found = tiles(np.uint8([[255, 0, 51, 0, 102, 255]]), (1, 2, 3), 4)
    assert found.shape == (1, 2, 4, 3)
    assert found[0, 0, ::2].tolist() == [[255, 0, 51], [0, 102, 255]]
    assert tiles(np.zeros((2, 4 * 4 * 3), np.float32), (4, 4, 3), 2).shape == (2, 4, 4, 3)
