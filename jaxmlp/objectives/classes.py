"""Metrics of classes that are no means over examples: precision, recall and F1, from counts.

A network with one output has two classes, and answers 1 where that is above 0.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmlp.objectives.records import Metric

__all__ = ["f1", "precision", "recall"]

Ratio = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]  # of the counts below


def precision(num_classes: int, of: int | None = None) -> Metric:
    """Of the examples that were taken for a class, the share that are of it.

    Args:
      num_classes: how many, 2 for a network with one output.
      of: the class; by default the mean over the classes that occur among labels or answers, which
        is the macro average.

    Returns:
      A metric "precision", or "precision_3" of class 3; 0 for a class that was never the answer.

    Raises:
      ValueError: if there is no such class.

    >>> metric = precision(2, of=1)
    >>> counts = [metric.accumulate(jnp.array([x]), jnp.array(y)) for x, y in ((3, 1), (2, 0))]
    >>> metric.finish(sum(counts)).item()
    0.5
    """
    return _of_counts("precision", num_classes, of)


def recall(num_classes: int, of: int | None = None) -> Metric:
    """Of the examples of a class, the share that were taken for it: otherwise as `precision`."""
    return _of_counts("recall", num_classes, of)


def f1(num_classes: int, of: int | None = None) -> Metric:
    """The harmonic mean of a class's precision and recall: otherwise as `precision`.

    Source: van Rijsbergen, Information Retrieval, 1979.
    """
    return _of_counts("f1", num_classes, of)


# Of right answers, all answers and all examples of a class.
RATIOS: dict[str, Ratio] = {
    "precision": lambda right, answers, examples: _ratio(right, answers),
    "recall": lambda right, answers, examples: _ratio(right, examples),
    "f1": lambda right, answers, examples: _ratio(2 * right, answers + examples),
}


@functools.cache  # so that a recipe made twice is compiled once
def _of_counts(name: str, num_classes: int, of: int | None) -> Metric:
    if num_classes < 2:
        raise ValueError(f"{name} needs at least 2 classes, got {num_classes}")
    if of is not None and not 0 <= of < num_classes:
        raise ValueError(f"{name} needs a class from 0 to {num_classes - 1}, got {of}")

    def accumulate(outputs: jax.Array, label: jax.Array) -> jax.Array:
        if outputs.shape != ((1,) if num_classes == 2 and outputs.size == 1 else (num_classes,)):
            raise ValueError(f"{name} needs {num_classes} outputs, got {outputs.shape}")
        answer = (outputs[0] > 0) if outputs.size == 1 else outputs.argmax()
        target = label.argmax() if label.size > 1 else label.reshape(())
        classes = jnp.arange(num_classes)
        is_answer = (classes == answer) & ~jnp.isnan(outputs).any()
        is_label = classes == target
        return jnp.stack([is_answer & is_label, is_answer, is_label]).astype(jnp.float32)

    def finish(counts: jax.Array) -> jax.Array:
        values = RATIOS[name](*counts)
        if of is not None:
            return values[of]
        occurs = (counts[1] + counts[2]) > 0
        return values.sum() / occurs.sum()  # those that do not occur are 0

    full_name = name if of is None else f"{name}_{of}"
    return Metric(full_name, is_share=True, accumulate=accumulate, finish=finish)


def _ratio(part: jax.Array, whole: jax.Array) -> jax.Array:
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1), 0.0)
