"""What a step consists of: the pass through the network, and the optimizer's part."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmlp.naming import kind_of
from jaxmlp.training.batches import scale_pixels
from jaxmlp.types import Batch, Context, Model, PyTree, Variables

__all__ = ["descend", "refuse_misfits", "training_pass"]


def training_pass(
    model: Model, params: PyTree, batch: Batch, key: jax.Array | None
) -> tuple[jax.Array, PyTree]:
    """The outputs of a batch as training has them, and what the parameters are after it.

    Args:
      model: where it has no `train`, each example goes through `apply`.
      params: the model's.
      batch: the examples.
      key: the step's; needed where the model has a `train`.

    Returns:
      (batch, outputs); and the parameters with new running statistics, else as they were.

    Raises:
      ValueError: while tracing, if the batch is too small for the network, there is no key, or
        what `train` returns does not fit.
    """
    inputs = scale_pixels(batch.inputs)
    if model.train is None:
        return jax.vmap(model.apply, (None, 0))(params, inputs), params
    size = len(inputs)
    if size < model.least_batch:
        raise ValueError(
            f"the network needs batches of at least {model.least_batch} examples, got {size}"
        )
    if key is None:
        raise ValueError(
            "the network draws or counts in training and needs a key, such as "
            "update(state, batch, jax.random.key(0)); got none"
        )
    mask = jnp.ones(size, bool) if batch.mask is None else jnp.asarray(batch.mask)
    returned = model.train(params, inputs, Context(key, mask))
    refuse_misfits(params, size, returned)
    outputs, running = returned
    return outputs, params._replace(running=running) if isinstance(params, Variables) else params


def refuse_misfits(params: PyTree, size: int, returned: Any) -> None:
    """Raises ValueError if what a model's `train` returns for a batch is not what it should be.

    Args:
      params: that it was given, or their shapes.
      size: of the batch.
      returned: what it returned, or the shapes of it.
    """
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise ValueError(
            f"train needs to return outputs and running statistics, got {kind_of(returned)}"
        )
    outputs, running = returned
    if getattr(outputs, "shape", ())[:1] != (size,):
        got = getattr(outputs, "shape", kind_of(outputs))
        raise ValueError(f"train needs to return outputs ({size}, ...) for a batch, got {got}")
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


def descend(
    optimizer: optax.GradientTransformation,
    gradient: PyTree,
    opt_state: PyTree,
    params: PyTree,
    value: jax.Array,
    value_fn: Callable[[PyTree], jax.Array],
) -> tuple[PyTree, PyTree]:
    """One step of an optimizer, which is told what it asks for.

    Args:
      optimizer: from optax.
      gradient: of the loss.
      opt_state: before the step.
      params: before the step: those that are differentiated.
      value: the loss.
      value_fn: params -> the loss, for those that search along a line.

    Returns:
      The parameters and the optimizer's state after the step.
    """
    known: dict[str, Any] = {"value": value, "grad": gradient, "value_fn": value_fn}
    asked = inspect.signature(optimizer.update).parameters
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in asked.values()):
        known |= {"grad_fn": lambda params, _: jax.grad(value_fn)(params)}
        known = {name: known[name] for name in known.keys() & asked.keys()}
    update: Any = optimizer.update
    updates, opt_state = update(gradient, opt_state, params, **known)
    return optax.apply_updates(params, updates), opt_state


def _shape(leaf: Any) -> str:
    return f"{leaf.dtype}{list(leaf.shape)}" if hasattr(leaf, "dtype") else kind_of(leaf)


def _line(tree: PyTree) -> str:
    """A tree of short texts in one line."""
    return str(tree).replace("'", "")
