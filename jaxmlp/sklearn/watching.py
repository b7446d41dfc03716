"""When each member of an ensemble stops, and which of its parameters are kept."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from sklearn.metrics import r2_score

from jaxmlp.objectives.tasks import Task
from jaxmlp.populations.cohort import Report
from jaxmlp.sklearn.answers import answers
from jaxmlp.types import Model, PyTree

__all__ = ["Watch", "scores_of", "seen", "watch_of", "watching"]


class Watch(NamedTuple):
    """How the members stand after an epoch."""

    best: np.ndarray  # (members,) float64, the highest score so far
    at: np.ndarray  # (members,) int32, the epoch of that
    since: np.ndarray  # (members,) int32, epochs in a row that were not better by the tolerance
    ended: np.ndarray  # (members,) int32, the epoch that was the member's last; 0: it goes on


def watch_of(num_members: int) -> Watch:
    """Before the first epoch."""
    zeros = np.zeros(num_members, np.int32)
    return Watch(np.full(num_members, -np.inf), zeros, zeros, zeros)


def seen(watch: Watch, scores: np.ndarray, epoch: int, tol: float | None, patience: int) -> Watch:
    """How the members stand after one more epoch; those that have ended stay as they are.

    A member ends when more than `patience` epochs in a row have not brought a score above the best
    of those before them by `tol`, as an estimator of scikit-learn does.

    Args:
      watch: before the epoch.
      scores: (members,) of the epoch, where more is better.
      epoch: its number, from 1.
      tol: the least that counts; None: nobody ends.
      patience: epochs.

    >>> watch = watch_of(1)
    >>> for epoch, score in enumerate([0.5, 0.6, 0.6, 0.6], start=1):
    ...     watch = seen(watch, np.array([score]), epoch, tol=0.01, patience=1)
    >>> watch.at.tolist(), watch.ended.tolist()
    ([2], [4])
    """
    goes_on = watch.ended == 0
    is_higher = goes_on & (scores > watch.best)
    is_enough = goes_on & (tol is None or scores >= watch.best + tol)
    since = np.where(is_enough, 0, watch.since + goes_on).astype(np.int32)
    return Watch(
        np.where(is_higher, scores, watch.best),
        np.where(is_higher, epoch, watch.at).astype(np.int32),
        since,
        np.where(goes_on & (since > patience), epoch, watch.ended).astype(np.int32),
    )


def watching(
    num_members: int, score: Callable[[PyTree], np.ndarray] | None, tol: float | None, patience: int
) -> tuple[Callable[[Report], bool], Callable[[], tuple[Watch, dict[int, PyTree], np.ndarray]]]:
    """What `train_many` is to call after each epoch, and what that has found.

    A member that ends is still trained as long as another goes on, since a population is stopped as
    a whole; what is kept of it is from its own last epoch, or its best.

    Args:
      num_members: of the population, which has one axis.
      score: parameters, leaves (members, ...), -> (members,), where more is better: the parameters
        of each member's best epoch are kept. None: it is the training loss, and of those members
        that end before the others the last are kept.
      tol: as of `seen`; None lets all train to the end.
      patience: likewise.

    Returns:
      The callback; and a function that returns how the members stand; member -> parameters, where
      they are not those that it has at the end; and the scores, (members, epochs).
    """
    watch, kept, seen_so_far = watch_of(num_members), dict[int, PyTree](), list[np.ndarray]()

    def callback(report: Report) -> bool:
        nonlocal watch
        if report.faults or (tol is None and score is None):
            return bool(report.faults)
        if score is None:
            scores = -report.history["train_loss"][:, report.epoch - 1]
        else:
            scores = score(report.snapshot(copy=False).states[0].params)
        seen_so_far.append(scores)
        watch = seen(watch, scores, report.epoch, tol, patience)
        is_over = bool((watch.ended > 0).all())
        due = (watch.ended if score is None else watch.at) == report.epoch
        if due.any() and (score is not None or not is_over):
            params = report.snapshot(copy=False).states[0].params
            kept.update({member: _row(params, member) for member in np.flatnonzero(due).tolist()})
        return is_over

    def result() -> tuple[Watch, dict[int, PyTree], np.ndarray]:
        return watch, kept, np.stack(seen_so_far, axis=1) if seen_so_far else np.zeros((0, 0))

    return callback, result


def scores_of(
    model: Model,
    task: Task,
    inputs: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    params: PyTree,
) -> np.ndarray:
    """Each member's score, as that of scikit-learn's estimators: accuracy, or R².

    Args:
      model: of the members.
      task: likewise.
      inputs: (num_examples, features) float32.
      labels: (num_examples,) classes, or (num_examples, outputs); of several labels an example is
        right where all are.
      weights: (num_examples,).
      params: leaves (members, ...).

    Returns:
      (members,) float64.
    """
    found = answers(model.apply, task.link, params, inputs)
    if task.kind == "regression":
        return np.array([r2_score(labels, each, sample_weight=weights) for each in found])
    if task.kind == "binary":
        answer, truth = found > 0.5, labels > 0.5
        is_right = (answer == truth).all(axis=-1)
    else:
        is_right = found.argmax(axis=-1) == labels
    return np.average(is_right, axis=1, weights=weights)


def _row(params: PyTree, member: int) -> PyTree:
    return jax.tree.map(lambda leaf: np.array(leaf[member]), params)
