"""Where a metric's variance comes from."""

import math
from typing import NamedTuple

import numpy as np

from jaxmlp.populations.runs import Runs
from jaxmlp.statistics.settings import SEEDS, finals_of

__all__ = ["Variance", "variance"]


class Variance(NamedTuple):
    """Where a metric's variance comes from."""

    initialization: float
    data_order: float
    interaction: float  # and all that neither explains
    total: float
    shares: dict[str, float]  # of the total, by the names above; NaN where the total is 0


def variance(runs: Runs, metric: str) -> Variance:
    """How much of a metric's variance is the initialisation's, and how much the data's order's.

    Two crossed random effects without replication, from the mean squares: a source's component is
    its mean square less the interaction's, over how many values each of its means has. Such an
    estimate can fall below 0, and is then given as 0.

    Source: Searle, Casella and McCulloch, Variance Components, 1992, chapter 4.

    Args:
      runs: crossed members: every "seed", of the initialisation, with every "shuffle_seed".
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
    if set(lengths) != set(SEEDS):
        raise ValueError(
            "variance needs two or more values of shuffle_seed and of seed, and one of any other "
            f"axis, got {lengths}"
        )
    finals = finals_of(runs, metric)
    if failed := int(np.isnan(finals).sum()):
        raise ValueError(f"variance needs a value of every member, got {failed} without")
    names = [name for name in runs.axes if name in lengths]
    table = finals.reshape([lengths[name] for name in names])
    if names[0] == "seed":
        table = table.T
    num_orders, num_inits = table.shape
    inits = table.mean(axis=0, keepdims=True)
    orders = table.mean(axis=1, keepdims=True)
    residual = table - inits - orders + table.mean()
    interaction = float((residual**2).sum()) / ((num_orders - 1) * (num_inits - 1))
    components = {
        "initialization": max(float(inits.var(ddof=1)) - interaction / num_orders, 0.0),
        "data_order": max(float(orders.var(ddof=1)) - interaction / num_inits, 0.0),
        "interaction": interaction,
    }
    total = sum(components.values())
    shares = {name: part / total if total else math.nan for name, part in components.items()}
    return Variance(**components, total=total, shares=shares)
