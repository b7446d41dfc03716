"""The picture of what was found on a GPU: speed by members, beside what was expected."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from experiments.plots.style import COLOURS, DPI, GREY, ORANGE, STYLE, save
from experiments.speed.picture import label_sparsely

WIDTH, HEIGHT = 9.6, 4.0  # inches
REHEARSAL = "A REHEARSAL: not a GPU's figures"


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """Draws a panel for each network, and saves them.

    Args:
      figures: from `measure.measure`.
      path: of a PNG.
    """
    rows = [row for row in figures["population"] if not row["failed"]]
    networks = list(dict.fromkeys(tuple(row["sizes"]) for row in rows))
    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH, HEIGHT), DPI, layout="constrained")
        device = f"{figures['device']['kind']}, {figures['date']}"
        figure.suptitle(
            REHEARSAL if figures["rehearsal"] else device,
            color=ORANGE if figures["rehearsal"] else GREY,
            size=9,
        )
        for panel, sizes in enumerate(networks, 1):
            axes = figure.add_subplot(1, len(networks), panel)
            draw_network(axes, [row for row in rows if tuple(row["sizes"]) == sizes])
            axes.set_title("-".join(map(str, sizes)))
        save(path, figure)


def draw_network(axes: Axes, rows: list[Any]) -> None:
    """A line for each precision, and a dashed one for what arithmetic gives an H100."""
    for precision, colour in zip(
        dict.fromkeys(r["precision"] for r in rows), COLOURS, strict=False
    ):
        own = sorted((r for r in rows if r["precision"] == precision), key=lambda r: r["members"])
        members = [row["members"] for row in own]
        speeds = [row["network_epochs_per_second"] for row in own]
        axes.plot(members, speeds, "o-", color=colour, ms=4, lw=1.4, label=precision)
        known = [row for row in own if row["expected"]]
        axes.plot(
            [row["members"] for row in known],
            [row["expected"] for row in known],
            "--",
            color=colour,
            lw=0.9,
        )
    axes.set(xscale="log", yscale="log", xlabel="members", ylabel="networks x epochs a second")
    label_sparsely(axes.yaxis)
    members = sorted({row["members"] for row in rows})
    axes.set_xticks(members, [f"{count:,}" for count in members])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid()
    axes.legend(title="dashed: expected of an H100", frameon=False, fontsize=8, title_fontsize=8)
