"""How many seeds are enough."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxmlp.populations.join import join
from jaxmlp.populations.runs import Runs
from jaxmlp.statistics.intervals import check_level
from jaxmlp.statistics.summary import Summary, summarize
from jaxmlp.training.labels import label

__all__ = ["Until", "until"]


class Until(NamedTuple):
    """What was trained until the mean was known well enough, or the seeds ran out.

    Its intervals assume that a setting's values are normal: of skewed ones they are too narrow.
    """

    num_seeds: int
    is_reached: bool
    half_widths: tuple[float, ...]  # of the widest interval at each look
    summaries: list[Summary]  # their intervals are the last look's
    runs: Runs

    def __repr__(self) -> str:
        """The settings a line each, and what their intervals assume."""
        lines = [
            f"  {', '.join(f'{name}={label(v)}' for name, v in each.setting.items()) or 'all'}: "
            f"{each.mean:.6g} in {each.low:.6g} to {each.high:.6g}, of {each.num_seeds} seeds"
            for each in self.summaries
        ]
        end = "known well enough" if self.is_reached else "not known well enough yet"
        head = f"Until({self.num_seeds} seeds: {end}; intervals assume normal values"
        return "\n".join([head, *lines]) + ")"


def until(
    train: Callable[[range], Runs],
    metric: str,
    ci: float,
    block: int = 8,
    max_seeds: int = 256,
    confidence: float = 0.95,
    start: int = 0,
) -> Until:
    """Train more seeds until each setting's mean is known to within `ci` on either side.

    An interval that is looked at until it is narrow enough holds the mean less often than it
    says. Look k therefore has an interval at the level 6 alpha / (pi k)^2, where alpha is
    1 - confidence: over all looks these sum to alpha, so that a setting's interval holds its mean
    whenever the looking ends. The intervals are Student's, of the seeds that have a value, and so
    assume normal ones: of exponential values, those of nominally 95 % held the mean 91 % of the
    time.

    A first block of equal values has an interval of no width, and ends it.

    Source: Darling and Robbins, Confidence Sequences for Mean, Variance, and Median, 1967, for
    intervals that hold at every look; the sum over looks is Bonferroni's inequality.

    Args:
      train: trains these seeds, and returns them along the axis "seed".
      metric: a name in the history; its last measured value is taken.
      ci: the half-width wanted of the widest interval, in the metric's unit.
      block: how many seeds to add at a time.
      max_seeds: where to end in any case.
      confidence: how often a setting's last interval holds its mean.
      start: the first seed.

    Raises:
      ValueError: if an argument is out of range, or `train` does not return the seeds asked for.
    """
    check_level("confidence", confidence)
    if not ci > 0:
        raise ValueError(f"ci needs to be greater than 0, got {ci}")
    if not 2 <= block <= max_seeds:
        raise ValueError(
            f"block needs to be from 2 to max_seeds, got block={block} and max_seeds={max_seeds}"
        )
    parts: list[Runs] = []
    half_widths: list[float] = []
    end = start + max_seeds
    for look, first in enumerate(range(start, end, block), 1):
        seeds = range(first, min(first + block, end))
        part = train(seeds)
        if part.axes.get("seed") != tuple(seeds):
            raise ValueError(f"train needs to return seeds {seeds}, got {part.axes.get('seed')}")
        parts.append(part)
        runs = join(parts)
        alpha = 6 * (1 - confidence) / (math.pi * look) ** 2
        summaries = summarize(runs, metric, 1 - alpha, "t")
        half_widths.append(float(np.max([(each.high - each.low) / 2 for each in summaries])))
        if half_widths[-1] <= ci:
            break
    return Until(len(runs.axes["seed"]), half_widths[-1] <= ci, tuple(half_widths), summaries, runs)
