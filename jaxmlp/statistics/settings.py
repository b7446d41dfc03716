"""A population's settings and their observations.

A setting is a value for every axis but those of OBSERVED. Its observations are its seeds: where
other seeds are axes too, a seed's value is the mean over them, for members that share a seed are
not independent; of a single seed, the shuffle seeds are the observations, and of a single one of
those too, the noise seeds. An observation with a member that ended in a fault or has no finite
value is left out, and counted as failed.

Where there are several folds, they are the observations, each the mean over all its seeds: members
that are tested on the same examples are not independent. Nor are folds, whose training examples are
mostly the same, so that their mean varies more than their spread lets expect. What `overlap`
returns is how much more: the variance of the mean of k folds is taken as (1 / k + overlap) times
theirs.

Source: Nadeau and Bengio, Inference for the Generalization Error, 2003.
"""

import itertools
from collections.abc import Hashable, Mapping

import numpy as np

from jaxmlp.populations.grid import FOLD
from jaxmlp.populations.runs import Runs

__all__ = [
    "FOLD",
    "OBSERVED",
    "SEEDS",
    "Setting",
    "as_value",
    "finals_of",
    "observations",
    "observed_in",
    "overlap",
    "settings_of",
]

Setting = Mapping[str, Hashable]

SEEDS = ("seed", "shuffle_seed", "noise_seed")
OBSERVED = (FOLD, *SEEDS)  # the first that varies is what is observed


def settings_of(runs: Runs) -> list[dict[str, Hashable]]:
    """Every setting, in the order of the axes."""
    names = [name for name in runs.axes if name not in OBSERVED]
    combinations = itertools.product(*(runs.axes[name] for name in names))
    return [dict(zip(names, values, strict=True)) for values in combinations]


def finals_of(runs: Runs, metric: str) -> np.ndarray:
    """Each member's value, (*axes) float64, NaN where it failed."""
    finals = np.array(runs.final(metric), np.float64)
    for position in runs.faults:
        finals[position] = np.nan
    return np.where(np.isfinite(finals), finals, np.nan)


def observations(runs: Runs, metric: str, setting: Setting) -> np.ndarray:
    """A setting's observations, (num_seeds,) or (num_folds,) float64, NaN where one failed."""
    chosen = runs.select(**setting)
    lengths = {name: len(values) for name, values in chosen.axes.items()}
    if open_axes := [name for name in lengths if lengths[name] > 1 and name not in OBSERVED]:
        raise ValueError(f"a setting needs a value for {', '.join(open_axes)}, got {setting}")
    observed = observed_in(chosen)
    others = tuple(i for i, name in enumerate(lengths) if name != observed)
    return np.atleast_1d(finals_of(chosen, metric).mean(axis=others))


def observed_in(runs: Runs) -> str | None:
    """The axis that is observed: the first of OBSERVED that varies, if one does."""
    return next((name for name in OBSERVED if len(runs.axes.get(name, ())) > 1), None)


def overlap(runs: Runs, metric: str) -> float:
    """What folds that share training examples add to the variance of their mean, of their own.

    That is the number of examples that a fold's network is tested on, of those that it is trained
    on; 0 where seeds are observed. Where the sizes are not known, as of folds each of which is
    tested on what the others are trained on.

    >>> axes = {"fold": (0, 1, 2, 3, 4), "seed": (0,)}
    >>> runs = Runs(axes, {}, np.ones((5, 1)), (), np.zeros((5, 1, 2)), {})
    >>> overlap(runs, "test_loss")
    0.25
    >>> overlap(runs._replace(sizes={"train": (90,) * 5, "test": (9,) * 5}), "test_loss")
    0.1
    """
    if observed_in(runs) != FOLD:
        return 0.0
    kind = metric.partition("_")[0]
    held_out = [n for n in (kind, "test", "validation") if n != "train" and n in runs.sizes]
    if not held_out:
        return 1 / (len(runs.axes[FOLD]) - 1)
    return sum(runs.sizes[held_out[0]]) / sum(runs.sizes["train"])


def as_value(value: Hashable) -> Hashable:
    """An axis's value, which may be written as a list, as `Runs.select` takes it."""
    return tuple(value) if isinstance(value, list) else value
