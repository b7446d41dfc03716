"""Rows and their weights, as training takes them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["as_float32", "class_weights", "merged", "padded"]


def as_float32(name: str, values: np.ndarray) -> np.ndarray:
    """Values in the network's precision.

    Args:
      name: for messages.
      values: finite numbers.

    Raises:
      ValueError: if one is out of the range of float32.

    >>> as_float32("X", np.array([0.5])).dtype
    dtype('float32')
    """
    with np.errstate(over="ignore"):
        taken: np.ndarray = values.astype(np.float32)
    if not (is_good := np.isfinite(taken)).all():
        got = values[tuple(np.argwhere(~is_good)[0])]
        raise ValueError(f"{name} needs values within the range of float32, got {got:g}")
    return taken


def class_weights(
    given: str | Mapping[Any, float] | None, classes: np.ndarray, rows: np.ndarray, weights: Any
) -> np.ndarray:
    """What an example of each class weighs besides its own weight.

    Args:
      given: "balanced": total / (classes * total of the class); a weight for each class, where
        those left out weigh 1; None: all weigh 1.
      classes: (classes,) as they are called.
      rows: (num_examples,) int, each example's place among them.
      weights: (num_examples,) float64, the examples' own.

    Returns:
      (classes,) float64; a class without weight has 0 where they are balanced.

    Raises:
      ValueError: if a class is not known, `given` is none of these, a weight is no finite number
        from 0 on, or no row weighs more than 0 by them.

    >>> class_weights("balanced", np.array(["no", "yes"]), np.array([0, 0, 0, 1]), np.ones(4))
    array([0.66666667, 2.        ])
    >>> class_weights({"yes": 3}, np.array(["no", "yes"]), np.array([0, 1]), np.ones(2))
    array([1., 3.])
    """
    if given is None:
        return np.ones(len(classes))
    if isinstance(given, Mapping):
        known = list(classes.tolist())
        if unknown := [each for each in given if each not in known]:
            raise ValueError(f"class_weight needs classes of y, {known}, got {unknown[0]!r}")
        by_class = np.array([_number(each, given.get(each, 1.0)) for each in known])
        if not (by_class[rows] * weights > 0).any():
            raise ValueError(f"class_weight needs a row that weighs more than 0, got {given}")
        return by_class
    if given != "balanced":
        raise ValueError(f"class_weight needs to be balanced, a dict or None, got {given!r}")
    totals = np.bincount(rows, weights, minlength=len(classes))
    share = weights.sum() / np.count_nonzero(totals)
    return np.divide(share, totals, out=np.zeros(len(classes)), where=totals > 0)


def _number(name: Any, weight: Any) -> float:
    """A class's weight; raises ValueError unless it is a finite number from 0 on."""
    try:
        number = float(weight)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        got = f"{weight!r} for {name!r}"
        raise ValueError(f"class_weight needs finite numbers from 0 on, got {got}")
    return number


def merged(
    inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Different rows in an order of their own, each with the weight of all that are equal to it.

    Rows that are repeated and rows that weigh more become the same arrays, so that what is trained
    on them in one batch has the same bits.

    Args:
      inputs: (num_examples, features) float64.
      labels: (num_examples,) or (num_examples, outputs).
      weights: (num_examples,) float64.

    Returns:
      The same three, of the rows that differ.

    >>> rows = merged(np.array([[2.0], [1.0], [2.0]]), np.array([0, 1, 0]), np.ones(3))
    >>> [each.tolist() for each in rows]
    [[[1.0], [2.0]], [1, 0], [1.0, 2.0]]
    """
    columns = np.column_stack([inputs, labels]).astype(np.float64)
    _, first, place = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    totals = np.bincount(place.reshape(-1), weights, minlength=len(first))
    return inputs[first], labels[first], totals


def padded(
    inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with some of weight 0 after them, so that few numbers of rows are to be compiled for.

    In a batch of all they change no sum. There are three numbers between a power of two and the
    next, and none that 8 does not divide.

    Args:
      inputs: (num_examples, features).
      labels: (num_examples,) or (num_examples, outputs).
      weights: (num_examples,).

    Returns:
      The same three, of at most a quarter more rows where there are 32 or more.

    >>> [len(padded(*np.zeros((3, n, 1)))[0]) for n in (3, 50, 100, 129)]
    [8, 56, 112, 160]
    """
    count = len(inputs)
    step = max(8, 1 << max(0, (count - 1).bit_length() - 3))
    missing = -count % step

    def longer(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), rows.dtype)])

    return longer(inputs), longer(labels), longer(weights)
