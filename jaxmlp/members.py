"""What one device does to each of its members of a population, compiled.

Each device has a program of its own. One program split over all of them would be the same on paper,
but the compiler treats some products in another way there, a network's with one output among them,
and its bits would not be those of a single run.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp import evaluation, training
from jaxmlp.diagnosis import is_finite
from jaxmlp.recipe import Recipe
from jaxmlp.types import PyTree, TrainState

__all__ = ["are_finite", "evaluate_members", "init_members", "rates_of_members", "run_members"]


BESIDE = 32  # members that are evaluated at a time in fast mode: bounds the memory


def _each(count: jax.Array, function: Callable[..., PyTree], given: PyTree, into: PyTree) -> PyTree:
    """Puts `function` of each of the first members of `given` in its place in `into`.

    The number of members is traced, and so are the bounds of the loops inside: however many there
    are, the compiler sees the same program, and each member gets the bits that it gets alone.
    """

    def body(member: jax.Array, into: PyTree) -> PyTree:
        made = function(*jax.tree.map(lambda leaf: leaf[member], given))
        return jax.tree.map(lambda leaf, new: leaf.at[member].set(new), into, made)

    return jax.lax.fori_loop(0, count, body, into)


@functools.partial(jax.jit, static_argnums=(0, 1))
def init_members(
    recipe: Recipe, num_examples: int, count: jax.Array, given: tuple[PyTree, jax.Array]
) -> TrainState:
    """The states before training, `training._init` of each; leaves (members, ...)."""
    one = functools.partial(training._init, recipe, num_examples)
    shapes = jax.eval_shape(one, *jax.tree.map(lambda leaf: leaf[0], given))
    size = len(given[1])
    empty = jax.tree.map(lambda leaf: jnp.zeros((size, *leaf.shape), leaf.dtype), shapes)
    return _each(count, one, given, empty)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def run_members(
    recipe: Recipe,
    mode: str,
    is_shared: bool,
    count: jax.Array,
    given: tuple[PyTree, jax.Array],
    carried: tuple[TrainState, PyTree],
    inputs: jax.Array,
    labels: jax.Array,
    stop: jax.Array,
) -> tuple[TrainState, PyTree]:
    """The steps of every member up to `stop`, `training._run_steps` of each.

    Args:
      recipe: the program's.
      mode: "exact" or "fast".
      is_shared: whether all have the first one's data order.
      count: () int32, how many members there are; what lies behind them is nobody's.
      given: numbers and shuffle seeds, leaves (members,).
      carried: states and totals, leaves (members, ...), all at one step.
      inputs: (num_examples, features).
      labels: (num_examples, ...).
      stop: () int32.
    """
    if mode == "exact":

        def one(given: PyTree, carried: PyTree) -> PyTree:
            numbers, seed = given
            return training._run_steps(recipe, numbers, seed, inputs, labels, *carried, stop)

        return _each(count, one, (given, carried), carried)

    (numbers, seeds), (states, totals) = given, carried
    step = states.step[0]

    def beside(
        numbers: PyTree, seed: jax.Array, params: PyTree, opt_state: PyTree, totals: PyTree
    ) -> tuple[TrainState, PyTree]:
        state = TrainState(params, opt_state, step)
        return training._run_steps(recipe, numbers, seed, inputs, labels, state, totals, stop)

    axes: Any = (0, 0, None)  # the step is one for all
    order_seeds, axis = (seeds[0], None) if is_shared else (seeds, 0)
    together = jax.vmap(beside, (0, axis, 0, 0, 0), (TrainState(*axes), 0))
    after, totals = together(numbers, order_seeds, states.params, states.opt_state, totals)
    return after._replace(step=jnp.full_like(states.step, after.step)), totals


@functools.partial(jax.jit, static_argnums=(0, 1))
def evaluate_members(
    recipe: Recipe,
    mode: str,
    count: jax.Array,
    params: PyTree,
    inputs: jax.Array,
    labels: jax.Array,
    num_batches: jax.Array,
) -> jax.Array:
    """The sums of loss and metrics over examples; (members, functions) float32."""
    functions = (recipe.task.loss, *recipe.task.metrics)

    def one(params: PyTree) -> jax.Array:
        apply = recipe.model.apply
        return jnp.stack(evaluation._totals(apply, functions, params, inputs, labels, num_batches))

    if mode == "fast":
        return jax.lax.map(one, params, batch_size=BESIDE)
    size = len(jax.tree.leaves(params)[0])
    return _each(count, one, (params,), jnp.zeros((size, len(functions)), jnp.float32))


@functools.partial(jax.jit, static_argnums=(0, 1))
def rates_of_members(
    recipe: Recipe, num_examples: int, count: jax.Array, given: PyTree, step: jax.Array
) -> jax.Array:
    """The members' learning rates at a step; (members,) float32, NaN where there is none."""

    def one(numbers: PyTree, _: jax.Array) -> jax.Array:
        rate = training._learning_rate(recipe, num_examples, numbers, step)
        return jnp.full((), jnp.nan if rate is None else rate, jnp.float32)

    return _each(count, one, given, jnp.zeros(len(given[1]), jnp.float32))


are_finite = jax.jit(jax.vmap(is_finite))
