"""The programs of members side by side: those of one, under `jax.vmap`."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp.optim import averages
from jaxmlp.randomness import Seeds
from jaxmlp.training import engine, evaluation, shards
from jaxmlp.training.diagnosis import is_finite
from jaxmlp.training.engine import Totals
from jaxmlp.training.measures import Measure, finished
from jaxmlp.training.parallel import Parallel
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import PyTree, TrainState

__all__ = ["are_finite", "eval_params", "finish", "rates", "run_members", "sums"]

BESIDE = 32  # members that are evaluated at a time: bounds the memory


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def run_members(
    recipe: Recipe,
    is_shared: bool,
    parallel: Parallel | None,
    numbers: Mapping[str, jax.Array],
    seeds: Seeds,
    examples: tuple[jax.Array, ...],
    states: TrainState,
    totals: Totals,
    stop: jax.Array,
) -> tuple[TrainState, Totals]:
    """`engine.run_steps` of all members, which are at one step, side by side."""
    step = states.step[0]

    def beside(
        numbers: PyTree, seeds: Seeds, params: PyTree, opt_state: PyTree, totals: PyTree
    ) -> tuple[TrainState, PyTree]:
        state = TrainState(params, opt_state, step)
        given = numbers, seeds, examples, state, totals, stop
        if parallel is not None:
            return engine.run_steps_together(recipe, parallel, *given)
        return engine.run_steps(recipe, *given)

    axes: Any = (0, 0, None)  # the step is one for all
    order: Any = 0
    if is_shared:
        seeds, order = seeds._replace(shuffle=seeds.shuffle[0]), None
    each: Any = (0, Seeds(order, 0), 0, 0, 0)
    together = jax.vmap(beside, each, (TrainState(*axes), 0))
    after, totals = together(numbers, seeds, states.params, states.opt_state, totals)
    return after._replace(step=jnp.full_like(states.step, after.step)), totals


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def sums(
    apply: Callable[..., jax.Array],
    functions: tuple[Measure, ...],
    parallel: Parallel | None,
    params: PyTree,
    inputs: jax.Array,
    labels: jax.Array,
    num_batches: jax.Array,
) -> list[jax.Array]:
    """`evaluation.sums`, or `shards.sums`, of all members; (members, ...) float32 each."""

    def one(params: PyTree) -> list[jax.Array]:
        given = params, inputs, labels, num_batches
        if parallel is None:
            return evaluation.sums(apply, functions, *given)
        return shards.sums(apply, functions, parallel, *given)

    return jax.lax.map(one, params, batch_size=BESIDE)


@functools.partial(jax.jit, static_argnums=(0, 1))
def rates(
    recipe: Recipe, num_examples: int, numbers: Mapping[str, jax.Array], step: jax.Array
) -> jax.Array | None:
    """`engine.learning_rate` of all members; (members,)."""
    one = functools.partial(engine.learning_rate, recipe, num_examples, step=step)
    if not numbers:  # there is one for all
        rate = one(numbers)
        return None if rate is None else jnp.asarray(rate)[None]
    return jax.vmap(one)(numbers)


@functools.partial(jax.jit, static_argnums=0)
def finish(measures: tuple[Measure, ...], sums: tuple[jax.Array, ...]) -> list[jax.Array]:
    """`measures.finished` of all members; (members,) float32 each."""
    return jax.vmap(functools.partial(finished, measures))(sums)


@functools.partial(jax.jit, static_argnums=0)
def eval_params(function: averages.EvalParams, states: TrainState) -> PyTree:
    """`averages.derived` of all members."""
    return jax.vmap(functools.partial(averages.derived, function))(states)


are_finite = jax.jit(jax.vmap(is_finite))
