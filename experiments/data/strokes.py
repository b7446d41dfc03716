"""Whether a figure looks like one handwritten character, whatever a network may say of it."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

__all__ = ["oddity"]

# Of MNIST's digits, 1.2 % exceed one of these limits or another.
SIDE = 80  # pixels of the figure's longer side when it is measured
MAX_PARTS = 3
MAX_HOLES = 2
MAX_WIDTH = 1.65  # of its height
MAX_LENGTH = 2.6  # of all strokes, as a share of the longer side
MAX_BREADTH = 0.65  # of a stroke, likewise
SMALL = 0.003  # of the square of the longer side: neither a part nor a hole


def oddity(ink: Image.Image) -> str:
    """What makes a figure unlike a handwritten character.

    Args:
      ink: the figure within its bounding box, from 0 to 1.

    Returns:
      A few words, or none if there is nothing odd about it.
    """
    size = [max(1, round(side * SIDE / max(ink.size))) for side in ink.size]
    is_on = np.pad(np.asarray(ink.resize(size, Image.Resampling.BILINEAR)) > 0.5, 1)
    depth = ndimage.distance_transform_edt(is_on)[is_on]
    length = len(depth) / (4 * depth.mean())  # a stroke's mean depth is a quarter of its breadth
    found = {
        "several figures": _count(is_on, np.ones((3, 3))) > MAX_PARTS,
        "wide": ink.width > MAX_WIDTH * ink.height,
        "many loops": _count(~is_on, None) - 1 > MAX_HOLES,
        "tangled": length > MAX_LENGTH * SIDE,
        "a blot": 2 * depth.max() > MAX_BREADTH * SIDE,
    }
    return next((name for name, is_so in found.items() if is_so), "")


def _count(is_on: np.ndarray, neighbours: np.ndarray | None) -> int:
    """How many parts there are that are not small."""
    labels, _ = ndimage.label(is_on, neighbours)
    return int((np.bincount(labels.ravel())[1:] >= SMALL * SIDE**2).sum())
