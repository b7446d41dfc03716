"""What a regression answers, against what is true."""

from os import PathLike
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from experiments.plots.style import BLUE, DPI, GREY, STYLE, save

__all__ = ["values"]

MOST = 4  # values an example that have a panel of their own


def values(path: str | PathLike[str], true: np.ndarray, answered: np.ndarray) -> Path:
    """Draws a point for each example and value, on the diagonal where the answer is right.

    Args:
      path: the PNG to write.
      true: (num_examples,) or (num_examples, num_values).
      answered: (num_examples, num_values); what is not finite is left out.

    Returns:
      The path.
    """
    true = true.reshape(answered.shape)
    panels = min(MOST, answered.shape[1])
    with matplotlib.rc_context(STYLE):
        figure = Figure((4.2 * panels, 4.2), DPI)
        for i in range(panels):
            axes = figure.add_axes(((i + 0.2) / panels, 0.14, 0.74 / panels, 0.76))
            finite = np.isfinite(true[:, i]) & np.isfinite(answered[:, i])
            x, y = true[finite, i], answered[finite, i]
            axes.plot(x, y, ".", color=BLUE, alpha=0.5, markersize=4)
            if len(x):
                ends = min(x.min(), y.min()), max(x.max(), y.max())
                axes.plot(ends, ends, color=GREY, linewidth=0.8, zorder=0)
            axes.set_xlabel("true")
            axes.set_ylabel("answered")
            axes.set_title("test set" if panels == 1 else f"test set, value {i + 1}")
        return save(path, figure)
