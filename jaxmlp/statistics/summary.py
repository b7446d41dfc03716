"""Each setting's mean over its seeds, with its interval."""

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from jaxmlp.populations.runs import Runs
from jaxmlp.statistics.intervals import (
    bootstrap_interval,
    check_level,
    moments,
    t_interval,
    widened,
)
from jaxmlp.statistics.settings import observations, overlap, settings_of

__all__ = ["Summary", "summarize"]

INTERVALS = ("bootstrap", "t")


class Summary(NamedTuple):
    """A setting's mean over its seeds; over its folds, where there are several."""

    setting: dict[str, Hashable]
    num_seeds: int  # that have a value; or folds, which are then what is observed
    num_failed: int  # that have none
    mean: float  # NaN of no seed
    std: float  # of a seed, with num_seeds - 1 degrees of freedom; NaN of fewer than two
    low: float  # the interval of the mean; NaN of fewer than two
    high: float


def summarize(
    runs: Runs,
    metric: str,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    num_resamples: int = 9999,
    seed: int = 0,
) -> list[Summary]:
    """Each setting's mean with its interval, in the order of the axes.

    Equal values have an interval of no width. Both kinds take the seeds that are there to show how
    far seeds go, and few of them do not: of 5 normal values the 95 % bootstrap interval holds the
    mean 84 % of the time and of 20 values 93 %, where t is exact; of 5 and of 20 exponential
    values they hold it 80 % and 90 %, t 88 % and 91 %.

    Of several folds, each of which counts by the mean over its seeds, an interval is that of their
    mean, wider by what they share in training: sqrt(1 + num_folds * num_test / num_train), which is
    1.5 for five folds. It is one for what is learned from so many examples, drawn anew; how much
    the seeds alone scatter, a single fold tells: `runs.select(fold=0)`.

    Sources: Efron, Better Bootstrap Confidence Intervals, 1987; Nadeau and Bengio, Inference for
    the Generalization Error, 2003.

    Args:
      runs: the members.
      metric: a name in their history; its last measured value is taken.
      confidence: how often the interval holds the mean.
      interval: "bootstrap", bias-corrected and accelerated; or "t", Student's.
      num_resamples: of the bootstrap.
      seed: the bootstrap's, so that the same runs have the same interval.

    Raises:
      ValueError: if the history has no such metric, or an argument is out of range.

    >>> losses = np.float32([[[1], [2], [3]], [[5], [5], [np.nan]]])
    >>> axes = {"width": (8, 16), "seed": (0, 1, 2)}
    >>> runs = Runs(axes, {"loss": losses}, np.ones((2, 3)), (), np.zeros((2, 3, 2)), {})
    >>> narrow, wide = summarize(runs, "loss", interval="t")
    >>> f"{narrow.mean} in {narrow.low:.3f} to {narrow.high:.3f}"
    '2.0 in -0.484 to 4.484'
    >>> wide.setting, wide.num_seeds, wide.num_failed, wide.mean, wide.low, wide.high
    ({'width': 16}, 2, 1, 5.0, 5.0, 5.0)
    """
    check_level("confidence", confidence)
    if interval not in INTERVALS:
        raise ValueError(f"interval needs to be one of {', '.join(INTERVALS)}, got {interval}")
    if num_resamples < 1:
        raise ValueError(f"num_resamples needs to be at least 1, got {num_resamples}")
    summaries, shared = [], overlap(runs, metric)
    for setting in settings_of(runs):
        values = observations(runs, metric, setting)
        kept = values[~np.isnan(values)]
        mean, std = moments(kept)
        if interval == "t" or not std > 0:
            low, high = t_interval(kept, confidence, shared)
        else:
            found = bootstrap_interval(kept, confidence, num_resamples, seed)
            low, high = widened(kept, found, shared) if shared else found
        num_failed = len(values) - len(kept)
        summaries.append(Summary(setting, len(kept), num_failed, mean, std, low, high))
    return summaries
