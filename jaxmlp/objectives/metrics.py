"""Metrics: functions of ONE example that the caller averages, and records of what is no mean.

A task takes both: a bare function, whose `__name__` names it in a history and which `metric_of`
makes a record of; and a `Metric`, which says its name, how it is computed, whether higher is better
and whether it is a share.
"""

import functools

import jax
import jax.numpy as jnp

from jaxmlp.objectives.classes import f1, precision, recall
from jaxmlp.objectives.losses import absolute_error, squared_error
from jaxmlp.objectives.probabilities import calibration_error, roc_auc
from jaxmlp.objectives.records import Metric, by_name, metric_of, of_column

__all__ = [
    "Metric",
    "absolute_error",
    "accuracy",
    "binary_accuracy",
    "by_name",
    "calibration_error",
    "f1",
    "metric_of",
    "of_column",
    "precision",
    "r2",
    "recall",
    "roc_auc",
    "squared_error",
    "top_k",
]


def accuracy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """1 where the highest logit is the label's, else 0.

    Args:
      logits: (classes,) float32; of equal highest ones the first counts.
      label: () integer, the class; or (classes,), a one-hot vector.

    Returns:
      () float32. 0 where a logit is NaN.

    Raises:
      ValueError: if there is one logit, for which there is `binary_accuracy`.

    >>> accuracy(jnp.array([1.0, 3.0, 2.0]), jnp.array(1)).item()
    1.0
    """
    _check_classes("accuracy", logits)
    target = label.argmax() if label.ndim else label
    return ((logits.argmax() == target) & ~jnp.isnan(logits).any()).astype(jnp.float32)


def binary_accuracy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """The share of outputs on the label's side of probability one half.

    Args:
      logits: (outputs,) float32.
      label: () or (outputs,): 0 or 1.

    Returns:
      () float32. An output that is NaN is on neither side.

    >>> binary_accuracy(jnp.array([0.3]), jnp.array(1)).item()
    1.0
    """
    is_right = (logits > 0) == (label.reshape(logits.shape) > 0.5)
    return (is_right & ~jnp.isnan(logits)).mean(dtype=jnp.float32)


@functools.cache  # so that a recipe made twice is compiled once
def top_k(k: int) -> Metric:
    """The share of examples whose label is among the k highest outputs.

    Returns:
      A metric "top_5_accuracy" for k = 5, of (classes,) logits and an integer or one-hot label; of
      equal logits the first count, as for `accuracy`, and an example with a NaN does not.

    Raises:
      ValueError: if k is less than 1; and once it meets logits, if it is above their number.

    >>> top_k(2)(jnp.array([1.0, 3.0, 2.0]), jnp.array(2)).item()
    1.0
    """
    if k < 1:
        raise ValueError(f"top_k needs at least 1, got {k}")

    def is_among_k(logits: jax.Array, label: jax.Array) -> jax.Array:
        _check_classes("top_k", logits)
        if k > len(logits):
            raise ValueError(f"top_k needs at most the {len(logits)} classes, got {k}")
        target = label.argmax() if label.ndim else label
        own, classes = logits[target], jnp.arange(len(logits))
        before = (logits > own) | ((logits == own) & (classes < target))
        is_class = (target >= 0) & (target < len(logits))
        is_right = (before.sum() < k) & is_class & ~jnp.isnan(logits).any()
        return is_right.astype(jnp.float32)

    return Metric(f"top_{k}_accuracy", is_among_k, is_share=True)


@functools.cache
def r2(center: float = 0.0) -> Metric:
    """The share of the labels' variance that a regression explains; below 0 if it does harm.

    1 - Σ (label - output)² / Σ (label - mean)², and of several outputs the mean over them. The
    second sum is taken about `center` and moved to the mean, in float32: give a center where the
    labels' mean is a hundred times their spread or more, or standardize the labels.

    Args:
      center: a number near the labels' mean.

    Returns:
      A metric "r2"; NaN where the labels do not differ, as far as can be told.

    >>> metric, pairs = r2(), ((1.0, 1.0), (2.0, 2.0), (4.0, 3.0))
    >>> metric.finish(sum(metric.accumulate(jnp.array([x]), jnp.array(y)) for x, y in pairs)).item()
    0.5
    """
    return Metric("r2", accumulate=functools.partial(_moments, center=center), finish=_explained)


def _moments(outputs: jax.Array, label: jax.Array, *, center: float) -> jax.Array:
    label = label.reshape(outputs.shape)
    away = (label - center).astype(jnp.float32)
    return jnp.stack([jnp.ones_like(away), away, away**2, (label - outputs) ** 2])


def _explained(sums: jax.Array) -> jax.Array:
    count, away, squares, residual = sums
    about_mean = squares - away**2 / count
    is_known = about_mean > 1e-5 * squares  # else rounding is what is left
    ratio = jnp.where(is_known, residual / jnp.where(is_known, about_mean, 1), jnp.nan)
    return (1 - ratio).mean()


def _check_classes(name: str, logits: jax.Array) -> None:
    if logits.shape == (1,):
        raise ValueError(f"{name} needs two logits or more, got 1: binary_accuracy is for one")
