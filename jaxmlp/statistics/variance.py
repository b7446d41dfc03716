"""Where a metric's variance comes from."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxmlp.populations.runs import Runs
from jaxmlp.statistics.settings import OBSERVED, finals_of

__all__ = ["Variance", "variance"]

SOURCES = dict(zip(OBSERVED, ("fold", "initialization", "data_order", "noise"), strict=True))


class Variance(NamedTuple):
    """Where a metric's variance comes from; NaN for a source that was not varied."""

    initialization: float
    data_order: float
    interaction: float  # of all that were varied, and all that nothing else explains
    total: float
    shares: dict[str, float]  # of the total, by source and by pair; NaN where the total is 0
    noise: float  # such as dropout's
    pairs: dict[str, float]  # interactions of some of them: "data_order_and_noise", ...
    fold: float = math.nan  # that of the data


def variance(runs: Runs, metric: str) -> Variance:
    """How much of a metric's variance is the initialisation's, the data's order's, the noise's.

    And the data's own, where there are folds, though these share examples, so that theirs is an
    estimate from below.

    Crossed random effects without replication, from the mean squares. With two sources, a source's
    component is its mean square less the interaction's, over how many values each of its means
    has; with three, its mean square less those of its two pairs, plus that of all three, over as
    many; with four likewise. Such an estimate can fall below 0, and is then given as 0.

    Source: Searle, Casella and McCulloch, Variance Components, 1992, chapter 4.

    Args:
      runs: crossed members: every "seed", of the initialisation, with every "shuffle_seed", every
        "noise_seed", "fold", or several of them.
      metric: a name in their history; its last measured value is taken.

    Raises:
      ValueError: if an axis is missing or too many, a member has no value, or the history has no
        such metric.

    >>> axes = {"shuffle_seed": (0, 1), "seed": (0, 1)}
    >>> losses = np.float32([[[1], [3]], [[1], [3]]])
    >>> runs = Runs(axes, {"loss": losses}, np.ones((2, 2)), (), np.zeros((2, 2, 2)), {})
    >>> variance(runs, "loss")[:4]
    (2.0, 0.0, 0.0, 2.0)
    """
    lengths = {name: len(values) for name, values in runs.axes.items() if len(values) > 1}
    if len(lengths) < 2 or not set(lengths) <= set(OBSERVED):
        raise ValueError(
            f"variance needs two or more values of at least two of {', '.join(OBSERVED)}, and one "
            f"of any other axis, got {lengths}"
        )
    finals = finals_of(runs, metric)
    if failed := int(np.isnan(finals).sum()):
        raise ValueError(f"variance needs a value of every member, got {failed} without")
    names = [name for name in OBSERVED if name in lengths]
    order = [list(lengths).index(name) for name in names]
    table = finals.reshape(list(lengths.values())).transpose(order)
    *others, (_, interaction) = _components(table)
    parts = {"_and_".join(SOURCES[names[axis]] for axis in axes): part for axes, part in others}
    parts = {name: max(part, 0.0) for name, part in parts.items()} | {"interaction": interaction}
    total = sum(parts.values())
    return Variance(
        initialization=parts.get("initialization", math.nan),
        data_order=parts.get("data_order", math.nan),
        interaction=interaction,
        total=total,
        shares={name: part / total if total else math.nan for name, part in parts.items()},
        noise=parts.get("noise", math.nan),
        pairs={name: part for name, part in parts.items() if "_and_" in name},
        fold=parts.get("fold", math.nan),
    )


def _components(table: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
    """The variance component of each set of a table's axes, the smallest sets first.

    A set's effects are what is left of the means over all other axes once the effects of its
    subsets are taken off; their variance has the components of all larger sets in it, each over
    the number of values that were averaged.
    """
    axes = range(table.ndim)
    sets = [each for size in axes for each in itertools.combinations(axes, size + 1)]
    variances = {each: _variance_of_effects(table, each) for each in sets}

    def component(own: tuple[int, ...]) -> float:
        larger = [(each, set(each) - set(own)) for each in sets if set(own) <= set(each)]
        return sum(
            (-1) ** len(more) * variances[each] / math.prod(table.shape[axis] for axis in more)
            for each, more in larger
        )

    return [(each, component(each)) for each in sets]


def _variance_of_effects(table: np.ndarray, own: Sequence[int]) -> float:
    effects = table
    for axis in range(table.ndim):
        means = effects.mean(axis, keepdims=True)
        effects = effects - means if axis in own else means
    return float((effects**2).sum()) / math.prod(table.shape[axis] - 1 for axis in own)
