"""What is done to each member of a population, compiled, with the members split over devices."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec

from jaxmlp import evaluation, training
from jaxmlp.diagnosis import is_finite
from jaxmlp.recipe import Recipe
from jaxmlp.types import PyTree, TrainState

__all__ = [
    "MEMBER",
    "WHOLE",
    "are_finite",
    "evaluate_members",
    "init_members",
    "rates_of_members",
    "run_members",
]

MEMBER = PartitionSpec("member")  # split along the first axis
WHOLE = PartitionSpec()


def _each(count: jax.Array, function: Callable[..., PyTree], given: PyTree, into: PyTree) -> PyTree:
    """Puts `function` of each of the first members of `given` in its place in `into`.

    The number of members is traced, and so are the bounds of the loops inside: however many there
    are, the compiler sees the same program, and each member gets the bits that it gets alone.
    """

    def body(member: jax.Array, into: PyTree) -> PyTree:
        made = function(*jax.tree.map(lambda leaf: leaf[member], given))
        return jax.tree.map(lambda leaf, new: leaf.at[member].set(new), into, made)

    return jax.lax.fori_loop(0, count, body, into)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def init_members(
    recipe: Recipe, num_examples: int, mesh: Mesh, counts: jax.Array, given: PyTree
) -> TrainState:
    """The states before training; `training._init` of each."""

    def one(numbers: PyTree, seed: jax.Array) -> TrainState:
        return training._init(recipe, num_examples, numbers, seed)

    def device(counts: jax.Array, given: PyTree) -> TrainState:
        size = len(given[1])
        shapes = jax.eval_shape(one, *jax.tree.map(lambda leaf: leaf[0], given))
        empty = jax.tree.map(lambda leaf: jnp.zeros((size, *leaf.shape), leaf.dtype), shapes)
        return _each(counts[0], one, given, empty)

    return _on_all(mesh, device, 2)(counts, given)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def run_members(
    recipe: Recipe,
    mesh: Mesh,
    mode: str,
    is_shared: bool,
    counts: jax.Array,
    given: tuple[PyTree, jax.Array],
    carried: tuple[TrainState, PyTree],
    inputs: jax.Array,
    labels: jax.Array,
    stop: jax.Array,
) -> tuple[TrainState, PyTree]:
    """The steps of every member up to `stop`; `training._run_steps` of each."""

    def exact(counts, given, carried, inputs, labels, stop):  # type: ignore[no-untyped-def]
        def one(given: PyTree, carried: PyTree) -> PyTree:
            numbers, seed = given
            return training._run_steps(recipe, numbers, seed, inputs, labels, *carried, stop)

        return _each(counts[0], one, (given, carried), carried)

    def fast(counts, given, carried, inputs, labels, stop):  # type: ignore[no-untyped-def]
        (numbers, seeds), (states, totals) = given, carried
        step = states.step[0]  # that all of them have done

        def one(
            numbers: PyTree, seed: jax.Array, params: PyTree, opt_state: PyTree, totals: PyTree
        ) -> tuple[TrainState, PyTree]:
            state = TrainState(params, opt_state, step)
            state, totals = training._run_steps(
                recipe, numbers, seed, inputs, labels, state, totals, stop
            )
            return state, totals

        axes: Any = (0, 0, None)  # the step is one for all
        order_seeds, axis = (seeds[0], None) if is_shared else (seeds, 0)
        together = jax.vmap(one, (0, axis, 0, 0, 0), (TrainState(*axes), 0))
        after, totals = together(numbers, order_seeds, states.params, states.opt_state, totals)
        return after._replace(step=jnp.full_like(states.step, after.step)), totals

    device = exact if mode == "exact" else fast
    return _on_all(mesh, device, 3, 3)(counts, given, carried, inputs, labels, stop)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def evaluate_members(
    recipe: Recipe,
    mesh: Mesh,
    mode: str,
    counts: jax.Array,
    params: PyTree,
    inputs: jax.Array,
    labels: jax.Array,
    num_batches: jax.Array,
) -> jax.Array:
    """The sums of loss and metrics over examples; (members, functions) float32."""
    functions = (recipe.task.loss, *recipe.task.metrics)

    def device(counts, params, inputs, labels, num_batches):  # type: ignore[no-untyped-def]
        def one(params: PyTree) -> jax.Array:
            totals = evaluation._totals(
                recipe.model.apply, functions, params, inputs, labels, num_batches
            )
            return jnp.stack(totals)

        if mode == "fast":
            return jax.vmap(one)(params)
        size = len(jax.tree.leaves(params)[0])
        return _each(counts[0], one, (params,), jnp.zeros((size, len(functions))))

    return _on_all(mesh, device, 2, 3)(counts, params, inputs, labels, num_batches)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def rates_of_members(
    recipe: Recipe, num_examples: int, mesh: Mesh, counts: jax.Array, given: PyTree, step: jax.Array
) -> jax.Array:
    """The members' learning rates at a step; (members,) float32, NaN where there is none."""

    def one(numbers: PyTree, _: jax.Array, step: jax.Array) -> jax.Array:
        rate = training._learning_rate(recipe, num_examples, numbers, step)
        return jnp.full((), jnp.nan if rate is None else rate, jnp.float32)

    def device(counts, given, step):  # type: ignore[no-untyped-def]
        size = len(given[1])
        steps = jnp.full(size, step)
        return _each(counts[0], one, (*given, steps), jnp.zeros(size))

    return _on_all(mesh, device, 2, 1)(counts, given, step)


are_finite = jax.jit(jax.vmap(is_finite))


def _on_all(mesh: Mesh, device: Callable[..., Any], members: int, whole: int = 0) -> Any:
    """A function of arrays that are split along their first axis, then of whole ones."""
    return jax.shard_map(
        device,
        mesh=mesh,
        in_specs=(MEMBER,) * members + (WHOLE,) * whole,
        out_specs=MEMBER,
        check_vma=False,
    )
