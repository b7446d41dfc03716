"""Training: the home of grad, and of the compiled loop over steps."""

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmlp.batches import epoch_order, num_steps, take_batch
from jaxmlp.evaluation import Apply, Function, evaluate, masked_means
from jaxmlp.randomness import as_seed, keys
from jaxmlp.recipe import Recipe, build_optimizer, check, split
from jaxmlp.types import Batch, Dataset, Info, PyTree, Run, TrainState

__all__ = ["init_state", "make_update", "train", "warm_up"]

Totals = dict[str, jax.Array]  # name -> () float32, the sum over an epoch's examples so far


def init_state(params: PyTree, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first update.

    >>> init_state({"bias": jnp.zeros(1)}, optax.sgd(0.1)).step.item()
    0
    """
    return TrainState(params, optimizer.init(params), jnp.int32(0))


def make_update(
    apply: Apply,
    loss: Function,
    optimizer: optax.GradientTransformation,
    metrics: tuple[Function, ...] = (),
) -> Callable[[TrainState, Batch], tuple[TrainState, Info]]:
    """One step down the gradient of a batch's mean loss, compiled.

    Args:
      apply: a model's, for one example.
      loss: of one example.
      optimizer: from optax.
      metrics: of one example, for the reader; each goes by its `__name__`.

    Returns:
      `update(state, batch)`: the next state, and an `Info` on the batch as it was met. A pure
      function: the state it is given stays as it was.

    >>> import jaxmlp
    >>> model, optimizer = jaxmlp.mlp((2, 1)), optax.sgd(0.1)
    >>> update = make_update(model.apply, jaxmlp.losses.squared_error, optimizer)
    >>> state = init_state(model.init(jax.random.key(0)), optimizer)
    >>> batch = Batch(jnp.ones((8, 2)), jnp.ones(8))
    >>> state, first = update(state, batch)
    >>> state, second = update(state, batch)
    >>> bool(second.loss < first.loss)
    True
    """

    @jax.jit
    def update(state: TrainState, batch: Batch) -> tuple[TrainState, Info]:
        def mean_loss(params: PyTree) -> tuple[jax.Array, tuple[list[jax.Array], jax.Array]]:
            (value, *named), count = masked_means(apply, (loss, *metrics), params, batch)
            return value, (named, count)

        values, gradient = jax.value_and_grad(mean_loss, has_aux=True)(state.params)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)

        value, (named, count) = values
        by_name = {f.__name__: mean for f, mean in zip(metrics, named, strict=True)}
        info = Info(value, by_name, optax.tree.norm(gradient), count)
        return TrainState(params, opt_state, state.step + 1), info

    return update


def train(
    recipe: Recipe,
    data: Dataset,
    seed: int,
    *,
    eval_every: int = 1,
    callback: Callable[[int, TrainState, dict[str, float]], None] | None = None,
    on_steps: Callable[[int], None] | None = None,
) -> Run:
    """Trains one network; each epoch visits every example once, in an order of its own.

    Args:
      recipe: what to train, and how.
      data: what on; without a test set nothing is tested.
      seed: a whole number from 0 to 2**32 - 1. The result is a function of the recipe, the data
        and the seed, to the bit, on one kind of processor with one number of threads.
      eval_every: epochs from one look at the test set to the next; the last epoch has one too.
      callback: called after each epoch with the number of epochs done, the state, and the
        epoch's line of the history.
      on_steps: called every half second or so with the number of steps done, to show progress.

    Returns:
      The parameters, the state, and the history, name -> (num_epochs,) float32: "train_loss" and
      the task's metrics as "train_...", means over the epoch's batches as each was met, before the
      update on it; the same as "test_..." after the epoch, NaN for an epoch without a look; and
      "learning_rate", that of the epoch's last step, where the recipe has one.

    Raises:
      ValueError: before anything is computed, if the arguments do not fit each other.

    >>> import jaxmlp
    >>> inputs = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> recipe = Recipe(
    ...     jaxmlp.mlp((1, 16, 1)),
    ...     jaxmlp.regression(),
    ...     optax.adam,
    ...     {"learning_rate": 0.01},
    ...     batch_size=16,
    ...     num_epochs=50,
    ... )
    >>> run = train(recipe, Dataset(inputs, inputs[:, 0] ** 2), seed=0)
    >>> run.history["train_loss"].shape, bool(run.history["train_loss"][-1] < 0.01)
    ((50,), True)
    """
    check(recipe, data)
    sets = data.sets()
    if eval_every < 1:
        raise ValueError(f"eval_every needs to be at least 1, got {eval_every}")
    run_steps, state, totals = _prepare(recipe, data, seed)
    num_train, zeros, names = len(data.train_inputs), totals, list(totals)
    steps = num_steps(num_train, recipe.batch_size)
    history, step, block = [], 0, 64

    for epoch in range(1, recipe.num_epochs + 1):
        totals = zeros
        while step < epoch * steps:
            started = time.perf_counter()
            step = min(step + block, epoch * steps)
            state, totals, rate = jax.block_until_ready(run_steps(state, totals, step))
            block = _next_block(block, time.perf_counter() - started)
            if on_steps:
                on_steps(step)

        line = {f"train_{name}": float(totals[name]) / num_train for name in names}
        if "test" in sets:
            is_due = epoch % eval_every == 0 or epoch == recipe.num_epochs
            tested = dict.fromkeys(names, np.nan)
            if is_due:
                tested = evaluate(recipe, state.params, *sets["test"])
            line |= {f"test_{name}": tested[name] for name in names}
        if rate is not None:
            line["learning_rate"] = float(str(np.float32(rate)))  # 0.001, not 0.00100000004749745
        history.append(line)
        if callback:
            callback(epoch, state, line)

    columns = {name: np.array([line[name] for line in history], np.float32) for name in history[0]}
    return Run(state.params, state, columns)


def warm_up(recipe: Recipe, data: Dataset) -> None:
    """Compiles all that `train` runs, without training; raises what `train` raises.

    A later `train` on data of the same shapes starts at once, whatever its seed and the values of
    its floating-point hyperparameters.
    """
    check(recipe, data)
    run_steps, state, totals = _prepare(recipe, data, 0)
    jax.block_until_ready(run_steps(state, totals, 0))
    for inputs, labels in data.sets().values():
        evaluate(recipe, state.params, inputs, labels)


def _prepare(
    recipe: Recipe, data: Dataset, seed: int
) -> tuple[Callable[..., Any], TrainState, Totals]:
    """The compiled steps with the data placed on the device, the first state, and zero totals."""
    static, numbers = split(recipe)
    inputs, labels = jnp.asarray(data.train_inputs), jnp.asarray(data.train_labels)
    seed_array = as_seed(seed)
    state = _init(static, len(inputs), numbers, seed_array)
    names = ["loss", *(metric.__name__ for metric in recipe.task.metrics)]
    run_steps = functools.partial(_run_steps, static, numbers, seed_array, inputs, labels)
    return run_steps, state, {name: jnp.float32(0.0) for name in names}


@functools.partial(jax.jit, static_argnums=(0, 1))
def _init(
    recipe: Recipe, num_examples: int, numbers: dict[str, jax.Array], seed: jax.Array
) -> TrainState:
    num_updates = num_steps(num_examples, recipe.batch_size) * recipe.num_epochs
    optimizer, _ = build_optimizer(recipe, numbers, num_updates)
    return init_state(recipe.model.init(keys(seed).init), optimizer)


@functools.partial(jax.jit, static_argnums=0)
def _run_steps(
    recipe: Recipe,
    numbers: dict[str, jax.Array],
    seed: jax.Array,
    inputs: jax.Array,
    labels: jax.Array,
    state: TrainState,
    totals: Totals,
    stop: int | jax.Array,
) -> tuple[TrainState, Totals, jax.Array | None]:
    """The steps from `state.step` up to `stop`, all within one epoch, as one compiled loop.

    The bounds of the loop are traced, so there is one program whatever they are, and the bits do
    not depend on where an epoch is cut.
    """
    num_examples = len(inputs)
    steps = num_steps(num_examples, recipe.batch_size)
    optimizer, schedule = build_optimizer(recipe, numbers, steps * recipe.num_epochs)
    task = recipe.task
    update = make_update(recipe.model.apply, task.loss, optimizer, task.metrics)
    epoch = state.step // steps
    order = epoch_order(keys(seed).shuffle, epoch, num_examples)

    def body(step: jax.Array, carry: tuple[TrainState, Totals]) -> tuple[TrainState, Totals]:
        state, totals = carry
        batch = take_batch(inputs, labels, step - epoch * steps, recipe.batch_size, order)
        state, info = update(state, batch)
        means = {"loss": info.loss, **info.metrics}
        return state, {name: totals[name] + means[name] * info.num_examples for name in totals}

    state, totals = jax.lax.fori_loop(state.step, stop, body, (state, totals))
    return state, totals, None if schedule is None else schedule(stop - 1)


def _next_block(block: int, seconds: float) -> int:
    """How many steps to run next, so that a block takes about half a second."""
    if seconds < 0.25:
        return block * 2
    return max(1, block // 2) if seconds > 1 else block
