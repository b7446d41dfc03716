"""What training runs, compiled: the same programs for one network and for each member of many.

A member of a population has the bits that it has alone because it is trained by these programs, and
not by others that compute the same. Those would not do: XLA lets a sum be taken in any order, and
which one the compiler takes depends on what else stands in the same loop.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.naming import metric_names, name_of
from jaxmlp.optim import averages
from jaxmlp.randomness import Seeds, keys
from jaxmlp.runtime.compilation import Call, Place, compile_all, shape_of
from jaxmlp.runtime.memory import host_array
from jaxmlp.training import evaluation, shards
from jaxmlp.training.batches import epoch_order, num_steps, take_batch
from jaxmlp.training.diagnosis import is_finite
from jaxmlp.training.measures import figures, finished, is_sum, zeros_of
from jaxmlp.training.parallel import Parallel, divided, taken, value_and_gradient
from jaxmlp.training.placement import kept, placed, put, shardings
from jaxmlp.training.recipe import (
    Recipe,
    build_model,
    build_optimizer,
    build_task,
    init_params,
    split,
)
from jaxmlp.training.sources import Source
from jaxmlp.training.step import goal_of, init_state, make_step
from jaxmlp.training.streams import Epochs, Window, window_shapes
from jaxmlp.types import Dataset, Model, PyTree, TrainState

__all__ = [
    "Engine",
    "Shapes",
    "calls_for",
    "calls_of",
    "hosted",
    "init",
    "learning_rate",
    "measured",
    "no_totals",
    "order_of",
    "place",
    "run_in_parts",
    "run_in_window",
    "run_steps",
    "run_steps_together",
    "shapes_of",
    "streamed",
]

Totals = Mapping[str, jax.Array]  # as in `Progress`
Shapes = Mapping[str, tuple[jax.ShapeDtypeStruct, ...]]  # set -> inputs, labels, perhaps weights
Sets = Mapping[str, tuple[jax.Array, ...]]  # the same, of the data on a device


class Engine(NamedTuple):
    """A recipe's programs, compiled for a device that has the data; arguments need to be there."""

    recipe: Recipe  # the first result of `split`
    device: Place
    sets: Sets
    compiled: Mapping[str, Any]  # by the names of `calls_of`
    window: int | None = None  # bytes, where `sets` has sources, which are read in windows
    epochs: Epochs | None = None  # the training set's windows, where it is one of these
    parallel: Parallel | None = None  # where there are several devices

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        data: Dataset,
        where: jax.Device | Parallel,
        window: int | None = None,
    ) -> "Engine":
        """Compiles what training a recipe runs, and places the data, but for what is streamed."""
        compiled = compile_all(calls_for(recipe, data, where, window))
        placed = place(hosted(data), where.everywhere if isinstance(where, Parallel) else where)
        return cls.made(recipe, data, placed, compiled, where, window)

    @classmethod
    def made(
        cls,
        recipe: Recipe,
        data: Dataset,
        placed: Sets,
        compiled: Mapping[str, Any],
        where: jax.Device | Parallel,
        window: int | None = None,
    ) -> "Engine":
        """Of programs by `calls_for`, and what `place` made of the sets that are not streamed."""
        parallel = where if isinstance(where, Parallel) else None
        device: Any = where.everywhere if isinstance(where, Parallel) else where
        sets: dict[str, Any] = {**placed, **streamed(data)}
        epochs = None
        if window is not None and "train" in streamed(data):

            def order(seed: int, epoch: int) -> np.ndarray:
                own = _first_of(device)
                given = jax.device_put((np.uint32(seed), np.int32(epoch)), own)
                return np.asarray(compiled["order"](*given))

            lies = parallel.by_rows if parallel else device
            epochs = Epochs(
                sets["train"], recipe.batch_size, recipe.num_epochs, window, order, lies
            )
        sets = {name: sets[name] for name in data.sets()}
        return cls(split(recipe)[0], device, sets, compiled, window, epochs, parallel)

    def put(self, tree: PyTree) -> Any:
        """A tree of arrays, on the device."""
        return put(tree, self.device)

    def put_state(self, state: TrainState) -> TrainState:
        """The same of a state, whose layers may be divided."""
        if self.parallel is None:
            return self.put(state)
        return put(state, shardings(self.parallel.mesh, self.recipe.model, state))

    def init(self, numbers: Mapping[str, jax.Array], seed: jax.Array) -> TrainState:
        """The state before training."""
        return self.compiled["init"](numbers, seed)

    def run(
        self,
        numbers: Mapping[str, jax.Array],
        seeds: Seeds,
        state: TrainState,
        totals: Totals,
        stop: jax.Array,
    ) -> tuple[TrainState, Totals]:
        """Runs the steps up to `stop`, and returns when they are done."""
        if self.epochs is None:
            return jax.block_until_ready(self.queue(numbers, seeds, state, totals, stop))
        while (step := int(state.step)) < stop:
            end = min(int(stop), self.epochs.end(step))
            state, totals = self.run_in_window(numbers, seeds, state, totals, end)
        return state, totals

    def run_in_window(
        self,
        numbers: Mapping[str, jax.Array],
        seeds: Seeds,
        state: TrainState,
        totals: Totals,
        stop: int,
        following: tuple[int, int] | None = None,
    ) -> tuple[TrainState, Totals]:
        """The same up to a step that is no later than a window's end; as `Epochs.at` has it."""
        assert self.epochs is not None
        window = self.epochs.at(seeds.shuffle, int(state.step), following)
        bound = self.put(np.int32(stop))
        done = self.compiled["run"](numbers, seeds, window, state, totals, bound)
        del window  # before the one after the next is asked for
        return jax.block_until_ready(done)

    def queue(
        self,
        numbers: Mapping[str, jax.Array],
        seeds: Seeds,
        state: TrainState,
        totals: Totals,
        stop: jax.Array,
    ) -> tuple[TrainState, Totals]:
        """As `run` where no set is read in windows, but returns before the device has done it."""
        done: tuple[TrainState, Totals] = self.compiled["run"](
            numbers, seeds, self.sets["train"], state, totals, stop
        )
        return done

    def is_healthy(self, state: TrainState, totals: Totals) -> bool:
        """Whether all numbers are finite; once one of them is not, the totals never are again."""
        return bool(self.health(state, totals))

    def health(self, state: TrainState, totals: Totals) -> jax.Array:
        """The same on the device, () bool."""
        healthy: jax.Array = self.compiled["is_finite"]((state, totals))
        return healthy

    def eval_params(self, state: TrainState) -> PyTree:
        """The parameters that the network is evaluated with."""
        return self.compiled["params"](state) if "params" in self.compiled else state.params

    def line(
        self,
        numbers: Mapping[str, jax.Array],
        state: TrainState,
        totals: Totals,
        is_due: bool,
        looked: Mapping[str, list[jax.Array]] | None = None,
    ) -> dict[str, float]:
        """What the history has of the epoch whose steps have just been done.

        Args:
          numbers: the run's.
          state: after the epoch.
          totals: over the epoch.
          is_due: whether it is time for a look at the other sets; else NaN stands for them.
          looked: what `sums` has found of some of these.
        """
        names, functions = measured(self.recipe), evaluation.functions_of(self.recipe)
        count, finish = np.float32(totals["num_examples"]), self.compiled.get("finish", tuple)
        own = [totals[name] for name in names]
        with np.errstate(invalid="ignore"):  # where every step was one with a fault
            found = figures(functions, own, lambda total: np.float32(total) / count, finish)
        line = {f"train_{name}": float(figure) for name, figure in zip(names, found, strict=True)}
        for kind, (inputs, *_) in self.sets.items():
            if kind == "train":
                continue
            found = [math.nan] * len(names)
            if is_due:
                known = looked or {}
                sums = (
                    known[kind] if kind in known else self.sums(kind, [self.eval_params(state)])[0]
                )
                found = figures(functions, sums, functools.partial(_mean, len(inputs)), finish)
            line |= {f"{kind}_{name}": float(f) for name, f in zip(names, found, strict=True)}
        rate = self.compiled["rate"](numbers, self.put(np.int32(state.step) - np.int32(1)))
        if rate is not None:
            line["learning_rate"] = float(str(np.float32(rate)))  # 0.001, not 0.00100000004749745
        return line

    def sums(self, kind: str, networks: Sequence[PyTree]) -> list[list[jax.Array]]:
        """What is carried of each figure, over one of the other sets, which is read once for all.

        Args:
          kind: the set's name.
          networks: the parameters of each.
        """
        inputs, labels, *_ = examples = self.sets[kind]
        runs = [functools.partial(self.compiled[kind], params) for params in networks]
        if not isinstance(inputs, Source):
            batches = self.put(evaluation.num_batches(len(inputs), self.parallel))
            return [run(inputs, labels, batches) for run in runs]
        assert self.window is not None
        zeros = _zeros(self.recipe, labels)
        if self.parallel is not None:
            given = self.compiled["added"], examples, self.parallel, self.window, zeros
            return [shards.sums_in_windows(run, *given) for run in runs]

        def run_all(inputs: Any, labels: Any, totals: Any, *bounds: jax.Array) -> Any:
            pairs = zip(runs, totals, strict=True)
            return [
                jax.block_until_ready(run(inputs, labels, each, *bounds)) for run, each in pairs
            ]

        totals: Any = [self.put(zeros) for _ in runs]
        found: Any = evaluation.sums_of(run_all, examples, self.window, self.device, totals)
        return found


def measured(recipe: Recipe) -> list[str]:
    """The names of what is evaluated."""
    return ["loss", *metric_names(recipe.task.metrics)]


def _mean(size: int, total: jax.Array) -> float:
    return float(total) / size


def no_totals(recipe: Recipe, labels: Any) -> dict[str, jax.Array]:
    """The totals before an epoch's first step.

    Args:
      recipe: with the task.
      labels: of the training set, or their shape.
    """
    outputs = jax.ShapeDtypeStruct((recipe.task.num_outputs,), jnp.float32)
    label = jax.ShapeDtypeStruct(labels.shape[1:], jax.dtypes.canonicalize_dtype(labels.dtype))
    zeros = zeros_of(evaluation.functions_of(recipe), outputs, label)
    return {**dict(zip(measured(recipe), zeros, strict=True)), "num_examples": jnp.float32(0.0)}


def _zeros(recipe: Recipe, labels: Any) -> list[jax.Array]:
    """The same of another set, in their order."""
    zeros = no_totals(recipe, labels)
    return [zeros[name] for name in measured(recipe)]


def hosted(data: Dataset) -> dict[str, tuple[np.ndarray, ...]]:
    """The sets as arrays that a CPU's devices share; that of training may have weights, too."""
    return {
        name: tuple(map(host_array, arrays))
        for name, arrays in _arrays_of(data).items()
        if name not in streamed(data)
    }


def streamed(data: Dataset) -> dict[str, tuple[Any, ...]]:
    """The sets that are read in windows, as `check` leaves them."""
    arrays = _arrays_of(data).items()
    return {name: each for name, each in arrays if isinstance(each[0], Source)}


def _arrays_of(data: Dataset) -> dict[str, tuple[np.ndarray, ...]]:
    weights = () if data.train_weights is None else (data.train_weights,)
    return {**data.sets(), "train": (*data.sets()["train"], *weights)}


def place(sets: Mapping[str, tuple[np.ndarray, ...]], device: Place) -> Sets:
    """The sets, from `hosted`, on a device; in their order, which `device_put` would not keep."""
    return {name: put(examples, device) for name, examples in sets.items()}


def shapes_of(data: Dataset) -> Shapes:
    """The shapes of the sets, with the dtypes that JAX gives them."""
    return {name: tuple(map(shape_of, arrays)) for name, arrays in _arrays_of(data).items()}


def calls_of(recipe: Recipe, shapes: Shapes, where: jax.Device | Parallel) -> dict[str, Call]:
    """What training a network runs, to be compiled.

    Args:
      recipe: whole.
      shapes: of the training set, and of those that are looked at.
      where: it is to run: on a device, or on several together.

    Returns:
      "run", "init", "rate" and "is_finite" for the functions below; "params" for the parameters to
      evaluate with, where they are not the trained ones; "finish" for the figures of metrics that
      are no means, where there are some; and "validation" and "test", where they are there, for
      `evaluation.sums` of these sets.
    """
    static, numbers = split(recipe)
    run: tuple[Any, tuple[Any, ...]] = run_steps, (static,)
    device: Any = where
    if isinstance(where, Parallel):
        run, device = (run_steps_together, (static, where)), where.everywhere
    num_examples = shapes["train"][0].shape[0]
    numbers = jax.tree.map(shape_of, numbers)
    seed, step = (jax.ShapeDtypeStruct((), dtype) for dtype in (jnp.uint32, jnp.int32))
    state = jax.eval_shape(functools.partial(init, static, num_examples), numbers, seed)
    if isinstance(where, Parallel):
        state = placed(where.mesh, recipe.model, state)
    carried = state, jax.eval_shape(lambda: no_totals(recipe, shapes["train"][1]))
    steps = numbers, Seeds(seed, seed), shapes["train"], *carried, step
    calls = {
        "run": Call(*run, steps, device),
        "init": Call(init, (static, num_examples), (numbers, seed), device),
        "rate": Call(learning_rate, (static, num_examples), (numbers, step), device),
        "is_finite": Call(is_finite, (), (carried,), device),
    }
    params = state.params
    if recipe.eval_params is not None:
        derived = Call(averages.derived, (recipe.eval_params,), (state,), device)
        params, calls["params"] = jax.eval_shape(averages.derived, *derived.static, state), derived
        if isinstance(where, Parallel):
            params = placed(where.mesh, recipe.model, params)
    evaluated: Any = recipe.model.apply, evaluation.functions_of(recipe)
    totals = [carried[1][name] for name in measured(recipe)]
    if sums := tuple(t for f, t in zip(evaluated[1], totals, strict=True) if is_sum(f)):
        calls["finish"] = Call(finished, evaluated[1:], (sums,), device)
    added: Any = evaluation.sums
    if isinstance(where, Parallel):
        added, evaluated = shards.sums, (*evaluated, where)
    for name, examples in shapes.items():
        if name != "train":
            calls[name] = Call(added, evaluated, (params, *examples, step), device)
    if isinstance(where, Parallel) and where.has_parts:
        made = calls.keys() & {"init", "params"}
        calls |= {name: _in_parts(where, recipe.model, calls[name]) for name in made}
    return calls


def _in_parts(parallel: Parallel, model: Model, each: Call) -> Call:
    """What returns arrays as they belong on a mesh by which layers are divided."""
    static = parallel, model, each.function, each.static
    return each._replace(function=run_in_parts, static=static)


def calls_for(
    recipe: Recipe, data: Dataset, where: jax.Device | Parallel, window: int | None
) -> dict[str, Call]:
    """The same of data from `check`, some of which may be read in windows of so many bytes."""
    calls = calls_of(recipe, shapes_of(data), where)
    parallel = where if isinstance(where, Parallel) else None
    for name, arrays in streamed(data).items():
        assert window is not None
        _, static, given, device = calls["run" if name == "train" else name]
        num_examples = len(arrays[0])
        if name == "train":
            lies = parallel.by_rows if parallel else None
            shapes = window_shapes(arrays, recipe.batch_size, window, lies)
            given = *given[:2], shapes, *given[3:]
            static = split(recipe)[0], num_examples, parallel
            calls["run"] = Call(run_in_window, static, given, device)
            seed = given[1].shuffle
            calls["order"] = Call(order_of, (num_examples,), (seed, given[-1]), _first_of(device))
        elif parallel:
            evaluated: Any = static
            totals = _zeros(recipe, arrays[1])
            found = shards.call_in_windows(evaluated, given[0], arrays, window, totals)
            calls[name], calls["added"] = found
        else:
            totals = _zeros(recipe, arrays[1])
            calls[name] = evaluation.call_in_windows(
                recipe, given[0], arrays, totals, window, device
            )
    return calls


def _first_of(where: Place) -> jax.Device:
    """A device of this process's, for what has nothing to do with the others."""
    return where if isinstance(where, jax.Device) else next(iter(where.addressable_devices))


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
    update = make_step(model, task.loss, optimizer, task.metrics, goal_of(task), way)
    summed = {name_of(metric) for metric in filter(is_sum, task.metrics)}
    noise = None if model.train is None else keys(seeds.noise).noise
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
