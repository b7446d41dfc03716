"""How many examples of each class a network took for each class."""

from os import PathLike
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from experiments.plots.style import DPI, INK, STYLE, save

__all__ = ["confusion_matrix"]


def confusion_matrix(
    path: str | PathLike[str], labels: np.ndarray, predictions: np.ndarray, num_classes: int
) -> Path:
    """Draws how many examples of each class (rows) were taken for each class (columns).

    Colour follows the logarithm of the count, so that a few errors show beside thousands of hits.

    Args:
      path: the PNG to write.
      labels: (num_examples,) integers from 0 to num_classes - 1.
      predictions: (num_examples,) integers, the classes guessed.
      num_classes: how many; up to 20, the counts are written into the cells.

    Returns:
      The path.
    """
    labels, predictions = np.asarray(labels, np.int64), np.asarray(predictions, np.int64)
    cells = labels * num_classes + predictions
    counts = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    with matplotlib.rc_context(STYLE):
        figure = Figure((7.2, 6.6), DPI)
        axes = figure.add_axes((0.1, 0.1, 0.76, 0.76 * 7.2 / 6.6))
        norm = SymLogNorm(1, vmin=0, vmax=max(1, counts.max()))
        image = axes.imshow(counts, cmap="Blues", norm=norm)
        step = -(-num_classes // (24 if num_classes <= 100 else 16))
        axes.set_xticks(range(0, num_classes, step))
        axes.set_yticks(range(0, num_classes, step))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("guess")
        axes.set_ylabel("label")
        hits = int(np.trace(counts))
        share = f" ({100 * hits / len(labels):.2f} %)" if len(labels) else ""
        axes.set_title(f"{hits:,} of {len(labels):,} right{share}")
        if num_classes <= 20:
            _write_counts(axes, counts)
        bar = figure.colorbar(image, cax=figure.add_axes((0.89, 0.1, 0.02, 0.76 * 7.2 / 6.6)))
        bar.outline.set_visible(False)
        bar.set_ticks([0, *(10**i for i in range(10) if 10**i <= norm.vmax)])
        bar.formatter = StrMethodFormatter("{x:,.0f}")
        bar.minorticks_off()
        bar.set_label("examples (logarithmic scale)")
        return save(path, figure)


def _write_counts(axes: Axes, counts: np.ndarray) -> None:
    """Numbers into the cells, white where the cell is dark; nothing into empty ones."""
    dark = np.log1p(counts) > 0.6 * np.log1p(counts.max())
    size = 10 if len(counts) <= 12 else 6.5
    for row, column in np.argwhere(counts):
        colour = "white" if dark[row, column] else INK
        text = f"{counts[row, column]}"
        axes.text(column, row, text, color=colour, size=size, ha="center", va="center")
