"""The axes that were swept: where their values are, and what is written there."""

import math
import textwrap
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from experiments.plots.scales import WIDTH, Scale, regular_ticks, set_ticks, tick_text
from experiments.plots.style import shortened, text_width
from jaxmlp.training.labels import label

__all__ = ["Places", "numbers_of", "places_below", "value_text"]

MAX_NAMES = 24  # below an axis


class Places(NamedTuple):
    """Where the values of a swept axis are."""

    at: np.ndarray  # (values,), in data units
    order: np.ndarray  # (values,), from left to right
    gap: float  # between the closest two, in inches


def places_below(axes: Axes, name: str, values: Sequence[Hashable]) -> Places:
    """Sets an x axis up for the values of a swept one.

    Numbers are to scale, by their logarithms where they span more than a decade; else, or with a
    zero or less among those, values are side by side.

    Args:
      axes: whose.
      name: of the swept axis.
      values: its values.

    Returns:
      Where they are.
    """
    found = numbers_of(values)
    sizes = [abs(each) for each in found or () if each]
    is_wide = max(sizes, default=1.0) > 10 * min(sizes, default=1.0)
    text = name.replace("_", " ")
    if found is not None and not (is_wide and min(found) <= 0):
        axes.set_xlabel(text, parse_math=False)
        return _to_scale(axes, np.array(found), is_wide)
    order = np.arange(len(values)) if found is None else np.argsort(found, kind="stable")
    texts, style = _values_below([values[i] for i in order])
    step = -(-len(values) // MAX_NAMES)
    axes.set_xticks(range(0, len(values), step), texts, parse_math=False, **style)
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_xlabel(text if found is None else f"{text} (not to scale)", parse_math=False)
    return Places(np.argsort(order).astype(float), order, WIDTH / len(values))


def value_text(value: Hashable) -> str:
    """A swept value as a reader writes it, in one line of up to 40 letters.

    Args:
      value: of a swept axis.
    """
    text = f"{value:g}" if isinstance(value, float) else label(value)
    return shortened(" ".join(text.split()), 40)


def numbers_of(values: Sequence[Hashable]) -> list[float] | None:
    """The values, if they are numbers that an axis can show; else None.

    Args:
      values: of a swept axis.
    """
    found = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return found if len(found) == len(values) and all(map(math.isfinite, found)) else None


def _values_below(values: Sequence[Hashable]) -> tuple[list[str], dict[str, Any]]:
    """Names of up to 24 values side by side, every second, third, ... of more; and their style."""
    names = [value_text(value) for value in values[:: -(-len(values) // MAX_NAMES)]]
    texts = [
        textwrap.fill(shortened(name, 28).replace("_", "_ "), 15).replace("_ ", "_")
        for name in names
    ]
    lines = [text.split("\n") for text in texts]
    if max(text_width(line, 9) for each in lines for line in each) < WIDTH / len(texts) - 0.08:
        return texts, {}
    texts = [shortened(name, 16) for name in names]
    style = {"rotation": 25, "rotation_mode": "anchor", "ha": "right", "va": "top", "size": 7}
    return texts, style


def _to_scale(axes: Axes, at: np.ndarray, is_log: bool) -> Places:
    """Ticks at the values themselves if their texts fit, else at regular places."""
    scaled = np.log10(at) if is_log else at
    order = np.argsort(at, kind="stable")
    span = float(np.ptp(scaled)) or 1.0
    ends = scaled.min() - 0.08 * span, scaled.max() + 0.08 * span
    low, high = (10.0**end for end in ends) if is_log else ends
    scale = Scale(low, high, is_log)
    axes.set_xscale("log" if is_log else "linear")
    axes.set_xlim(scale.low, scale.high)
    gaps = WIDTH * np.diff(scale.along(at[order]))
    texts = _short_texts(at[order])
    if size := next((size for size in (9, 8, 7) if _fits(texts, gaps, size)), None):
        set_ticks(axes.xaxis, at[order], texts, size)
    else:
        ticks = regular_ticks(scale, 8)
        set_ticks(axes.xaxis, ticks, [tick_text(tick) for tick in ticks])
        axes.set_xticks(at, [""] * len(at), minor=True)
    return Places(at, order, float(gaps.min(initial=WIDTH)))


def _short_texts(values: np.ndarray) -> list[str]:
    """With fewer digits where that is shorter, as long as it tells them apart."""
    texts = [min(f"{value:g}", f"{value:.3g}", key=len) for value in values]
    return texts if len(set(texts)) == len(texts) else [tick_text(value) for value in values]


def _fits(texts: Sequence[str], gaps: np.ndarray, size: float) -> bool:
    widths = np.array([text_width(text, size) for text in texts])
    return bool((0.5 * (widths[1:] + widths[:-1]) + 0.06 < gaps).all())
