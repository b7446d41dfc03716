"""The parameters that a network is evaluated with, where they are not those that are trained."""

import functools
from collections.abc import Callable

import jax

from jaxmlp.runtime.compilation import call
from jaxmlp.types import PyTree, TrainState

__all__ = ["EvalParams", "derived", "eval_params"]

EvalParams = Callable[[TrainState], PyTree]


def eval_params(function: EvalParams | None, state: TrainState) -> PyTree:
    """The parameters for evaluation, to the same bits wherever they are asked for.

    Args:
      function: a recipe's `eval_params`; None for the trained parameters themselves.
      state: of one network.
    """
    return state.params if function is None else call(derived, (function,), state)


@functools.partial(jax.jit, static_argnums=0)
def derived(function: EvalParams, state: TrainState) -> PyTree:
    """What the function makes of a state, compiled."""
    return function(state)
