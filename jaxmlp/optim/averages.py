"""The parameters that a network is evaluated with, where they are not those that are trained."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxmlp.runtime.compilation import call
from jaxmlp.types import PyTree, TrainState, trained, with_trained

__all__ = ["Average", "EvalParams", "averaged", "averaging", "derived", "eval_params"]

EvalParams = Callable[[TrainState], PyTree]


class Average(NamedTuple):
    """An average of parameters, as the steps so far have led to them."""

    params: PyTree  # float32 where they have fewer bits, in which small changes would be lost
    weight: jax.Array  # () float32: of all steps together, where that of the last is 1


def averaging(decay: float | jax.Array) -> optax.GradientTransformation:
    """Keeps a moving average of the parameters in the optimizer's state, and changes no update.

    The last of a chain: it sees what the parameters are to become. The average after step t is the
    sum of decay^(t - k) p(k) over the steps k = 1 to t, divided by the sum of the weights, so that
    the initial parameters have no part in it: the exponential moving average with its bias
    corrected, as in Adam (Kingma and Ba, 2015, section 7.2). With a decay of 1 it is the mean of
    all steps ("Acceleration of Stochastic Approximation by Averaging", Polyak and Juditsky, 1992).

    Args:
      decay: what a step's weight is multiplied by with each further one, from 0 to 1.

    >>> average = averaging(0.5)
    >>> state, params = average.init(jnp.zeros(1)), jnp.zeros(1)
    >>> for update in (jnp.ones(1), jnp.full(1, 3.0)):  # to 1, then to 4
    ...     update, state = average.update(update, state, params)
    ...     params = params + update
    >>> state.params.item()  # (0.5 * 1 + 4) / 1.5
    3.0
    """

    def init(params: PyTree) -> Average:
        def wide(leaf: jax.Array) -> jax.Array:
            return jnp.asarray(leaf, jnp.promote_types(leaf.dtype, jnp.float32))

        return Average(jax.tree.map(wide, params), jnp.float32(0))

    def update(updates: PyTree, state: Average, params: PyTree) -> tuple[PyTree, Average]:
        weight = jnp.float32(decay * state.weight + 1)
        after = optax.apply_updates(params, updates)
        return updates, Average(optax.incremental_update(after, state.params, 1 / weight), weight)

    return optax.GradientTransformation(init, update)


def averaged(state: TrainState) -> PyTree:
    """The average that an optimizer keeps: a recipe's `eval_params`.

    Running statistics stay those of the trained parameters. Before the first step it is the initial
    parameters.

    Args:
      state: with an optimizer that is `averaging`, wherever in a chain.

    Raises:
      ValueError: if it keeps no average, or more than one.

    >>> import jaxmlp
    >>> optimizer = jaxmlp.optimizers.regularized(optax.sgd)(learning_rate=0.1, average=0.9)
    >>> params = {"bias": jnp.ones(1)}
    >>> averaged(TrainState(params, optimizer.init(params), jnp.int32(0)))
    {'bias': Array([1.], dtype=float32)}
    """

    def is_average(node: object) -> bool:
        return isinstance(node, Average)

    found = list(filter(is_average, jax.tree.leaves(state.opt_state, is_leaf=is_average)))
    if len(found) != 1:
        raise ValueError(
            "averaged needs an optimizer that keeps one average, such as "
            f"regularized(adam)(learning_rate=1e-3, average=0.999), got {len(found)}"
        )
    own = jax.tree.map(lambda leaf, p: leaf.astype(p.dtype), found[0].params, trained(state.params))
    return with_trained(state.params, own)


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
