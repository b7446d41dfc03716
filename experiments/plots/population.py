"""The pictures of a sweep: what its settings learn, what each axis does, what the seeds scatter.

A setting is a value for every axis but the seeds'. A seed with a member that diverged is in no
mean; every picture says how many did. Intervals are Student's.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from experiments.plots.layout import LEFT, Panel, page, wrapped
from experiments.plots.scales import (
    WIDTH,
    Places,
    Scale,
    epochs_below,
    numbers,
    places_below,
    scale_of,
    set_scale,
    values_below,
)
from experiments.plots.style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PALE,
    PERCENT,
    STYLE,
    interval_text,
    is_share,
    save,
    text_of,
    text_width,
    title,
)
from experiments.plots.table import CONFIDENCE, Table, interval_of, name_of, tabulate
from jaxmlp.objectives.records import Metric
from jaxmlp.populations.runs import Runs

__all__ = ["against_axes", "learning_curves", "over_seeds"]

# Okabe and Ito's but the yellow, too pale for a line; olive is Tol's.
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", INK, "#999933")
MAX_LINES, MAX_ROWS = len(COLOURS), 20
BAND = 0.18  # opacity
APART = 4 / 72  # inches, between lines that would cover each other's points


def learning_curves(runs: Runs, metric: str, path: str | PathLike[str]) -> bool:
    """Draws each setting's mean over its seeds against the epoch, with its 95 % interval.

    Below the metric is the loss of the same examples, if the history has it. Of more than 8
    settings, those with the best final mean are in colour and the others grey, cut off where they
    leave the frame. A line is dashed from where a seed's training ended on. The seeds of a single
    setting are drawn one by one behind their mean.

    Args:
      runs: the members.
      metric: a name in their history, of which `Runs.metric` says whether it is in percent, and
        whether less is better.
      path: the PNG to write.

    Returns:
      False, and nothing is drawn, if there is no member.

    Raises:
      ValueError: if the history has no such metric.
    """
    return _draw(path, runs, metric, _curves_figure)


def against_axes(runs: Runs, metric: str, path: str | PathLike[str]) -> bool:
    """Draws the final value against each swept axis, a line for each setting of the others.

    An axis of numbers is to scale, by their logarithms where they span more than a decade; one of
    anything else, or with a zero or less among such numbers, has its values side by side. Of more
    than 8 lines, those that reach the best mean are in colour. A line alone has its points at the
    ticks; several, which would cover each other's, lie a few of a printer's points apart.

    Args:
      runs: the members.
      metric: as of `learning_curves`.
      path: the PNG to write.

    Returns:
      False, and nothing is drawn, if nothing is swept but seeds, or there is no member.

    Raises:
      ValueError: if the history has no such metric.
    """
    return _draw(path, runs, metric, _axes_figure)


def over_seeds(runs: Runs, metric: str, path: str | PathLike[str]) -> bool:
    """Draws every member's final value, a row for each setting, the best mean on top.

    Of more than 20 settings, the best are drawn. A single setting of 16 members or more is drawn
    as a histogram.

    Args:
      runs: the members.
      metric: as of `learning_curves`.
      path: the PNG to write.

    Returns:
      False, and nothing is drawn, if there is no member.

    Raises:
      ValueError: if the history has no such metric.
    """
    return _draw(path, runs, metric, _seeds_figure)


def _draw(
    path: str | PathLike[str],
    runs: Runs,
    metric: str,
    make_figure: Callable[[Runs, Table], Figure | None],
) -> bool:
    runs.metric(metric)  # raises, if there is none
    if not math.prod(runs.shape):
        return False
    with matplotlib.rc_context(STYLE):
        figure = make_figure(runs, tabulate(runs, metric))
        if figure is not None:
            save(path, figure)
    return figure is not None


# --- learning curves


def _curves_figure(runs: Runs, table: Table) -> Figure:
    name = table.metric.name
    loss = f"{name.partition('_')[0]}_loss"
    tables = [table]
    if loss in runs.history and loss != name:
        tables.append(tabulate(runs, loss))
    best, others = np.split(table.ranking, [MAX_LINES])
    has_bands = table.num_seeds > 1
    handles: list[Any] = []
    for _, colour in zip(best, COLOURS, strict=False):
        line = Line2D([], [], color=colour, lw=1.6)
        handles.append((Patch(color=colour, alpha=BAND, lw=0), line) if has_bands else line)
    if is_single := len(table.names) == 1:
        handles.append(Line2D([], [], color=BLUE, lw=0.6, alpha=0.5))
    else:
        handles.append(Line2D([], [], color=PALE, lw=0.9))

    notes = [table.fixed, _claim(table, "line: the mean", "band"), table.lost]
    curves = [interval_of(each.metric, each.history.swapaxes(1, 2)) for each in tables]
    scales = [
        scale_of(each.metric, each.history[0] if is_single else mean[best], low[best], high[best])
        for each, (mean, low, high) in zip(tables, curves, strict=True)
    ]
    alive = _num_alive(table)[best]
    if (alive < alive.max(axis=1, initial=0, keepdims=True)).any():
        notes.append("dashed: the mean of the seeds still in training")
    for each, (mean, _, _), scale in zip(tables, curves, scales, strict=True):
        if outside := _num_outside(mean[others], scale):
            name = each.metric.name.replace("_", " ")
            notes.append(f"{outside} of the grey lines lie outside the frame of {name}")
    panels = [Panel(3.2, *_curves_legend(table, best, len(others)))]
    panels += [Panel(2.6, title=title(each.metric)) for each in tables[1:]]
    drawn = page(title(table.metric), notes, panels)
    for axes, each, curve, scale in zip(drawn.axes, tables, curves, scales, strict=True):
        _draw_curves(axes, each, curve, scale, best, others)
        epochs_below(axes, table.history.shape[-1])
        set_scale(axes, "y", scale, LEFT)
    drawn.legend(0, panels[0], handles)
    return drawn.figure


def _curves_legend(table: Table, best: np.ndarray, num_others: int) -> tuple[str, list[str]]:
    """A heading, and what is written at each colour."""
    if len(table.names) == 1:
        texts = [f"at the end {text_of(table.metric, table.mean[0])}"]
        return "", texts + ["the seeds"] * (table.num_seeds > 1)
    texts = []
    for setting in best:
        lost = f" ({table.losses[setting]})" if table.losses[setting] else ""
        value = text_of(table.metric, table.mean[setting])
        texts.append(f"{table.names[setting]}: {value}{lost}")
    if not num_others:
        return "settings, with their final values", texts
    texts.append("the other setting" if num_others == 1 else f"the other {num_others}")
    return f"the best {len(best)} of {len(table.names)} settings, by their final values", texts


def _num_alive(table: Table) -> np.ndarray:
    """How many seeds each setting has in each epoch that was measured; of others, as before."""
    counts = np.isfinite(table.history).sum(axis=1)
    return np.where(counts > 0, counts, counts.max(axis=1, initial=0, keepdims=True))


def _num_outside(means: np.ndarray, scale: Scale) -> int:
    with np.errstate(invalid="ignore"):
        is_inside = ((means >= scale.low) & (means <= scale.high)).any(axis=1)
    return int((~is_inside & np.isfinite(means).any(axis=1)).sum())


def _draw_curves(
    axes: Axes,
    table: Table,
    curves: tuple[np.ndarray, np.ndarray, np.ndarray],
    scale: Scale,
    best: np.ndarray,
    others: np.ndarray,
) -> None:
    """The best settings in colour, the best of all on top; the others grey."""
    means, lows, highs = curves
    grey = [np.stack([np.arange(1, len(m) + 1), m], 1)[np.isfinite(m)] for m in means[others]]
    axes.add_collection(LineCollection(grey, colors=PALE, linewidths=0.9, zorder=1), autolim=False)
    if len(means) == 1:
        for values in table.history[0]:
            at = np.flatnonzero(np.isfinite(values))
            thin: Any = {"color": BLUE, "lw": 0.6, "alpha": 0.5 if table.num_seeds < 20 else 0.25}
            axes.plot(at + 1, values[at], marker="." if len(at) < 2 else None, **thin)
    counts = np.isfinite(table.history).sum(axis=1)
    opacity = BAND if len(best) <= 4 else BAND / 2
    for setting, colour in reversed([*zip(best, COLOURS, strict=False)]):
        ends = scale.cut(lows[setting]), highs[setting]
        _draw_curve(axes, means[setting], *ends, counts[setting], colour, opacity)


def _draw_curve(
    axes: Axes,
    mean: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    count: np.ndarray,
    colour: str,
    opacity: float,
) -> None:
    """A line with its band, dashed where fewer seeds are left, a dot where it ends early."""
    at = np.flatnonzero(np.isfinite(mean))
    whole = int(np.cumprod(count[at] == count[at[:1]]).sum())
    marker = "o" if len(at) <= 20 else None
    style: Any = {"color": colour, "lw": 1.6, "ms": 3, "zorder": 3, "clip_on": False}
    if len(at) > 1:
        axes.fill_between(at + 1, low[at], high[at], color=colour, alpha=opacity, lw=0)
    else:
        axes.vlines(at + 1, low[at], high[at], color=colour, alpha=0.5, lw=1.4)
    axes.plot(at[:whole] + 1, mean[at[:whole]], marker=marker, **style)
    if whole < len(at):
        rest = at[whole - 1 :]
        axes.plot(rest + 1, mean[rest], ls=(0, (2.5, 1.2)), marker=marker, **style)
    if len(at) and at[-1] + 1 < len(mean):
        axes.plot(at[-1:] + 1, mean[at[-1:]], "o", **{**style, "ms": 4.5})


# --- final values against the axes


def _axes_figure(runs: Runs, table: Table) -> Figure | None:
    if not table.swept:
        return None
    lines = [_lines(table, axis) for axis in range(len(table.swept))]
    high = max(1.6, min(2.7, 15 / len(lines)))
    panels = [Panel(high, *_lines_legend(names, len(lines))) for names, _ in lines]
    notes = [table.fixed, _claim(table, "circle: the mean", "bar"), table.lost]
    if table.num_seeds == 1:
        notes[1] = "circle: the value of the one seed"
    else:
        notes.append("dot: a member")
    if any(len(settings) > 1 for _, settings in lines):
        notes.append("lines are drawn a little apart")
    named = [values for values in table.swept.values() if numbers(values) is None]
    below = max((values_below(values)[2] for values in named), default=0.15) - 0.15
    drawn = page(title(table.metric), notes, panels, below=below)
    handles: list[Any] = [
        Line2D([], [], color=colour, marker="o", lw=1.1, ms=4.5) for colour in COLOURS
    ]
    scale = scale_of(table.metric, table.members, table.low, table.high)
    for i, (name, values) in enumerate(table.swept.items()):
        axes, (_, settings) = drawn.axes[i], lines[i]
        _draw_lines(axes, table, places_below(axes, name, values), settings, scale)
        set_scale(axes, "y", scale, LEFT)
        coloured = handles[: len(settings)]
        drawn.legend(i, panels[i], [*coloured, Line2D([], [], color=PALE, lw=0.9)])
    return drawn.figure


def _lines(table: Table, axis: int) -> tuple[list[str], list[np.ndarray]]:
    """The lines of a panel as the settings along it, those with the best mean first."""
    sizes = [len(values) for values in table.swept.values()]
    grid = np.moveaxis(np.arange(math.prod(sizes)).reshape(sizes), axis, -1)
    lines = grid.reshape(-1, sizes[axis])
    order = np.argsort(-table.scores[lines].max(axis=1), kind="stable")
    others = {name: values for i, (name, values) in enumerate(table.swept.items()) if i != axis}
    names = [
        ", ".join(map(name_of, others, values)) for values in itertools.product(*others.values())
    ]
    return [names[i] for i in order], [lines[i] for i in order]


def _lines_legend(names: Sequence[str], num_swept: int) -> tuple[str, list[str]]:
    """A heading, and what is written at each colour; nothing for a line alone."""
    if num_swept == 1:
        return "", []
    if len(names) <= MAX_LINES:
        return "", list(names)
    others = f"the other {len(names) - MAX_LINES}"
    return f"the best {MAX_LINES} of {len(names)} lines", [*names[:MAX_LINES], others]


def _draw_lines(
    axes: Axes, table: Table, places: Places, lines: Sequence[np.ndarray], scale: Scale
) -> None:
    """The best lines in colour, beside each other; the others grey."""
    at, order = places.at[places.order], places.order
    grey = [np.stack([at, table.mean[line[order]]], 1) for line in lines[MAX_LINES:]]
    grey = [points[np.isfinite(points[:, 1])] for points in grey]
    axes.add_collection(LineCollection(grey, colors=PALE, linewidths=0.9, zorder=1), autolim=False)
    coloured = lines[:MAX_LINES]
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
    ring: Any = {"lw": 1.1, "ms": 4.5, "mec": "white", "mew": 0.6, "zorder": 4}
    axes.plot(at, table.mean[settings], "-o", **ring, **placed)


# --- every member


def _seeds_figure(runs: Runs, table: Table) -> Figure:
    rows = table.ranking[:MAX_ROWS]
    dots = [np.sort(members[np.isfinite(members)]) for members in table.members[rows]]
    heading = f"{title(table.metric)} at the end of training"
    if len(table.names) > len(rows):
        heading += f": the best {len(rows)} of {len(table.names)} settings"
    if len(table.names) == 1 and len(dots[0]) >= 16:
        return _histogram(table, dots[0], heading)
    return _swarms(table, rows, dots, heading)


def _histogram(table: Table, values: np.ndarray, heading: str) -> Figure:
    notes = [table.fixed, _claim(table, "line: the mean", "shade"), "tick: a member", table.lost]
    figure, [axes], _ = page(heading, notes, [Panel(3.0)])
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
    return figure


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
    notes = [table.fixed, _claim(table, "diamond: the mean", "bar"), "dot: a member", table.lost]
    if is_sole:
        notes[1:3] = ["dot: the value of the one seed"]
    scale = scale_of(table.metric, np.concatenate([*dots, []]), table.low[rows], table.high[rows])
    side = 4 / 72  # inches, a dot's
    stacks = [_stacked(WIDTH * scale.along(values), 0.9 * side) for values in dots]
    names = [
        "\n".join([*wrapped(table.names[row]), *filter(None, [table.losses[row]])]) for row in rows
    ]
    tallest = side * max(2 * stack.max(initial=0) + 1 for stack in stacks)
    pitch = min(tallest + 0.24, max(0.5, min(12 / len(rows), 1.8)))  # inches, a row's
    pitch = max(pitch, 0.36, 0.16 * max(name.count("\n") + 1 for name in names) + 0.04)
    side *= min(1.0, (pitch - 0.24) / tallest)
    estimates = [
        interval_text(table.metric, table.mean[row], table.low[row], table.high[row])
        for row in rows
    ]
    left = max(text_width(line, 8) for name in names for line in name.split("\n")) + 0.25
    right = max(text_width(text, 8) for text in estimates) + 0.2
    panel = Panel(pitch * len(rows))
    figure, [axes], _ = page(heading, notes, [panel], left=max(LEFT, left), right=right)
    for i, (row, values, stack) in enumerate(zip(rows, dots, stacks, strict=True)):
        style: Any = {"color": BLUE, "ms": max(1.2, 72 * side), "mew": 0, "alpha": 0.55}
        offsets = np.round(i + (side * stack - 0.06 * (not is_sole)) / pitch, 6)
        axes.plot(values, offsets, "o", **style)
        below = i + (side * (stack.max(initial=0) + 0.5) - 0.01) / pitch
        if math.isfinite(table.low[row]):
            bottom = scale.cut(table.low[row])
            axes.hlines(below, bottom, table.high[row], color=INK, lw=1.2, zorder=3)
        if not is_sole:
            axes.plot(table.mean[row : row + 1], [below], "D", color=INK, ms=4, zorder=4)
        axes.text(1.02, i, estimates[i], size=8, va="center", transform=axes.get_yaxis_transform())
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), names, size=8, parse_math=False, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(title(table.metric))
    set_scale(axes, "x", scale, LEFT)
    return figure


def _stacked(values: np.ndarray, width: float) -> np.ndarray:
    """For sorted values, offsets in dots so that neighbours lie above and below each other."""
    offsets, start = np.zeros(len(values)), 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] - values[start] >= width:
            count = i - start
            offsets[start:i] = np.arange(count) - (count - 1) / 2
            start = i
    return offsets


def _claim(table: Table, mean: str, band: str) -> str:
    if table.num_seeds == 1:
        return "one seed a setting: no interval" if len(table.names) > 1 else "one seed"
    claimed = f"{100 * CONFIDENCE:g} % interval of the mean (Student's t)"
    return f"{mean} over {table.num_seeds} seeds; {band}: {claimed}"
