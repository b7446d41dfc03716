"""Examples as they come: lists, tables and arrays of any dtype, made into what training takes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.naming import kind_of
from jaxmlp.types import Array

__all__ = ["as_array", "as_inputs", "as_labels", "as_weights"]


def as_array(what: str, values: Any) -> Array:
    """An array of numbers; one that is there stays as it is, where it is.

    Args:
      what: for messages.
      values: an array, or what NumPy makes one of: lists, a table of pandas or polars, a tensor.

    Raises:
      ValueError: if it holds something else than numbers, or is no array at all.

    >>> as_array("inputs", [[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if not isinstance(values, jax.Array | np.ndarray):
        if hasattr(values, "toarray"):
            raise ValueError(f"{what} need a dense array, got {kind_of(values)}: use its toarray()")
        try:
            values = np.asarray(values)
        except Exception as error:  # ragged lists, tensors elsewhere: each library has its own
            got = str(error).partition("\n")[0]
            raise ValueError(
                f"{what} need an array of numbers, got {kind_of(values)}: {got}"
            ) from error
        if values.ndim == 0 and values.dtype == object:
            raise ValueError(f"{what} need an array of numbers, got {kind_of(values.item())}")
    if not (jnp.issubdtype(values.dtype, np.number) or values.dtype == bool) or jnp.issubdtype(
        values.dtype, np.complexfloating
    ):
        raise ValueError(f"{what} need an array of numbers, got {values.dtype} {values.shape}")
    if values.ndim == 0:
        raise ValueError(f"{what} need to be (num_examples, ...), got {values.dtype} ()")
    return values


def as_inputs(inputs: Any) -> Array:
    """Examples as a network takes them: uint8 pixels as they are, other numbers as floats.

    Args:
      inputs: (num_examples, ...); see `Dataset` for the dtypes.

    Raises:
      ValueError: as `as_array` does, or if whole numbers could be pixels.

    >>> as_inputs(np.float64([[0.5]])).dtype, as_inputs([[-1, 300]]).dtype
    (dtype('float32'), dtype('float32'))
    """
    array = as_array("inputs", inputs)
    if array.dtype == np.uint8 or isinstance(array, jax.core.Tracer):
        return array
    is_whole = jnp.issubdtype(array.dtype, np.integer)
    if is_whole and array.size and array.min() >= 0 and 1 < array.max() <= 255:
        raise ValueError(
            f"inputs need to be uint8 if they are pixels, or floats if not, got {array.dtype} "
            f"from {array.min()} to {array.max()}: use astype(np.uint8) or astype(np.float32)"
        )
    wide = array.dtype == np.float64 and jax.dtypes.canonicalize_dtype(np.float64) == np.float64
    dtype = np.dtype(np.float64 if wide else np.float32)
    return array if array.dtype == dtype else _cast(array, dtype)


def as_labels(labels: Any) -> Array:
    """Labels as whole numbers or floats that JAX holds without loss of their range.

    Raises:
      ValueError: as `as_array` does.

    >>> as_labels([True, False]).tolist(), as_labels([2**40, 1]).dtype
    ([1, 0], dtype('float32'))
    """
    array = as_array("labels", labels)
    if array.dtype == bool:
        return _cast(array, np.dtype(np.int32))
    if jnp.issubdtype(array.dtype, np.floating):
        dtype = jax.dtypes.canonicalize_dtype(array.dtype)
        return array if array.dtype == dtype else _cast(array, dtype)
    bounds = np.iinfo(jax.dtypes.canonicalize_dtype(array.dtype))
    if array.size and not (array.min() >= bounds.min and array.max() <= bounds.max):
        return _cast(array, np.dtype(np.float32))
    return array


def as_weights(weights: Any, num_examples: int) -> Array:
    """What the training examples count, as float32.

    Raises:
      ValueError: as `as_array` does, or if there is not one for each example, finite, from 0 on,
        and one above 0.

    >>> as_weights([1, 0.5], 2).dtype
    dtype('float32')
    """
    array = as_array("train_weights", weights)
    if array.shape != (num_examples,):
        raise ValueError(f"train_weights need the shape ({num_examples},), got {array.shape}")
    array = array if array.dtype == np.float32 else _cast(array, np.dtype(np.float32))
    values = np.asarray(array)
    is_good = np.isfinite(values) & (values >= 0)
    if not is_good.all():
        row = int(is_good.argmin())
        raise ValueError(f"train_weights need to be finite, from 0 on, got {values[row]} at {row}")
    with np.errstate(over="ignore"):
        total = values.sum(dtype=np.float32)
    if not 0 < total < np.inf:
        raise ValueError(f"train_weights need a sum above 0 that is finite, got {total}")
    return array


def _cast(array: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(over="ignore"):  # what is too large is infinite, and found when it is used
        return array.astype(dtype)
