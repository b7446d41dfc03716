"""Every member's final value: a row of dots for each setting, or a histogram of a single one."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.plots.layout import LEFT, arrange, panels, wrapped
from experiments.plots.scales import WIDTH, scale_of, set_scale
from experiments.plots.style import BLUE, INK, PERCENT, interval_text, is_share, title
from experiments.plots.table import Table, claim
from jaxmlp.objectives.records import Metric
from jaxmlp.populations.runs import Runs

__all__ = ["figure_of"]

MAX_ROWS = 20
DOT = 4 / 72  # inches, a member's height


def figure_of(runs: Runs, table: Table) -> Figure:
    """The picture that `population.over_seeds` saves."""
    rows = table.ranking[:MAX_ROWS]
    dots = [np.sort(members[np.isfinite(members)]) for members in table.members[rows]]
    heading = f"{title(table.metric)} at the end of training"
    if len(table.names) > len(rows):
        heading += f": the best {len(rows)} of {len(table.names)} settings"
    if len(table.names) == 1 and len(dots[0]) >= 16:
        return _histogram(table, dots[0], heading)
    return _swarms(table, rows, dots, heading)


def _histogram(table: Table, values: np.ndarray, heading: str) -> Figure:
    notes = [table.fixed, claim(table, "line: the mean", "shade"), "tick: a member", table.lost]
    figure, [axes] = panels(3.0)
    mean, low, high = table.mean[0], table.low[0], table.high[0]
    bins = min(30, math.ceil(1.5 * math.sqrt(len(values))))
    axes.hist(
        values, list(_edges(table.metric, values, bins)), color=BLUE, alpha=0.35, ec="white", lw=0.6
    )
    rug: Any = {"color": BLUE, "lw": 0.7, "alpha": 0.8, "zorder": 3}
    axes.vlines(values, -0.05, -0.01, transform=axes.get_xaxis_transform(), clip_on=False, **rug)
    axes.axvspan(low, high, color=INK, alpha=0.12, lw=0)
    axes.axvline(mean, color=INK, lw=1.2)
    scale = scale_of(table.metric, values, table.low, table.high)._replace(is_log=False)
    set_scale(axes, "x", scale, LEFT)
    axes.tick_params(axis="x", pad=15, length=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(axis="x", visible=False)
    axes.grid(axis="y")
    axes.set_xlabel(title(table.metric))
    axes.set_ylabel("members")
    text = f"mean {interval_text(table.metric, mean, low, high)}"
    side = "left" if scale.along(mean) < 0.3 else "right" if scale.along(mean) > 0.7 else "center"
    axes.text(mean, 1.015, text, transform=axes.get_xaxis_transform(), ha=side, size=8)
    return arrange(figure, heading, notes)


def _edges(metric: Metric, values: np.ndarray, count: int) -> np.ndarray:
    """Of the bars of a histogram, which has some width if all values are alike."""
    low, high = values[0], values[-1]
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        room = 0.05 * abs(high) or 0.5
        low, high = low - room, high + room
    if is_share(metric):
        low, high = np.clip((low, high), *PERCENT)
    return np.linspace(low, high, count + 1)


def _swarms(table: Table, rows: np.ndarray, dots: Sequence[np.ndarray], heading: str) -> Figure:
    """A row for each setting: its members, and its mean with the interval below them."""
    is_sole = table.num_seeds == 1
    notes = [table.fixed, claim(table, "diamond: the mean", "bar"), "dot: a member", table.lost]
    if is_sole:
        notes[1:3] = ["dot: the value of the one seed"]
    scale = scale_of(table.metric, np.concatenate([*dots, []]), table.low[rows], table.high[rows])
    if np.any(scale.left(table.low[rows], table.high[rows])):
        notes.insert(2, "arrowhead: it goes on")
    stacks = [_stacked(WIDTH * scale.along(values), 0.9 * DOT) for values in dots]
    names = [
        "\n".join([*wrapped(table.names[row]), *filter(None, [table.losses[row]])]) for row in rows
    ]
    pitch, dot = _row_height(names, stacks)
    figure, [axes] = panels(pitch * len(rows))
    for i, (row, values, stack) in enumerate(zip(rows, dots, stacks, strict=True)):
        style: Any = {"color": BLUE, "ms": max(1.2, 72 * dot), "mew": 0, "alpha": 0.55}
        offsets = np.round(i + (dot * stack - 0.06 * (not is_sole)) / pitch, 6)
        axes.plot(values, offsets, "o", **style)
        mean, low, high = table.mean[row], table.low[row], table.high[row]
        below = i + (dot * (stack.max(initial=0) + 0.5) - 0.01) / pitch
        if math.isfinite(low):
            axes.hlines(below, scale.cut(low), high, color=INK, lw=1.2, zorder=3)
            for goes_on, end, head in zip(scale.left(low, high), scale[:2], "<>", strict=True):
                if goes_on:
                    axes.plot([end], [below], head, color=INK, ms=5, mew=0, zorder=4, clip_on=False)
        if not is_sole:
            axes.plot([mean], [below], "D", color=INK, ms=4, zorder=4)
        estimate = interval_text(table.metric, mean, low, high)
        axes.text(1.02, i, estimate, size=8, va="center", transform=axes.get_yaxis_transform())
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), names, size=8, parse_math=False, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(title(table.metric))
    set_scale(axes, "x", scale, LEFT)
    return arrange(figure, heading, notes)


def _row_height(names: Sequence[str], stacks: Sequence[np.ndarray]) -> tuple[float, float]:
    """A row's height and a dot's in inches, for which there is room."""
    tallest = DOT * max(2 * stack.max(initial=0) + 1 for stack in stacks)
    pitch = min(tallest + 0.24, max(0.5, min(12 / len(stacks), 1.8)))
    pitch = max(pitch, 0.36, 0.16 * max(name.count("\n") + 1 for name in names) + 0.04)
    return pitch, DOT * min(1.0, (pitch - 0.24) / tallest)


def _stacked(values: np.ndarray, width: float) -> np.ndarray:
    """For sorted values, offsets in dots so that neighbours lie above and below each other."""
    offsets, start = np.zeros(len(values)), 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] - values[start] >= width:
            count = i - start
            offsets[start:i] = np.arange(count) - (count - 1) / 2
            start = i
    return offsets
