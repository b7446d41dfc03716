"""Losses of ONE example, over optax; the caller reduces.

Every loss takes the network's outputs, with no activation on them, and one label.
"""

import jax
import jax.numpy as jnp
import optax

__all__ = [
    "absolute_error",
    "binary_hinge",
    "hinge",
    "huber",
    "perceptron",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
]


def softmax_cross_entropy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """The negative log-likelihood of a class: log Σ exp(logits) - logits[label].

    Args:
      logits: (classes,) float32, of any size: nothing overflows.
      label: () integer, the class; or (classes,) float32, a one-hot vector or other distribution.

    Returns:
      () float32, in nats. NaN where an integer label is no class, since compiled code cannot
      raise; `train` checks labels before it starts.

    Raises:
      ValueError: if a label vector has another shape than the logits, or a class is no integer.

    Source: Bishop, Pattern Recognition and Machine Learning, 2006, eq. 4.108.

    >>> logits = jnp.array([1e4, 0.0, -1e4])
    >>> softmax_cross_entropy(logits, jnp.array(0)).item()
    0.0
    >>> softmax_cross_entropy(logits, jnp.array([0.0, 1.0, 0.0])).item()
    10000.0
    """
    if label.ndim:
        _check_same_shape(logits, label)
        return optax.softmax_cross_entropy(logits, label)
    _check_is_class(label)
    shifted = logits - jax.lax.stop_gradient(logits.max())  # or large logits round the loss
    loss = optax.softmax_cross_entropy_with_integer_labels(shifted, label)
    return jnp.where((label >= 0) & (label < logits.shape[0]), loss, jnp.nan)


def sigmoid_cross_entropy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """The negative log-likelihood of independent yes-or-no outputs, summed over them.

    Args:
      logits: (outputs,) float32.
      label: () or (outputs,): 0 or 1, or a probability.

    Returns:
      () float32, in nats.

    >>> f"{sigmoid_cross_entropy(jnp.array([0.0]), jnp.array(1)):.4f}"
    '0.6931'
    """
    label = _as_outputs(logits, label)
    return optax.sigmoid_binary_cross_entropy(logits, label).sum()


def squared_error(outputs: jax.Array, label: jax.Array) -> jax.Array:
    """The sum of squared differences, Σ (output - label)².

    Args:
      outputs: (outputs,) float32.
      label: () or (outputs,) float32.

    Returns:
      () float32, in the label's unit squared.

    >>> squared_error(jnp.array([1.0, 2.0]), jnp.array([3.0, 2.0])).item()
    4.0
    """
    return optax.squared_error(outputs, _as_outputs(outputs, label)).sum()


def absolute_error(outputs: jax.Array, label: jax.Array) -> jax.Array:
    """The sum of absolute differences, Σ |output - label|: shapes as in `squared_error`.

    >>> absolute_error(jnp.array([1.0, 2.0]), jnp.array([3.0, 2.0])).item()
    2.0
    """
    return jnp.abs(outputs - _as_outputs(outputs, label)).sum()


def huber(outputs: jax.Array, label: jax.Array) -> jax.Array:
    """Half the squared difference up to 1, linear beyond, summed: shapes as in `squared_error`.

    Source: Huber, Robust Estimation of a Location Parameter, 1964.

    >>> huber(jnp.array([1.0, 2.0]), jnp.array([3.0, 2.0])).item()
    1.5
    """
    return optax.huber_loss(outputs, _as_outputs(outputs, label)).sum()


def hinge(logits: jax.Array, label: jax.Array) -> jax.Array:
    """How far the right class fails to lead every other by 1, the support vector machine's loss.

    Args:
      logits: (classes,) float32.
      label: () integer, the class.

    Returns:
      () float32.

    Source: Crammer and Singer, 2001.

    >>> hinge(jnp.array([2.0, 1.5]), jnp.array(0)).item()
    0.5
    """
    _check_is_class(label)
    return optax.losses.multiclass_hinge_loss(logits, label)


def binary_hinge(logits: jax.Array, label: jax.Array) -> jax.Array:
    """How far outputs fail to be 1 or more for yes, -1 or less for no: Σ max(0, 1 ∓ output).

    Args:
      logits: (outputs,) float32.
      label: () or (outputs,): 0 or 1.

    Returns:
      () float32.

    Source: Cortes and Vapnik, Support-Vector Networks, 1995.

    >>> binary_hinge(jnp.array([0.25]), jnp.array(1)).item()
    0.75
    """
    side = 2 * _as_outputs(logits, label) - 1  # optax takes -1 and 1
    return optax.losses.hinge_loss(logits, side).sum()


def perceptron(logits: jax.Array, label: jax.Array) -> jax.Array:
    """How far the right class falls short of the highest; its gradient is the perceptron rule.

    Args:
      logits: (classes,) float32.
      label: () integer, the class.

    Returns:
      () float32, 0 where the right class is the highest.

    Source: Rosenblatt, 1958, for many classes: Collins, 2002.

    >>> perceptron(jnp.array([2.0, 1.5]), jnp.array(1)).item()
    0.5
    """
    _check_is_class(label)
    return optax.losses.multiclass_perceptron_loss(logits, label)


def _as_outputs(outputs: jax.Array, label: jax.Array) -> jax.Array:
    """The label in the outputs' shape, so that nothing is broadcast by accident."""
    if label.ndim == 0 and outputs.shape == (1,):
        label = label[None]
    _check_same_shape(outputs, label)
    return label.astype(outputs.dtype)


def _check_same_shape(outputs: jax.Array, label: jax.Array) -> None:
    if label.shape != outputs.shape:
        raise ValueError(f"label needs the outputs' shape {outputs.shape}, got {label.shape}")


def _check_is_class(label: jax.Array) -> None:
    if label.ndim or not jnp.issubdtype(label.dtype, jnp.integer):
        got = f"{label.dtype} {label.shape}"
        raise ValueError(f"label needs to be a class, an integer (), got {got}")
