"""What training runs, as functions to be compiled: a state, and the steps from one to another.

The loop over steps is one program, whoever runs it and wherever it is cut.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax

from jaxmlp.naming import name_of
from jaxmlp.randomness import Seeds, keys
from jaxmlp.training.batches import epoch_order, num_steps, take_batch
from jaxmlp.training.goals import draws, goal_of
from jaxmlp.training.measures import is_sum
from jaxmlp.training.parallel import Parallel, divided, taken, value_and_gradient
from jaxmlp.training.placement import kept
from jaxmlp.training.recipe import (
    Recipe,
    build_model,
    build_optimizer,
    build_task,
    init_params,
)
from jaxmlp.training.step import init_state, make_step
from jaxmlp.training.streams import Window
from jaxmlp.types import Model, TrainState

__all__ = [
    "Totals",
    "init",
    "learning_rate",
    "order_of",
    "run_in_parts",
    "run_in_window",
    "run_steps",
    "run_steps_together",
]

Totals = Mapping[str, jax.Array]  # as in `Progress`


@functools.partial(jax.jit, static_argnums=0)
def order_of(num_examples: int, seed: jax.Array, epoch: jax.Array) -> jax.Array:
    """The order in which `run_steps` takes an epoch's examples."""
    return epoch_order(keys(seed).shuffle, epoch, num_examples)


@functools.partial(jax.jit, static_argnums=(0, 1))
def init(
    recipe: Recipe, num_examples: int, numbers: Mapping[str, jax.Array], seed: jax.Array
) -> TrainState:
    """The state before training.

    Args:
      recipe: the first result of `split`.
      num_examples: of the training set.
      numbers: the second result of `split`.
      seed: () uint32.
    """
    num_updates = num_steps(num_examples, recipe.batch_size) * recipe.num_epochs
    optimizer, _ = build_optimizer(recipe, numbers, num_updates)
    return init_state(init_params(recipe, numbers, keys(seed).init), optimizer)


@functools.partial(jax.jit, static_argnums=0)
def run_steps(
    recipe: Recipe,
    numbers: Mapping[str, jax.Array],
    seeds: Seeds,
    examples: tuple[jax.Array, ...],
    state: TrainState,
    totals: Totals,
    stop: int | jax.Array,
    parallel: Parallel | None = None,
) -> tuple[TrainState, Totals]:
    """The steps from `state.step` up to `stop`, all within one epoch, as one compiled loop.

    The bounds of the loop are traced, so there is one program whatever they are, and the bits do
    not depend on where an epoch is cut. The examples are inputs, labels and, where the data have
    them, weights. `parallel` is for `run_steps_together`.
    """
    num_examples = len(examples[0])
    epoch = state.step // num_steps(num_examples, recipe.batch_size)
    order = epoch_order(keys(seeds.shuffle).shuffle, epoch, num_examples)
    return _looped(recipe, numbers, seeds, examples, order, state, totals, stop, None, parallel)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def run_in_window(
    recipe: Recipe,
    num_examples: int,
    parallel: Parallel | None,
    numbers: Mapping[str, jax.Array],
    seeds: Seeds,
    window: Window,
    state: TrainState,
    totals: Totals,
    stop: int | jax.Array,
) -> tuple[TrainState, Totals]:
    """The same steps, to the bit, of a training set of which this window alone is there.

    Args:
      recipe: the first result of `split`.
      num_examples: of the training set.
      parallel: the devices, where there are several.
      numbers: the second result of `split`.
      seeds: those that decide the order of the examples and the noise.
      window: with the examples of all these steps.
      state: before the first of them.
      totals: likewise.
      stop: after the last.
    """
    within = num_examples, window.before
    examples, order, _ = window
    return _looped(recipe, numbers, seeds, examples, order, state, totals, stop, within, parallel)


def _looped(
    recipe: Recipe,
    numbers: Mapping[str, jax.Array],
    seeds: Seeds,
    examples: tuple[jax.Array, ...],
    order: jax.Array,
    state: TrainState,
    totals: Totals,
    stop: int | jax.Array,
    within: tuple[int, jax.Array] | None = None,
    parallel: Parallel | None = None,
) -> tuple[TrainState, Totals]:
    """Traces the loop over steps; `within` as `take_batch` has it."""
    inputs, labels, *rest = examples
    weights = rest[0] if rest else None
    steps = num_steps(len(inputs) if within is None else within[0], recipe.batch_size)
    optimizer, _ = build_optimizer(recipe, numbers, steps * recipe.num_epochs)
    model, task = build_model(recipe, numbers), build_task(recipe, numbers)
    way = None
    if parallel is not None and parallel.mode == "exact":
        way = functools.partial(value_and_gradient, parallel)
    goal = goal_of(task)
    update = make_step(model, task.loss, optimizer, task.metrics, goal, way)
    summed = {name_of(metric) for metric in filter(is_sum, task.metrics)}
    noise = keys(seeds.noise).noise if draws(model, goal) else None
    epoch = state.step // steps

    def body(step: jax.Array, carry: tuple[TrainState, Totals]) -> tuple[TrainState, Totals]:
        state, totals = carry
        place = step - epoch * steps
        if parallel is None or within is None:
            batch = take_batch(inputs, labels, place, recipe.batch_size, order, weights, within)
            batch = batch if parallel is None else divided(parallel, batch)
        else:
            batch = taken(parallel, examples, order, place, recipe.batch_size, within)
        state, info = update(state, batch, noise)
        sums = {
            name: value if name in summed else value * info.num_examples
            for name, value in info.metrics.items()
        }
        sums |= {"loss": info.loss * info.num_examples, "num_examples": info.num_examples}
        if parallel is not None and parallel.has_parts:
            state, sums = kept(parallel.mesh, recipe.model, (state, sums))
        # A loss in float64 is summed in float32: its digits are not those of the training.
        return state, jax.tree.map(lambda t, s: t + s.astype(t.dtype), totals, sums)

    return jax.lax.fori_loop(state.step, stop, body, (state, totals))


@functools.partial(jax.jit, static_argnums=(0, 1))
def run_steps_together(
    recipe: Recipe, parallel: Parallel, *arguments: Any
) -> tuple[TrainState, Totals]:
    """`run_steps`, each of them by several devices together, which all have the arguments."""
    run: Any = run_steps
    done: tuple[TrainState, Totals] = run.__wrapped__(recipe, *arguments, parallel=parallel)
    return done


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def run_in_parts(
    parallel: Parallel,
    model: Model,
    function: Any,
    static: tuple[Any, ...],
    *arguments: Any,
) -> Any:
    """A function's results, where they belong on a mesh by which layers are divided."""
    return kept(parallel.mesh, model, function(*static, *arguments))


@functools.partial(jax.jit, static_argnums=(0, 1))
def learning_rate(
    recipe: Recipe, num_examples: int, numbers: Mapping[str, jax.Array], step: jax.Array
) -> jax.Array | None:
    """The learning rate of a step; None where the recipe has none."""
    num_updates = num_steps(num_examples, recipe.batch_size) * recipe.num_epochs
    _, schedule = build_optimizer(recipe, numbers, num_updates)
    return None if schedule is None else schedule(step)
