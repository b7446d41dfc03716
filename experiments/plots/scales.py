"""The axes of metrics: from where to where, to which scale, and what is written at their ticks."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from experiments.plots.style import GREY, PERCENT, is_share, text_width
from jaxmlp.objectives.records import Metric

__all__ = [
    "WIDTH",
    "Scale",
    "epochs_below",
    "regular_ticks",
    "scale_of",
    "set_scale",
    "set_ticks",
    "tick_text",
]

WIDTH = 5.0  # inches, of a panel
MOST = 8.0  # times as wide as what is shown, for the sake of intervals
MIN_SIZE = 5.0  # points, of the letters of ticks that would else not fit


class Scale(NamedTuple):
    """An axis of a metric."""

    low: float
    high: float
    is_log: bool

    def along(self, values: Any) -> np.ndarray:
        """Where values are: 0 at the low end, 1 at the high one."""
        low, high = (math.log10(end) if self.is_log else end for end in (self.low, self.high))
        return ((np.log10(values) if self.is_log else np.asarray(values)) - low) / (high - low)

    def cut(self, values: np.ndarray) -> np.ndarray:
        """Low ends of intervals, which on a scale of logarithms may be at zero or below it."""
        return np.maximum(values, self.low) if self.is_log else values

    def left(self, lows: np.ndarray, highs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which intervals go on below the axis, and which above it."""
        return np.asarray(lows) < self.low, np.asarray(highs) > self.high


def scale_of(
    metric: str | Metric, shown: np.ndarray, *bounds: np.ndarray, most: float = MOST
) -> Scale:
    """The scale of a metric's axis: all that is shown, and the intervals of it.

    Of intervals that are far wider than what is shown, and on a scale of logarithms, whose zero is
    nowhere, there is as much again as what is shown takes: see `Scale.left`.

    Args:
      metric: its record, or a name; a share has no other scale than a linear one, and no values
        beyond 0 and 100.
      shown: values of any shape; of logarithms if they are above 0 and span more than a decade.
      *bounds: the ends of intervals.
      most: how many times as wide as what is shown they may be, to be in it whole.

    Returns:
      The scale, from 0 to 1 or to 100 if no value is finite.
    """
    shown = shown[np.isfinite(shown)]
    if not shown.size:
        return Scale(0.0, PERCENT[1] if is_share(metric) else 1.0, is_log=False)
    is_log = bool(not is_share(metric) and shown.min() > 0 and shown.max() > 10 * shown.min())
    to_scale = np.log10 if is_log else np.asarray
    low, high = float(to_scale(shown.min())), float(to_scale(shown.max()))
    room = 0.5 * (high - low)
    if room <= 1e-9 * max(abs(low), abs(high)):  # no more than rounding
        room = 0.05 * abs(high) or 0.5
    ends = np.concatenate([np.empty(0), *map(np.ravel, bounds)])
    ends = ends[np.isfinite(ends)]
    ends = np.maximum(ends, shown.min() / 1e9) if is_log else ends
    ends = to_scale(ends)
    if is_log or ends.max(initial=high) - ends.min(initial=low) > most * 2 * room:
        ends = np.clip(ends, low - room, high + room)
    low, high = float(ends.min(initial=low)), float(ends.max(initial=high))
    if high - low < room:
        low, high = low - room, high + room
    if is_share(metric):
        low, high = max(low, PERCENT[0]), min(high, PERCENT[1])
    pad = 0.05 * (high - low)  # less than between ticks, of which none is beyond 0 and 100
    low, high = low - pad, high + pad
    return Scale(10.0**low, 10.0**high, is_log) if is_log else Scale(low, high, is_log)


def set_scale(axes: Axes, which: str, scale: Scale, margin: float) -> None:
    """Gives an axis its limits, ticks and lines; says so if there is nothing on it.

    Args:
      axes: with all its lines.
      which: "x" or "y".
      scale: as of `scale_of`.
      margin: the room for the ticks' texts left of a "y" axis, in inches.
    """
    axis = axes.yaxis if which == "y" else axes.xaxis
    inches = (axes.figure.bbox.height * axes.get_position().height) / axes.figure.dpi
    count = int(inches / 0.22) if which == "y" else 8
    (axes.set_yscale if which == "y" else axes.set_xscale)("log" if scale.is_log else "linear")
    (axes.set_ylim if which == "y" else axes.set_xlim)(scale.low, scale.high)
    ticks = regular_ticks(scale, count)
    texts = [tick_text(tick) for tick in ticks]
    room = margin - 0.14 if which == "y" else WIDTH / len(ticks) - 0.06
    set_ticks(axis, ticks, texts, _fitting_size(texts, room))
    axes.grid(axis="y" if which == "y" else "x")
    axes.set_axisbelow(True)
    if not any(np.isfinite(line.get_xydata()).all(axis=1).any() for line in axes.lines):
        set_ticks(axis, [], [])
        axes.text(0.5, 0.5, "no finite value", color=GREY, ha="center", transform=axes.transAxes)


def epochs_below(axes: Axes, last: int) -> None:
    """Sets an x axis up for epochs.

    Args:
      axes: whose.
      last: the last epoch.
    """
    axes.set_xlim(*((1, last) if last > 1 else (0.5, 1.5)))
    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")


def regular_ticks(scale: Scale, count: int) -> np.ndarray:
    """Up to about so many round numbers; of logarithms, decades or 1, 2 and 5 of each.

    Args:
      scale: of the axis.
      count: how many.
    """
    if not scale.is_log:
        ticks = MaxNLocator(min(count, 7), steps=[1, 2, 2.5, 5, 10])
        found = np.asarray(ticks.tick_values(scale.low, scale.high))
        found[abs(found) < 1e-9 * (scale.high - scale.low)] = 0
        return found[(found >= scale.low) & (found <= scale.high)]
    low, high = math.log10(scale.low), math.log10(scale.high)
    decades = np.arange(math.floor(low), math.ceil(high) + 1)
    if high - low < 3:
        found = np.outer(10.0**decades, (1, 2, 5)).ravel()
    else:
        found = 10.0 ** decades[decades % math.ceil((high - low) / count) == 0]
    return found[(found >= scale.low) & (found <= scale.high)]


def tick_text(value: float) -> str:
    """As "g" writes it, with more digits where six would change it.

    Args:
      value: of a tick.
    """
    short, long = f"{value:g}", f"{value:.10g}"
    return short if float(short) == float(long) else long


def set_ticks(axis: Any, ticks: Any, texts: Sequence[str], size: float = 9) -> None:
    """Puts ticks where they are said to be, and no others.

    Args:
      axis: an x or y axis.
      ticks: where.
      texts: at each.
      size: of their letters, in points.
    """
    axis.set_ticks([], minor=True)
    axis.set_ticks(ticks, texts, size=size)


def _fitting_size(texts: Sequence[str], room: float) -> float:
    widest = max((text_width(text, 9) for text in texts), default=0.0)
    return 9.0 if widest <= room else max(MIN_SIZE, 9 * room / widest)
