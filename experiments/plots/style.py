"""How pictures look: colours, letters, numbers, and how they are saved.

Figures are made without pyplot: no display, no global state, and nothing to close. The colours are
Okabe and Ito's, which colour-blind readers can tell apart.
"""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from jaxmlp.objectives.records import Metric, of_column
from jaxmlp.storage.atomic import whole_file

__all__ = [
    "BLUE",
    "COLOURS",
    "DPI",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "PALE",
    "PERCENT",
    "STYLE",
    "factor",
    "interval_text",
    "is_share",
    "save",
    "shortened",
    "text_of",
    "text_width",
    "title",
]

DPI = 120
BLUE, GREEN, ORANGE = "#0072B2", "#009E73", "#D55E00"
INK, GREY, PALE = "#222222", "#6B6B6B", "#DDDDDD"
# Okabe and Ito's but the yellow, too pale for a line; olive is Tol's.
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", INK, "#999933")
FONT = "DejaVu Sans"  # comes with matplotlib: the same letters everywhere
STYLE: Any = {
    "font.family": FONT,
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
}
PERCENT = (0.0, 100.0)
NBSP = "\N{NO-BREAK SPACE}"


def save(path: str | PathLike[str], figure: Figure) -> Path:
    """Writes a figure as a PNG, whole or not at all.

    Args:
      path: the file.
      figure: what to write.

    Returns:
      The path.
    """
    with whole_file(path) as file:
        figure.savefig(file, format="png", pil_kwargs={"compress_level": 3})
    return Path(path)


def is_share(metric: str | Metric) -> bool:
    """Whether a metric is from 0 to 1, and shown in percent.

    Args:
      metric: its record, or a name alone, with or without that of a set.
    """
    return of_column(metric).is_share


def factor(metric: str | Metric) -> float:
    """What a metric is multiplied by to be shown.

    Args:
      metric: as of `is_share`.
    """
    return 100.0 if is_share(metric) else 1.0


def title(metric: str | Metric) -> str:
    """A metric's name with its unit.

    Args:
      metric: as of `is_share`.

    >>> title("test_accuracy")
    'test accuracy (%)'
    """
    return of_column(metric).name.replace("_", " ") + (" (%)" if is_share(metric) else "")


def text_of(metric: str | Metric, value: float) -> str:
    """A value as it is shown.

    Args:
      metric: as of `is_share`.
      value: in percent if it is a share.

    >>> text_of("loss", 0.123456), text_of("accuracy", np.nan)
    ('0.1235', 'no value')
    """
    if not np.isfinite(value):
        return "no value"
    return f"{value:.2f}{NBSP}%" if is_share(metric) else f"{value:.4g}"


def interval_text(metric: str | Metric, value: float, low: float, high: float) -> str:
    """A value with its interval, if it has one.

    Args:
      metric: as of `is_share`.
      value: in percent if it is a share.
      low: where the interval begins.
      high: where it ends.

    >>> interval_text("loss", 0.5, 0.25, 0.75)
    '0.5 (0.25 to 0.75)'
    """
    if not np.isfinite([low, high]).all():
        return text_of(metric, value)
    form = ".2f" if is_share(metric) else ".3g"
    return f"{text_of(metric, value)} ({low:{form}} to {high:{form}})"


def text_width(text: str, size: float) -> float:
    """How wide a line is, in inches.

    Args:
      text: the line.
      size: of its letters, in points.
    """
    font = FontProperties(family=FONT, size=size)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def shortened(text: str, limit: int) -> str:
    """A text without its middle, if it is too long.

    Args:
      text: any.
      limit: how many letters there may be.

    >>> shortened("a_long_name_of_an_axis", 12)
    'a_long_…axis'
    """
    end = limit // 3
    return text if len(text) <= limit else f"{text[: limit - end - 1]}…{text[-end:]}"
