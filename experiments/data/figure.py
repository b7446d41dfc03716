"""The figure in a picture: strokes in uneven light, among rules, edges and dust.

As document scanners do it: the brightness of the paper is estimated around each pixel, and what is
darker is ink. Of the ink, what runs in from the side as a thin line is a rule, and what hangs on
the border is the table's edge or a shadow.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

__all__ = ["MIN_CONTRAST", "find", "is_dark_on_light"]

# Lengths are shares of the picture's shorter side.
AROUND = 0.2  # the standard deviation of the surroundings to which a pixel is compared
REACH = 0.6  # the side of the square that finds paper around a stroke, which must be narrower
MIN_CONTRAST = 0.1  # of the paper's brightness, below which a picture counts as blank
MIN_SIGNAL = 4.0  # of the paper's grain, likewise
MIN_LIGHT = 0.05  # of white; in deeper shade, noise would pass for ink
RULE = 0.015  # the width of a rule; strokes are wider, or bend
EDGE = 0.05  # the width of a stroke's blurred edge
MIN_FIGURE = 0.1  # the length of a figure
DUST = 0.03  # of the area of the largest part, below which a part is none
NEIGHBOURS = np.ones((3, 3), bool)  # pixels that touch at a corner belong together


def find(grey: np.ndarray) -> np.ndarray:
    """Finds the ink of the figure in a picture.

    Args:
      grey: (height, width) float32, brightness from 0 to 1.

    Returns:
      The figure's ink, (height, width) float32 from 0 to 1; all 0 if nothing stands out from the
      paper.
    """
    ink = _ink(grey)
    peak = ndimage.uniform_filter(ink, 3).max()
    grain = np.median(abs(np.diff(ink))) if ink.shape[1] > 1 else 0
    if peak <= max(MIN_CONTRAST, MIN_SIGNAL * grain):
        return np.zeros_like(ink)
    full = np.quantile(ink[ink > peak / 2], 0.75)
    is_rule = _rules(ink > full / 3)
    is_figure = _figure((ink > full / 2) & ~is_rule)
    width = int(EDGE * min(grey.shape)) + 1
    is_edge = (ink > full / 8) & ~is_rule
    is_near = ndimage.binary_dilation(is_figure, NEIGHBOURS, width, mask=is_edge)
    return np.where(is_near, np.minimum(ink / full, 1), 0)


def is_dark_on_light(grey: np.ndarray) -> bool:
    """Whether strokes are darker than the paper, of which there is more around them.

    Args:
      grey: (height, width) float32, brightness from 0 to 1.
    """
    image = Image.fromarray(grey)
    image.thumbnail((256, 256), Image.Resampling.BOX)
    small = np.asarray(image)
    deviation = AROUND * min(small.shape)
    away = small - ndimage.gaussian_filter(small, deviation, mode="nearest")
    return bool((away**3).sum() < 0)  # the skewness: the fewer pixels are the further away


def _ink(grey: np.ndarray) -> np.ndarray:
    """How much darker than the paper each pixel is, as a share of the light that falls there.

    The paper is a morphological closing, which fills what is dark and narrower than the reach and
    follows slopes of any direction (J. Serra, Image analysis and mathematical morphology, 1982).
    """
    reach = int(REACH * min(grey.shape)) | 1
    is_dark = is_dark_on_light(grey)
    dark = grey if is_dark else 1 - grey
    smooth = ndimage.gaussian_filter(dark, 1)
    paper = ndimage.grey_closing(smooth, reach, mode="nearest")
    light = paper if is_dark else ndimage.maximum_filter(1 - smooth, reach)
    return np.clip((paper - dark) / np.maximum(light, MIN_LIGHT), 0, 1)


def _rules(is_on: np.ndarray) -> np.ndarray:
    """Which pixels are of a rule across the picture, or down it."""
    across = _rules_across(is_on)
    return across | _rules_across((is_on & ~across).T).T


def _rules_across(is_on: np.ndarray) -> np.ndarray:
    """Which pixels are of a thin line that comes in from the left or the right.

    Where strokes cross the line, more pixels are on above and below: so they stay whole (I.
    Fujinaga, Staff detection and removal, in Visual perception of music notation, 2004).
    """
    width, side = is_on.shape[1], min(is_on.shape)
    thin, straight, gap = int(RULE * side) + 2, max(7, side // 12 | 1), width // 4 | 1
    columns, _ = ndimage.label(is_on, [[0, 1, 0]] * 3)
    is_thin = is_on & (np.bincount(columns.ravel())[columns] <= thin)
    lines = ndimage.maximum_filter1d(is_thin, 3, axis=0)  # a line out of level is a staircase
    lines = ndimage.grey_opening(lines, (1, straight), mode="nearest")
    lines = ndimage.maximum_filter1d(lines, 3, axis=0)
    lines = np.pad(lines, ((0, 0), (gap, gap)), mode="edge")
    lines = ndimage.grey_closing(lines, (1, gap))[:, gap:-gap]  # over the strokes that cross
    labels, _ = ndimage.label(lines, NEIGHBOURS)
    is_rule = [
        columns.stop - columns.start >= 0.1 * width
        and (columns.start <= thin or columns.stop >= width - thin)
        for _, columns in ndimage.find_objects(labels)
    ]
    return is_thin & np.array([False, *is_rule])[labels]


def _figure(is_on: np.ndarray) -> np.ndarray:
    """Which pixels are of large parts, and clear of the border if such make a figure."""
    labels, _ = ndimage.label(is_on, NEIGHBOURS)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    clear = areas.copy()
    for line in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        clear[line] = 0
    lengths = [max(part.stop - part.start for part in box) for box in ndimage.find_objects(labels)]
    if max((lengths[part - 1] for part in np.flatnonzero(clear)), default=0) >= MIN_FIGURE * min(
        is_on.shape
    ):
        areas = clear
    return (areas > DUST * areas.max())[labels]
