"""scikit-learn's learners, in the one form that baselines have them: quiet, and by fixed seeds."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["NUM_TREES", "boosting", "linear", "probabilities", "quietly", "scaled", "values"]

SEED = 0
NUM_TREES = 100  # of boosting, for each class of more than two and for each question or value

Learn = Callable[[np.ndarray, np.ndarray, np.ndarray | None], Any]  # inputs, labels, weights


def linear(is_of_values: bool, steps: int) -> Learn:
    """Ridge or logistic regression with scikit-learn's penalty; the latter in so many steps."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if is_of_values:
        return Ridge(random_state=SEED).fit
    return LogisticRegression(max_iter=steps).fit


def boosting(is_of_values: bool) -> Learn:
    """Gradient boosting by histograms, to the last tree."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if is_of_values else HistGradientBoostingClassifier
    return kind(max_iter=NUM_TREES, early_stopping=False, random_state=SEED).fit


def scaled(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs with the training rows' mean 0 and deviation 1; columns of 0 and 1 stay.

    >>> scaled(np.array([[2.0, 0.0], [6.0, 1.0]]), np.array([[8.0, 1.0]]))[1].tolist()
    [[2.0, 1.0]]
    """
    train, test = train.astype(np.float64), test.astype(np.float64)
    is_two = ((train == 0) | (train == 1)).all(axis=0)
    mean, scale = train.mean(axis=0), train.std(axis=0)
    mean, scale = np.where(is_two, 0.0, mean), np.where(is_two | (scale == 0), 1.0, scale)
    return (train - mean) / scale, (test - mean) / scale


def probabilities(
    learn: Learn,
    train: np.ndarray,
    labels: np.ndarray,
    test: np.ndarray,
    weights: np.ndarray | None,
    num_classes: int,
) -> np.ndarray:
    """What is learned of classes, (M, num_classes), also of those without a row."""
    there = np.unique(labels)
    answers = np.zeros((len(test), num_classes))
    if len(there) == 1:  # nothing to learn
        answers[:, there[0]] = 1.0
        return answers
    answers[:, there] = learn(train, labels, weights).predict_proba(test)
    return answers


def values(
    learn: Learn,
    train: np.ndarray,
    labels: np.ndarray,
    test: np.ndarray,
    weights: np.ndarray | None,
) -> np.ndarray:
    """What is learned of each of several values, (M, V)."""
    columns = [learn(train, column, weights).predict(test) for column in labels.T]
    return np.asarray(columns, np.float64).T


@contextlib.contextmanager
def quietly() -> Iterator[list[Any]]:
    """No warning on the screen, and one thread, whose sums are the same on any number of cores.

    Where others are at work on these, boosting by several takes a hundred times as long.

    Yields:
      A list, in which there is what would have been said of a lack of convergence at the end.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    said: list[Any] = []
    with warnings.catch_warnings(record=True) as found, threadpool_limits(1):
        warnings.simplefilter("always")
        yield said
        said += [each for each in found if issubclass(each.category, ConvergenceWarning)]
