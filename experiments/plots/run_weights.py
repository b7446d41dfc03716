"""The weights of a network's first layer as images."""

from os import PathLike
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from experiments.plots.pixels import blank, enlarged, page_figure, save_page
from experiments.plots.style import STYLE, save

__all__ = ["first_layer"]

MAX_UNITS = 100


def first_layer(
    path: str | PathLike[str], kernel: np.ndarray, image_shape: tuple[int, ...]
) -> Path:
    """Draws the weights into up to 100 hidden units as images, those of the largest norm first.

    Args:
      path: the PNG to write.
      kernel: (height * width, num_units), the first layer's, or (height * width * 3, num_units).
      image_shape: (height, width), or (height, width, 3): then a weight's colour is its input's,
        and grey is 0.

    Returns:
      The path.
    """
    kernel = np.asarray(kernel, np.float64)
    order = np.argsort(-np.linalg.norm(kernel, axis=0), kind="stable")[:MAX_UNITS]
    weights = kernel[:, order].T
    finite = np.abs(weights[np.isfinite(weights)])
    limit = float(np.quantile(finite, 0.998)) if finite.size else 0.0
    mappable = ScalarMappable(Normalize(-(limit or 1), limit or 1), "RdBu_r")
    if in_colour := len(image_shape) == 3:
        drawn = np.clip(np.nan_to_num(128 + 127 * weights / (limit or 1)), 0, 255).astype(np.uint8)
    else:
        drawn = mappable.to_rgba(weights, bytes=True)[..., :3]
    colours = enlarged(drawn, image_shape, 84)
    columns = min(10, len(order))
    height, width = colours.shape[1] + 6, colours.shape[2] + 6
    rows = -(-len(order) // columns)
    page = blank(max(58 + height * rows, 190), max(110 + width * columns, 520))
    for i, tile in enumerate(colours):
        x, y = 18 + width * (i % columns), 46 + height * (i // columns)
        page[y : y + len(tile), x : x + tile.shape[1]] = tile
    shown = f"{len(order)} of {kernel.shape[1]}"
    title = f"Weights into {shown} hidden units, the largest norm first"
    if in_colour:
        return save_page(path, page, [(18, 24, f"{title}; grey is 0", {"size": 10})])
    with matplotlib.rc_context(STYLE):
        figure = page_figure(page, [(18, 24, title, {"size": 10})])
        x, y, high = 30 + width * columns, 46, max(height * rows - 6, 126)
        box = (x / page.shape[1], 1 - (y + high) / len(page), 14 / page.shape[1], high / len(page))
        bar = figure.colorbar(mappable, cax=figure.add_axes(box), extend="both")
        bar.outline.set_visible(False)
        bar.locator = MaxNLocator(5, symmetric=True)
        return save(path, figure)
