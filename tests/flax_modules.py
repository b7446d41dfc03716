"""Networks as people write them in Flax, with dropout and batch norm, and how they are trained."""

import jax.numpy as jnp
import numpy as np
import optax
from flax import linen, nnx

from jaxmlp import Batch


class Told(linen.Module):
    """Its call is told whether it trains."""

    @linen.compact
    def __call__(self, x, train: bool):
        x = linen.Dense(8)(x)
        x = linen.BatchNorm(use_running_average=not train, momentum=0.9)(x)
        x = linen.Dropout(0.25, deterministic=not train)(linen.relu(x))
        x = linen.Dropout(0.5, deterministic=not train)(linen.Dense(6)(x))
        return linen.Dense(3)(x)


class Net(nnx.Module):
    """The same in nnx, with two streams of its own to draw from."""

    def __init__(self, inputs=4, outputs=3, *, rngs):
        self.layers = nnx.List([nnx.Linear(inputs, 8, rngs=rngs), nnx.Linear(8, 6, rngs=rngs)])
        self.norm = nnx.BatchNorm(8, momentum=0.9, rngs=rngs)
        self.drops = nnx.List([nnx.Dropout(rate, rngs=rngs) for rate in (0.25, 0.5)])
        self.last = nnx.Linear(6, outputs, rngs=rngs)

    def __call__(self, x):
        x = self.drops[0](nnx.relu(self.norm(self.layers[0](x))))
        return self.last(self.drops[1](self.layers[1](x)))


def inputs_of(size, seed=1):
    """(size, 4) float32, far from the normal distribution that a batch norm makes."""
    return jnp.float32(np.random.default_rng(seed).normal(2.0, 3.0, (size, 4)))


def padded(inputs, by=3):
    """A batch with more examples than count, and the mask of those that do."""
    mask = jnp.arange(len(inputs) + by) < len(inputs)
    return jnp.concatenate([inputs, jnp.full((by, *inputs.shape[1:]), 7.0)]), mask


def labels_of(inputs):
    """(batch,) int32, three classes."""
    return (inputs[:, 0] > 2.0).astype(int) + (inputs[:, 1] > 2.0)


def losses_of(outputs, inputs):
    """(batch,) float32."""
    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels_of(inputs))


def batches(count=6):
    """Batches of 8; the last of 5, filled up to 8: (as it is trained on, what of it counts)."""
    for number in range(count):
        inputs = inputs_of(5 if number == count - 1 else 8, number)
        more, mask = padded(inputs, by=8 - len(inputs))
        yield Batch(more, labels_of(more), mask), inputs
