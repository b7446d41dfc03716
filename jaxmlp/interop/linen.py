"""Modules of Flax linen as passes over a batch."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jaxmlp.interop.passes import (
    MODES,
    Imported,
    Passes,
    as_variables,
    check_call,
    flags_of,
    masked,
)
from jaxmlp.types import Array, Context, PyTree, Variables

if TYPE_CHECKING:
    from flax import linen

__all__ = ["imported", "passes_of"]

OTHERS = 1  # what is drawn under other names than "dropout" has the step's key with this tag


def passes_of(module: "linen.Module", example: Array) -> Passes:
    """A linen module as passes over a batch.

    Args:
      module: in whichever mode.
      example: one example.

    Raises:
      ValueError: if its call takes more than a batch and a mode, or it draws random numbers in
        evaluation.
    """
    batch_of_one = jnp.asarray(example)[None]
    evaluated, trained = _in_mode(module, False), _in_mode(module, True)
    flags = _flags(module, False), _flags(module, True)
    check_call(module.__call__, flags[True])
    told: set[str] = set()  # the kinds of layers that had no mode but the one handed to them

    def init(key: jax.Array) -> Variables:
        with _handing(False):
            variables = dict(evaluated.init(key, batch_of_one, **flags[False]))
        return Variables(variables.pop("params", {}), variables)

    def evaluate(variables: Variables, inputs: jax.Array) -> Any:
        with _handing(False):
            return evaluated.apply(_tree(variables), inputs, **flags[False])

    def train(variables: Variables, inputs: jax.Array, context: Context) -> tuple[Any, PyTree]:
        # A name without a key of its own draws from that of "params".
        rngs = {"dropout": context.key, "params": jax.random.fold_in(context.key, OTHERS)}
        with _handing(True, context.mask, told):
            outputs, changed = trained.apply(
                _tree(variables),
                inputs,
                rngs=rngs,
                mutable=list(variables.running),
                **flags[True],
            )
        return outputs, {**variables.running, **changed}

    variables = jax.eval_shape(init, jax.random.key(0))
    _check_evaluation(evaluate, variables, batch_of_one)
    context = Context(jax.random.key(0), jnp.ones(2, bool))
    jax.eval_shape(train, variables, jnp.repeat(batch_of_one, 2, 0), context)
    differs = bool(flags[True] or told) or trained is not evaluated
    return Passes(
        module, init, evaluate, train, differs, 2 if "batch_stats" in variables.running else 1
    )


def imported(module: "linen.Module") -> Imported:
    """What a linen module is, as the architecture of a `Model`."""

    def tree(params: PyTree) -> dict[str, PyTree]:
        return _tree(as_variables(params))

    name = f"linen {module.name or type(module).__name__}"
    return Imported(name, tree, functools.partial(_in_mode, module))


def _tree(variables: Variables) -> dict[str, PyTree]:
    return {"params": variables.trained, **variables.running}


def _in_mode(module: "linen.Module", training: bool) -> "linen.Module":
    """The module with its own fields that name a mode set to one."""
    fields: dict[str, Any] = {
        name: training is in_training
        for name, in_training in MODES.items()
        if isinstance(getattr(module, name, None), bool)
    }
    return module.clone(**fields) if fields else module


def _flags(module: "linen.Module", training: bool) -> dict[str, Any]:
    """What the module's call is told of its mode; a field that is set says it already."""
    flags = flags_of(module.__call__, training)
    return {name: value for name, value in flags.items() if getattr(module, name, None) is None}


def _handing(training: bool, mask: jax.Array | None = None, told: set[str] | None = None) -> Any:
    """A context in which layers without a mode have one, and batch norms do not count the padding.

    Args:
      training: the mode.
      mask: (batch,) bool, the examples that count.
      told: takes the kinds of the layers that are handed their mode.
    """
    from flax import linen

    def interceptor(
        call: Callable[..., Any],
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
        context: Any,
    ) -> Any:
        if context.method_name != "__call__":
            return call(*args, **keywords)
        layer, signature = context.module, inspect.signature(context.orig_method)
        bound = signature.bind(*args, **keywords)
        for name, in_training in MODES.items():
            undecided = bound.arguments.get(name) is None and getattr(layer, name, 0) is None
            if name in signature.parameters and undecided:
                bound.arguments[name] = training is in_training
                if told is not None:
                    told.add(type(layer).__name__)
        if mask is not None and isinstance(layer, linen.BatchNorm):
            _mask(mask, layer, bound)
        return call(*bound.args, **bound.kwargs)

    return linen.intercept_methods(interceptor)


def _mask(mask: jax.Array, layer: "linen.BatchNorm", bound: inspect.BoundArguments) -> None:
    """Hands the mask to a batch norm that takes means over the batch."""
    frozen = bound.arguments.get("use_running_average")
    if frozen is None:
        frozen = layer.use_running_average
    if "mask" in bound.signature.parameters and not frozen:
        given = bound.arguments.get("mask")
        bound.arguments["mask"] = masked(mask, given, bound.args[0])


def _check_evaluation(
    evaluate: Callable[[Variables, jax.Array], Any], variables: Variables, inputs: jax.Array
) -> None:
    from flax.errors import InvalidRngError

    try:
        jax.eval_shape(evaluate, variables, inputs)
    except InvalidRngError as error:
        name = str(error).split('"')[1]
        raise ValueError(
            f'module needs to draw nothing in evaluation, got a draw of "{name}"'
        ) from error
