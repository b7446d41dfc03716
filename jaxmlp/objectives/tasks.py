"""What a network is for: its loss, its metrics, and what its outputs mean.

The same arguments give the same task, so that a recipe made twice is compiled once.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from jaxmlp.naming import name_of
from jaxmlp.nn import activations
from jaxmlp.objectives import losses, metrics
from jaxmlp.types import Array

TOLERANCE = 1e-3  # of the sum of a distribution, which may have been rounded to float16

__all__ = ["Task", "binary_classification", "classification", "regression"]


class Task(NamedTuple):
    """Functions of one example's outputs, (outputs,), and of its label."""

    loss: Callable[[jax.Array, jax.Array], jax.Array]  # outputs, label -> ()
    metrics: tuple[Callable[[jax.Array, jax.Array], jax.Array], ...]  # the same, each with a name
    link: Callable[[jax.Array], jax.Array]  # outputs -> probabilities, or values: (outputs,)
    num_outputs: int
    # (num_examples, ...) -> the same as the loss takes them, or None for as they are; raises
    # ValueError. They come as arrays of whole numbers or floats.
    check_labels: Callable[[Array], Array | None]

    def __repr__(self) -> str:
        """The loss and the metrics by their names."""
        return f"Task({', '.join(map(name_of, (self.loss, *self.metrics)))})"


@functools.cache
def classification(
    num_classes: int,
    loss: Callable[[jax.Array, jax.Array], jax.Array] = losses.softmax_cross_entropy,
) -> Task:
    """One of several classes; labels are whole numbers, one-hot vectors or other distributions.

    Args:
      num_classes: how many, at least 2.
      loss: of one example: `losses.hinge` and `losses.perceptron` take integer labels only.

    Raises:
      ValueError: if there are fewer than two classes.

    >>> classification(4).link(np.zeros(4, np.float32)).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    if num_classes < 2:
        raise ValueError(f"num_classes needs to be at least 2, got {num_classes}")

    def check_labels(labels: Array) -> Array:
        if labels.ndim == 2 and labels.shape[1] == 1:  # a column of a table
            labels = labels[:, 0]
        if labels.ndim == 2:
            _check_width(labels, num_classes)
            _check_distributions(np.asarray(labels))
            return labels
        if labels.ndim != 1:
            raise ValueError(
                "labels need to be integers (num_examples,) or one-hot vectors (num_examples, "
                f"{num_classes}), got {labels.dtype} {labels.shape}"
            )
        values = np.asarray(labels)
        _check_range(values, 0, num_classes - 1)
        if np.issubdtype(values.dtype, np.integer):
            return labels
        _check_all(values == np.round(values), values, "whole numbers")
        return labels.astype(np.int32)

    return Task(loss, (metrics.accuracy,), jax.nn.softmax, num_classes, check_labels)


@functools.cache
def binary_classification(num_outputs: int = 1) -> Task:
    """Yes or no, once or for several independent questions; labels are 0 or 1."""

    def check_labels(labels: Array) -> None:
        if not (labels.ndim == 1 and num_outputs == 1):
            _check_width(labels, num_outputs)
        _check_range(np.asarray(labels), 0, 1)

    loss = losses.sigmoid_cross_entropy
    return Task(loss, (metrics.binary_accuracy,), jax.nn.sigmoid, num_outputs, check_labels)


@functools.cache
def regression(
    num_outputs: int = 1,
    loss: Callable[[jax.Array, jax.Array], jax.Array] = losses.squared_error,
) -> Task:
    """One or several numbers; labels are float32."""

    def check_labels(labels: Array) -> None:
        if not (labels.ndim == 1 and num_outputs == 1):
            _check_width(labels, num_outputs)
        values = np.asarray(labels)
        _check_all(np.isfinite(values), values, "finite")

    return Task(loss, (losses.absolute_error,), activations.identity, num_outputs, check_labels)


def _check_width(labels: Array, width: int) -> None:
    if labels.ndim != 2 or labels.shape[1] != width:
        raise ValueError(f"labels need the shape (num_examples, {width}), got {labels.shape}")


def _check_range(labels: np.ndarray, low: int, high: int) -> None:
    _check_all((labels >= low) & (labels <= high), labels, f"from {low} to {high}")


def _check_distributions(labels: np.ndarray) -> None:
    _check_range(labels, 0, 1)
    sums = labels.sum(axis=1, dtype=np.float64)
    is_one = np.abs(sums - 1) < TOLERANCE
    if not is_one.all():
        row = int(is_one.argmin())
        raise ValueError(f"labels need to sum to 1 in each row, got {sums[row]:g} in row {row}")


def _check_all(is_good: np.ndarray, labels: np.ndarray, what: str) -> None:
    """Names the first label that is not good, as none is that is NaN."""
    if not is_good.all():
        where = np.argwhere(~is_good)[0]
        raise ValueError(f"labels need to be {what}, got {labels[tuple(where)]} at {where[0]}")
