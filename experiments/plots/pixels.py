"""Pictures of many small images: one array laid out to the pixel with texts over it.

A hundred axes are slow.
"""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from experiments.plots.style import DPI, STYLE, save

__all__ = ["Text", "blank", "enlarged", "page_figure", "save_page", "tiles"]

Text = tuple[float, float, str, dict[str, Any]]  # x, y in pixels from the top left; what; how


def tiles(images: np.ndarray, image_shape: tuple[int, ...], side: int) -> np.ndarray:
    """Images as the network saw them, in grey or in colour.

    Pixels, and floats from 0 to 1, are shown as they are; floats of a wider range are squeezed into
    it together.

    Args:
      images: (num_images, height * width) uint8, or float; of colours three a pixel.
      image_shape: (height, width), or (height, width, 3).
      side: of a tile, about, in pixels.

    Returns:
      (num_images, tile height, tile width, 3) uint8.
    """
    values = np.asarray(images, np.float64) / (255 if images.dtype == np.uint8 else 1)
    values = np.nan_to_num(values, posinf=0, neginf=0)
    low, high = min(values.min(initial=0), 0), max(values.max(initial=1), 1)
    shown = np.round(255 * (values - low) / (high - low)).astype(np.uint8)
    colours = shown if len(image_shape) == 3 else np.stack([shown] * 3, axis=-1)
    return enlarged(colours, image_shape, side)


def enlarged(rows: np.ndarray, image_shape: tuple[int, ...], side: int) -> np.ndarray:
    """Images larger, or every second or third pixel of them.

    Args:
      rows: (num_images, height * width, 3), or (num_images, height * width * 3).
      image_shape: (height, width), or (height, width, 3).
      side: that they should have, about, by a whole factor.

    Returns:
      (num_images, tile height, tile width, 3).
    """
    longest = max(image_shape[:2])
    images = rows.reshape(len(rows), *image_shape[:2], 3)
    factor, shrink = max(1, side // longest), -(-longest // (2 * side))
    return images[:, ::shrink, ::shrink].repeat(factor, axis=1).repeat(factor, axis=2)


def blank(height: int, width: int) -> np.ndarray:
    """A white page, (height, width, 3) uint8."""
    return np.full((height, width, 3), 255, np.uint8)


def page_figure(page: np.ndarray, texts: Sequence[Text]) -> Figure:
    """A figure that shows an array pixel for pixel, with texts over it.

    Args:
      page: (height, width, 3) uint8.
      texts: what is written where.
    """
    height, width = page.shape[:2]
    figure = Figure((width / DPI, height / DPI), DPI)
    opaque = np.full((height, width, 1), 255, np.uint8)  # matplotlib is slower at adding it
    figure.figimage(np.concatenate([page, opaque], axis=-1), origin="upper", zorder=-1)
    for x, y, text, style in texts:
        placed = {"va": "center_baseline", "parse_math": False, **style}
        figure.text(x / width, 1 - y / height, text, **placed)
    return figure


def save_page(path: str | PathLike[str], page: np.ndarray, texts: Sequence[Text]) -> Path:
    """Writes an array with texts over it as a PNG."""
    with matplotlib.rc_context(STYLE):
        return save(path, page_figure(page, texts))
