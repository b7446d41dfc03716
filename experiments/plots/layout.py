"""Pages of panels one below the other, with legends right of them and notes below."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple

from experiments.plots.scales import WIDTH
from experiments.plots.style import DPI, GREY, text_width

__all__ = ["LEFT", "Page", "Panel", "page", "wrapped"]

LEFT, TOP = 0.68, 0.5  # inches
SMALL = 7.5  # points


class Panel(NamedTuple):
    """A place for axes."""

    height: float  # inches
    heading: str = ""  # of the legend
    entries: Sequence[str] = ()  # of the legend
    title: str = ""  # of its own, above it

    @property
    def above(self) -> float:
        """The room for its title, in inches."""
        return 0.3 * bool(self.title)

    @property
    def full_height(self) -> float:
        """With its title and legend, in inches."""
        lines = sum(0.06 + 0.14 * len(wrapped(entry)) for entry in self.entries)
        return self.above + max(self.height, 0.2 + lines + 0.2 * bool(self.heading))


class Page(NamedTuple):
    """A figure with empty panels."""

    figure: Figure
    axes: list[Axes]
    beside: float  # where legends begin, from 0 to 1

    def legend(self, number: int, panel: Panel, handles: Sequence[Any]) -> None:
        """Writes a panel's legend beside it.

        Args:
          number: of the panel, from 0.
          panel: what it was made of.
          handles: as many as entries, or more.
        """
        if not panel.entries:
            return
        legend = self.figure.legend(
            handles[: len(panel.entries)],
            ["\n".join(wrapped(entry)) for entry in panel.entries],
            title=panel.heading or None,
            handler_map={tuple: HandlerTuple(ndivide=1, pad=0)},
            loc="upper left",
            bbox_to_anchor=(self.beside, self.axes[number].get_position().y1),
            alignment="left",
            borderaxespad=0,
            fontsize=8,
            title_fontsize=8,
            frameon=False,
            handlelength=1.6,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)


def page(
    title: str,
    notes: Sequence[str],
    panels: Sequence[Panel],
    left: float = LEFT,
    right: float = 0.25,
    below: float = 0.0,
) -> Page:
    """A figure with room for all that is going to be written.

    Args:
      title: on top.
      notes: at the bottom; empty ones are left out.
      panels: from the top to the bottom.
      left: their margin in inches.
      right: room beside panels without a legend, in inches.
      below: more room below each panel than the ticks and a name need, in inches.

    Returns:
      The figure with its axes.
    """
    texts = [line for panel in panels for each in panel.entries for line in wrapped(each)]
    texts += [panel.heading for panel in panels if panel.heading]
    beside = 0.75 + max(text_width(text, 8) for text in texts) if texts else right
    width = max(left + WIDTH + beside, left + 0.2 + text_width(title, 10))
    columns = max(40, int((width - left) / 0.062))
    written = textwrap.wrap("; ".join(note for note in notes if note), columns)
    below += 0.6
    bottom = 0.14 * len(written) + 0.12
    height = TOP + sum(panel.full_height + below for panel in panels) + bottom
    figure = Figure((width, height), DPI)
    plain: dict[str, Any] = {"parse_math": False, "va": "top"}
    figure.text(left / width, 1 - 0.14 / height, title, size=10, **plain)
    for i, line in enumerate(written):
        y = (bottom - 0.14 * i) / height
        figure.text(left / width, y, line, size=SMALL, color=GREY, **plain)
    axes, top = [], TOP
    for panel in panels:
        low = height - top - panel.above - panel.height
        box = (left / width, low / height, WIDTH / width, panel.height / height)
        axes.append(figure.add_axes(box))
        axes[-1].set_title(panel.title, pad=10)
        top += panel.full_height + below
    return Page(figure, axes, (left + WIDTH + 0.15) / width)


def wrapped(text: str) -> list[str]:
    """A text in lines that a legend or a row's name has room for.

    Args:
      text: any.
    """
    return textwrap.wrap(text, 46, break_on_hyphens=False) or [""]
