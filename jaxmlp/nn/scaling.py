"""What brings columns of numbers to one size: their mean taken away, and the rest divided."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.naming import kind_of

__all__ = ["Scaling", "arrays_of", "checked_scaling", "scaled", "unscaled"]


class Scaling(NamedTuple):
    """A mean and a scale for each column; as plain numbers, so that equal ones are equal.

    >>> Scaling((0.5, 2.0), (1.0, 4.0))
    Scaling(2 columns)
    """

    mean: Sequence[float]  # (columns,)
    scale: Sequence[float]  # (columns,), above 0

    def __repr__(self) -> str:
        """How many columns there are."""
        return f"Scaling({np.size(self.mean)} columns)"


def scaled(scaling: Scaling | None, values: jax.Array) -> jax.Array:
    """(values - mean) / scale, of one example: (columns,) -> (columns,); without one as they are.

    Raises:
      ValueError: if there are other than its columns.

    >>> scaled(Scaling((1.0, 2.0), (1.0, 4.0)), np.float32([3.0, 4.0])).tolist()
    [2.0, 0.5]
    """
    if scaling is None:
        return values
    mean, scale = arrays_of(scaling)
    if values.shape != mean.shape:
        raise ValueError(f"inputs needs the shape {mean.shape}, got {values.shape}")
    return (values - mean) / scale


def unscaled(scaling: Scaling | None, values: jax.Array) -> jax.Array:
    """What `scaled` makes these values of: values scale + mean, (columns,) -> (columns,).

    >>> unscaled(Scaling((1.0, 2.0), (1.0, 4.0)), np.float32([2.0, 0.5])).tolist()
    [3.0, 4.0]
    """
    if scaling is None:
        return values
    mean, scale = arrays_of(scaling)
    return values * scale + mean


def checked_scaling(name: str, scaling: Any, columns: int | None = None) -> Scaling:
    """A scaling as it is compared: tuples of floats that are float32 numbers.

    Args:
      name: what it is called, for messages.
      scaling: a `Scaling`, or a pair of arrays or lists.
      columns: how many there need to be; None for as many as there are.

    Raises:
      ValueError: if it is no such pair, of another length, not finite, or a scale is not above 0.

    >>> checked_scaling("inputs", (np.zeros(1), [2])).scale
    (2.0,)
    """
    if not isinstance(scaling, tuple | list) or len(scaling) != 2:
        raise ValueError(f"{name} needs a Scaling(mean, scale), got {kind_of(scaling)}")
    halves = {}
    for half, given in zip(Scaling._fields, scaling, strict=True):
        try:
            values = np.asarray(given, np.float32)
        except (TypeError, ValueError):
            raise ValueError(f"{name} needs numbers as {half}, got {kind_of(given)}") from None
        columns = values.size if columns is None else columns
        if values.shape != (columns,):
            raise ValueError(f"{name} needs a {half} of the shape ({columns},), got {values.shape}")
        is_good = np.isfinite(values) & ((values > 0) | (half == "mean"))
        if not is_good.all():
            what = "a scale above 0 that is" if half == "scale" else "a mean that is"
            column = int(is_good.argmin())
            raise ValueError(f"{name} needs {what} finite, got {values[column]} at {column}")
        halves[half] = tuple((values + 0.0).tolist())  # -0.0 is 0.0
    return Scaling(**halves)


def arrays_of(scaling: Scaling) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale as float32."""
    return np.asarray(scaling.mean, np.float32), np.asarray(scaling.scale, np.float32)
