"""Pages of panels one below the other, with legends right of them and notes below.

Matplotlib measures what is written around a panel, and the page takes the size that this needs, so
that panels keep theirs. Its constrained layout keeps the page's size instead; grown until the
panels have theirs, it takes 0.25 s a picture, and this 0.03 s.
"""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple

from experiments.plots.scales import WIDTH
from experiments.plots.style import DPI, GREY

__all__ = ["LEFT", "arrange", "legend", "panels", "wrapped"]

LEFT = 0.68  # inches, the least that is left of panels
TOP, EDGE, BETWEEN = 0.5, 0.14, 0.18  # inches: to the panels, to all else, and between panels
SMALL = 7.5  # points


def panels(*heights: float) -> tuple[Figure, list[Axes]]:
    """A figure with empty panels, to be drawn in and then arranged.

    Args:
      *heights: of the panels, in inches.
    """
    figure = Figure((WIDTH, sum(heights)), DPI)
    tops = [sum(heights[:i]) / sum(heights) for i in range(len(heights) + 1)]
    spans = zip(tops[1:], tops[:-1], strict=True)
    return figure, [figure.add_axes((0, 1 - low, 1, low - high)) for low, high in spans]


def legend(axes: Axes, handles: Sequence[Any], entries: Sequence[str], heading: str = "") -> None:
    """Writes a legend beside a panel, if it has entries.

    Args:
      axes: the panel.
      handles: as many as entries, or more.
      entries: what is written at each.
      heading: above them.
    """
    if not entries:
        return
    made = axes.legend(
        handles[: len(entries)],
        ["\n".join(wrapped(entry)) for entry in entries],
        title=heading or None,
        handler_map={tuple: HandlerTuple(ndivide=1, pad=0)},
        loc="upper left",
        bbox_to_anchor=(1 + 0.15 / WIDTH, 1),
        alignment="left",
        borderaxespad=0,
        fontsize=8,
        title_fontsize=8,
        frameon=False,
        handlelength=1.6,
    )
    for text in made.get_texts():
        text.set_parse_math(False)


def arrange(figure: Figure, title: str, notes: Sequence[str]) -> Figure:
    """Gives a page the room for all that is written, and its panels their places.

    Args:
      figure: its panels, with all that is in them and around them.
      title: on top.
      notes: at the bottom; empty ones are left out.
    """
    plain: dict[str, Any] = {"parse_math": False, "va": "top"}
    heading = figure.text(0, 0, title, size=10, **plain)
    inner = [np.array(axes.get_window_extent()) / DPI for axes in figure.axes]  # 2 corners of x, y
    outer = [np.array(axes.get_tightbbox()) / DPI for axes in figure.axes]
    rooms = np.abs(np.subtract(outer, inner))  # (panels, (left, below), (right, above))
    (left, _), (right, _) = rooms.max(axis=0)
    left, right = max(LEFT, EDGE + left), EDGE + right
    width = max(left + WIDTH + right, left + heading.get_window_extent().width / DPI + EDGE)
    written = textwrap.wrap("; ".join(filter(None, notes)), max(40, int((width - left) / 0.062)))

    sizes = [high - low for low, high in inner]
    needed = [size[1] + room[:, 1].sum() + BETWEEN for size, room in zip(sizes, rooms, strict=True)]
    height = TOP + sum(needed) + EDGE * (len(written) + 1)
    figure.set_size_inches(width, height)
    top = height - TOP
    for axes, size, room, each in zip(figure.axes, sizes, rooms, needed, strict=True):
        low = top - room[1, 1] - size[1]
        axes.set_position((left / width, low / height, size[0] / width, size[1] / height))
        top -= each
    heading.set_position((left / width, 1 - EDGE / height))
    for i, line in enumerate(written):
        figure.text(left / width, (top - EDGE * i) / height, line, size=SMALL, color=GREY, **plain)
    return figure


def wrapped(text: str) -> list[str]:
    """A text in lines that a legend or a row's name has room for.

    Args:
      text: any.
    """
    return textwrap.wrap(text, 46, break_on_hyphens=False) or [""]
