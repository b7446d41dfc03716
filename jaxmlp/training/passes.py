"""The pass of a batch through a network, as training has it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmlp.naming import kind_of
from jaxmlp.training.batches import scale_pixels
from jaxmlp.types import Batch, Context, Model, PyTree, Variables

__all__ = ["Passed", "refuse_misfits", "training_pass"]


class Passed(NamedTuple):
    """What a batch's pass through a network leaves."""

    outputs: jax.Array  # (batch, outputs), as training has them
    params: PyTree  # with new running statistics, else as they were
    cost: jax.Array | None = None  # (batch,), what the network adds to each example's loss


def training_pass(
    model: Model,
    params: PyTree,
    batch: Batch,
    key: jax.Array | None,
    first: jax.Array | int = 0,
) -> Passed:
    """What training makes of a batch.

    Args:
      model: where it has no `train`, each example goes through `apply`.
      params: the model's.
      batch: the examples.
      key: the step's; needed where the model has a `train`.
      first: the place of the first example in the batch, where these are a part of one.

    Raises:
      ValueError: while tracing, if the batch is too small for the network, there is no key, or
        what `train` returns does not fit.
    """
    inputs = scale_pixels(batch.inputs)
    if model.train is None:
        return Passed(jax.vmap(model.apply, (None, 0))(params, inputs), params)
    size = len(inputs)
    is_whole = isinstance(first, int)
    if is_whole and size < model.least_batch:
        raise ValueError(
            f"the network needs batches of at least {model.least_batch} examples, got {size}"
        )
    if key is None:
        raise ValueError(
            "the network draws or counts in training and needs a key, such as "
            "update(state, batch, jax.random.key(0)); got none"
        )
    mask = jnp.ones(size, bool) if batch.mask is None else jnp.asarray(batch.mask)
    returned = model.train(params, inputs, Context(key, mask, first))
    refuse_misfits(params, size, returned)
    outputs, running, *cost = returned
    is_kept = isinstance(params, Variables)
    return Passed(outputs, params._replace(running=running) if is_kept else params, *cost)


def refuse_misfits(params: PyTree, size: int, returned: Any) -> None:
    """Raises ValueError if what a model's `train` returns for a batch is not what it should be.

    Args:
      params: that it was given, or their shapes.
      size: of the batch.
      returned: what it returned, or the shapes of it.
    """
    if not isinstance(returned, tuple) or len(returned) not in (2, 3):
        raise ValueError(
            "train needs to return outputs, running statistics and perhaps a cost, got "
            f"{kind_of(returned)}"
        )
    outputs, running, *cost = returned
    if getattr(outputs, "shape", ())[:1] != (size,):
        got = getattr(outputs, "shape", kind_of(outputs))
        raise ValueError(f"train needs to return outputs ({size}, ...) for a batch, got {got}")
    if cost and getattr(cost[0], "shape", None) != (size,):
        got = getattr(cost[0], "shape", kind_of(cost[0]))
        raise ValueError(f"train needs to return a cost ({size},) for a batch, got {got}")
    if not isinstance(params, Variables):
        if jax.tree.leaves(running):
            raise ValueError(
                "train returns running statistics: init needs to return Variables(trained, "
                f"running), got {kind_of(params)}"
            )
        return
    expected, got = (jax.tree.map(_shape, tree) for tree in (params.running, running))
    if expected != got:
        raise ValueError(
            f"train needs to return the running statistics that it is given, {_line(expected)}; "
            f"got {_line(got)}"
        )


def _shape(leaf: Any) -> str:
    return f"{leaf.dtype}{list(leaf.shape)}" if hasattr(leaf, "dtype") else kind_of(leaf)


def _line(tree: PyTree) -> str:
    """A tree of short texts in one line."""
    return str(tree).replace("'", "")
