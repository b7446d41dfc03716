"""Classes as vectors, and vectors as classes: one-hot labels, and the highest of some outputs."""

import operator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.naming import kind_of
from jaxmlp.types import Array

__all__ = ["TopK", "one_hot", "top_k"]


class TopK(NamedTuple):
    """The highest outputs of each example, from the highest down."""

    values: jax.Array  # (..., k), the outputs
    classes: jax.Array  # (..., k) int32


def one_hot(labels: Array, num_classes: int) -> jax.Array:
    """1 in the label's place, else 0, as Keras's `categorical_crossentropy` has its labels.

    Losses and metrics here take either: a one-hot vector has the loss of its class.

    Args:
      labels: (...) whole numbers, the classes.
      num_classes: how many there are.

    Returns:
      (..., num_classes) float32. NaN for what is no class where the labels are traced, since
      compiled code cannot raise.

    Raises:
      ValueError: if a label is no whole number, or no class.

    >>> one_hot(np.array([2, 0]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    count = _whole("num_classes", num_classes)
    given = labels if isinstance(labels, jax.Array) else np.asarray(labels)
    if not jnp.issubdtype(given.dtype, jnp.integer):
        raise ValueError(f"labels need to be whole numbers, got {given.dtype} {given.shape}")
    if not isinstance(given, jax.core.Tracer):
        values = np.asarray(given)
        is_class = (values >= 0) & (values < count)
        if not is_class.all():
            where = np.argwhere(~is_class)[0]
            place = ", ".join(map(str, where.tolist()))
            got = f"{values[tuple(where)]}{f' at {place}' if place else ''}"
            raise ValueError(f"labels need to be from 0 to {count - 1}, got {got}")
    classes = jnp.asarray(given)
    is_known = (classes >= 0) & (classes < count)
    return jnp.where(is_known[..., None], jax.nn.one_hot(classes, count), jnp.nan)


def top_k(outputs: Array, k: int) -> TopK:
    """The k highest outputs, such as a network's best guesses of `predict`, and their classes.

    Of equal ones the first counts, as for `metrics.accuracy`; `metrics.top_k` is the share of
    examples whose label is among them.

    Args:
      outputs: (..., classes).
      k: from 1 to the number of classes.

    Raises:
      ValueError: if there are not as many classes.

    >>> top_k(np.array([0.1, 0.6, 0.3]), 2).classes.tolist()
    [1, 2]
    """
    count = _whole("k", k)
    given = jnp.asarray(outputs)
    if given.ndim == 0 or count > given.shape[-1]:
        raise ValueError(f"top_k needs {count} classes or more, got outputs {given.shape}")
    return TopK(*jax.lax.top_k(given, count))


def _whole(name: str, number: Any) -> int:
    try:
        count = operator.index(number)
    except TypeError:
        count = 0
    if count < 1:
        raise ValueError(f"{name} needs to be a whole number of at least 1, got {kind_of(number)}")
    return count
