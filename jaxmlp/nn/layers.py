"""What a layer does to one example; the norms, dropout and noise take what differs in training.

A hidden layer is the affine map, then the norm, then the activation, then dropout: where Ioffe and
Szegedy (2015) have the norm, and Srivastava et al. (2014) dropout.
"""

import jax
import jax.numpy as jnp

from jaxmlp.nn.lift import AXIS
from jaxmlp.nn.noise import bits16, normal
from jaxmlp.nn.products import multiply
from jaxmlp.types import Dense, Normed

__all__ = [
    "batch_norm",
    "batch_normalized",
    "dropout",
    "gaussian_noise",
    "layer_norm",
    "linear",
    "normalize",
    "product",
]

NARROW = 64  # outputs up to which a kernel is multiplied from the left

Moments = dict[str, jax.Array]  # "mean" and "var" of each of a layer's values: (outputs,) float32


def linear(layer: Dense, inputs: jax.Array, precision: str = "float32") -> jax.Array:
    """One affine layer: W'x + b.

    Args:
      layer: the kernel W, (inputs, outputs), and the bias b, (outputs,).
      inputs: (inputs,) float32.
      precision: of the product, as of `jaxmlp.with_precision`.

    Returns:
      (outputs,) float32.

    >>> linear(Dense(jnp.array([[1.0], [2.0]]), jnp.array([0.5])), jnp.array([3.0, 4.0])).tolist()
    [11.5]
    """
    return product(layer.kernel, inputs, precision) + layer.bias


def product(kernel: jax.Array, inputs: jax.Array, precision: str = "float32") -> jax.Array:
    """W'x, which is what a norm takes: (inputs,) -> (outputs,)."""
    if kernel.shape[1] > NARROW:
        return multiply(inputs, kernel, precision)
    # The gradient of a narrow kernel as (outputs, inputs) is a product that CPUs do several times
    # faster than (inputs, outputs); the barrier keeps the compiler from turning it back.
    return multiply(jax.lax.optimization_barrier(kernel.T), inputs, precision)


def normalize(
    layer: Normed, inputs: jax.Array, mean: jax.Array, var: jax.Array, epsilon: float
) -> jax.Array:
    """A layer's values less their mean, by their deviation, times the scale, and the bias.

    >>> layer = Normed(jnp.zeros((1, 2)), scale=jnp.ones(2), bias=jnp.array([0.0, 5.0]))
    >>> normalize(
    ...     layer, jnp.array([3.0, 1.0]), jnp.array([1.0, 1.0]), jnp.full(2, 4.0), 0.0
    ... ).tolist()
    [1.0, 5.0]
    """
    return (inputs - mean) * (jax.lax.rsqrt(var + epsilon) * layer.scale) + layer.bias


def layer_norm(layer: Normed, inputs: jax.Array, epsilon: float) -> jax.Array:
    """Layer normalisation, of an example by the mean and variance of its own (Ba et al., 2016).

    Args:
      layer: the scale and the bias, (features,).
      inputs: (features,).
      epsilon: is added to the variance.
    """
    mean = inputs.mean()
    var = jnp.square(inputs - jax.lax.stop_gradient(mean)).mean()  # as in batch_norm
    return normalize(layer, inputs, mean, var, epsilon)


def batch_norm(
    layer: Normed,
    running: Moments,
    inputs: jax.Array,
    weight: jax.Array,
    momentum: float | jax.Array,
    epsilon: float,
) -> tuple[jax.Array, Moments]:
    """Batch normalisation in training, by the batch's mean and variance (Ioffe and Szegedy, 2015).

    Under the `lift` that gives the batch its axis. The running statistics follow by
    `momentum * running + (1 - momentum) * batch`, as in Flax: PyTorch's momentum is one less this.
    The variance that they take is that of the batch, a mean over its n examples, as in Flax too;
    PyTorch's is n / (n - 1) times that.

    A layer before it needs no bias: the mean takes it away, so that its gradient is what rounding
    leaves of zero, and Adam, which divides by the size of a gradient, makes steps of that.

    Args:
      layer: the scale and the bias, (features,).
      running: "mean" and "var", each (features,).
      inputs: (features,), of one example.
      weight: () float32, 1 for an example that counts, else 0.
      momentum: from 0, and below 1.
      epsilon: is added to the variance.

    Returns:
      The outputs, (features,), and the next running statistics.
    """
    batch = _moments(inputs, weight)

    def follow(old: jax.Array, new: jax.Array) -> jax.Array:
        return (momentum * old + (1 - momentum) * new).astype(old.dtype)

    return normalize(layer, inputs, **batch, epsilon=epsilon), jax.tree.map(follow, running, batch)


def batch_normalized(inputs: jax.Array, weight: jax.Array, epsilon: float) -> jax.Array:
    """The inputs less the batch's mean, by its deviation: batch norm without scale and bias."""
    batch = _moments(inputs, weight)
    return (inputs - batch["mean"]) * jax.lax.rsqrt(batch["var"] + epsilon)


def _moments(inputs: jax.Array, weight: jax.Array) -> Moments:
    """The mean and the variance of each value over the examples of a batch that count."""
    count = jax.lax.psum(weight, AXIS)
    mean = jax.lax.psum(weight * inputs, AXIS) / count
    # The variance has no slope in its mean, where it is least: what is a sum of zero is left out.
    centred = inputs - jax.lax.stop_gradient(mean)
    return {"mean": mean, "var": jax.lax.psum(weight * jnp.square(centred), AXIS) / count}


def dropout(inputs: jax.Array, rate: float | jax.Array, key: jax.Array) -> jax.Array:
    """Inverted dropout: zero at a rate, and the rest divided by the share that is left.

    Args:
      inputs: (features,).
      rate: from 0, and below 1: taken to the next multiple of 1/65536, so that 16 random bits
        decide on each.
      key: the example's, of this layer.
    """
    steps = jnp.clip(jnp.round(jnp.float32(rate) * 65536), 0, 65535)
    is_kept = bits16(key, inputs.size) >= steps.astype(jnp.uint32)
    scale = (65536 / (65536 - steps)).astype(inputs.dtype)
    return jnp.where(is_kept, inputs * scale, jnp.zeros_like(inputs))


def gaussian_noise(inputs: jax.Array, stddev: float | jax.Array, key: jax.Array) -> jax.Array:
    """The inputs, (features,), with N(0, stddev²) added to each."""
    noise = jnp.asarray(stddev, inputs.dtype) * normal(key, inputs.size).astype(inputs.dtype)
    return inputs + noise
