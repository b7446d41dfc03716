"""Whether training was of any use: against guessing, and against where it began."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxmlp
from experiments.scores.numerals import plain
from jaxmlp.objectives.records import Metric
from jaxmlp.objectives.tasks import metrics_of
from jaxmlp.training import loop
from jaxmlp.types import Dataset

GUESS, WORSE = "no better than guessing", "worse than it began"
TINY = 1e-30  # for a share of none
MARGIN = 0.01  # of the loss at the beginning: rounding is no divergence


class Guess(NamedTuple):
    """The best constant answer, by the training labels, and how good it is on some examples."""

    answer: str
    metric: Metric
    score: float


def guess(recipe: jaxmlp.Recipe, train_labels: np.ndarray, labels: np.ndarray) -> Guess:
    """What answering without looking reaches: the commonest class, or the mean.

    Args:
      recipe: with the task. The answer is judged by its first metric that is a share of examples,
        as the accuracy is; where it has none, by the loss.
      train_labels: (num_examples, ...), which decide the answer.
      labels: (num_examples, ...), to score it on.

    >>> recipe = jaxmlp.Recipe(jaxmlp.mlp((1, 2)), jaxmlp.classification(2), None, {}, 1, 1)
    >>> guess(recipe, np.array([1, 1, 0]), np.array([0, 0, 0, 1]))
    Guess(answer='class 1', metric=Metric(accuracy, higher is better, a share), score=0.25)
    """
    answer, outputs = _constant(recipe.task, train_labels)
    loss, *others = metrics_of(recipe.task)
    judging = [each for each in others if each.is_mean and each.is_share and each.higher_is_better]
    metric = [*judging, loss][0]
    return Guess(answer, metric.reading, _mean_of(metric, outputs, labels))


def blind_loss(recipe: jaxmlp.Recipe, labels: np.ndarray) -> float:
    """The training loss of the best constant answer: of each class's share, or of the mean."""
    if recipe.task.kind != "classification" or labels.ndim != 1:
        return _mean_of(metrics_of(recipe.task)[0], _constant(recipe.task, labels)[1], labels)
    shares = np.bincount(labels) / len(labels)
    return float(-sum(share * np.log(share) for share in shares if share))


def _constant(task: jaxmlp.Task, labels: np.ndarray) -> tuple[str, np.ndarray]:
    """What is best answered to all, in words, and as a network's outputs."""
    if task.kind == "classification":
        if labels.ndim == 1:
            labels = np.eye(task.num_outputs)[labels]
        shares = labels.mean(axis=0)
        return f"class {shares.argmax()}", np.log(np.maximum(shares, TINY))  # the first of equals
    mean = np.atleast_1d(labels.mean(axis=0))
    if task.kind == "binary":
        yes, no = np.maximum(mean, TINY), np.maximum(1 - mean, TINY)
        answer = "the commonest" if len(mean) > 1 else f"class {int(mean[0] > 0.5)}"
        return answer, np.log(yes) - np.log(no)
    return "the mean", mean


def _mean_of(metric: Metric, outputs: np.ndarray, labels: np.ndarray) -> float:
    one: Any = metric.one
    values = jax.vmap(one, (None, 0))(jnp.asarray(outputs, jnp.float32), jnp.asarray(labels))
    return float(np.asarray(values, np.float64).mean())


def is_no_better(best: Guess, score: float) -> bool:
    """Whether a network does no better than a guess; NaN does not."""
    return not (score > best.score if best.metric.higher_is_better else score < best.score)


def is_worse(loss: float, began: float) -> bool:
    """Whether a loss is above that at the beginning; NaN is, where it was a number then."""
    return began == began and not loss <= began + MARGIN * abs(began)


def first_loss(
    recipe: jaxmlp.Recipe, data: Dataset, seed: int, name: str, window: int | None = None
) -> float:
    """The loss before training on the set of a name."""
    params = loop.beginning(recipe, data, seed).state.params
    return jaxmlp.evaluate(recipe, params, *data.sets()[name], window=window)["loss"]


def of_run(
    recipe: jaxmlp.Recipe,
    data: Dataset,
    seed: int,
    scores: Mapping[str, float],
    window: int | None = None,
) -> dict[str, str]:
    """What is to be said against a run that has ended.

    Args:
      recipe: what was trained.
      data: what on.
      seed: of the initial parameters.
      scores: "train_loss", "test_accuracy" and so on, of the parameters that it kept.
      window: bytes, as of `jaxmlp.evaluate`.

    Returns:
      Of GUESS and WORSE those that hold, each with the figures that show it.
    """
    found = {}
    train_labels = np.asarray(data.train_labels)
    for name, (_, labels) in data.sets().items():
        if name == "validation":
            continue
        best = guess(recipe, train_labels, labels)
        score = scores[f"{name}_{best.metric.name}"]
        if is_no_better(best, score):
            figures = f"{plain(score)}, and {plain(best.score)} for always {best.answer}"
            found[GUESS] = f"{name} {best.metric.name} {figures}"
    loss = scores["train_loss"]
    if not loss < blind_loss(recipe, train_labels):  # else it has learned something
        began = first_loss(recipe, data, seed, "train", window)
        if is_worse(loss, began):
            found[WORSE] = f"train loss {plain(loss)}, and {plain(began)} before training"
    return found


def of_networks(
    recipe: jaxmlp.Recipe,
    data: Dataset,
    seed: int,
    scores: Mapping[str, np.ndarray],
) -> dict[str, int]:
    """What is to be said against the networks of a sweep's setting.

    Args:
      recipe: the setting's.
      data: what on.
      seed: one of the networks', whose beginning stands for all of theirs.
      scores: "test_loss" and so on, (networks,), at each one's end; NaN where there is none.

    Returns:
      Of GUESS and WORSE those that hold, each with the number of networks.
    """
    name = "test" if data.test_inputs is not None else "train"
    train_labels = np.asarray(data.train_labels)
    best = guess(recipe, train_labels, data.sets()[name][1])
    found = {GUESS: sum(is_no_better(best, s) for s in scores[f"{name}_{best.metric.name}"])}
    losses = np.fmin(scores["train_loss"], scores[f"{name}_loss"])  # overfitting is not meant
    if not (losses < blind_loss(recipe, train_labels)).all():
        began = first_loss(recipe, data, seed, name)
        found[WORSE] = sum(is_worse(loss, began) for loss in losses)
    return {finding: number for finding, number in found.items() if number}


def has_diverged(verdict: Mapping[str, object]) -> bool:
    """Whether training did harm."""
    return WORSE in verdict
