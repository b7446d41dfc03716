"""Populations of which one metric was measured once, for the tests of what is said of them."""

import math

import jax.numpy as jnp
import numpy as np
from scipy import stats

from jaxmlp.populations.runs import Runs
from jaxmlp.types import Fault, TrainState

NAN = math.nan
FAULT = Fault(3, 1, "loss", "layer_0", "")


def population(axes, values, faults=(), first=0.0):
    """Members whose one parameter is `first` and on, and whose metric m was measured once."""
    shape = tuple(map(len, axes.values()))
    values = np.float32(values).reshape(shape)
    rows = np.arange(values.size)
    params = (first + rows).astype(np.float32)[:, None]
    return Runs(
        axes={name: tuple(labels) for name, labels in axes.items()},
        history={"m": values[..., None]},
        stopped_at=np.ones(shape, np.int32),
        states=(TrainState(params, (), jnp.zeros(len(rows), int)),),
        places=np.stack([np.zeros(shape, np.int32), rows.reshape(shape)], -1).astype(np.int32),
        faults=dict.fromkeys(faults, FAULT),
    )


def widths(values, **kwargs):
    values = np.asarray(values)
    axes = {"width": range(len(values)), "seed": range(values.shape[1])}
    return population(axes, values, **kwargs)


def is_likely(hits, repetitions, chance):
    """Whether so many hits are among the middle 99.9 % of what the chance gives."""
    low, high = stats.binom.interval(0.999, repetitions, chance)
    return low <= hits <= high


def covers(summary):
    return summary.low <= 0 <= summary.high


GRID = population(
    {"width": (8, 16), "sizes": ((4,), (4, 4)), "seed": range(6)},
    np.arange(24.0) + np.random.default_rng(0).normal(0, 4, 24),
)
