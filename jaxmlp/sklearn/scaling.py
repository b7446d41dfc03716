"""The scaling of columns by the rows' weights, and its arithmetic in double precision."""

import numpy as np

from jaxmlp.nn.scaling import Scaling, arrays_of, checked_scaling

__all__ = ["scaled", "unscaled", "weighted_scaling"]


def weighted_scaling(name: str, values: np.ndarray, weights: np.ndarray) -> Scaling:
    """The weighted mean and standard deviation of each column, as float32 numbers.

    Args:
      name: for messages.
      values: (num_examples, columns) float64.
      weights: (num_examples,) float64, from 0 on, some above.

    Returns:
      A scale of 1 for a column whose values are all the same.

    Raises:
      ValueError: if a column's mean or deviation is out of the range of float32.

    >>> weighted_scaling("X", np.array([[1.0, 5.0], [4.0, 5.0]]), np.array([2.0, 1.0]))
    Scaling(2 columns)
    >>> weighted_scaling("X", np.array([[1.0, 5.0], [4.0, 5.0]]), np.array([2.0, 1.0])).mean
    (2.0, 5.0)
    """
    shares = weights / weights.sum()
    with np.errstate(over="ignore", invalid="ignore"):
        mean = shares @ values
        deviation = np.sqrt(shares @ (values - mean) ** 2)
    counted = values[weights > 0]
    is_same = counted.min(axis=0) == counted.max(axis=0)  # where rounding would leave a deviation
    is_same |= deviation < np.finfo(np.float32).tiny
    with np.errstate(over="ignore"):
        return checked_scaling(name, (mean, np.where(is_same, 1.0, deviation)))


def scaled(scaling: Scaling | None, values: np.ndarray) -> np.ndarray:
    """(values - mean) / scale in float64, (rows, columns); without a scaling as they are.

    >>> scaled(Scaling((1.0,), (2.0,)), np.array([[5.0]])).tolist()
    [[2.0]]
    """
    if scaling is None:
        return values
    mean, scale = arrays_of(scaling)
    return (values - mean.astype(np.float64)) / scale


def unscaled(scaling: Scaling | None, values: np.ndarray) -> np.ndarray:
    """What `scaled` makes these values of, in float64: (..., columns).

    >>> unscaled(Scaling((1.0,), (2.0,)), np.array([[2.0]])).tolist()
    [[5.0]]
    """
    if scaling is None:
        return values
    mean, scale = arrays_of(scaling)
    return values.astype(np.float64) * scale + mean
