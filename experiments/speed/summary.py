"""What the seconds of a race say: medians, quartiles, ratios by rounds, and whose networks learned.

A network-epoch is one network's pass through the data. Ratios are taken round by round, in which
all had the same machine, and their median is given.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from experiments.speed.peers import ALONE, POPULATION

CONFIDENCE = 0.99  # of the interval that accuracies are expected in
QUARTILES = (25, 50, 75)


def of(rows: Sequence[dict[str, Any]], flops: float) -> dict[str, Any]:
    """The rows with what they say, and what they are held against.

    Args:
      rows: the peers', as `race.begun` has them.
      flops: floating-point operations of a network-epoch's matrix products.
    """
    seconds = {row["name"]: per_network(row, "epoch_seconds") for row in rows}
    tested = {row["name"]: per_network(row, "tested_epoch_seconds") for row in rows}
    references = {row["name"]: row["accuracies"] for row in rows}
    told = [
        {
            **row,
            "network_epoch_seconds": quartiles(seconds[row["name"]]),
            "ratio_to_alone": quartiles(ratios(seconds[row["name"]], seconds[ALONE])),
            "ratio_to_population": quartiles(ratios(seconds[row["name"]], seconds[POPULATION])),
            "tested_epoch": quartiles(tested[row["name"]]),
            "tested_ratio_to_alone": quartiles(ratios(tested[row["name"]], tested[ALONE])),
            "tested_ratio_to_population": quartiles(
                ratios(tested[row["name"]], tested[POPULATION])
            ),
            "gflops": flops / np.median(own) / 1e9 if (own := seconds[row["name"]]) else None,
            "compile_seconds": compile_seconds(row),
            "warm_start": median_start(row["warm"]),
            "is_alike": is_alike(row["accuracies"], references[POPULATION]),
        }
        for row in rows
    ]
    expected = interval(references[POPULATION], 1)
    return {"gflop": flops / 1e9, "accuracy_interval": expected, "rows": told}


def per_network(row: dict[str, Any], kind: str) -> list[float]:
    """Seconds of each epoch of a kind, for one of its networks."""
    return [seconds / row["num_networks"] for seconds in row[kind]]


def quartiles(values: Sequence[float]) -> list[float] | None:
    """The first quartile, the median and the third; None of nothing.

    >>> quartiles([1.0, 2.0, 3.0, 4.0, 5.0])
    [2.0, 3.0, 4.0]
    """
    return np.percentile(values, QUARTILES).tolist() if values else None


def ratios(seconds: Sequence[float], reference: Sequence[float]) -> list[float]:
    """How many times as long as the reference, in each round that both have.

    >>> ratios([2.0, 6.0, 9.0], [1.0, 2.0])
    [2.0, 3.0]
    """
    return [own / other for own, other in zip(seconds, reference, strict=False)]


def compile_seconds(row: dict[str, Any]) -> float | None:
    """How much longer the first epoch took than one usually does."""
    if not row["cold"] or not row["epoch_seconds"]:
        return None
    return float(row["cold"]["first_epoch"] - np.median(row["epoch_seconds"]))


def median_start(starts: Sequence[dict[str, float]]) -> dict[str, float] | None:
    """Seconds by stage, the median of each.

    >>> median_start([{"import": 1.0}, {"import": 5.0}, {"import": 2.0}])
    {'import': 2.0}
    """
    if not starts:
        return None
    return {stage: float(np.median([each[stage] for each in starts])) for stage in starts[0]}


def interval(accuracies: Sequence[float], count: int) -> list[float] | None:
    """Where the mean of other networks is expected, by Student's t, if they are of this kind.

    Args:
      accuracies: of networks that differ in their seeds.
      count: how many other networks.

    >>> low, high = interval([0.97, 0.98, 0.99], 1)
    >>> round(low, 3), round(high, 3)  # 0.98 and 9.92 * 0.01 * (1 + 1 / 3) ** 0.5 on each side
    (0.865, 1.095)
    """
    if len(accuracies) < 2:
        return None
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(accuracies) - 1)
    spread = np.std(accuracies, ddof=1) * math.sqrt(1 / len(accuracies) + 1 / count)
    mean = np.mean(accuracies)
    return [float(mean - quantile * spread), float(mean + quantile * spread)]


def is_alike(accuracies: Sequence[float], reference: Sequence[float]) -> bool | None:
    """Whether networks are as good as those of reference; None where there is no saying."""
    expected = interval(reference, max(len(accuracies), 1))
    if expected is None or not accuracies:
        return None
    return bool(expected[0] <= np.mean(accuracies) <= expected[1])
