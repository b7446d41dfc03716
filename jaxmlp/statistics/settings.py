"""A population's settings and their observations.

A setting is a value for every axis but those of SEEDS. Its observations are its seeds: where other
seeds are axes too, a seed's value is the mean over them, for members that share a seed are not
independent; of a single seed, the shuffle seeds are the observations, and of a single one of those
too, the noise seeds. An observation with a member that ended in a fault or has no finite value is
left out, and counted as failed.
"""

import itertools
from collections.abc import Hashable, Mapping

import numpy as np

from jaxmlp.populations.runs import Runs

__all__ = ["SEEDS", "Setting", "as_value", "finals_of", "observations", "settings_of"]

Setting = Mapping[str, Hashable]

SEEDS = ("seed", "shuffle_seed", "noise_seed")  # the first that varies is what is observed


def settings_of(runs: Runs) -> list[dict[str, Hashable]]:
    """Every setting, in the order of the axes."""
    names = [name for name in runs.axes if name not in SEEDS]
    combinations = itertools.product(*(runs.axes[name] for name in names))
    return [dict(zip(names, values, strict=True)) for values in combinations]


def finals_of(runs: Runs, metric: str) -> np.ndarray:
    """Each member's value, (*axes) float64, NaN where it failed."""
    finals = np.array(runs.final(metric), np.float64)
    for position in runs.faults:
        finals[position] = np.nan
    return np.where(np.isfinite(finals), finals, np.nan)


def observations(runs: Runs, metric: str, setting: Setting) -> np.ndarray:
    """A setting's observations, (num_seeds,) float64, NaN where one failed."""
    chosen = runs.select(**setting)
    lengths = {name: len(values) for name, values in chosen.axes.items()}
    if open_axes := [name for name in lengths if lengths[name] > 1 and name not in SEEDS]:
        raise ValueError(f"a setting needs a value for {', '.join(open_axes)}, got {setting}")
    observed = next((name for name in SEEDS if lengths.get(name, 1) > 1), None)
    others = tuple(i for i, name in enumerate(lengths) if name != observed)
    return np.atleast_1d(finals_of(chosen, metric).mean(axis=others))


def as_value(value: Hashable) -> Hashable:
    """An axis's value, which may be written as a list, as `Runs.select` takes it."""
    return tuple(value) if isinstance(value, list) else value
