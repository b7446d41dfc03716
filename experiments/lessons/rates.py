"""Rates of learning: searched by halving, and what it costs to be a step away from the best."""

from collections.abc import Sequence

import numpy as np

import jaxmlp
from experiments.lessons.lesson import Interval, interval

__all__ = ["between", "near", "search"]


def search(
    recipe: jaxmlp.Recipe, data: jaxmlp.Dataset, seeds: range, rates: Sequence[float]
) -> jaxmlp.Runs:
    """Networks at every rate, of which two thirds end after 1 epoch, and again after 3."""
    halving = jaxmlp.Halving("validation_loss", factor=3)
    return jaxmlp.train_many(recipe, data, seeds, {"learning_rate": rates}, halving=halving)


def near(accuracy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The accuracy (rates, seeds) at the best rate, and what a rate one step from it costs."""
    accuracy = np.nan_to_num(accuracy)  # of those that diverged
    best = int(accuracy.mean(axis=1).argmax())
    beside = [i for i in (best - 1, best + 1) if 0 <= i < len(accuracy)]
    return accuracy[best], accuracy[best] - accuracy[beside].mean(axis=0)


def between(accuracy: Sequence[np.ndarray]) -> Interval:
    """What the best of accuracies (seeds,) has over the worst."""
    worst, *_, best = sorted(accuracy, key=np.mean)
    return interval(best - worst)
