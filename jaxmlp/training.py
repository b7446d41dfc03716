"""Training: the home of grad, and of the compiled loop over steps."""

import functools
import math
import time
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmlp.batches import epoch_order, num_steps, take_batch
from jaxmlp.diagnosis import diagnose, is_finite
from jaxmlp.evaluation import Apply, Function, evaluate, masked_means
from jaxmlp.randomness import as_seed, keys
from jaxmlp.recipe import Recipe, build_optimizer, check, init_params, split
from jaxmlp.types import (
    Batch,
    Dataset,
    Fault,
    Info,
    Progress,
    PyTree,
    Run,
    TrainState,
)

__all__ = ["TrainingFault", "beginning", "init_state", "make_update", "train", "warm_up"]
_is_finite = jax.jit(is_finite)

Totals = Mapping[str, jax.Array]  # as in `Progress`


class TrainingFault(FloatingPointError):
    """A number that is not finite came up; `progress` is just before that step."""

    def __init__(self, fault: Fault, progress: Progress) -> None:
        super().__init__(f"a number that is not finite came up in {fault}")
        self.fault = fault
        self.progress = progress


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
        value, (named, count) = values
        updates, opt_state = optax.with_extra_args_support(optimizer).update(
            gradient,
            state.opt_state,
            state.params,
            value=value,  # for those that look at the loss, such as Polyak's step size
            grad=gradient,
            value_fn=lambda params: mean_loss(params)[0],
        )
        params = optax.apply_updates(state.params, updates)

        by_name = {f.__name__: mean for f, mean in zip(metrics, named, strict=True)}
        info = Info(value, by_name, optax.tree.norm(gradient), count)
        return TrainState(params, opt_state, state.step + 1), info

    return update


def train(
    recipe: Recipe,
    data: Dataset,
    seed: int,
    *,
    shuffle_seed: int | None = None,
    start: Progress | None = None,
    eval_every: int = 1,
    block_every: int | None = None,
    on_fault: str = "raise",
    callback: Callable[[Progress], bool | None] | None = None,
    on_block: Callable[[Progress], bool | None] | None = None,
) -> Run:
    """Trains one network; each epoch visits every example once, in an order of its own.

    Steps run in compiled blocks of about half a second. How they are cut into blocks changes no
    bit of the result, and neither does stopping after any block and going on from there.

    Args:
      recipe: what to train, and how.
      data: what on; validation and test sets may be left out.
      seed: a whole number from 0 to 2**32 - 1. The result is a function of the recipe, the data
        and the seed, to the bit, on one kind of processor with one number of threads.
      shuffle_seed: decides the order of the examples in the seed's place, which then decides the
        initial parameters alone.
      start: where to go on; by default from the beginning. That it came from the same data and
        seed is for the caller to know.
      eval_every: epochs from one look at the validation and test sets to the next; the last epoch
        has one too.
      block_every: steps; a block ends at each multiple of this, as well as at each epoch's end.
      on_fault: what to do about the first number that is not finite: "raise" `TrainingFault`;
        "skip" the step's update and go on with the state before it, unless an epoch has no other
        steps; or "ignore" it.
      callback: called after each epoch; its line is the last of the history. True stops.
      on_block: called after each block, before the epoch's line is made. True stops.

    Returns:
      The parameters, the state, and the history, name -> (num_epochs,) float32: "train_loss" and
      the task's metrics as "train_...", means over the epoch's batches as each was met, before the
      update on it; the same as "validation_..." and "test_..." after the epoch, NaN for an epoch
      without a look; and "learning_rate", that of the epoch's last step, where the recipe has one.

    Raises:
      ValueError: before anything is computed, if the arguments do not fit each other.
      TrainingFault: at the first number that is not finite, unless `on_fault` says otherwise.

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
    if on_fault not in ("raise", "skip", "ignore"):
        raise ValueError(f"on_fault needs to be raise, skip or ignore, got {on_fault}")
    for name, value in (
        ("eval_every", eval_every),
        ("block_every", 1 if block_every is None else block_every),
    ):
        if value < 1:
            raise ValueError(f"{name} needs to be at least 1, got {value}")
    order_seed = seed if shuffle_seed is None else shuffle_seed
    run_steps, progress = _prepare(recipe, data, order_seed), beginning(recipe, data, seed)
    steps = num_steps(len(data.train_inputs), recipe.batch_size)
    progress = progress if start is None else _resumed(start, progress, steps)
    block = 1

    while len(progress.history) < recipe.num_epochs:
        step, end = int(progress.state.step), (len(progress.history) + 1) * steps
        if step == end:
            progress = _finish_epoch(recipe, data, progress, eval_every)
            if callback and callback(progress):
                break
            continue

        started = time.perf_counter()
        stop = min(step + block, end)
        if block_every:
            stop = min(stop, (step // block_every + 1) * block_every)
        after = run_steps(progress, stop)
        if on_fault != "ignore" and not _is_healthy(after):
            healthy, fault = _find_fault(recipe, data, order_seed, run_steps, progress, stop)
            if on_fault == "raise":
                raise TrainingFault(fault, healthy)
            after = _without_step(healthy, fault)
        progress = after
        block = _next_block(block, time.perf_counter() - started)
        if on_block and on_block(progress):
            break

    return Run(progress.state.params, progress.state, _columns(progress.history), progress.faults)


def warm_up(recipe: Recipe, data: Dataset) -> None:
    """Compiles all that `train` runs, without training; raises what `train` raises.

    A later `train` on data of the same shapes starts at once, whatever its seed and the values of
    its floating-point hyperparameters.
    """
    check(recipe, data)
    run_steps, progress = _prepare(recipe, data, 0), beginning(recipe, data, 0)
    _is_healthy(run_steps(progress, 0))
    static, numbers = split(recipe)
    _learning_rate(static, len(data.train_inputs), numbers, progress.state.step)
    for inputs, labels in data.sets().values():
        evaluate(recipe, progress.state.params, inputs, labels)


def beginning(recipe: Recipe, data: Dataset, seed: int) -> Progress:
    """Where training starts: fresh parameters, no steps, no history."""
    static, numbers = split(recipe)
    state = _init(static, len(data.train_inputs), numbers, as_seed(seed))
    return Progress(state, _no_totals(recipe), (), ())


def _prepare(
    recipe: Recipe, data: Dataset, shuffle_seed: int
) -> Callable[[Progress, int], Progress]:
    """The compiled steps, with the data placed on the device."""
    static, numbers = split(recipe)
    inputs, labels = jnp.asarray(data.train_inputs), jnp.asarray(data.train_labels)
    seed = as_seed(shuffle_seed)

    def run_steps(progress: Progress, stop: int) -> Progress:
        state, totals = jax.block_until_ready(
            _run_steps(static, numbers, seed, inputs, labels, progress.state, progress.totals, stop)
        )
        return progress._replace(state=state, totals=totals)

    return run_steps


def _no_totals(recipe: Recipe) -> dict[str, jax.Array]:
    names = ["loss", *(metric.__name__ for metric in recipe.task.metrics), "num_examples"]
    return {name: jnp.float32(0.0) for name in names}


def _resumed(start: Progress, beginning: Progress, steps: int) -> Progress:
    """Where to go on, once its arrays are seen to be those of this recipe."""
    expected, got = (
        {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(p)}
        for p in (beginning[:2], start[:2])
    )
    for name in sorted(expected.keys() | got.keys()):
        shapes = [
            f"{tree[name].dtype} {tree[name].shape}" if name in tree else "nothing"
            for tree in (expected, got)
        ]
        if shapes[0] != shapes[1]:
            raise ValueError(f"start needs {shapes[0]} at {name}, got {shapes[1]}")
    step, first = int(start.state.step), len(start.history) * steps
    if not first <= step <= first + steps:
        raise ValueError(
            f"start needs a step from {first} to {first + steps} after {len(start.history)} epochs "
            f"of {steps} steps, got {step}"
        )
    return start


def _finish_epoch(recipe: Recipe, data: Dataset, progress: Progress, eval_every: int) -> Progress:
    """Adds the epoch's line to the history, and starts the next one's totals."""
    totals = progress.totals
    if not totals["num_examples"]:  # every step was skipped
        raise TrainingFault(progress.faults[-1], progress)
    names = [name for name in _no_totals(recipe) if name != "num_examples"]
    line = {f"train_{name}": float(totals[name] / totals["num_examples"]) for name in names}
    epoch = len(progress.history) + 1
    is_due = epoch % eval_every == 0 or epoch == recipe.num_epochs
    for kind, examples in data.sets().items():
        if kind == "train":
            continue
        means = dict.fromkeys(names, math.nan)
        if is_due:
            means = evaluate(recipe, progress.state.params, *examples)
        line |= {f"{kind}_{name}": means[name] for name in names}
    static, numbers = split(recipe)
    rate = _learning_rate(static, len(data.train_inputs), numbers, progress.state.step - 1)
    if rate is not None:
        line["learning_rate"] = float(str(np.float32(rate)))  # 0.001, not 0.00100000004749745
    return progress._replace(totals=_no_totals(recipe), history=(*progress.history, line))


def _find_fault(
    recipe: Recipe,
    data: Dataset,
    shuffle_seed: int,
    run_steps: Callable[[Progress, int], Progress],
    progress: Progress,
    stop: int,
) -> tuple[Progress, Fault]:
    """Bisects a block for its first faulty step: the progress just before it, and what it is."""
    low, high = int(progress.state.step), stop  # healthy before low, not after high
    while high - low > 1:
        middle = (low + high) // 2
        after = run_steps(progress, middle)
        if _is_healthy(after):
            progress, low = after, middle
        else:
            high = middle
    return progress, diagnose(recipe, data, shuffle_seed, progress.state)


def _is_healthy(progress: Progress) -> bool:
    """Whether all numbers are finite; once one of them is not, the totals never are again."""
    return bool(_is_finite((progress.state, progress.totals)))


def _without_step(healthy: Progress, fault: Fault) -> Progress:
    """The progress past a faulty step, with nothing of that step in it."""
    state = healthy.state._replace(step=healthy.state.step + 1)
    return healthy._replace(state=state, faults=(*healthy.faults, fault))


def _columns(history: tuple[Mapping[str, float], ...]) -> dict[str, np.ndarray]:
    names = history[0] if history else ()
    return {name: np.array([line[name] for line in history], np.float32) for name in names}


@functools.partial(jax.jit, static_argnums=(0, 1))
def _init(
    recipe: Recipe, num_examples: int, numbers: dict[str, jax.Array], seed: jax.Array
) -> TrainState:
    num_updates = num_steps(num_examples, recipe.batch_size) * recipe.num_epochs
    optimizer, _ = build_optimizer(recipe, numbers, num_updates)
    return init_state(init_params(recipe, numbers, keys(seed).init), optimizer)


@functools.partial(jax.jit, static_argnums=0)
def _run_steps(
    recipe: Recipe,
    numbers: dict[str, jax.Array],
    shuffle_seed: jax.Array,
    inputs: jax.Array,
    labels: jax.Array,
    state: TrainState,
    totals: Totals,
    stop: int | jax.Array,
) -> tuple[TrainState, Totals]:
    """The steps from `state.step` up to `stop`, all within one epoch, as one compiled loop.

    The bounds of the loop are traced, so there is one program whatever they are, and the bits do
    not depend on where an epoch is cut.
    """
    num_examples = len(inputs)
    steps = num_steps(num_examples, recipe.batch_size)
    optimizer, _ = build_optimizer(recipe, numbers, steps * recipe.num_epochs)
    task = recipe.task
    update = make_update(recipe.model.apply, task.loss, optimizer, task.metrics)
    epoch = state.step // steps
    order = epoch_order(keys(shuffle_seed).shuffle, epoch, num_examples)

    def body(step: jax.Array, carry: tuple[TrainState, Totals]) -> tuple[TrainState, Totals]:
        state, totals = carry
        batch = take_batch(inputs, labels, step - epoch * steps, recipe.batch_size, order)
        state, info = update(state, batch)
        sums = {name: mean * info.num_examples for name, mean in info.metrics.items()}
        sums |= {"loss": info.loss * info.num_examples, "num_examples": info.num_examples}
        return state, jax.tree.map(jnp.add, totals, sums)

    return jax.lax.fori_loop(state.step, stop, body, (state, totals))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _learning_rate(
    recipe: Recipe, num_examples: int, numbers: dict[str, jax.Array], step: jax.Array
) -> jax.Array | None:
    num_updates = num_steps(num_examples, recipe.batch_size) * recipe.num_epochs
    _, schedule = build_optimizer(recipe, numbers, num_updates)
    return None if schedule is None else schedule(step)


def _next_block(block: int, seconds: float) -> int:
    """How many steps to run next, so that a block takes about half a second."""
    if seconds < 0.25:
        return block * 2
    return max(1, block // 2) if seconds > 1 else block
