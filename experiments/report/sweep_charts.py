"""What the charts of a sweep are drawn from: curves, each axis, and what the seeds scatter.

The tables are those of the pictures in plots/, so that both show the same numbers.
"""

from typing import Any

import numpy as np

from experiments.app import cautions
from experiments.plots.population_axes import lines_of
from experiments.plots.style import factor
from experiments.plots.swept import numbers_of, value_text
from experiments.plots.table import Table, claim, interval_of, tabulate
from experiments.report.subject import SweepSubject
from experiments.report.sweep_settings import order_of
from jaxmlp.statistics import OBSERVED

__all__ = ["axes", "curves", "seeds"]

COLOURED, QUIET, DOTTED = 8, 40, 20  # settings with a colour, without, and with a row of dots
SINGLE = "all"  # the name of a setting that is the only one


def curves(subject: SweepSubject) -> dict[str, Any]:
    """The metric and the loss against the epoch, a line with a band for each setting."""
    runs, metric = subject.runs, subject.job.metric
    loss = f"{metric.partition('_')[0]}_loss"
    order = order_of(subject)
    tables = [
        tabulate(runs, name) for name in dict.fromkeys((metric, loss)) if name in runs.history
    ]
    more = len(order) - COLOURED - QUIET
    notes = [
        tables[0].fixed,
        claim(tables[0], "line: the mean", "band"),
        tables[0].lost,
        f"grey: the next {min(QUIET, len(order) - COLOURED)} settings" * (len(order) > COLOURED),
        f"{more} more are not drawn" if more > 0 else "",
        cautions.of_sweep(subject.job, runs),
    ]
    return {
        "panels": [_panel(table, order) for table in tables],
        "note": "; ".join(filter(None, notes)),
    }


def _panel(table: Table, order: list[int]) -> dict[str, Any]:
    scale = factor(table.metric)
    means, lows, highs = (
        values / scale for values in interval_of(table.metric, table.history.swapaxes(1, 2))
    )
    series = []
    for rank, place in enumerate(order[: COLOURED + QUIET]):
        line = {"name": table.names[place] or SINGLE, "values": _short(means[place])}
        if rank < COLOURED and table.num_seeds > 1:
            line |= {"low": _short(lows[place]), "high": _short(highs[place])}
        series.append(line)
    return {
        "name": table.metric.name.replace("_", " "),
        "is_share": table.metric.is_share,
        "series": series,
    }


def axes(subject: SweepSubject) -> dict[str, Any] | None:
    """The final value against each swept axis, a line for each setting of the others.

    Numbers are to scale, by their logarithms where they span more than a decade; all else, and a
    zero or less among such numbers, stands side by side.
    """
    table = tabulate(subject.runs, subject.job.metric)
    if not table.swept:
        return None
    return {
        "metric": table.metric.name.replace("_", " "),
        "is_share": table.metric.is_share,
        "panels": [_axis(table, place, *each) for place, each in enumerate(table.swept.items())],
        "note": claim(table, "dot: the mean", "bar"),
    }


def _axis(table: Table, place: int, name: str, values: Any) -> dict[str, Any]:
    scale = factor(table.metric)
    found = numbers_of(values)
    sizes = [abs(number) for number in found or () if number]
    is_wide = max(sizes, default=1.0) > 10 * min(sizes, default=1.0)
    is_to_scale = found is not None and not (is_wide and min(found) <= 0)
    order = np.arange(len(values)) if found is None else np.argsort(found, kind="stable")
    names, lines = lines_of(table, place)
    pairs = list(zip(names, lines, strict=True))[:COLOURED]
    return {
        "name": name.replace("_", " "),
        "values": [value_text(values[i]) for i in order],
        "numbers": [found[i] for i in order] if found and is_to_scale else None,
        "is_log": is_wide,
        "series": [
            {
                "name": each or table.metric.name.replace("_", " "),
                "values": _short(table.mean[line[order]] / scale),
                "low": _short(table.low[line[order]] / scale),
                "high": _short(table.high[line[order]] / scale),
            }
            for each, line in pairs
        ],
        "num_more": len(lines) - len(pairs),
    }


def seeds(subject: SweepSubject) -> dict[str, Any]:
    """Every network's final value, a row for each of the best settings."""
    table = tabulate(subject.runs, subject.job.metric)
    scale, order = factor(table.metric), order_of(subject)
    axes = subject.runs.axes
    varied = [name for name in OBSERVED if len(axes.get(name, ())) > 1]
    return {
        "metric": table.metric.name.replace("_", " "),
        "is_share": table.metric.is_share,
        "over": " and ".join(f"{name.replace('_', ' ')}s" for name in varied) or "seeds",
        "rows": [
            {
                "name": table.names[place] or SINGLE,
                "values": _short(table.members[place] / scale),
                "mean": _short(table.mean[place : place + 1] / scale)[0],
                "low": _short(table.low[place : place + 1] / scale)[0],
                "high": _short(table.high[place : place + 1] / scale)[0],
                "lost": table.losses[place],
            }
            for place in order[:DOTTED]
        ],
        "num_more": max(0, len(order) - DOTTED),
        "note": claim(table, "line: the mean", "bar"),
    }


def _short(values: np.ndarray) -> list[float | None]:
    """Numbers as JSON has them, without digits that nobody sees."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values]
