"""The picture of a race, and of how time and memory grow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from experiments.plots.style import BLUE, COLOURS, DPI, GREY, ORANGE, STYLE, save
from experiments.speed.peers import OWN
from experiments.speed.scaling import USUAL

WIDTH, ROW, AROUND, CHART = 9.6, 0.26, 1.0, 3.2  # inches: the page, a peer's row, a panel's rest
STAGES = {"import": GREY, "load": ORANGE, "first_epoch": BLUE}
NOUNS = {"import": "import", "load": "read the data", "first_epoch": "compile and train an epoch"}


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """Draws what there is of "peers" and "scaling", and saves it.

    Args:
      figures: as the program writes them.
      path: of a PNG.
    """
    race, scaling = figures.get("peers"), figures.get("scaling")
    rows = [row for row in race["rows"] if row["network_epoch_seconds"]] if race else []
    grown = [row for row in scaling or () if not row["failed"]]
    tall = ROW * len(rows) + AROUND
    heights = [tall, 2 * tall - AROUND] * bool(rows) + [CHART] * bool(grown)
    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH, sum(heights) or CHART), DPI, layout="constrained")
        spaces = figure.add_gridspec(max(len(heights), 1), 2, height_ratios=heights or None)
        if rows:
            draw_seconds(figure.add_subplot(spaces[0, :]), rows)
            draw_starts(figure.add_subplot(spaces[1, :]), rows)
        if grown:
            seconds, memory = (figure.add_subplot(spaces[-1, column]) for column in (0, 1))
            draw_growth(seconds, grown, "seconds of a network-epoch", seconds_of)
            draw_growth(memory, grown, "the most memory, MiB", mebibytes_of)
            memory.legend(title="1 is", frameon=False, fontsize=8, title_fontsize=8)
        save(path, figure)


def draw_seconds(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """A point for each peer's median, a line between its quartiles, and how it compares."""
    for place, row in enumerate(rows):
        low, middle, high = row["network_epoch_seconds"]
        colour = BLUE if row["name"] in OWN else GREY
        axes.plot([low, high], [place, place], color=colour, lw=2)
        axes.plot(middle, place, "o", color=colour, ms=5)
        ratio = row["ratio_to_population"]
        note = f"{middle:.2g} s" + (f", x {ratio[1]:.2f}" if ratio else "")
        axes.annotate(note, (high, place), (6, 0), textcoords="offset points", va="center", size=8)
    axes.set_xscale("log")
    axes.margins(x=0.2)
    label_sparsely(axes.xaxis)
    axes.set_title("Seconds of a network-epoch: medians, quartiles, and times train_many's")
    name_rows(axes, rows)


def draw_starts(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Two bars for each peer: the first start above, the median of later ones below."""
    for place, row in enumerate(rows):
        for offset, start in ((-0.2, row["cold"]), (0.2, row["warm_start"])):
            left = 0.0
            for stage, colour in STAGES.items() if start else ():
                axes.barh(place + offset, start[stage], 0.34, left, color=colour)
                left += start[stage]
    for stage, colour in STAGES.items():
        axes.barh(0, 0, color=colour, label=NOUNS[stage])
    axes.legend(frameon=False, fontsize=8)
    axes.set_title("Seconds to the end of the first epoch: nothing compiled yet, and again, below")
    name_rows(axes, rows)


def name_rows(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Names the rows, the first on top."""
    axes.set_yticks(range(len(rows)), [row["what"] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def draw_growth(axes: Axes, rows: Sequence[Mapping[str, Any]], title: str, height_of: Any) -> None:
    """A line for each thing that grows, by how many times what it usually is."""
    names = list(dict.fromkeys(row["axis"] for row in rows))
    for name, colour in zip(names, COLOURS, strict=False):
        own = [row for row in rows if row["axis"] == name]
        x = [row["value"] / USUAL[name] for row in own]
        axes.plot(x, [height_of(row) for row in own], "o-", color=colour, ms=4, lw=1.4)
        axes.lines[-1].set_label(f"{name} {USUAL[name]}")
    axes.set(xscale="log", yscale="log", xlabel="times as much", title=title)
    for axis in (axes.xaxis, axes.yaxis):
        label_sparsely(axis)
    axes.grid()


def label_sparsely(axis: Any) -> None:
    """Labels 1, 2, 5, 10, ... on an axis of logarithms."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def seconds_of(row: Mapping[str, Any]) -> float:
    """The median of a network-epoch."""
    return float(row["network_epoch_seconds"][1])


def mebibytes_of(row: Mapping[str, Any]) -> float:
    """The most memory of the process."""
    return float(row["peak_bytes"] / 2**20)
