"""How examples lie: the mean and the deviation of each column, for a network to be scaled by."""

from typing import Any

import numpy as np

from jaxmlp.nn.scaling import Scaling, checked_scaling
from jaxmlp.training.examples import as_array, as_inputs, as_labels

__all__ = ["scaling_of"]

CHUNK = 8192  # rows that are held in double precision at a time


def scaling_of(values: Any) -> Scaling:
    """The mean and the standard deviation of each column, for `standardized`.

    Of the *training* examples alone: what a test set is scaled by is to be known before it is seen.
    The deviation is that of the examples themselves, a mean over n, as of scikit-learn's
    `StandardScaler`; sums are in double precision. A column whose values are all the same is scaled
    by 1, and so becomes 0.

    Args:
      values: inputs, (num_examples, features), of which uint8 are pixels, and are taken as the
        network takes them, from 0 to 1; or labels, (num_examples,), of one column.

    Raises:
      ValueError: if there are none, they are of another shape, or one is not finite.

    >>> scaling = scaling_of([[1.0, 5.0], [3.0, 5.0]])
    >>> scaling.mean, scaling.scale
    ((2.0, 5.0), (1.0, 1.0))
    """
    array = as_array("values", values)
    if array.ndim not in (1, 2) or not array.size:
        raise ValueError(
            f"scaling_of needs (num_examples, features), or (num_examples,), got {array.shape}"
        )
    taken = as_labels(array) if array.ndim == 1 else as_inputs(array)
    rows = np.asarray(taken).reshape(len(array), -1)
    _check_finite(rows)
    mean = _sums(rows, 0.0, 1) / len(rows)
    deviation = np.sqrt(_sums(rows, mean, 2) / len(rows))
    is_same = rows.min(axis=0) == rows.max(axis=0)  # where rounding would leave a deviation
    if array.ndim == 2 and array.dtype == np.uint8:
        mean, deviation = mean / 255, deviation / 255
    is_same |= deviation < np.finfo(np.float32).tiny  # which compiled code takes for 0
    return checked_scaling("scaling_of", (mean, np.where(is_same, 1.0, deviation)))


def _sums(rows: np.ndarray, center: Any, power: int) -> np.ndarray:
    """Each column's sum of (value - center)^power."""
    parts = range(0, len(rows), CHUNK)
    return sum(((rows[i : i + CHUNK] - np.float64(center)) ** power).sum(axis=0) for i in parts)


def _check_finite(rows: np.ndarray) -> None:
    is_good = np.isfinite(rows)
    if not is_good.all():
        row, column = np.argwhere(~is_good)[0]
        got = rows[row, column]
        raise ValueError(f"scaling_of needs finite values, got {got} at ({row}, {column})")
