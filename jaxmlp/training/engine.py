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
import numpy as np

from jaxmlp.randomness import Seeds
from jaxmlp.runtime.compilation import Place, compile_all
from jaxmlp.training import evaluation, shards
from jaxmlp.training.calls import (
    Sets,
    Shapes,
    calls_for,
    calls_of,
    first_of,
    hosted,
    measured,
    no_totals,
    ordered_zeros,
    place,
    shapes_of,
    streamed,
)
from jaxmlp.training.measures import figures
from jaxmlp.training.parallel import Parallel
from jaxmlp.training.placement import put, shardings
from jaxmlp.training.programs import (
    Totals,
    init,
    learning_rate,
    order_of,
    run_in_parts,
    run_in_window,
    run_steps,
    run_steps_together,
)
from jaxmlp.training.recipe import Recipe, split
from jaxmlp.training.sources import Source
from jaxmlp.training.streams import Epochs
from jaxmlp.types import Dataset, PyTree, TrainState

__all__ = [
    "Engine",
    "Sets",
    "Shapes",
    "Totals",
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
                own = first_of(device)
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
        zeros = ordered_zeros(self.recipe, labels)
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


def _mean(size: int, total: jax.Array) -> float:
    return float(total) / size
