"""What a network is for: its loss, its metrics, and what its outputs mean.

The same arguments give the same task, so that a recipe made twice is compiled once.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from jaxmlp import activations, losses, metrics
from jaxmlp.types import Array

__all__ = ["Task", "binary_classification", "classification", "regression"]


class Task(NamedTuple):
    """Functions of one example's outputs, (outputs,), and of its label."""

    loss: Callable[[jax.Array, jax.Array], jax.Array]  # outputs, label -> ()
    metrics: tuple[Callable[[jax.Array, jax.Array], jax.Array], ...]  # the same, each with a name
    link: Callable[[jax.Array], jax.Array]  # outputs -> probabilities, or values: (outputs,)
    num_outputs: int
    check_labels: Callable[[Array], None]  # (num_examples, ...); raises ValueError


@functools.cache
def classification(
    num_classes: int,
    loss: Callable[[jax.Array, jax.Array], jax.Array] = losses.softmax_cross_entropy,
) -> Task:
    """One of several classes; labels are integers, or one-hot vectors.

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

    def check_labels(labels: Array) -> None:
        labels = np.asarray(labels)
        if labels.ndim == 2:
            _check_width(labels, num_classes)
            return
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                "labels need to be integers (num_examples,) or one-hot vectors (num_examples, "
                f"{num_classes}), got {labels.dtype} {labels.shape}"
            )
        _check_range(labels, 0, num_classes - 1)

    return Task(loss, (metrics.accuracy,), jax.nn.softmax, num_classes, check_labels)


@functools.cache
def binary_classification(num_outputs: int = 1) -> Task:
    """Yes or no, once or for several independent questions; labels are 0 or 1."""

    def check_labels(labels: Array) -> None:
        labels = np.asarray(labels)
        if not (labels.ndim == 1 and num_outputs == 1):
            _check_width(labels, num_outputs)
        _check_range(labels, 0, 1)

    loss = losses.sigmoid_cross_entropy
    return Task(loss, (metrics.binary_accuracy,), jax.nn.sigmoid, num_outputs, check_labels)


@functools.cache
def regression(
    num_outputs: int = 1,
    loss: Callable[[jax.Array, jax.Array], jax.Array] = losses.squared_error,
) -> Task:
    """One or several numbers; labels are float32."""

    def check_labels(labels: Array) -> None:
        labels = np.asarray(labels)
        if not (labels.ndim == 1 and num_outputs == 1):
            _check_width(labels, num_outputs)

    return Task(loss, (losses.absolute_error,), activations.identity, num_outputs, check_labels)


def _check_width(labels: np.ndarray, width: int) -> None:
    if labels.ndim != 2 or labels.shape[1] != width:
        raise ValueError(f"labels need the shape (num_examples, {width}), got {labels.shape}")


def _check_range(labels: np.ndarray, low: int, high: int) -> None:
    is_out = ~((labels >= low) & (labels <= high))  # a NaN is out too
    if is_out.any():
        where = np.argwhere(is_out)[0]
        raise ValueError(
            f"labels need to be from {low} to {high}, got {labels[tuple(where)]} at {where[0]}"
        )
