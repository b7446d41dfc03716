"""How many examples of each class a network took for each class."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from experiments.plots.style import DPI, INK, STYLE, save, shortened, text_width

__all__ = ["confusion_matrix"]

SIDE = 5.47  # inches of the matrix, and of what is around it
LEFT, RIGHT, TOP, BOTTOM = 0.72, 1.01, 0.47, 0.66
LONGEST = 20  # letters of a class's name


def confusion_matrix(
    path: str | PathLike[str],
    labels: np.ndarray,
    predictions: np.ndarray,
    num_classes: int,
    class_names: Sequence[str] = (),
) -> Path:
    """Draws how many examples of each class (rows) were taken for each class (columns).

    Colour follows the logarithm of the count, so that a few errors show beside thousands of hits.

    Args:
      path: the PNG to write.
      labels: (num_examples,) integers from 0 to num_classes - 1.
      predictions: (num_examples,) integers, the classes guessed.
      num_classes: how many; up to 20, the counts are written into the cells.
      class_names: a name for each class, or none where they are numbers.

    Returns:
      The path.
    """
    labels, predictions = np.asarray(labels, np.int64), np.asarray(predictions, np.int64)
    cells = labels * num_classes + predictions
    counts = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    with matplotlib.rc_context(STYLE):
        names = [shortened(name, LONGEST) for name in class_names]
        widest = max((text_width(name, 9) for name in names), default=0)
        step = -(-num_classes // (24 if num_classes <= 100 else 16))
        is_turned = widest > 0.9 * SIDE * step / num_classes
        left, bottom = LEFT + widest, BOTTOM + (widest if is_turned else 0)
        width, height = left + SIDE + RIGHT, bottom + SIDE + TOP
        figure = Figure((width, height), DPI)
        axes = figure.add_axes((left / width, bottom / height, SIDE / width, SIDE / height))
        norm = SymLogNorm(1, vmin=0, vmax=max(1, counts.max()))
        image = axes.imshow(counts, cmap="Blues", norm=norm)
        axes.set_xticks(range(0, num_classes, step))
        axes.set_yticks(range(0, num_classes, step))
        if names:
            shown: Any = {"parse_math": False}
            axes.set_xticklabels(names[::step], rotation=90 if is_turned else 0, **shown)
            axes.set_yticklabels(names[::step], **shown)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("guess")
        axes.set_ylabel("label")
        hits = int(np.trace(counts))
        share = f" ({100 * hits / len(labels):.2f} %)" if len(labels) else ""
        axes.set_title(f"{hits:,} of {len(labels):,} right{share}")
        if num_classes <= 20:
            _write_counts(axes, counts)
        place = (left + SIDE + 0.22) / width, bottom / height, 0.14 / width, SIDE / height
        bar = figure.colorbar(image, cax=figure.add_axes(place))
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
