"""Activations, by name: each works elementwise on an array of any shape.

`step` and `sign` are the perceptron's. Their derivative is zero almost everywhere, so a network
with them in a hidden layer runs but does not learn by gradient descent, which is why the sigmoid
took their place (Rumelhart, Hinton and Williams, 1986).
"""

import jax
import jax.numpy as jnp
from jax.nn import elu, gelu, leaky_relu, relu, selu, sigmoid, silu, softplus, tanh

__all__ = [
    "elu",
    "gelu",
    "identity",
    "leaky_relu",
    "relu",
    "selu",
    "sigmoid",
    "sign",
    "silu",
    "softplus",
    "step",
    "tanh",
]


def identity(x: jax.Array) -> jax.Array:
    """The input itself: a network of such layers is a linear model, however deep.

    >>> identity(jnp.array([-2.0, 3.0])).tolist()
    [-2.0, 3.0]
    """
    return x


def step(x: jax.Array) -> jax.Array:
    """1 where the input is positive, else 0: the threshold unit of McCulloch and Pitts (1943).

    >>> step(jnp.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    return jnp.where(x > 0, jnp.ones_like(x), jnp.zeros_like(x))


def sign(x: jax.Array) -> jax.Array:
    """-1, 0 or 1 with the input's sign.

    >>> sign(jnp.array([-2.0, 0.0, 3.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return jnp.sign(x)
