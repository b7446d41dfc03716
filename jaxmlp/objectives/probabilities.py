"""Metrics of how sure a network is: the area under the ROC curve, the calibration error."""

import functools

import jax
import jax.numpy as jnp

from jaxmlp.objectives.records import Metric

__all__ = ["calibration_error", "roc_auc"]

LARGEST = 1e4  # a logit; beyond it all count as equal


@functools.cache
def roc_auc(num_bins: int = 1000) -> Metric:
    """How often an example of class 1 has a higher score than one of class 0; of equals half.

    The score is the one output, or the second of two less the first. It is sorted into bins, evenly
    in sign(x) log(1 + |x|) so that no score is too large to be told from others, and within a bin
    all are equal: the value is off by at most half the sum over bins of the share of class 1 in it
    times that of class 0. With 1,000 bins, and scores that are two normals a unit apart, that is
    below 0.004, and the error below 0.0002; scores that all lie within 0.01 need more bins.

    Args:
      num_bins: of which each half is on one side of 0.

    Returns:
      A metric "roc_auc"; NaN where there is one class alone, or a score is NaN.

    Source: Hanley and McNeil, The Meaning and Use of the Area under a ROC Curve, 1982.

    >>> metric = roc_auc()
    >>> pairs = ((0.5, 1), (0.2, 0), (-1.0, 1), (-2.0, 0))
    >>> metric.finish(sum(metric.accumulate(jnp.array([x]), jnp.array(y)) for x, y in pairs)).item()
    0.75
    """
    if num_bins < 2 or num_bins % 2:
        raise ValueError(f"roc_auc needs an even number of bins, got {num_bins}")

    def accumulate(outputs: jax.Array, label: jax.Array) -> jax.Array:
        if outputs.shape not in ((1,), (2,)):
            raise ValueError(f"roc_auc needs 1 or 2 outputs, got {outputs.shape}")
        score = outputs[0] if outputs.size == 1 else outputs[1] - outputs[0]
        target = label.argmax() if label.size > 1 else label.reshape(())
        along = jnp.sign(score) * jnp.log1p(jnp.abs(score)) / jnp.log1p(LARGEST)  # from -1 to 1
        place = jnp.clip(jnp.floor((along + 1) * num_bins / 2), 0, num_bins - 1)
        is_there = jnp.arange(num_bins) == place
        counts = jnp.stack([is_there & (target == 0), is_there & (target == 1)])
        return jnp.where(jnp.isnan(score), jnp.nan, counts.astype(jnp.float32))

    def finish(counts: jax.Array) -> jax.Array:
        shares = counts / counts.sum(axis=1, keepdims=True)
        below = jnp.cumsum(shares[0]) - shares[0] / 2
        return jnp.clip((shares[1] * below).sum(), 0.0, 1.0)  # beyond them by rounding alone

    return Metric("roc_auc", is_share=True, accumulate=accumulate, finish=finish)


@functools.cache
def calibration_error(num_bins: int = 15) -> Metric:
    """How far a network's confidence in its answers is from the share of them that are right.

    The examples are sorted by the probability of their answer into bins of equal width; the error
    is the mean over examples of their bin's |right answers - confidence|. Of one output the answer
    is 1 where it is above 0, and its probability is the sigmoid's.

    Args:
      num_bins: from 0 to 1.

    Returns:
      A metric "calibration_error": the expected calibration error, a share, of which less is
      better. NaN where an output is.

    Source: Guo et al., On Calibration of Modern Neural Networks, 2017, eq. 3.

    >>> metric = calibration_error()
    >>> metric(jnp.array([0.0, 0.0]), jnp.array(0)).item()
    0.5
    """
    if num_bins < 1:
        raise ValueError(f"calibration_error needs at least 1 bin, got {num_bins}")

    def accumulate(outputs: jax.Array, label: jax.Array) -> jax.Array:
        logits = jnp.pad(outputs, (1, 0)) if outputs.size == 1 else outputs
        target = label.argmax() if label.size > 1 else label.reshape(())
        confidence = jax.nn.softmax(logits).max()
        place = jnp.clip(jnp.ceil(confidence * num_bins) - 1, 0, num_bins - 1)  # (low, high]
        is_right = (logits.argmax() == target).astype(jnp.float32)
        is_there = jnp.arange(num_bins) == place
        values = jnp.stack([jnp.ones(()), is_right, confidence])
        counts = jnp.where(is_there, values[:, None], 0.0).astype(jnp.float32)
        return jnp.where(jnp.isnan(confidence), jnp.nan, counts)

    def finish(sums: jax.Array) -> jax.Array:
        count, right, confidence = sums
        return jnp.abs(right - confidence).sum() / count.sum()

    return Metric(
        "calibration_error",
        higher_is_better=False,
        is_share=True,
        accumulate=accumulate,
        finish=finish,
    )
