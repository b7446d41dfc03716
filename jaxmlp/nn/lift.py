"""From the math of one example to the training pass of a batch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp.naming import kind_of
from jaxmlp.types import Context, PyTree

__all__ = ["AXIS", "lift"]

AXIS = "batch"  # the axis that an example may ask for means over the batch

# params, (features,), key, () float32 weight -> (outputs,), running statistics, perhaps () cost
One = Callable[[PyTree, jax.Array, jax.Array, jax.Array], tuple[Any, ...]]


def lift(one: One) -> Callable[[PyTree, jax.Array, Context], tuple[Any, ...]]:
    """A `Model.train` from the math of one example.

    Args:
      one: `one(params, inputs, key, weight)` returns the outputs of one example, and the running
        statistics, which need to be the same for all: a mean over the batch is
        `jax.lax.psum(weight * x, "batch") / jax.lax.psum(weight, "batch")`. `inputs` are
        (features,); `key` is the example's own, of the step and its place in the batch; `weight` is
        1 for an example that counts and 0 for one that only fills the batch. With nothing running
        it returns () beside the outputs. A cost of its own, () float32, may come third.

    Returns:
      `train(params, inputs, context)`, for a batch: (batch, features) -> (batch, outputs), the
      running statistics, and the costs, (batch,), where there are any.

    >>> def one(params, inputs, key, weight):
    ...     mean = jax.lax.psum(weight * inputs, AXIS) / jax.lax.psum(weight, AXIS)
    ...     return inputs - mean, ()
    >>> context = Context(jax.random.key(0), jnp.array([True, True, False]))
    >>> lift(one)((), jnp.array([[1.0], [3.0], [9.0]]), context)[0][:2].tolist()
    [[-1.0], [1.0]]
    """

    def checked(*given: Any) -> tuple[Any, PyTree]:
        returned = one(*given)
        if not isinstance(returned, tuple) or len(returned) not in (2, 3):
            raise ValueError(
                "one needs to return outputs, running statistics, () where there are none, and "
                "perhaps a cost, got "
                f"{kind_of(returned)}"
            )
        outputs, running, *cost = returned
        return (outputs, cost), running

    def train(params: PyTree, inputs: jax.Array, context: Context) -> tuple[Any, ...]:
        places = jnp.arange(len(inputs), dtype=jnp.uint32)
        if not isinstance(context.first, int) or context.first:
            places = places + jnp.asarray(context.first, jnp.uint32)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(context.key, places)
        weights = context.mask.astype(jnp.float32)
        batched = jax.vmap(checked, (None, 0, 0, 0), (0, None), axis_name=AXIS)
        try:
            (outputs, cost), running = batched(params, inputs, keys, weights)
        except ValueError as error:
            if "out_axes" not in str(error):
                raise
            raise ValueError(
                "running statistics need to be the same for all examples of a batch, as means over "
                f'it are, by jax.lax.psum(..., "{AXIS}"); got some of each example'
            ) from error
        return outputs, running, *cost

    return train
