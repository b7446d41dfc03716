"""The pictures of a sweep: what its settings learn, what each axis does, what the seeds scatter.

A setting is a value for every axis but "seed" and "shuffle_seed", and its observations are those of
`jaxmlp.statistics`: its seeds, each the mean over its shuffle seeds. A seed with a member that
diverged is in no mean; every picture says how many did. Intervals are Student's.
"""

import itertools
import math
import textwrap
from collections.abc import Callable, Hashable, Sequence
from os import PathLike
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.textpath import text_to_path
from matplotlib.ticker import (
    FixedLocator,
    LogLocator,
    MaxNLocator,
    NullLocator,
    StrMethodFormatter,
)

from experiments.plots import BLUE, DPI, GREEN, GREY, INK, ORANGE, PALE, STYLE, save
from jaxmlp.runs import Runs, label
from jaxmlp.statistics import SEEDS
from jaxmlp.stopping import score

__all__ = ["against_axes", "learning_curves", "over_seeds"]

# Okabe and Ito's but the yellow, too pale for a line; olive is Tol's.
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", INK, "#999933")
MAX_LINES, MAX_ROWS = len(COLOURS), 20
CONFIDENCE = 0.95
LEFT, TOP, WIDTH = 0.68, 0.5, 5.0  # inches
SMALL = 7.5  # points
BAND = 0.18  # opacity
NBSP = "\N{NO-BREAK SPACE}"

Row = tuple[float, float, float]  # mean, and its interval


class _Table(NamedTuple):
    """A metric by setting, in percent if it is an accuracy; NaN where there is no value."""

    swept: dict[str, tuple[Hashable, ...]]  # the axes that have more than one value, but the seeds
    fixed: str  # the others
    names: list[str]  # of the settings
    history: np.ndarray  # (settings, observations, epochs)
    finals: np.ndarray  # (settings, observations)
    members: np.ndarray  # (settings, members), the final values
    losses: list[str]  # of each setting: "2 of 8 diverged", or nothing
    lost: str  # of all
    mean: np.ndarray  # (settings,)
    low: np.ndarray
    high: np.ndarray
    scores: np.ndarray  # (settings,), more is better, -inf where there is no mean

    @property
    def ranking(self) -> np.ndarray:
        """The settings, the best first."""
        return np.argsort(-self.scores, kind="stable")

    @property
    def observed(self) -> str:
        """Such as "8 seeds"."""
        count = self.finals.shape[1]
        return f"{count} seed{'s' * (count != 1)}"


def learning_curves(runs: Runs, metric: str, path: str | PathLike[str]) -> bool:
    """Draws each setting's mean over its seeds against the epoch, with its 95 % interval.

    Of more than 8 settings, those with the best final mean are in colour and the others grey, cut
    off where they leave the frame. A line is dashed from where a seed's training ended on. The
    seeds of a single setting are drawn one by one behind their mean.

    Args:
      runs: the members.
      metric: a name in their history; percent if it ends in "accuracy", and less is better if it
        ends in "loss" or "error".
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
    than 8 lines, those that reach the best mean are in colour. Lines that would cover each other's
    points are moved a little apart.

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
    make_figure: Callable[[_Table, str], Figure | None],
) -> bool:
    if metric not in runs.history:
        raise ValueError(f"the history needs {metric}, got {', '.join(runs.history)}")
    if not math.prod(runs.shape):
        return False
    with matplotlib.rc_context(STYLE):
        figure = make_figure(_table(runs, metric), metric)
        if figure is not None:
            save(path, figure)
    return figure is not None


def _curves_figure(table: _Table, metric: str) -> Figure:
    ranking = table.ranking
    best, others = ranking[:MAX_LINES], ranking[MAX_LINES:]
    means, lows, highs = _interval(table.history.swapaxes(1, 2))  # (settings, epochs)
    counts = np.isfinite(table.history).sum(axis=1)
    is_single = len(ranking) == 1
    shown = table.history[0] if is_single else means[best]
    _, limits, is_log = _limits(metric, shown, [lows[best], highs[best]])

    has_bands = table.finals.shape[1] > 1
    handles: list[Any] = []
    texts: list[str] = []
    for setting, colour in zip(best, COLOURS, strict=False):
        line = Line2D([], [], color=colour, lw=1.6)
        handles.append((Patch(color=colour, alpha=BAND, lw=0), line) if has_bands else line)
        texts.append(_entry(table, metric, setting))
    if is_single:
        texts[0] = f"at the end {_number(metric, table.mean[0])}"
        handles.append(Line2D([], [], color=BLUE, lw=0.6, alpha=0.5))
        texts += ["the seeds"] if has_bands else []
    if len(others):
        handles.append(Line2D([], [], color=PALE, lw=0.9))
        texts.append("the other setting" if len(others) == 1 else f"the other {len(others)}")
    heading = f"the best {len(best)} of {len(ranking)} settings, by their final values"
    if not len(others):
        heading = "" if is_single else "settings, with their final values"

    are_alive = np.where(counts > 0, counts, counts.max(axis=1, initial=0, keepdims=True))
    notes = [table.fixed, _claim(table, "line: the mean", "band"), table.lost]
    if (are_alive[best] < are_alive[best].max(axis=1, initial=0, keepdims=True)).any():
        notes.append("dashed: the mean of the seeds still in training")
    with np.errstate(invalid="ignore"):
        inside = ((means[others] >= limits[0]) & (means[others] <= limits[1])).any(axis=1)
    if outside := int((~inside & np.isfinite(means[others]).any(axis=1)).sum()):
        notes.append(f"{outside} of the grey lines lie outside the frame")

    figure, place, x = _figure(_title(metric), notes, [(3.2, heading, texts)])
    axes = place(0, 3.2)
    tails = [np.stack([np.arange(1, len(m) + 1), m], 1)[np.isfinite(m)] for m in means[others]]
    axes.add_collection(LineCollection(tails, colors=PALE, linewidths=0.9, zorder=1), autolim=False)
    if is_single:
        for values in table.history[0]:
            at = np.flatnonzero(np.isfinite(values))
            thin: Any = {"color": BLUE, "lw": 0.6, "alpha": 0.5 if len(shown) < 20 else 0.25}
            axes.plot(at + 1, values[at], marker="." if len(at) < 2 else None, **thin)
    for setting, colour in reversed([*zip(best, COLOURS, strict=False)]):
        low = np.maximum(lows[setting], limits[0]) if is_log else lows[setting]
        _draw_curve(axes, means[setting], low, highs[setting], counts[setting], colour)
    last = table.history.shape[-1]
    axes.set_xlim(*((1, last) if last > 1 else (0.5, 1.5)))
    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    _scale(axes, "y", limits, is_log)
    _legend(figure, axes, x, heading, handles, texts)
    return figure


def _draw_curve(
    axes: Axes, mean: np.ndarray, low: np.ndarray, high: np.ndarray, count: np.ndarray, colour: str
) -> None:
    """A line with its band, dashed where fewer seeds are left, a dot where it ends early."""
    at = np.flatnonzero(np.isfinite(mean))
    whole = int(np.cumprod(count[at] == count[at[:1]]).sum())
    marker = "o" if len(at) <= 20 else None
    style: Any = {"color": colour, "lw": 1.6, "ms": 3, "zorder": 3, "clip_on": False}
    if len(at) > 1:
        axes.fill_between(at + 1, low[at], high[at], color=colour, alpha=BAND, lw=0)
    else:
        axes.vlines(at + 1, low[at], high[at], color=colour, alpha=0.5, lw=1.4)
    axes.plot(at[:whole] + 1, mean[at[:whole]], marker=marker, **style)
    if whole < len(at):
        rest = at[whole - 1 :]
        axes.plot(rest + 1, mean[rest], ls=(0, (2.5, 1.2)), marker=marker, **style)
    if len(at) and at[-1] + 1 < len(mean):
        axes.plot(at[-1:] + 1, mean[at[-1:]], "o", **{**style, "ms": 4.5})


def _axes_figure(table: _Table, metric: str) -> Figure | None:
    if not table.swept:
        return None
    _, limits, is_log = _limits(metric, table.members, [table.low, table.high])
    panels = [_lines(table, axis) for axis in range(len(table.swept))]
    high = max(1.6, min(2.7, 15 / len(panels)))
    blocks = [
        (high, _heading(names, len(table.swept)), _line_texts(names, len(table.swept)))
        for names, _ in panels
    ]
    notes = [table.fixed, _claim(table, "circle: the mean", "bar"), table.lost]
    if table.finals.shape[1] == 1:
        notes[1] = "circle: the value of the one seed"
    else:
        notes.append("dot: a member")
    named = [values for values in table.swept.values() if _numbers(values) is None]
    room = max((_ticks(values)[2] for values in named), default=0.15) - 0.15
    figure, place, x = _figure(_title(metric), notes, blocks, room=room)
    for panel, ((name, values), (_, lines)) in enumerate(
        zip(table.swept.items(), panels, strict=True)
    ):
        axes = place(panel, high)
        places, order, gap = _places(axes, name, values)
        coloured = lines[:MAX_LINES]
        grey = [np.stack([places[order], table.mean[line[order]]], 1) for line in lines[MAX_LINES:]]
        grey = [points[np.isfinite(points[:, 1])] for points in grey]
        style: Any = {"colors": PALE, "linewidths": 0.9, "zorder": 1}
        axes.add_collection(LineCollection(grey, **style), autolim=False)
        for i, (line, colour) in enumerate(zip(coloured, COLOURS, strict=False)):
            shift = gap * (i - (len(coloured) - 1) / 2) / len(coloured)
            moved = _moved(axes, places, shift)[order]
            _draw_line(axes, moved, table, line[order], colour, limits[0] if is_log else -math.inf)
        _scale(axes, "y", limits, is_log)
        handles: list[Any] = [
            Line2D([], [], color=colour, marker="o", lw=1.1, ms=4.5)
            for _, colour in zip(coloured, COLOURS, strict=False)
        ]
        handles.append(Line2D([], [], color=PALE, lw=0.9))
        _, heading, texts = blocks[panel]
        _legend(figure, axes, x, heading, handles, texts)
    return figure


def _draw_line(
    axes: Axes, at: np.ndarray, table: _Table, settings: np.ndarray, colour: str, lowest: float
) -> None:
    """The means of some settings with their intervals, and their members."""
    known = np.isfinite(table.mean[settings])
    at, settings = at[known], settings[known]
    if table.finals.shape[1] > 1:
        members = table.members[settings]
        faint: Any = {"color": colour, "ms": 3.2, "mew": 0, "alpha": 0.3, "zorder": 2}
        axes.plot(np.repeat(at, members.shape[1]), members.reshape(-1), "o", **faint)
        bottom = np.maximum(table.low[settings], lowest)
        axes.vlines(at, bottom, table.high[settings], color=colour, lw=1.4, zorder=3)
    ring: Any = {"color": colour, "lw": 1.1, "ms": 4.5, "mec": "white", "mew": 0.6, "zorder": 4}
    axes.plot(at, table.mean[settings], "-o", **ring)


def _seeds_figure(table: _Table, metric: str) -> Figure:
    rows = table.ranking[:MAX_ROWS]
    dots = [np.sort(members[np.isfinite(members)]) for members in table.members[rows]]
    to_scale, limits, is_log = _limits(
        metric, np.concatenate([*dots, []]), [table.low[rows], table.high[rows]]
    )
    is_histogram = len(table.names) == 1 and len(dots[0]) >= 16
    is_log = is_log and not is_histogram
    mark = "line" if is_histogram else "diamond"
    notes = [table.fixed, _claim(table, f"{mark}: the mean", "shade" if is_histogram else "bar")]
    if is_sole := table.finals.shape[1] == 1:
        notes[1] = "dot: the value of the one seed"
    else:
        notes.append("tick: a member" if is_histogram else "dot: a member")
    notes.append(table.lost)
    title = f"{_title(metric)} at the end of training"
    if len(table.names) > len(rows):
        title += f": the best {len(rows)} of {len(table.names)} settings"
    if is_histogram:
        figure, place, _ = _figure(title, notes, [(3.0, "", [])])
        axes = place(0, 3.0)
        _draw_histogram(axes, dots[0], (table.mean[0], table.low[0], table.high[0]))
        text = f"mean {_estimate(metric, table, 0)}"
        beside: Any = {"transform": axes.get_xaxis_transform(), "ha": "center", "size": 8}
        axes.text(table.mean[0], 1.015, text, **beside)
        axes.set_xlabel(_title(metric))
        axes.set_ylabel("members")
        return figure

    span = to_scale(limits[1]) - to_scale(limits[0])
    side = 4 / 72  # inches, a dot's
    inches = [WIDTH * to_scale(values) / span for values in dots]
    stacks = [_stacked(values, 0.9 * side) for values in inches]
    names = [
        "\n".join([*_wrap(table.names[row]), *filter(None, [table.losses[row]])]) for row in rows
    ]
    lines = max(name.count("\n") + 1 for name in names)
    tallest = side * max(2 * stack.max(initial=0) + 1 for stack in stacks)
    pitch = min(tallest + 0.24, max(0.5, min(12 / len(rows), 1.8)))  # inches, a row's
    pitch = max(pitch, 0.36, 0.16 * lines + 0.04)
    side *= min(1.0, (pitch - 0.24) / tallest)
    left = max(_text_width(line, 8) for name in names for line in name.split("\n")) + 0.25
    estimates = [_estimate(metric, table, row) for row in rows]
    right = max(_text_width(text, 8) for text in estimates) + 0.2
    figure, place, _ = _figure(
        title, notes, [(pitch * len(rows), "", [])], left=max(LEFT, left), right=right
    )
    axes = place(0, pitch * len(rows))
    for i, (row, values, stack) in enumerate(zip(rows, dots, stacks, strict=True)):
        style: Any = {"color": BLUE, "ms": max(1.2, 72 * side), "mew": 0, "alpha": 0.55}
        offsets = np.round(i + (side * stack - 0.06 * (not is_sole)) / pitch, 6)
        axes.plot(values, offsets, "o", **style)
        below = i + (side * (stack.max(initial=0) + 0.5) - 0.01) / pitch
        if math.isfinite(table.low[row]):
            bottom = max(table.low[row], limits[0]) if is_log else table.low[row]
            axes.hlines(below, bottom, table.high[row], color=INK, lw=1.2, zorder=3)
        if not is_sole:
            axes.plot(table.mean[row : row + 1], [below], "D", color=INK, ms=4, zorder=4)
        axes.text(1.02, i, estimates[i], size=8, va="center", transform=axes.get_yaxis_transform())
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), names, size=8, parse_math=False, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(_title(metric))
    _scale(axes, "x", limits, is_log)
    return figure


def _table(runs: Runs, metric: str) -> _Table:
    shape, factor = runs.shape, 100.0 if metric.endswith("accuracy") else 1.0
    is_measured = runs.history[metric].size > 0  # what has no epochs has no last one
    last = np.asarray(runs.final(metric)) if is_measured else np.full(shape, np.nan)
    is_faulty = np.zeros(shape, bool)
    for position in runs.faults:
        is_faulty[position] = True
    names = list(runs.axes)
    kept = [i for i, name in enumerate(names) if name not in SEEDS]
    sizes = [len(runs.axes.get(name, (None,))) for name in SEEDS]
    num_settings = math.prod(shape[i] for i in kept)

    def arrange(values: np.ndarray) -> np.ndarray:  # (*axes, ...) -> (settings, orders, seeds, ...)
        ends = tuple(range(len(names), values.ndim))
        seeds = [names.index(name) for name in SEEDS if name in names]
        rest = values.shape[len(names) :]
        return values.transpose(*kept, *seeds, *ends).reshape(num_settings, *sizes, *rest)

    is_diverged = arrange(is_faulty | np.isinf(last))
    finals = arrange(np.where(is_faulty, np.nan, factor * last.astype(np.float64)))
    finals = np.where(np.isfinite(finals), finals, np.nan)
    history = factor * arrange(runs.history[metric]).astype(np.float64)
    history = np.where(np.isfinite(history), history, np.nan)

    averaged = 1 if sizes[1] > 1 else 2  # as `jaxmlp.statistics` has it
    observed = finals.mean(axis=averaged)
    curves = _mean(np.moveaxis(history, averaged, -1))
    curves[np.isnan(observed)] = np.nan
    mean, low, high = _interval(observed)
    is_unknown = np.isnan(finals) & ~is_diverged
    counted = [
        _losses(int(diverged.sum()), int(unknown.sum()), diverged.size)
        for diverged, unknown in zip(is_diverged, is_unknown, strict=True)
    ]
    swept = {names[i]: runs.axes[names[i]] for i in kept if shape[i] > 1}
    fixed = [_name(names[i], runs.axes[names[i]][0]) for i in kept if shape[i] == 1]
    combinations = itertools.product(*swept.values())
    return _Table(
        swept=swept,
        fixed=", ".join(fixed),
        names=[", ".join(map(_name, swept, values)) for values in combinations],
        history=curves,
        finals=observed,
        members=finals.reshape(num_settings, -1),
        losses=counted,
        lost=_lengths(
            runs, _losses(int(is_diverged.sum()), int(is_unknown.sum()), is_diverged.size)
        ),
        mean=mean,
        low=low,
        high=high,
        scores=np.array([score({metric: float(value)}, metric) for value in mean]),
    )


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the last axis, of what is finite; NaN where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(-1) / known.sum(-1)


def _interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and Student's interval over the last axis, of what is finite; NaN of too few."""
    from scipy import stats  # takes longer to import than the rest

    mean, count = _mean(values), np.isfinite(values).sum(-1)
    above = np.nan_to_num(values - mean[..., None])
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(np.maximum((above**2).sum(-1) / (count - 1) / count, 0))
        half = np.where(count > 1, stats.t.isf((1 - CONFIDENCE) / 2, count - 1.0) * error, np.nan)
    return mean, mean - half, mean + half


def _lines(table: _Table, axis: int) -> tuple[list[str], list[np.ndarray]]:
    """The lines of a panel as the settings along it, those with the best mean first."""
    sizes = [len(values) for values in table.swept.values()]
    grid = np.moveaxis(np.arange(math.prod(sizes)).reshape(sizes), axis, -1)
    lines = grid.reshape(-1, sizes[axis])
    order = np.argsort(-table.scores[lines].max(axis=1), kind="stable")
    others = {name: values for i, (name, values) in enumerate(table.swept.items()) if i != axis}
    names = [
        ", ".join(map(_name, others, values)) for values in itertools.product(*others.values())
    ]
    return [names[i] for i in order], [lines[i] for i in order]


def _line_texts(names: Sequence[str], num_swept: int) -> list[str]:
    if num_swept == 1:
        return []
    count = len(names) - MAX_LINES
    return [*names[:MAX_LINES], *([f"the other {count}"] if count > 0 else [])]


def _heading(names: Sequence[str], num_swept: int) -> str:
    is_cut = num_swept > 1 and len(names) > MAX_LINES
    return f"the best {MAX_LINES} of {len(names)} lines" if is_cut else ""


def _numbers(values: Sequence[Hashable]) -> list[float] | None:
    """The values, if they are numbers that an axis can show; else None."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return numbers if len(numbers) == len(values) and all(map(math.isfinite, numbers)) else None


def _places(
    axes: Axes, name: str, values: Sequence[Hashable]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Sets an x axis up for these values.

    Returns:
      Where each is; their order from left to right; and the room for lines moved apart, in data
      units, or in decades on a scale of logarithms.
    """
    numbers = _numbers(values)
    sizes = [abs(number) for number in numbers or () if number]
    is_wide = max(sizes, default=1.0) > 10 * min(sizes, default=1.0)
    title = name.replace("_", " ")
    if numbers is None or (is_wide and min(numbers) <= 0):
        order = np.arange(len(values)) if numbers is None else np.argsort(numbers, kind="stable")
        places = np.empty(len(values))
        places[order] = np.arange(len(values))
        texts, style, _ = _ticks([values[i] for i in order])
        step = -(-len(values) // len(texts))
        axes.set_xticks(range(0, len(values), step), texts, parse_math=False, **style)
        axes.set_xlim(-0.5, len(values) - 0.5)
        axes.set_xlabel(title if numbers is None else f"{title} (not to scale)", parse_math=False)
        return places, order, 0.5
    axes.set_xlabel(title, parse_math=False)
    places = np.array(numbers)
    order = np.argsort(places, kind="stable")
    scaled = np.log10(places) if is_wide else places
    span = float(np.ptp(scaled)) or 1.0
    if is_wide:
        axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    ticks, end = [], -math.inf
    for i in order:  # the values themselves, but those whose texts would touch
        middle = WIDTH * 0.86 * (scaled[i] - scaled.min()) / span
        half = _text_width(f"{places[i]:g}", 9) / 2 + 0.05
        if middle - half >= end:
            ticks.append(places[i])
            end = middle + half
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ends = scaled.min() - 0.08 * span, scaled.max() + 0.08 * span
    axes.set_xlim(*((10.0**e for e in ends) if is_wide else ends))
    gaps = np.diff(np.unique(scaled))
    return places, order, min(0.6 * float(gaps.min(initial=span)), 0.07 * span)


def _ticks(values: Sequence[Hashable]) -> tuple[list[str], dict[str, Any], float]:
    """Names of up to 24 values below an axis, their style, and how high they are in inches."""
    names = [_value(value) for value in values[:: -(-len(values) // 24)]]
    texts = [
        textwrap.fill(_shortened(name, 28).replace("_", "_ "), 15).replace("_ ", "_")
        for name in names
    ]
    lines = [text.split("\n") for text in texts]
    if max(_text_width(line, 9) for each in lines for line in each) < WIDTH / len(texts) - 0.08:
        return texts, {}, 0.15 * max(map(len, lines))
    texts = [_shortened(name, 16) for name in names]
    style = {"rotation": 25, "rotation_mode": "anchor", "ha": "right", "va": "top", "size": 7}
    return texts, style, 0.1 + 0.43 * max(_text_width(text, 7) for text in texts)


def _moved(axes: Axes, places: np.ndarray, shift: float) -> np.ndarray:
    return places * 10.0**shift if axes.get_xscale() == "log" else places + shift


def _draw_histogram(axes: Axes, values: np.ndarray, row: Row) -> None:
    bins = min(30, math.ceil(1.5 * math.sqrt(len(values))))
    axes.hist(values, bins, color=BLUE, alpha=0.35, ec="white", lw=0.6)
    rug: Any = {"color": BLUE, "lw": 0.7, "alpha": 0.8, "zorder": 3}
    axes.vlines(values, -0.05, -0.01, transform=axes.get_xaxis_transform(), clip_on=False, **rug)
    axes.axvspan(row[1], row[2], color=INK, alpha=0.12, lw=0)
    axes.axvline(row[0], color=INK, lw=1.2)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axes.tick_params(axis="x", pad=15, length=0)
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def _stacked(values: np.ndarray, width: float) -> np.ndarray:
    """For sorted values, offsets in dots so that neighbours lie above and below each other."""
    offsets, start = np.zeros(len(values)), 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] - values[start] >= width:
            count = i - start
            offsets[start:i] = np.arange(count) - (count - 1) / 2
            start = i
    return offsets


def _limits(
    metric: str, shown: np.ndarray, bounds: Sequence[np.ndarray]
) -> tuple[Callable[[Any], Any], tuple[float, float], bool]:
    """The limits of a metric's axis: all that is shown, and of wide intervals as much again.

    Returns:
      What takes a value to a place along the axis; the limits; and whether it is of logarithms.
    """
    shown = shown[np.isfinite(shown)]
    if not shown.size:
        return np.asarray, (0.0, 100.0 if metric.endswith("accuracy") else 1.0), False
    is_share = metric.endswith("accuracy")
    is_log = not is_share and shown.min() > 0 and shown.max() > 10 * shown.min()
    to_scale: Callable[[Any], Any] = np.log10 if is_log else np.asarray
    low, high = float(to_scale(shown.min())), float(to_scale(shown.max()))
    room = 0.5 * (high - low) or 0.05 * abs(high) or 0.5
    ends = np.concatenate([np.ravel(bound) for bound in bounds])
    ends = ends[np.isfinite(ends)]
    ends = np.maximum(ends, shown.min() / 1e9) if is_log else ends
    ends = np.clip(to_scale(ends), low - room, high + room)
    low, high = float(ends.min(initial=low)), float(ends.max(initial=high))
    if high == low:
        low, high = low - room, high + room
    pad = 0.05 * (high - low)
    low, high = low - pad, high + pad
    if is_share:
        low, high = max(low, -2.0), min(high, 100 + pad)
    return to_scale, (10.0**low, 10.0**high) if is_log else (low, high), is_log


def _scale(
    axes: Axes,
    which: str,
    limits: tuple[float, float],
    is_log: bool,
) -> None:
    side = axes.yaxis if which == "y" else axes.xaxis
    if is_log:
        (axes.set_yscale if which == "y" else axes.set_xscale)("log")
        is_narrow = limits[1] < 1000 * limits[0]
        side.set_major_locator(LogLocator(subs=(1, 2, 5) if is_narrow else (1,), numticks=8))
        side.set_major_formatter(StrMethodFormatter("{x:g}"))
        side.set_minor_locator(NullLocator())
    else:
        side.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    (axes.set_ylim if which == "y" else axes.set_xlim)(limits)
    axes.grid(axis="y" if which == "y" else "x")
    axes.set_axisbelow(True)
    if not any(np.isfinite(line.get_xydata()).all(axis=1).any() for line in axes.lines):
        side.set_ticks([])
        axes.text(0.5, 0.5, "no finite value", color=GREY, ha="center", transform=axes.transAxes)


def _figure(
    title: str,
    notes: Sequence[str],
    blocks: Sequence[tuple[float, str, Sequence[str]]],
    left: float = LEFT,
    right: float = 0.25,
    room: float = 0.0,
) -> tuple[Figure, Callable[[int, float], Axes], float]:
    """A figure with panels one below the other, legends right of them, and notes below.

    Args:
      title: on top.
      notes: empty ones are left out.
      blocks: of each panel its height in inches, and its legend's heading and texts.
      left: the panels' margin in inches.
      right: room beside panels without a legend, in inches.
      room: below panels for tall names of ticks, in inches.

    Returns:
      The figure; a function from a panel's number and height to its axes; where legends begin,
      from 0 to 1.
    """
    texts = [line for _, heading, entries in blocks for e in entries for line in _wrap(e)]
    texts += [heading for _, heading, _ in blocks if heading]
    beside = 0.75 + max(_text_width(text, 8) for text in texts) if texts else right
    width = left + WIDTH + beside
    width = max(width, left + 0.2 + _text_width(title, 10))
    columns = max(40, int((width - left) / 0.062))
    written = textwrap.wrap("; ".join(note for note in notes if note), columns)
    heights = [
        max(high, 0.2 + sum(0.06 + 0.14 * len(_wrap(e)) for e in entries) + 0.2 * bool(heading))
        for high, heading, entries in blocks
    ]
    below = 0.6 + room
    bottom = 0.14 * len(written) + 0.12
    height = TOP + sum(heights) + below * len(blocks) + bottom
    figure = Figure((width, height), DPI)
    plain: dict[str, Any] = {"parse_math": False, "va": "top"}
    figure.text(left / width, 1 - 0.14 / height, title, size=10, **plain)
    for i, line in enumerate(written):
        y = (bottom - 0.14 * i) / height
        figure.text(left / width, y, line, size=SMALL, color=GREY, **plain)

    def place(panel: int, high: float) -> Axes:
        top = TOP + sum(heights[:panel]) + below * panel
        box = (left / width, 1 - (top + high) / height, WIDTH / width, high / height)
        return figure.add_axes(box)

    return figure, place, (left + WIDTH + 0.15) / width


def _legend(
    figure: Figure,
    axes: Axes,
    x: float,
    heading: str,
    handles: Sequence[Any],
    texts: Sequence[str],
) -> None:
    if not texts:
        return
    legend = figure.legend(
        handles[: len(texts)],
        ["\n".join(_wrap(text)) for text in texts],
        title=heading or None,
        handler_map={tuple: HandlerTuple(ndivide=1, pad=0)},
        loc="upper left",
        bbox_to_anchor=(x, axes.get_position().y1),
        alignment="left",
        borderaxespad=0,
        fontsize=8,
        title_fontsize=8,
        frameon=False,
        handlelength=1.6,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, 46, break_on_hyphens=False) or [""]


def _text_width(text: str, size: float) -> float:
    """In inches."""
    font = FontProperties(family="DejaVu Sans", size=size)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def _title(metric: str) -> str:
    return metric.replace("_", " ") + (" (%)" if metric.endswith("accuracy") else "")


def _claim(table: _Table, mean: str, band: str) -> str:
    if table.finals.shape[1] == 1:
        return "one seed a setting: no interval" if len(table.names) > 1 else "one seed"
    interval = f"{100 * CONFIDENCE:g} % interval of the mean (Student's t)"
    return f"{mean} over {table.observed}; {band}: {interval}"


def _entry(table: _Table, metric: str, setting: int) -> str:
    """A setting's name, its final mean, and what it lost."""
    value = _number(metric, table.mean[setting])
    lost = f" ({table.losses[setting]})" if table.losses[setting] else ""
    return f"{table.names[setting]}: {value}{lost}"


def _estimate(metric: str, table: _Table, row: int) -> str:
    mean, high = table.mean[row], table.high[row]
    if not math.isfinite(high):
        return _number(metric, mean)
    if metric.endswith("accuracy"):
        return f"{mean:.2f} ± {high - mean:.2f} %"
    return f"{mean:.4g} ± {high - mean:.2g}"


def _number(metric: str, value: float) -> str:
    if not math.isfinite(value):
        return "no value"
    return f"{value:.2f}{NBSP}%" if metric.endswith("accuracy") else f"{value:.4g}"


def _losses(num_diverged: int, num_unknown: int, count: int) -> str:
    parts = [f"{num_diverged} of {count} diverged"] if num_diverged else []
    parts += [f"{num_unknown} of {count} without a value"] if num_unknown else []
    return ", ".join(parts)


def _lengths(runs: Runs, lost: str) -> str:
    """Adds between which epochs members ended, for their last values are not of one epoch then."""
    lengths = [int(epochs) for epochs in np.unique(runs.stopped_at) if epochs]
    if len(lengths) < 2:
        return lost
    least, most = lengths[0], lengths[-1]
    return ", ".join(filter(None, [lost, f"members ended after {least} to {most} epochs"]))


def _name(axis: str, value: Hashable) -> str:
    """Such as "learning rate 0.1", which is not broken unless it is long."""
    name = f"{axis.replace('_', ' ').strip()} {_value(value)}"
    return name if len(name) > 36 else name.replace(" ", NBSP)


def _value(value: Hashable) -> str:
    text = f"{value:g}" if isinstance(value, float) else label(value)
    return _shortened(" ".join(text.split()), 40)


def _shortened(text: str, limit: int) -> str:
    end = limit // 3
    return text if len(text) <= limit else f"{text[: limit - end - 1]}…{text[-end:]}"
