"""Mixup: training on mixtures of pairs of examples."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp.objectives.tasks import Task, check_rate, refuse_classes_only, refuse_others
from jaxmlp.types import Batch

__all__ = ["with_mixup"]


def with_mixup(task: Task, alpha: float = 0.2) -> Task:
    """A task whose training sees mixtures of each example with another one of its batch.

    Each example x with the label y becomes λx + (1 - λ)x' and λy + (1 - λ)y', where x' is the next
    one of the batch, whose order is random already, and λ the larger of b and 1 - b, with b from
    Beta(alpha, alpha), drawn for each: so an epoch sees every example, with some of another. Labels
    that are classes become distributions. What is reported of training is what the network makes
    of the mixtures, judged by the labels of the larger parts.

    Args:
      task: from `classification`, `binary_classification` or `regression`.
      alpha: from 0 on: 0 leaves examples as they are, 1 draws b evenly. It is the hyperparameter
        "mixup", which a sweep may vary without compiling anew.

    Returns:
      The task, with `mix`. Inputs need to be floats or pixels.

    Raises:
      ValueError: if the task mixes already, its loss takes no distributions, or alpha is below 0.

    Source: Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018.

    >>> from jaxmlp.objectives.tasks import classification
    >>> with_mixup(classification(10), 0.2)
    Task(softmax_cross_entropy, accuracy, mixup=0.2)
    """
    refuse_others("with_mixup", task)
    if task.mix is not None:
        raise ValueError(f"with_mixup needs a task that does not mix already, got {task}")
    check_rate("mixup", alpha)
    if task.kind != "regression":
        refuse_classes_only("mixup", task)
    num_classes = task.num_outputs if task.kind == "classification" else None
    return task._replace(mix=_mix(num_classes), rates=(*task.rates, ("mixup", float(alpha))))


@functools.cache
def _mix(num_classes: int | None) -> Callable[..., Batch]:
    def mix(batch: Batch, key: jax.Array, *, mixup: Any) -> Batch:
        inputs, labels = jnp.asarray(batch.inputs), jnp.asarray(batch.labels)
        if not jnp.issubdtype(inputs.dtype, jnp.floating):
            raise ValueError(f"mixup needs inputs that are floats or pixels, got {inputs.dtype}")
        if num_classes is not None and labels.ndim == 1:
            labels = jax.nn.one_hot(labels, num_classes)
        share, other = _shares(key, len(inputs), mixup), _others(batch)
        return batch._replace(
            inputs=_between(share, inputs, other), labels=_between(share, labels, other)
        )

    return mix


def _shares(key: jax.Array, count: int, alpha: Any) -> jax.Array:
    """What each example is of its mixture, from 1/2 to 1: (count,) float32."""
    is_on = jnp.asarray(alpha) > 0
    parameter = jnp.where(is_on, alpha, 1.0)
    drawn = jax.random.beta(key, parameter, parameter, (count,), jnp.float32)
    return jnp.where(is_on, jnp.maximum(drawn, 1 - drawn), 1.0)


def _others(batch: Batch) -> jax.Array:
    """The next example that counts, for each one; of the last the first: (batch,) int32."""
    counts = jnp.ones(len(batch.inputs), bool) if batch.mask is None else jnp.asarray(batch.mask)
    if batch.weights is not None:
        counts = counts & (jnp.asarray(batch.weights) > 0)
    order = jnp.argsort(~counts, stable=True)  # those that count, as they come, and then the rest
    rank = jnp.cumsum(counts) - 1
    following = (rank + 1) % jnp.maximum(counts.sum(), 1)
    return order[following]


def _between(share: jax.Array, values: jax.Array, other: jax.Array) -> jax.Array:
    """Each example's share of it, and for the rest the other's: (batch, ...) float32."""
    values = values.astype(jnp.float32)
    share = share.reshape(-1, *(1,) * (values.ndim - 1))
    return share * values + (1 - share) * values[other]
