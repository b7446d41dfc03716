"""Training one network: the loop over compiled blocks of steps, start here to read."""

import functools
import time
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from jaxmlp.naming import kind_of
from jaxmlp.optim import averages
from jaxmlp.randomness import Seeds, as_seed
from jaxmlp.runtime import bars, processes
from jaxmlp.runtime.compilation import OnCompiled, call, compile_all, default_device
from jaxmlp.training import evaluation
from jaxmlp.training.agreement import agreed, refuse_others
from jaxmlp.training.batches import num_steps
from jaxmlp.training.checks import check
from jaxmlp.training.diagnosis import diagnose
from jaxmlp.training.engine import Engine, calls_for, init, no_totals, shapes_of, streamed
from jaxmlp.training.parallel import Parallel, make_parallel
from jaxmlp.training.recipe import Recipe, split
from jaxmlp.training.resuming import resumed, without_a_late_look
from jaxmlp.training.step import init_state, make_update
from jaxmlp.types import Dataset, Fault, Progress, Run

__all__ = [
    "TrainingFault",
    "beginning",
    "find_fault",
    "init_state",
    "make_update",
    "next_block",
    "train",
    "warm_up",
]


class TrainingFault(FloatingPointError):
    """A number that is not finite came up; `progress` is just before that step."""

    def __init__(self, fault: Fault, progress: Progress) -> None:
        super().__init__(f"a number that is not finite came up in {fault}")
        self.fault = fault
        self.progress = progress


def train(
    recipe: Recipe,
    data: Dataset,
    seed: int,
    *,
    shuffle_seed: int | None = None,
    noise_seed: int | None = None,
    start: Progress | None = None,
    eval_every: int = 1,
    block_every: int | None = None,
    on_fault: str = "raise",
    window: int | None = None,
    callback: Callable[[Progress], bool | None] | None = None,
    on_block: Callable[[Progress], bool | None] | None = None,
    progress: bool = False,
    mesh: Mesh | None = None,
    mode: str | None = None,
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
        initial parameters, and the noise.
      noise_seed: decides what the network draws in training, as dropout does, in the seed's place.
      start: where to go on; by default from the beginning. That it came from the same data and
        seed is for the caller to know.
      eval_every: epochs from one look at the validation and test sets to the next; the last epoch
        has one too.
      block_every: steps; a block ends at each multiple of this, as well as at each epoch's end.
      on_fault: what to do about the first number that is not finite: "raise" `TrainingFault`;
        "skip" the step's update and go on with the state before it, unless an epoch has no other
        steps; or "ignore" it.
      window: bytes; a set of more than these is not placed on the device, but read in windows of
        about so many: the next one while the device is at work on the present one. The examples of
        such a set may be a memory-mapped file, or anything else that has a shape, a dtype and, by
        an array of rising row numbers, rows. No bit depends on it. By default all sets are placed.
        Of a mesh's devices each has its share of a window, and a process reads its own alone.
      callback: called after each epoch whose last step is done here; its line is the last of the
        history. True stops; of several processes with one mesh, all do where one does.
      on_block: called after each block, before the epoch's line is made. True stops, once the
        line is made and told of where an epoch ends there; in all processes, as with `callback`.
      progress: whether to show a bar, by the package tqdm.
      mesh: devices that divide each batch among them: `jaxmlp.make_mesh("data:4")`; and, along an
        axis "model", the layers that `with_sharded` has named. By default there is one device and
        no division.
      mode: of a mesh. In exact mode a batch is always cut into eight parts, whose sums are added in
        their order: the bits are the same on 1, 2, 4 and 8 devices, but others than without a mesh.
        In fast mode the compiler divides the work, and results are equal within rounding. By
        default exact on CPUs, unless layers are divided, and fast elsewhere.

    Returns:
      The parameters, the state, and the history, name -> (num_epochs,) float32: "train_loss" and
      the task's metrics as "train_...", means over the epoch's batches as each was met, before the
      update on it; the same as "validation_..." and "test_..." after the epoch, NaN for an epoch
      without a look; and "learning_rate", that of the epoch's last step, where the recipe has one.

    Raises:
      ValueError: before anything is computed, if the arguments do not fit each other, or several
        processes with one mesh were not given the same.
      TrainingFault: at the first number that is not finite, unless `on_fault` says otherwise.
      ProcessLostError: if another process has ended that the mesh has devices of, and
        `jaxmlp.processes.join` has joined them.

    >>> import jaxmlp, optax
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
    own = Seeds(*(seed if given is None else given for given in (shuffle_seed, noise_seed)))
    recipe, data = check(recipe, data, seed, *own, window=window, mesh=mesh)
    if on_fault not in ("raise", "skip", "ignore"):
        raise ValueError(f"on_fault needs to be raise, skip or ignore, got {on_fault}")
    for name, value in (
        ("eval_every", eval_every),
        ("block_every", 1 if block_every is None else block_every),
    ):
        if not isinstance(value, Integral):
            raise ValueError(f"{name} needs to be a whole number, got {kind_of(value)}")
        if value < 1:
            raise ValueError(f"{name} needs to be at least 1, got {value}")
    if not isinstance(start, Progress | None):
        raise ValueError(f"start needs to be a Progress, got {kind_of(start)}")
    total = recipe.num_epochs * num_steps(len(data.train_inputs), recipe.batch_size)
    where = _where(recipe, data, mesh, mode)
    moving = bars.moving(progress, total, "step", _position, callback, on_block)
    options: dict[str, Any] = {"eval_every": eval_every, "block_every": block_every}
    options |= {"seed": seed, "shuffle_seed": own.shuffle, "noise_seed": own.noise}
    options |= {"on_fault": on_fault, "window": window}
    options |= {"start": None if start is None else int(start.state.step)}
    with processes.noticing_losses(), moving as hooks:
        refuse_others(where if isinstance(where, Parallel) else None, recipe, data, options)
        engine = Engine.of(recipe, data, where, window)
        given = start, eval_every, block_every, on_fault
        return _train(engine, recipe, data, seed, own, *given, *hooks)


def _where(
    recipe: Recipe, data: Dataset, mesh: Mesh | None, mode: str | None
) -> jax.Device | Parallel:
    """The device, or several together."""
    if mesh is None and mode is not None:
        raise ValueError(f"mode needs a mesh, whose devices it is for, got {mode} and no mesh")
    if mesh is None:
        return default_device()
    has_penalty = recipe.task.penalty is not None
    given = recipe.model, recipe.batch_size, data.train_inputs, has_penalty
    return make_parallel(mesh, mode, *given)


def _position(progress: Progress) -> tuple[int, dict[str, str]]:
    """The steps that are done, and the last epoch's figures."""
    line = progress.history[-1] if progress.history else {}
    return int(progress.state.step), {name: f"{value:.4g}" for name, value in line.items()}


def _train(
    engine: Engine,
    recipe: Recipe,
    data: Dataset,
    seed: int,
    own: Seeds,
    start: Progress | None,
    eval_every: int,
    block_every: int | None,
    on_fault: str,
    callback: Callable[[Progress], bool | None] | None,
    on_block: Callable[[Progress], bool | None] | None,
) -> Run:
    """The loop, with arguments that fit."""
    numbers, first_seed = engine.put((split(recipe)[1], as_seed(seed)))
    totals = engine.put(no_totals(recipe, data.train_labels))
    progress = Progress(engine.init(numbers, first_seed), totals, (), ())
    seeds = Seeds(*map(as_seed, own))
    steps = num_steps(len(data.train_inputs), recipe.batch_size)
    if start is not None:
        start = without_a_late_look(start, eval_every, recipe.num_epochs)
        progress = resumed(engine, start, progress, steps)
    block, is_stopped, first = 1, False, int(progress.state.step)

    while len(progress.history) < recipe.num_epochs:
        step, end = int(progress.state.step), (len(progress.history) + 1) * steps
        if step == end:
            epoch = len(progress.history) + 1
            is_due = epoch % eval_every == 0 or epoch == recipe.num_epochs
            progress = _finish_epoch(engine, numbers, progress, is_due)
            wants_to_stop = step > first and callback and callback(progress)
            if agreed(engine.parallel, 0.0, wants_to_stop)[1] or is_stopped:
                break
            continue

        started = time.perf_counter()
        stop = min(step + block, end)
        if block_every:
            stop = min(stop, (step // block_every + 1) * block_every)
        after = _run(engine, numbers, seeds, progress, stop)
        if on_fault != "ignore" and not engine.is_healthy(after.state, after.totals):
            healthy, fault = find_fault(engine, recipe, data, seeds, progress, stop)
            if on_fault == "raise":
                raise TrainingFault(fault, healthy)
            after = _without_step(healthy, fault)
        progress = after
        seconds = time.perf_counter() - started
        wants_to_stop = on_block and on_block(progress)
        seconds, is_stopped = agreed(engine.parallel, seconds, wants_to_stop)
        block = next_block(block, seconds)
        if is_stopped and int(progress.state.step) < end:
            break

    params = engine.eval_params(progress.state)
    return Run(params, progress.state, _columns(progress.history), progress.faults)


def warm_up(
    recipe: Recipe,
    data: Dataset,
    on_compiled: OnCompiled | None = None,
    *,
    window: int | None = None,
    mesh: Mesh | None = None,
    mode: str | None = None,
) -> None:
    """Compiles all that `train`, `evaluate` and `predict` run on these data, without training.

    A later `train` on data of the same shapes starts at once, whatever its seed and the values of
    its floating-point hyperparameters. Raises what `train` raises.

    Args:
      recipe: as for `train`.
      data: as for `train`.
      on_compiled: called after each program, with the number that is done, and that of all.
      window: as for `train`. What `evaluate` and `predict` run of sets in windows is left out.
      mesh: as for `train`.
      mode: as for `train`.
    """
    recipe, data = check(recipe, data, window=window, mesh=mesh)
    where, device = _where(recipe, data, mesh, mode), default_device()
    calls = calls_for(recipe, data, where, window)
    shapes = {n: each for n, each in shapes_of(data).items() if n not in streamed(data)}
    evaluated = functools.partial(averages.eval_params, recipe.eval_params)
    params = jax.eval_shape(evaluated, calls["run"].arguments[3])
    compile_all(calls | evaluation.calls_of(recipe, params, shapes, device), on_compiled)


def beginning(recipe: Recipe, data: Dataset, seed: int) -> Progress:
    """Where training starts: fresh parameters, no steps, no history."""
    static, numbers = split(recipe)
    state = call(init, (static, len(data.train_inputs)), numbers, as_seed(seed))
    return Progress(state, no_totals(recipe, data.train_labels), (), ())


def _run(
    engine: Engine,
    numbers: Mapping[str, jax.Array],
    seeds: Seeds,
    progress: Progress,
    stop: int,
) -> Progress:
    """The progress after the steps up to `stop`."""
    placed, bound = engine.put((seeds, np.int32(stop)))
    state, totals = engine.run(numbers, placed, progress.state, progress.totals, bound)
    return progress._replace(state=state, totals=totals)


def _finish_epoch(
    engine: Engine, numbers: Mapping[str, jax.Array], progress: Progress, is_due: bool
) -> Progress:
    """Adds the epoch's line to the history, and starts the next one's totals."""
    if not progress.totals["num_examples"]:  # every step was skipped
        raise TrainingFault(progress.faults[-1], progress)
    line = engine.line(numbers, progress.state, progress.totals, is_due)
    totals = engine.put(no_totals(engine.recipe, engine.sets["train"][1]))
    return progress._replace(totals=totals, history=(*progress.history, line))


def find_fault(
    engine: Engine, recipe: Recipe, data: Dataset, seeds: Seeds, progress: Progress, stop: int
) -> tuple[Progress, Fault]:
    """Bisects a block of steps for its first faulty one.

    Args:
      engine: the recipe's.
      recipe: as trained.
      data: as trained on.
      seeds: those that decided the order of the examples and the noise.
      progress: before the block, all of it finite.
      stop: after the block, where something is not.

    Returns:
      The progress just before the first faulty step, and what the fault is.
    """
    numbers = engine.put(split(recipe)[1])
    low, high = int(progress.state.step), stop  # healthy before low, not after high
    while high - low > 1:
        middle = (low + high) // 2
        after = _run(engine, numbers, seeds, progress, middle)
        if engine.is_healthy(after.state, after.totals):
            progress, low = after, middle
        else:
            high = middle
    return progress, diagnose(recipe, data, seeds, progress.state)


def _without_step(healthy: Progress, fault: Fault) -> Progress:
    """The progress past a faulty step, with nothing of that step in it."""
    state = healthy.state._replace(step=healthy.state.step + 1)
    return healthy._replace(state=state, faults=(*healthy.faults, fault))


def _columns(history: tuple[Mapping[str, float], ...]) -> dict[str, np.ndarray]:
    names = history[0] if history else ()
    return {name: np.array([line[name] for line in history], np.float32) for name in names}


def next_block(block: int, seconds: float) -> int:
    """How many steps to run next, so that a block takes about half a second."""
    if seconds < 0.25:
        return block * 2
    return max(1, block // 2) if seconds > 1 else block
