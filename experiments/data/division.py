"""A data set in two, for what is to be kept apart from training."""

import math
from typing import Any

import numpy as np

from experiments.data.idx import Arrays, DataError
from experiments.data.rows import Rows


def split(
    inputs: np.ndarray | Rows, labels: np.ndarray, where: object, fraction: float = 0.2
) -> Arrays:
    """Divides a data set into a larger and a smaller part, always in the same way.

    The examples are shuffled by `numpy.random.RandomState(0)`, whose stream NumPy has frozen
    (NEP 19), then sorted by class; with a fraction of 0.2 every fifth goes to the smaller part. So
    each class is divided alike, to within one example. Both parts keep the order of the whole.

    Args:
      inputs: (N, features); rows that are read later stay so.
      labels: (N,) classes, or (N, ...) values, of which the first counts.
      where: the data's name, for messages.
      fraction: of the smaller part.

    Returns:
      Inputs and labels of the larger part, then of the smaller.

    Raises:
      DataError: too few examples for the smaller part to have one.
    """
    before = np.floor(np.round(np.arange(len(labels) + 1) * fraction, 9))
    if before[-1] < 1:
        raise DataError(
            f"{where}: expected at least {math.ceil(1 / fraction)} examples to keep "
            f"{100 * fraction:g} % of them apart, got {len(labels)}"
        )
    order = np.random.RandomState(0).permutation(len(labels))
    first = labels.reshape(len(labels), -1)[:, 0]
    order = order[np.argsort(first[order], kind="stable")]
    test = np.zeros(len(labels), bool)
    test[order[before[1:] > before[:-1]]] = True
    either: Any = (
        inputs.only(mask) if isinstance(inputs, Rows) else inputs[mask] for mask in (~test, test)
    )
    larger, smaller = either
    return larger, labels[~test], smaller, labels[test]
