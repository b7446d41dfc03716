"""The figures of several networks: means over seeds and folds, with intervals and tests of them.

Networks that are tested on the same rows are not independent, and folds share training rows: where
there are several folds, interval and test are Nadeau and Bengio's, over the folds.

Source: Nadeau and Bengio, Inference for the Generalization Error, 2003.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.scores import figures, worth
from experiments.scores.worth import NETWORK
from jaxmlp import statistics
from jaxmlp.populations.runs import Runs
from jaxmlp.statistics.intervals import t_interval
from jaxmlp.statistics.settings import FOLD

__all__ = ["ENSEMBLE", "Part", "scores", "verdict"]

ENSEMBLE = "ensemble"
SHARES = ("accuracy", "exact_match")  # of the figures that have an interval

Figures = dict[str, Any]


class Part(NamedTuple):
    """A fold, or the one test set there is: who answered what to its rows."""

    labels: np.ndarray  # (N,) or (N, outputs)
    num_train: int
    networks: Sequence[
        Sequence[np.ndarray]
    ]  # of each seed the answers of its networks, one or more
    baselines: Mapping[str, np.ndarray]


def scores(
    task: str, parts: Sequence[Part], are_folds: bool, names: Sequence[str] = ()
) -> dict[str, Figures]:
    """The figures of the networks, of what they say together, and of each baseline.

    Args:
      task: as of `figures.of`.
      parts: the folds, or one; each with networks and the same baselines.
      are_folds: whether they are folds: intervals are then over them, and else over seeds, which
        baselines do not have.
      names: as of `figures.of`.

    Returns:
      Of one network on one set what `figures.of` returns. Of several means over the networks of
      each fold, and over the folds; "ensemble" is of the mean of a fold's answers.

    >>> answers = [[np.array([[0.9], [0.2]])], [np.array([[0.9], [0.6]])]]
    >>> found = scores("binary", [Part(np.array([1, 0]), 8, answers, {})], are_folds=False)
    >>> found["network"]["accuracy"], found["ensemble"]["accuracy"]
    (0.75, 1.0)
    """
    shared = _overlap(parts)

    def of(labels: np.ndarray, outputs: np.ndarray) -> Figures:
        return figures.of(task, labels, outputs, names)

    def of_each_part(answers: Sequence[np.ndarray]) -> Figures:
        each = [of(part.labels, found) for part, found in zip(parts, answers, strict=True)]
        return _averaged(each, shared if are_folds else None)

    by_name = {name: [part.baselines[name] for part in parts] for name in parts[0].baselines}
    counts = [sum(map(len, part.networks)) for part in parts]
    if not are_folds and counts == [1]:
        alone = {NETWORK: parts[0].networks[0][0], **parts[0].baselines}
        return {name: of(parts[0].labels, outputs) for name, outputs in alone.items()}
    of_seeds = [
        [[of(part.labels, outputs) for outputs in seed] for seed in part.networks] for part in parts
    ]
    if are_folds:
        own = _averaged([_means([f for seed in fold for f in seed]) for fold in of_seeds], shared)
    else:
        own = _averaged([_means(seed) for seed in of_seeds[0]], 0.0)
    found = {NETWORK: own}
    if max(counts) > 1:
        found[ENSEMBLE] = of_each_part([_together(part) for part in parts])
    return found | {name: of_each_part(answers) for name, answers in by_name.items()}


def verdict(task: str, parts: Sequence[Part], are_folds: bool) -> dict[str, Any]:
    """Whether the networks are better than the best baseline; what `worth.verdict` returns.

    A network's merit is the mean of all that answered the row. Of folds their means are compared;
    of one set the rows, by Student's paired test, or as `worth.compare` does for one network.

    Args:
      task: as of `worth.merits`.
      parts: as of `scores`.
      are_folds: as of `scores`.
    """
    of_each: dict[str, list[np.ndarray]] = {NETWORK: [_mean_merits(task, part) for part in parts]}
    for name in parts[0].baselines:
        of_each[name] = [worth.merits(task, part.labels, part.baselines[name]) for part in parts]
    means = {name: float(np.mean([m.mean() for m in each])) for name, each in of_each.items()}
    names = list(parts[0].baselines)
    if are_folds:
        found, judges = _of_folds(of_each, parts), f"these {len(parts)} folds"
    else:
        is_one = sum(map(len, parts[0].networks)) == 1
        kind = task if is_one else "regression"  # a mean of right and wrong is a value
        own = of_each[NETWORK][0]
        found = [worth.compare(kind, own, of_each[name][0]).p_value for name in names]
        judges = worth.rows_text(len(own))
    p_values = dict(zip(names, statistics.adjust(found), strict=True))
    is_of_several = parts[0].networks[0][0].shape[1] > 1
    return worth.conclusion(task, means, p_values, judges, is_of_several)


def _of_folds(of_each: Mapping[str, Sequence[np.ndarray]], parts: Sequence[Part]) -> list[float]:
    """The p-values of the network against each other, by their means on the folds."""
    means = np.array([[merits.mean() for merits in each] for each in of_each.values()])
    axes = {"who": tuple(of_each), FOLD: tuple(range(len(parts)))}
    trained, tested = (tuple(map(int, sizes)) for sizes in _sizes(parts))
    runs = Runs(
        axes,
        {"merit": means[..., None]},
        np.ones(means.shape, np.int32),
        (),
        np.full((*means.shape, 2), -1),
        {},
        sizes={"train": trained, "test": tested},
    )
    own, *others = ({"who": name} for name in of_each)
    return [statistics.compare(runs, own, other, "merit").p_value for other in others]


def _mean_merits(task: str, part: Part) -> np.ndarray:
    answers = [outputs for seed in part.networks for outputs in seed]
    return np.mean([worth.merits(task, part.labels, outputs) for outputs in answers], axis=0)


def _together(part: Part) -> np.ndarray:
    answers = [outputs for seed in part.networks for outputs in seed]
    return np.asarray(sum(np.asarray(each, np.float64) for each in answers) / len(answers))


def _sizes(parts: Sequence[Part]) -> tuple[list[int], list[int]]:
    return [part.num_train for part in parts], [len(part.labels) for part in parts]


def _overlap(parts: Sequence[Part]) -> float:
    """What folds that share training rows add to the variance of their mean, of their own."""
    trained, tested = _sizes(parts)
    return sum(tested) / sum(trained)


def _averaged(observed: Sequence[Figures], overlap: float | None) -> Figures:
    """The means of what was observed, with intervals where there is an overlap, which may be 0."""
    found = _means(observed)
    for name in [name for name in observed[0] if f"{name}_low" in observed[0]]:
        values = [each[name] for each in observed if each[name] is not None]
        if overlap is not None and len(values) > 1:
            low, high = t_interval(np.array(values), 0.95, overlap)
            high = min(high, 1.0) if name in SHARES else high
            found |= {f"{name}_low": max(low, 0.0), f"{name}_high": high}
    return dict(figures.rounded(found))


def _means(observed: Sequence[Figures]) -> Figures:
    """The mean of each figure over those that know it, without the ends of their intervals."""
    found: Figures = {}
    for name, first in observed[0].items():
        values = [each[name] for each in observed]
        if isinstance(first, Mapping):
            found[name] = _means(values)
            continue
        known = [value for value in values if value is not None]
        is_bound = name.endswith(("_low", "_high"))
        found[name] = float(np.mean(known)) if known and not is_bound else None
    return found
