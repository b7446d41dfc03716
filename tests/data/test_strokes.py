import numpy as np
import photographs
import pytest
from PIL import Image, ImageDraw

from experiments.data.strokes import oddity


def drawn(draw, size=(200, 200)):
    image = Image.new("L", size)
    draw(ImageDraw.Draw(image))
    return Image.fromarray(np.float32(image.crop(image.getbbox())) / 255)


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("stroke", [0.04, 0.08, 0.15])
@pytest.mark.parametrize("way", [0, 1])
def test_a_digit_is_not_odd(digit, stroke, way):
    coverage = photographs.strokes(digit, (200, 200), 0.7, stroke, slant=0.2, way=way)
    image = Image.fromarray(coverage)
    assert oddity(image.crop(Image.fromarray(coverage > 0.5).getbbox())) == ""


@pytest.mark.parametrize("size", [(3, 3), (20, 20), (900, 700)])
def test_size_does_not_matter(size):
    blot = drawn(lambda pen: pen.ellipse((20, 20, 180, 180), 255))
    assert oddity(blot.resize(size)) == "a blot"


def test_four_parts_are_several_figures_and_three_are_not():
    def bars(count):
        def draw(pen):
            for i in range(count):
                pen.rectangle((30 * i, 0, 30 * i + 12, 150), 255)

        return drawn(draw)

    assert oddity(bars(4)) == "several figures"
    assert oddity(bars(3)) == ""


def test_specks_are_no_figures():
    def draw(pen):
        pen.rectangle((50, 0, 70, 150), 255)
        for i in range(5):
            pen.point((80, 20 * i), 255)

    assert oddity(drawn(draw)) == ""


def test_what_is_far_wider_than_high_is_wide():
    def bow(width):
        return drawn(lambda pen: pen.arc((0, 0, width, 100), 0, 180, 255, 12), (300, 200))

    assert oddity(bow(200)) == "wide"
    assert oddity(bow(60)) == ""


def test_three_holes_are_many_loops():
    def rings(count):
        def draw(pen):
            for i in range(count):
                pen.ellipse((50, 60 * i, 120, 60 * i + 72), outline=255, width=12)

        return drawn(draw, (200, 300))

    assert oddity(rings(3)) == "many loops"
    assert oddity(rings(2)) == ""


def test_a_long_stroke_is_tangled():
    def comb(count):
        def draw(pen):
            pen.line((20, 20, 20, 180), 255, 8)
            for i in range(count):
                pen.line((20, 22 + 22 * i, 150, 22 + 22 * i), 255, 8)

        return drawn(draw)

    assert oddity(comb(8)) == "tangled"
    assert oddity(comb(2)) == ""
