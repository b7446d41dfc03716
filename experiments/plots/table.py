"""What a sweep's pictures show: the values of a metric by setting, their means and intervals.

A setting is a value for every axis but the seeds' and the folds', and its observations are those of
`jaxmlp.statistics`: its folds, where there are some, or its seeds, each the mean over all else. One
with a member that diverged is in no mean. Intervals are Student's, of folds wider by what these
share, cut where a share would leave 0 to 100 %.
"""

import itertools
import math
from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np

from experiments.plots.style import NBSP, PERCENT, factor, is_share
from experiments.plots.swept import value_text
from jaxmlp.objectives.records import Metric
from jaxmlp.populations.runs import Runs
from jaxmlp.statistics import OBSERVED
from jaxmlp.statistics.settings import observed_in, overlap
from jaxmlp.training.stopping import score

__all__ = ["CONFIDENCE", "Table", "claim", "interval_of", "name_of", "tabulate"]

CONFIDENCE = 0.95


class Table(NamedTuple):
    """A metric by setting, in percent if it is a share; NaN where there is no value."""

    metric: Metric  # called as the column of the history is
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
    observed: str = "seed"  # what an observation is: "fold" of several
    overlap: float = 0.0  # what folds share, as `jaxmlp.statistics.settings.overlap` has it

    @property
    def ranking(self) -> np.ndarray:
        """The settings, the best first."""
        return np.argsort(-self.scores, kind="stable")

    @property
    def num_seeds(self) -> int:
        """How many observations a setting has."""
        return self.finals.shape[1]


def tabulate(runs: Runs, metric: str) -> Table:
    """A metric of all members.

    Args:
      runs: the members.
      metric: a name in their history.

    Returns:
      Its values.

    Raises:
      ValueError: if the history has no such metric.
    """
    record = runs.metric(metric)
    kept = [i for i, name in enumerate(runs.axes) if name not in OBSERVED]
    arrange = _by_setting(runs)
    is_measured = runs.history[metric].size > 0  # what has no epochs has no last one
    last = np.asarray(runs.final(metric)) if is_measured else np.full(runs.shape, np.nan)
    is_faulty = np.zeros(runs.shape, bool)
    for position in runs.faults:
        is_faulty[position] = True

    is_diverged = arrange(is_faulty | np.isinf(last))
    finals = arrange(np.where(is_faulty, np.nan, factor(record) * last.astype(np.float64)))
    finals = np.where(np.isfinite(finals), finals, np.nan)
    history = factor(record) * arrange(runs.history[metric]).astype(np.float64)

    observed = finals.mean(axis=2)
    curves = _mean(np.moveaxis(history, 2, -1))
    curves[np.isnan(observed)] = np.nan
    shared = overlap(runs, metric)
    mean, low, high = interval_of(record, observed, shared)
    is_unknown = np.isnan(finals) & ~is_diverged
    values = list(runs.axes.items())
    swept = {name: labels for name, labels in (values[i] for i in kept) if len(labels) > 1}
    fixed = [name_of(name, v[0]) for name, v in (values[i] for i in kept) if len(v) == 1]
    return Table(
        metric=record,
        swept=swept,
        fixed=", ".join(fixed),
        names=[", ".join(map(name_of, swept, each)) for each in itertools.product(*swept.values())],
        history=curves,
        finals=observed,
        members=finals.reshape(len(finals), -1),
        losses=[_losses(*each) for each in zip(is_diverged, is_unknown, strict=True)],
        lost=", ".join(filter(None, [_losses(is_diverged, is_unknown), _lengths(runs)])),
        mean=mean,
        low=low,
        high=high,
        scores=np.array([score({metric: float(value)}, record) for value in mean]),
        observed="fold" if observed_in(runs) == "fold" else "seed",
        overlap=shared,
    )


def interval_of(
    metric: str | Metric, values: np.ndarray, overlap: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and Student's interval over the last axis, of what is finite.

    Args:
      metric: its record, or a name.
      values: (..., observations), in percent if it is a share.
      overlap: what they share, if they are folds.

    Returns:
      The mean and the interval's ends, (...,) each; NaN of too few.
    """
    from scipy import stats  # takes longer to import than the rest

    mean, count = _mean(values), np.isfinite(values).sum(-1)
    above = np.nan_to_num(values - mean[..., None])
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (above**2).sum(-1) / (count - 1)
        error = np.sqrt(np.maximum(variance * (1 / count + overlap), 0))
        half = np.where(count > 1, stats.t.isf((1 - CONFIDENCE) / 2, count - 1.0) * error, np.nan)
    ends = mean - half, mean + half
    low, high = (np.clip(end, *PERCENT) for end in ends) if is_share(metric) else ends
    return mean, low, high


def name_of(axis: str, value: Hashable) -> str:
    """Such as "learning rate 0.1", which is not broken unless it is long.

    Args:
      axis: a swept axis.
      value: one of its values.
    """
    name = f"{axis.replace('_', ' ').strip()} {value_text(value)}"
    return name if len(name) > 36 else name.replace(" ", NBSP)


def claim(table: Table, mean: str, band: str) -> str:
    """What a picture says of its means and intervals.

    Args:
      table: what is drawn.
      mean: how its means are drawn.
      band: how their intervals are.
    """
    if table.num_seeds == 1:
        return "one seed a setting: no interval" if len(table.names) > 1 else "one seed"
    how = "Student's t" + ", for folds that share examples" * bool(table.overlap)
    claimed = f"{100 * CONFIDENCE:g} % interval of the mean ({how})"
    size = table.members.shape[1] // table.num_seeds
    crossed = f", each the mean of its {size} members" if size > 1 else ""
    return f"{mean} over {table.num_seeds} {table.observed}s{crossed}; {band}: {claimed}"


def _by_setting(runs: Runs) -> Callable[[np.ndarray], np.ndarray]:
    """A function from (*axes, ...) to (settings, observations, members of each, ...)."""
    names, shape = list(runs.axes), runs.shape
    kept = [i for i, name in enumerate(names) if name not in OBSERVED]
    seeds = [names.index(name) for name in OBSERVED if name in names]
    seeds.sort(key=lambda i: shape[i] == 1)  # the first that varies is what is observed
    first, others = seeds[:1], seeds[1:]
    sizes = [math.prod(shape[i] for i in axes) for axes in (kept, first, others)]

    def arrange(values: np.ndarray) -> np.ndarray:
        ends = tuple(range(len(names), values.ndim))
        rest = values.shape[len(names) :]
        return values.transpose(*kept, *first, *others, *ends).reshape(*sizes, *rest)

    return arrange


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the last axis, of what is finite; NaN where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(-1) / known.sum(-1)


def _losses(is_diverged: np.ndarray, is_unknown: np.ndarray) -> str:
    counts = {"diverged": is_diverged.sum(), "without a value": is_unknown.sum()}
    return ", ".join(f"{n} of {is_diverged.size} {what}" for what, n in counts.items() if n)


def _lengths(runs: Runs) -> str:
    """Between which epochs members ended, for their last values are not of one epoch then."""
    lengths = [int(epochs) for epochs in np.unique(runs.stopped_at) if epochs]
    if len(lengths) < 2:
        return ""
    return f"members ended after {lengths[0]} to {lengths[-1]} epochs"
