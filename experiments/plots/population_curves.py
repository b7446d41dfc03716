"""Each setting's mean over its seeds against the epoch."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.plots.layout import LEFT, arrange, legend, panels
from experiments.plots.scales import Scale, epochs_below, scale_of, set_scale
from experiments.plots.style import BLUE, COLOURS, PALE, text_of, title
from experiments.plots.table import Table, claim, interval_of, tabulate
from jaxmlp.populations.runs import Runs

__all__ = ["figure_of"]

BAND = 0.18  # opacity


def figure_of(runs: Runs, table: Table) -> Figure:
    """The picture that `population.learning_curves` saves."""
    name = table.metric.name
    loss = f"{name.partition('_')[0]}_loss"
    tables = [table]
    if loss in runs.history and loss != name:
        tables.append(tabulate(runs, loss))
    best, others = np.split(table.ranking, [len(COLOURS)])
    curves = [
        interval_of(each.metric, each.history.swapaxes(1, 2), each.overlap) for each in tables
    ]
    shown = [
        each.history[0] if _is_single(each) else mean[best]
        for each, (mean, *_) in zip(tables, curves, strict=True)
    ]
    scales = [
        scale_of(each.metric, values, low[best], high[best], most=math.inf)
        for each, values, (_, low, high) in zip(tables, shown, curves, strict=True)
    ]
    notes = [table.fixed, claim(table, "line: the mean", "band"), table.lost, _dashes(table, best)]
    figure, drawn = panels(*(3.2, 2.6)[: len(tables)])
    for axes, each, curve, scale in zip(drawn, tables, curves, scales, strict=True):
        _draw_curves(axes, each, curve, scale, best, others)
        epochs_below(axes, table.history.shape[-1])
        set_scale(axes, "y", scale, LEFT)
        if np.any(scale.left(curve[1][best], curve[2][best])):
            notes.insert(2, f"at the edge of the frame of {_in_words(each)} bands go on")
        if outside := _num_outside(curve[0][others], scale):
            notes.append(f"{outside} of the grey lines lie outside the frame of {_in_words(each)}")
    for axes, each in zip(drawn[1:], tables[1:], strict=True):
        axes.set_title(title(each.metric), pad=10)
    heading, entries = _entries(table, best, len(others))
    legend(drawn[0], _handles(table, len(best)), entries, heading)
    return arrange(figure, title(table.metric), notes)


def _in_words(table: Table) -> str:
    return table.metric.name.replace("_", " ")


def _is_single(table: Table) -> bool:
    return len(table.names) == 1


def _handles(table: Table, num_best: int) -> list[Any]:
    """A sample of each coloured line, and of what else is drawn."""
    lines = [Line2D([], [], color=colour, lw=1.6) for colour in COLOURS[:num_best]]
    handles: list[Any] = [
        (Patch(color=line.get_color(), alpha=BAND, lw=0), line) if table.num_seeds > 1 else line
        for line in lines
    ]
    if _is_single(table):
        return [*handles, Line2D([], [], color=BLUE, lw=0.6, alpha=0.5)]
    return [*handles, Line2D([], [], color=PALE, lw=0.9)]


def _dashes(table: Table, best: np.ndarray) -> str:
    """What dashes mean, if there are any."""
    alive = _num_alive(table)[best]
    is_dashed = (alive < alive.max(axis=1, initial=0, keepdims=True)).any()
    return f"dashed: the mean of the {table.observed}s still in training" if is_dashed else ""


def _entries(table: Table, best: np.ndarray, num_others: int) -> tuple[str, list[str]]:
    """A heading, and what is written at each colour."""
    if len(table.names) == 1:
        texts = [f"at the end {text_of(table.metric, table.mean[0])}"]
        return "", texts + [f"the {table.observed}s"] * (table.num_seeds > 1)
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
