"""Each setting's final value against each swept axis."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from experiments.plots.layout import LEFT, arrange, legend, panels
from experiments.plots.scales import Scale, scale_of, set_scale
from experiments.plots.style import COLOURS, PALE, title
from experiments.plots.swept import Places, places_below
from experiments.plots.table import Table, claim, name_of
from jaxmlp.populations.runs import Runs

__all__ = ["figure_of", "lines_of"]

APART = 4 / 72  # inches, between lines that would cover each other's points


def figure_of(runs: Runs, table: Table) -> Figure | None:
    """The picture that `population.against_axes` saves, or None if nothing is swept."""
    if not table.swept:
        return None
    lines = [lines_of(table, axis) for axis in range(len(table.swept))]
    notes = [table.fixed, claim(table, "circle: the mean", "bar"), table.lost]
    if table.num_seeds == 1:
        notes[1] = "circle: the value of the one seed"
    else:
        notes.append("dot: a member")
    if any(len(settings) > 1 for _, settings in lines):
        notes.append("lines are drawn a little apart")
    handles = [Line2D([], [], color=colour, marker="o", lw=1.1, ms=4.5) for colour in COLOURS]
    grey = Line2D([], [], color=PALE, lw=0.9)
    scale = scale_of(table.metric, table.members, table.low, table.high)
    if np.any(scale.left(table.low, table.high)):
        notes.insert(2, "arrowhead: it goes on")
    figure, drawn = panels(*[max(1.6, min(2.7, 15 / len(lines)))] * len(lines))
    for axes, swept, (names, settings) in zip(drawn, table.swept.items(), lines, strict=True):
        _draw_lines(axes, table, places_below(axes, *swept), settings, scale)
        set_scale(axes, "y", scale, LEFT)
        heading, entries = _entries(names, len(lines))
        legend(axes, [*handles[: len(settings)], grey], entries, heading)
    return arrange(figure, title(table.metric), notes)


def lines_of(table: Table, axis: int) -> tuple[list[str], list[np.ndarray]]:
    """The lines of a panel, those that reach the best mean first.

    Args:
      table: what is drawn.
      axis: which of the swept ones the panel is of.

    Returns:
      Their names, by the values of the other axes, and the settings along each.
    """
    sizes = [len(values) for values in table.swept.values()]
    grid = np.moveaxis(np.arange(math.prod(sizes)).reshape(sizes), axis, -1)
    lines = grid.reshape(-1, sizes[axis])
    order = np.argsort(-table.scores[lines].max(axis=1), kind="stable")
    others = {name: values for i, (name, values) in enumerate(table.swept.items()) if i != axis}
    names = [
        ", ".join(map(name_of, others, values)) for values in itertools.product(*others.values())
    ]
    return [names[i] for i in order], [lines[i] for i in order]


def _entries(names: Sequence[str], num_swept: int) -> tuple[str, list[str]]:
    """A heading, and what is written at each colour; nothing for a line alone."""
    if num_swept == 1:
        return "", []
    if len(names) <= len(COLOURS):
        return "", list(names)
    others = f"the other {len(names) - len(COLOURS)}"
    return f"the best {len(COLOURS)} of {len(names)} lines", [*names[: len(COLOURS)], others]


def _draw_lines(
    axes: Axes, table: Table, places: Places, lines: Sequence[np.ndarray], scale: Scale
) -> None:
    """The best lines in colour, beside each other; the others grey."""
    at, order = places.at[places.order], places.order
    grey = [np.stack([at, table.mean[line[order]]], 1) for line in lines[len(COLOURS) :]]
    grey = [points[np.isfinite(points[:, 1])] for points in grey]
    axes.add_collection(LineCollection(grey, colors=PALE, linewidths=0.9, zorder=1), autolim=False)
    coloured = lines[: len(COLOURS)]
    apart = min(APART, 0.4 * places.gap / len(coloured))
    for i, (line, colour) in enumerate(zip(coloured, COLOURS, strict=False)):
        moved = axes.transData + ScaledTranslation(
            apart * (i - (len(coloured) - 1) / 2), 0, axes.figure.dpi_scale_trans
        )
        _draw_line(axes, at, table, line[order], colour, scale, moved)


def _draw_line(
    axes: Axes,
    at: np.ndarray,
    table: Table,
    settings: np.ndarray,
    colour: str,
    scale: Scale,
    moved: Any,
) -> None:
    """The means of some settings with their intervals, and their members."""
    known = np.isfinite(table.mean[settings])
    at, settings = at[known], settings[known]
    placed: Any = {"color": colour, "transform": moved}
    if table.num_seeds > 1:
        members = table.members[settings]
        faint: Any = {"ms": 3.2, "mew": 0, "alpha": 0.3, "zorder": 2}
        axes.plot(np.repeat(at, members.shape[1]), members.reshape(-1), "o", **faint, **placed)
        bottom = scale.cut(table.low[settings])
        axes.vlines(at, bottom, table.high[settings], lw=1.4, zorder=3, **placed)
        beyond = scale.left(table.low[settings], table.high[settings])
        for goes_on, end, head in zip(beyond, scale[:2], "v^", strict=True):
            if goes_on.any():
                ends = np.full(goes_on.sum(), end)
                axes.plot(at[goes_on], ends, head, ms=4, mew=0, clip_on=False, **placed)
    ring: Any = {"lw": 1.1, "ms": 4.5, "mec": "white", "mew": 0.6, "zorder": 4}
    axes.plot(at, table.mean[settings], "-o", **ring, **placed)
