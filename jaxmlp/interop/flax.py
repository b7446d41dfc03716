"""Networks from elsewhere as a `Model`."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from jaxmlp.naming import kind_of
from jaxmlp.types import Array, Model, PyTree

if TYPE_CHECKING:
    from flax import linen

__all__ = ["from_flax"]


def from_flax(module: "linen.Module", example: Array) -> Model:
    """A Flax linen module as a `Model`, to train through the same update as an `mlp`.

    Args:
      module: with parameters only: no dropout, no batch statistics. It is called with a batch of
        one example, since most modules are written for batches.
      example: one example, (features,) or any other shape, of the dtype that the module takes.

    Returns:
      A model, a new one for each call, and so compiled anew: make it once.
      `init(key)`, the module's own "params"; and `apply(params, inputs)` for one example.

    Raises:
      ValueError: if it is no such module, keeps state beside its parameters, or does not return a
        batch.

    >>> from flax import linen
    >>> model = from_flax(
    ...     linen.Sequential([linen.Dense(32), linen.relu, linen.Dense(10)]), jnp.zeros(784)
    ... )
    >>> model.apply(model.init(jax.random.key(0)), jnp.zeros(784)).shape
    (10,)
    """
    if not (callable(getattr(module, "init", None)) and hasattr(module, "apply")):
        raise ValueError(f"from_flax needs a module of Flax linen, got {kind_of(module)}")
    batch_of_one = jnp.asarray(example)[None]

    def init(key: jax.Array) -> PyTree:
        return module.init(key, batch_of_one)["params"]

    def apply(params: PyTree, inputs: jax.Array) -> jax.Array:
        return module.apply({"params": params}, inputs[None])[0]

    variables = jax.eval_shape(module.init, jax.random.key(0), batch_of_one)
    if set(variables) != {"params"}:
        raise ValueError(f"from_flax needs a module with params only, got {sorted(variables)}")
    outputs = jax.eval_shape(module.apply, variables, batch_of_one)
    if not hasattr(outputs, "shape") or outputs.shape[:1] != (1,):
        raise ValueError(f"module needs to return (1, ...) for a batch of one, got {outputs}")
    return Model(init, apply)
