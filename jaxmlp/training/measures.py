"""What a batch's outputs come to: means over examples, and sums for metrics that are no means."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp.objectives.records import Function, Metric
from jaxmlp.types import Batch

__all__ = [
    "Measure",
    "figures",
    "finished",
    "is_sum",
    "means_of",
    "sums_of",
    "weighted_mean",
    "weighted_sum",
    "zeros_of",
]

Measure = Function | Metric


def is_sum(measure: Measure) -> bool:
    """Whether what is carried of a metric is a sum that is yet to be finished, and not a mean."""
    return isinstance(measure, Metric) and not measure.is_mean


def means_of(
    measures: Sequence[Measure], outputs: jax.Array, batch: Batch
) -> tuple[list[jax.Array], jax.Array]:
    """Each measure's mean over the examples of a batch that count.

    Args:
      measures: losses or metrics, of one example.
      outputs: (batch, outputs), of the batch.
      batch: the examples. With weights, one counts as so many.

    Returns:
      The means, () float32 each, but of a metric that is no mean the sum of its contributions; and
      how many examples they are over, () float32: the sum of the weights, where there are some.
    """
    sums, count = sums_of(measures, outputs, batch)
    divisor = count if batch.weights is None else jnp.where(count > 0, count, 1.0)
    pairs = zip(measures, sums, strict=True)
    return [total if is_sum(measure) else total / divisor for measure, total in pairs], count


def sums_of(
    measures: Sequence[Measure], outputs: jax.Array, batch: Batch
) -> tuple[list[jax.Array], jax.Array]:
    """The sums that `means_of` divides, and what by."""
    labels = jnp.asarray(batch.labels)
    values = [_values(measure, outputs, labels) for measure in measures]
    if batch.weights is None:
        if batch.mask is None:
            count = jnp.float32(len(batch.inputs))
        else:
            count = batch.mask.sum(dtype=jnp.float32)
            mask = jnp.asarray(batch.mask)
            values = [jnp.where(_beside(mask, value), value, 0.0) for value in values]
    else:
        weights = _weights(batch)
        count = weights.sum()
        values = [_times(weights, value) for value in values]
    pairs = zip(measures, values, strict=True)
    return [v.sum(axis=0) if is_sum(m) else v.sum() for m, v in pairs], count


def weighted_mean(
    loss: Function,
    weight: Callable[[jax.Array], jax.Array] | None,
    outputs: jax.Array,
    batch: Batch,
    added: jax.Array | None = None,
) -> jax.Array:
    """Σ weight loss / Σ weight over the examples of a batch that count; () float32.

    Args:
      loss: of one example.
      weight: label -> (), what it weighs by its label, times its own weight in the batch.
      outputs: (batch, outputs), of the batch.
      batch: the examples.
      added: (batch,), to the loss of each, if anything.
    """
    value, total = weighted_sum(loss, weight, outputs, batch, added)
    return value / jnp.where(total > 0, total, 1.0)  # 0 where nothing weighs anything


def weighted_sum(
    loss: Function,
    weight: Callable[[jax.Array], jax.Array] | None,
    outputs: jax.Array,
    batch: Batch,
    added: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """The two sums that `weighted_mean` is made of."""
    labels = jnp.asarray(batch.labels)
    weights = _weights(batch)
    if weight is not None:
        by_label: jax.Array = jax.vmap(weight)(labels)
        weights = weights * by_label
    total = weights.sum()
    losses: jax.Array = jax.vmap(loss)(outputs, labels)
    values = _times(weights, losses if added is None else losses + added)
    return values.sum(), total


def zeros_of(measures: Sequence[Measure], outputs: Any, label: Any) -> list[jax.Array]:
    """The sums before the first batch.

    Args:
      measures: as of `means_of`.
      outputs: of one example, or their shape.
      label: of one example, or its shape.
    """

    def zero(measure: Measure) -> jax.Array:
        if not is_sum(measure):
            return jnp.float32(0.0)
        accumulate: Any = measure.accumulate  # type: ignore[union-attr]
        return jnp.zeros(jax.eval_shape(accumulate, outputs, label).shape, jnp.float32)

    return [zero(measure) for measure in measures]


def figures(
    measures: Sequence[Measure],
    totals: Sequence[Any],
    mean: Callable[[Any], Any],
    finish: Callable[[tuple[Any, ...]], Sequence[Any]],
) -> list[Any]:
    """What totals over examples come to, in their order.

    Args:
      measures: as of `means_of`.
      totals: of each one's values, or contributions.
      mean: makes a mean of a total.
      finish: makes figures of the totals of those that are no means, all at once: `finished`, say.
    """
    sums = tuple(t for m, t in zip(measures, totals, strict=True) if is_sum(m))
    rest = iter(finish(sums) if sums else ())
    return [
        next(rest) if is_sum(measure) else mean(total)
        for measure, total in zip(measures, totals, strict=True)
    ]


@functools.partial(jax.jit, static_argnums=0)
def finished(measures: tuple[Measure, ...], sums: tuple[jax.Array, ...]) -> list[jax.Array]:
    """The figures of those measures that are no means, from their sums; () float32 each."""
    own: list[Any] = [measure for measure in measures if is_sum(measure)]
    pairs = zip(own, sums, strict=True)
    return [jnp.asarray(measure.finish(total), jnp.float32) for measure, total in pairs]


def _values(measure: Measure, outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """A measure of each example; (batch, ...)."""
    if not isinstance(measure, Metric):
        return jax.vmap(measure)(outputs, labels)
    function: Any = measure.one if measure.is_mean else measure.accumulate
    if measure.is_mean:
        return jax.vmap(function)(outputs, labels)
    # A figure that is no mean has no gradient; what it takes is none of the loss's business.
    contributions = jax.vmap(function)(jax.lax.stop_gradient(outputs), labels)
    return contributions.astype(jnp.float32)


def _weights(batch: Batch) -> jax.Array:
    """What each example of a batch counts; (batch,) float32."""
    weights = jnp.ones(len(batch.inputs), jnp.float32)
    if batch.weights is not None:
        weights = jnp.asarray(batch.weights, jnp.float32)
    return weights if batch.mask is None else jnp.where(batch.mask, weights, 0.0)


def _times(weights: jax.Array, values: jax.Array) -> jax.Array:
    """Values of examples times their weights; 0 where that is 0, whatever the value."""
    weights = _beside(weights, values)
    return jnp.where(weights > 0, values, 0.0) * weights


def _beside(flags: jax.Array, values: jax.Array) -> jax.Array:
    """(batch,) as (batch, 1, ...), beside values (batch, ...)."""
    return flags.reshape(-1, *(1,) * (values.ndim - 1))
