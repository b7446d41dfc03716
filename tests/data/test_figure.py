import numpy as np
import photographs
import pytest
from scipy import ndimage

from experiments.data import figure

SIZES = ((90, 90), (200, 200), (240, 320))
UPRIGHT = (*photographs.CLEAN, *photographs.LIT, *photographs.MARKED)


def pictures(kind, slant=0.15):
    """Ten digits of several sizes and strokes: the coverage, and the brightness of a picture."""
    rng = np.random.default_rng(0)
    for digit in range(10):
        height, stroke = (0.5, 0.05) if digit % 2 else (0.65, 0.1)
        size = SIZES[digit % len(SIZES)]
        coverage = photographs.strokes(digit, size, height, stroke, slant=slant, way=digit // 5)
        image = kind(coverage, rng)
        if image.mode == "RGBA":
            image = image.getchannel("A")
        yield coverage, np.float32(image.convert("L")) / 255


def overlap(found, coverage):
    """Of all pixels that are on in either, the share that is on in both."""
    found, coverage = found > 0.5, coverage > 0.5
    return (found & coverage).sum() / max(1, (found | coverage).sum())


@pytest.mark.parametrize("kind", UPRIGHT, ids=lambda kind: kind.__name__)
def test_what_is_found_is_what_was_drawn(kind):
    shares = [overlap(figure.find(grey), coverage) for coverage, grey in pictures(kind)]
    assert sum(share > 0.6 for share in shares) >= 9, np.round(shares, 2)
    assert np.median(shares) > 0.75, np.round(shares, 2)


@pytest.mark.parametrize("kind", photographs.KINDS, ids=lambda kind: kind.__name__)
def test_ink_is_told_from_paper(kind):
    is_board = kind in (photographs.on_black, photographs.on_board, photographs.gradient_on_board)
    light_ink = is_board or kind is photographs.transparent
    for _, grey in pictures(kind):
        assert figure.is_dark_on_light(grey) == (not light_ink)


@pytest.mark.parametrize("digit", [0, *range(2, 10)])  # a 1 might be either, ink or paper
@pytest.mark.parametrize("is_dark", [True, False])
def test_a_figure_that_fills_its_picture_is_found(digit, is_dark):
    coverage = photographs.strokes(digit, stroke=0.1)
    rows, columns = np.nonzero(coverage > 0.5)
    tight = coverage[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    ink = figure.find(1 - tight if is_dark else tight)
    assert overlap(ink, tight) > 0.7


@pytest.mark.parametrize(("paper", "ink"), [(1, 0.2), (0.25, 1)])
def test_ink_is_full_where_the_light_is_not(paper, ink):
    """In light from 205 down to 75, ink counts as much at the dark end as at the light one."""
    coverage = photographs.strokes(8, (300, 300), 0.8, 0.06)
    light = np.linspace(205, 75, 300) / 255
    found = figure.find(np.float32(light * (paper + (ink - paper) * coverage)))
    for half in (np.s_[:, :150], np.s_[:, 150:]):
        assert np.median(found[half][coverage[half] == 1]) > 0.8


@pytest.mark.parametrize("side", range(4))
def test_what_hangs_on_the_border_is_no_figure(side):
    coverage = photographs.strokes(5, (200, 200), 0.5)
    grey = 1 - coverage
    np.rot90(grey, side)[:18] = 0.1
    ink = figure.find(grey)
    assert np.rot90(ink, side)[:25].max() == 0
    assert overlap(ink, coverage) > 0.95


@pytest.mark.parametrize("directions", ["across", "down", "both"])
def test_rules_go_and_the_strokes_that_cross_them_stay(directions):
    coverage = photographs.strokes(4, (300, 300), 0.6, 0.06)
    is_rule = np.arange(300) % 40 < 2
    rules = np.zeros((300, 300), bool)
    if directions != "down":
        rules |= is_rule[:, None]
    if directions != "across":
        rules |= is_rule
    ink = figure.find(np.where(rules, np.float32(0.1), 1 - coverage))
    assert overlap(ink, coverage) > 0.9
    is_far = ndimage.maximum_filter(coverage, 7) == 0
    assert ink[is_far].max() == 0


def test_a_thin_stroke_is_no_rule():
    """The foot of a thin 2 is level, straight and long, but it comes from no side."""
    coverage = photographs.strokes(2, (300, 300), 0.8, 0.012)
    assert overlap(figure.find(1 - coverage), coverage) > 0.8


def test_dust_goes_and_a_stroke_apart_stays():
    coverage = photographs.strokes(4, (200, 200), 0.6, 0.06, way=1)
    dusty = coverage.copy()
    dusty[20:23, 20:23] = 1
    assert figure.find(1 - dusty)[15:30, 15:30].max() == 0
    apart = np.zeros((200, 200), np.float32)
    apart[50:150, 60:75] = apart[50:150, 120:130] = 1
    assert overlap(figure.find(1 - apart), apart) > 0.95


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("level", [0.05, 0.5, 0.85])
def test_paper_without_a_figure_has_no_ink(level, noise):
    grey = level + noise * np.random.default_rng(0).normal(size=(150, 200))
    assert not figure.find(np.float32(grey.clip(0, 1))).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (3, 900), (900, 3)])
def test_a_picture_of_any_shape_is_read(shape):
    grey = np.random.default_rng(0).random(shape, np.float32)
    ink = figure.find(grey)
    assert ink.shape == shape
    assert ink.min() >= 0
    assert ink.max() <= 1
