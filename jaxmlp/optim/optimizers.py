"""Optimizers by name, from optax, and weight decay for any of them.

Each is a function of hyperparameters that returns an optax gradient transformation, which is the
form a `Recipe` takes; `learning_rate` is a number or an optax schedule. None decays the weights by
itself: `with_decay` adds that to any optimizer, and `with_decay(adam)` is AdamW.
"""

import functools
from collections.abc import Callable

import jax
import optax
from optax import adagrad, adam, nadam, rmsprop, sgd

from jaxmlp.types import PyTree

__all__ = ["adagrad", "adam", "lion", "momentum", "nadam", "nesterov", "rmsprop", "sgd"]

Optimizer = Callable[..., optax.GradientTransformation]


def momentum(
    learning_rate: optax.ScalarOrSchedule, momentum: float = 0.9
) -> optax.GradientTransformation:
    """Gradient descent with a heavy ball (Polyak, 1964)."""
    return optax.sgd(learning_rate, momentum=momentum)


def nesterov(
    learning_rate: optax.ScalarOrSchedule, momentum: float = 0.9
) -> optax.GradientTransformation:
    """Gradient descent with Nesterov's momentum (Sutskever et al., 2013)."""
    return optax.sgd(learning_rate, momentum=momentum, nesterov=True)


def lion(
    learning_rate: optax.ScalarOrSchedule, b1: float = 0.9, b2: float = 0.99
) -> optax.GradientTransformation:
    """The sign of a momentum, with no decay of the weights (Chen et al., 2023)."""
    return optax.lion(learning_rate, b1, b2, weight_decay=0.0)


@functools.cache
def with_decay(optimizer: Optimizer) -> Optimizer:
    """Adds two ways of keeping kernels small; biases and other vectors are left alone.

    Args:
      optimizer: a function of hyperparameters, `learning_rate` among them, whose updates are
        proportional to the learning rate, as those of all the optimizers above are.

    Returns:
      The same function with two more hyperparameters: `l2`, which adds l2 W to the gradient, as the
      penalty l2/2 |W|² on the loss does; and `weight_decay`, which takes learning_rate
      weight_decay W off the kernels besides the optimizer's update (Loshchilov and Hutter, 2019).

    >>> params = {"kernel": jax.numpy.ones((1, 1)), "bias": jax.numpy.ones(1)}
    >>> decaying = with_decay(sgd)(learning_rate=0.5, weight_decay=0.1)
    >>> zeros = jax.tree.map(jax.numpy.zeros_like, params)
    >>> updates, _ = decaying.update(zeros, decaying.init(params), params)
    >>> [round(updates[name].item(), 3) for name in ("kernel", "bias")]
    [-0.05, -0.0]
    """

    def build(
        learning_rate: optax.ScalarOrSchedule,
        l2: float | jax.Array = 0.0,
        weight_decay: float | jax.Array = 0.0,
        **hyperparameters: float | jax.Array,
    ) -> optax.GradientTransformation:
        return optax.chain(
            optax.add_decayed_weights(l2, mask=_is_kernel),
            optimizer(learning_rate=1.0, **hyperparameters),
            optax.add_decayed_weights(-weight_decay, mask=_is_kernel),
            optax.scale_by_learning_rate(learning_rate, flip_sign=False),
        )

    build.__name__ = f"{getattr(optimizer, '__name__', 'optimizer')} with decay"
    return build


def _is_kernel(params: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)
