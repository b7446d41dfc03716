"""Metrics of ONE example; the caller averages. A metric's `__name__` names it in a history."""

import jax
import jax.numpy as jnp

__all__ = ["accuracy", "binary_accuracy"]


def accuracy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """1 where the highest logit is the label's, else 0.

    Args:
      logits: (classes,) float32; of equal highest ones the first counts.
      label: () integer, the class; or (classes,), a one-hot vector.

    Returns:
      () float32. 0 where a logit is NaN.

    >>> accuracy(jnp.array([1.0, 3.0, 2.0]), jnp.array(1)).item()
    1.0
    """
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
