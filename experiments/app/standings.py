"""Which settings of a sweep are best, and how sure that is."""

import contextlib
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

import jaxmlp
from experiments.app import points, scoring
from experiments.app.progress import format_metric
from jaxmlp import statistics
from jaxmlp.populations.runs import HALVING
from jaxmlp.statistics import OBSERVED, Summary
from jaxmlp.statistics.settings import FOLD, finals_of, observed_in

SHOWN = 20  # settings in the table on the screen; table.csv has them all
LEVEL = 0.05  # a p-value that cannot be less than this shows nothing


def has_lagged(runs: jaxmlp.Runs, row: Summary) -> bool:
    """Whether halving ended a setting, whose values are then of an earlier epoch than others'."""
    ended_by = runs.select(**row.setting).ended_by
    return ended_by is not None and bool((ended_by == HALVING).any())


def ranked(runs: jaxmlp.Runs, metric: str, rows: Sequence[Summary]) -> list[Summary]:
    """Settings from the best on, by their means; those that halving ended come last."""
    sign = -1 if runs.metric(metric).higher_is_better else 1
    return sorted(
        rows, key=lambda row: (has_lagged(runs, row), np.isnan(row.mean), sign * row.mean)
    )


def against_best(runs: jaxmlp.Runs, metric: str, rows: list[Summary]) -> list[float]:
    """How surprising each setting's lag behind the best one's mean would be, were there none.

    Returns:
      p-values of paired permutation tests, of folds those of `statistics.compare`, times the number
      of pairs of settings (Bonferroni's correction for all of them, as the best is picked by the
      same data); NaN for the best itself, and for settings that halving ended.
    """
    best = ranked(runs, metric, rows)[0]
    finished = [row for row in rows if not has_lagged(runs, row)]
    pairs = len(finished) * (len(finished) - 1) // 2

    def p_value(row: Summary) -> float:
        if row is best or has_lagged(runs, row):
            return math.nan
        found = statistics.compare(runs, row.setting, best.setting, metric)
        return min(1.0, pairs * found.p_value)

    return [p_value(row) for row in rows]


def least_p_value(num_settings: int, num_seeds: int) -> float:
    """The least that `against_best` can come to: all seeds agree, which one sign in two does.

    >>> least_p_value(3, 3), least_p_value(3, 7)
    (0.75, 0.046875)
    """
    pairs = num_settings * (num_settings - 1) / 2
    return min(1.0, pairs * 2.0 ** (1 - num_seeds))


def enough_seeds(num_settings: int) -> int:
    """How many seeds it takes for a p-value below LEVEL.

    >>> enough_seeds(3)
    7
    """
    return next(n for n in itertools.count(1) if least_p_value(num_settings, n) < LEVEL)


def settings_table(
    metric: str, runs: jaxmlp.Runs, rows: Sequence[Summary], p_values: Sequence[float] | None
) -> Table:
    """The best settings, from the best on.

    Args:
      metric: what they are ranked by.
      runs: the sweep.
      rows: its settings.
      p_values: one for each; None to show none.
    """
    record = runs.metric(metric)

    def show(value: float) -> str:
        return format_metric(record, value)

    def bound(value: float) -> str:  # of an interval: a share has bounds of its own
        return show(float(np.clip(value, 0, 1)) if record.is_share else value)

    swept = ", ".join(name.replace("_", " ") for name in rows[0].setting) or "setting"
    over = "folds" if observed_in(runs) == FOLD else "seeds"
    title = f"{metric.replace('_', ' ')} at each network's end, over {over}"
    table = Table(swept, title=title, box=box.SIMPLE_HEAD)
    for name in ("mean", "95 % interval", "std", *["p"] * bool(p_values), "epochs", "networks"):
        table.add_column(name, no_wrap=True)
    p_of = {id(row): p for row, p in zip(rows, p_values or (), strict=bool(p_values))}
    for i, row in enumerate(ranked(runs, metric, rows)[:SHOWN]):
        p_value = p_of.get(id(row), math.nan)
        chosen = runs.select(**row.setting)
        num_failed = int(np.isnan(finals_of(chosen, metric)).sum())
        failed = f", {num_failed} diverged" if num_failed else ""
        table.add_row(
            ", ".join(points.value_text(value) for value in row.setting.values()) or "all",
            show(row.mean),
            f"{bound(row.low).removesuffix(' %')} to {bound(row.high)}",
            show(row.std),
            *["" if np.isnan(p_value) else f"{p_value:.2g}"] * bool(p_values),
            f"{chosen.stopped_at.mean():g}",
            f"{chosen.stopped_at.size}{failed}",
            style="bold" if i == 0 else None,
        )
    return table


def print_whole(console: Console, table: Table) -> None:
    """Prints a table of which nothing is cut: on a terminal, its first column folds at blanks."""
    for i, column in enumerate(table.columns):
        texts = [str(column.header), *map(str, column.cells)]
        parts = [part for text in texts for part in ([text] if i else text.split())]
        column.min_width = max(map(len, parts))
    widths = Measurement.get(console, console.options.update(max_width=10**6), table)
    table.width = widths.maximum
    if console.is_terminal:
        table.width = min(widths.maximum, max(console.width, widths.minimum))
    console.print(table, crop=False)


def explain_p(num_settings: int, num_seeds: int) -> str:
    """What the p-values are; or, where they cannot show anything, why there are none."""
    least = least_p_value(num_settings, num_seeds)
    if least >= LEVEL:
        return (
            f"no p: that of {num_seeds} seeds cannot be less than {least:.2g}, corrected for all "
            f"pairs of settings; with {enough_seeds(num_settings)} it can be less than {LEVEL:g}"
        )
    few = f"; with so few seeds it cannot be less than {least:.2g}" if least > 0.01 else ""
    return f"p: of the lag behind the first, paired over seeds, corrected for all pairs{few}"


OF_FOLDS = (
    "p: of the lag behind the first, by the t-test of Nadeau and Bengio (2003) over the folds, "
    "corrected for all pairs; theirs is the interval too, as folds share training examples"
)


def explain_crossed(runs: jaxmlp.Runs) -> str:
    """What a setting's observations are where several kinds of seeds vary, or folds; else nothing.

    >>> names = {"seed": (0, 1, 2), "noise_seed": (0, 1)}
    >>> explain_crossed(jaxmlp.Runs(names, {}, np.ones((3, 2)), (), np.zeros((3, 2, 2)), {}))
    'mean, interval and std: over 3 seeds, each the mean of its 2 networks'
    """
    varied = [(name, len(runs.axes.get(name, ()))) for name in OBSERVED]
    varied = [(name, count) for name, count in varied if count > 1]
    if len(varied) < 2:
        return ""
    (observed, num_seeds), *others = varied
    size = math.prod(count for _, count in others)
    seeds = observed.replace("_", " ")
    return (
        f"mean, interval and std: over {num_seeds} {seeds}s, each the mean of its {size} networks"
    )


def conclude(
    console: Console,
    path: Path,
    metric: str,
    runs: jaxmlp.Runs,
    rows: list[Summary],
    p_values: list[float],
    summary: Mapping[str, Any],
    class_names: Sequence[str] = (),
) -> None:
    """Shows the settings' table, what is to be said of them, and where everything lies."""

    def say(text: str, style: str | None = None) -> None:
        console.print(text, style=style, markup=False, soft_wrap=True)

    best = ranked(runs, metric, rows)
    tested, num_seeds = sum(not np.isnan(p_value) for p_value in p_values), best[0].num_seeds
    has_folds = observed_in(runs) == FOLD
    shows_p = bool(tested) and (has_folds or least_p_value(tested + 1, num_seeds) < LEVEL)
    print_whole(console, settings_table(metric, runs, rows, p_values if shows_p else None))
    if tested:
        say(OF_FOLDS if has_folds else explain_p(tested + 1, num_seeds))
    for row, setting in zip(rows, summary["settings"], strict=True):
        for finding, number in setting["verdict"].items():
            name = points.as_text(row.setting) or "all"
            size = runs.select(**row.setting).stopped_at.size
            say(f"{name}: {number} of {size} ENDED {finding.upper()}", "bold red")
    if crossed := explain_crossed(runs):
        say(crossed)
        where = f" at {points.as_text(best[0].setting)}" if len(best) > 1 else ""
        if shares := _shares_of_variance(runs.select(**best[0].setting), metric):
            say(f"variance of the {metric.replace('_', ' ')}{where}: {shares}")
    if len(best) > SHOWN:
        say(f"{len(best) - SHOWN} more settings are in table.csv")
    for position, fault in list(runs.faults.items())[:SHOWN]:
        place = zip(runs.axes.items(), position, strict=True)
        name = points.as_text({axis: values[i] for (axis, values), i in place})
        say(f"{name} ended: a number that is not finite came up in {fault}")
    if len(runs.faults) > SHOWN:
        say(f"{len(runs.faults) - SHOWN} more ended likewise")
    scoring.show(console, summary, class_names)
    scoring.show_together(console, summary)
    saved = 100 * (1 - runs.share_of_work)
    rate = summary["network_epochs_per_second"]
    say(
        f"{f'{rate:.3g} network-epochs a second, ' if rate else ''}"
        f"{f'{saved:.0f} % of the work saved, ' if saved else ''}all is in {path}"
    )


def _shares_of_variance(runs: jaxmlp.Runs, metric: str) -> str:
    """How much of a setting's spread comes from where; nothing of none, or without all values."""
    if len(np.unique(finals_of(runs, metric))) == 1:
        return ""
    with contextlib.suppress(ValueError):
        shares = statistics.variance(runs, metric).shares.items()
        return ", ".join(f"{name.replace('_', ' ')} {100 * s:.0f} %" for name, s in shares)
    return ""
