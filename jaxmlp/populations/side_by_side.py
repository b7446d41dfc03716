"""Fast mode: the members of a chunk go through each step together; the methods of `OneByOne`."""

import functools
import operator
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.populations import vmapped
from jaxmlp.populations.teams import Team, parallel_of, place_of
from jaxmlp.randomness import Seeds
from jaxmlp.runtime.compilation import Call, compile_all, shape_of
from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.training import engine, evaluation
from jaxmlp.training.engine import Sets, Shapes, Totals
from jaxmlp.training.measures import figures
from jaxmlp.training.recipe import Recipe, split
from jaxmlp.types import PyTree, TrainState

__all__ = ["SideBySide"]

Numbers = Mapping[str, np.ndarray]  # name -> (members,) float32


class _Group(NamedTuple):
    num: int  # of members: what lies behind them below is nobody's
    sets: Sets  # of their fold
    compiled: Mapping[str, Any]
    numbers: Mapping[str, jax.Array]  # leaves (size,)
    seeds: Seeds
    states: TrainState  # leaves (size, ...)
    totals: Totals


class SideBySide:
    """Fast mode: the members of a chunk go through each step together, under `jax.vmap`."""

    def __init__(
        self,
        recipe: Recipe,
        shapes: Shapes,
        team: Team,
        sets: Mapping[int, Sets],
        is_shared: bool,
    ) -> None:
        """By the sets of each fold, whose training sets have the same shapes."""
        self._calls = engine.calls_of(recipe, shapes, team)
        self._static, self._device, self._sets = split(recipe)[0], place_of(team), sets
        self._parallel = parallel_of(team)
        self._is_shared = is_shared  # whether all have the first one's data order
        self._init = compile_all({"init": self._calls["init"]})["init"]

    def calls(self, size: int, fold: int = 0) -> dict[str, Call]:
        """What a chunk of so many of a fold runs, by the names of `engine.calls_of`."""

        def many(tree: PyTree) -> PyTree:
            return jax.tree.map(
                lambda leaf: jax.ShapeDtypeStruct((size, *leaf.shape), leaf.dtype), tree
            )

        numbers, seeds, examples, state, totals, stop = self._calls["run"].arguments
        numbers, seeds, carried = many(numbers), many(seeds), many((state, totals))
        steps = (numbers, seeds, examples, *carried, stop)
        how = self._static, self._is_shared, self._parallel
        calls = {
            "run": Call(vmapped.run_members, how, steps, self._device),
            "rate": Call(vmapped.rates, self._calls["rate"].static, (numbers, stop), self._device),
            "is_finite": Call(vmapped.are_finite, (), (carried,), self._device),
        }
        if "params" in self._calls:
            static = self._calls["params"].static
            calls["params"] = Call(vmapped.eval_params, static, carried[:1], self._device)
        if "finish" in self._calls:
            static = self._calls["finish"].static
            sums = many(self._calls["finish"].arguments)
            calls["finish"] = Call(vmapped.finish, static, sums, self._device)
        for name, examples in self._sets[fold].items():
            if name == "train":
                continue
            params, *_, step = self._calls[name].arguments
            arguments = (many(params), *map(shape_of, examples), step)
            each = *self._calls[name].static[:2], self._parallel
            calls[name] = Call(vmapped.sums, each, arguments, self._device)
        return calls

    def init(self, numbers: Mapping[str, Any], seed: Any) -> TrainState:
        """A member's state before training."""
        return self._init(*self._put((dict(numbers), seed)))

    def load(
        self, numbers: Numbers, seeds: Seeds, states: PyTree, folds: np.ndarray, size: int
    ) -> _Group:
        """As of `OneByOne`, all of one fold; places that are not in use repeat the first member."""
        take = np.zeros(size, int)
        take[: len(seeds.shuffle)] = np.arange(len(seeds.shuffle))
        rows = jax.tree.map(operator.itemgetter(take), (dict(numbers), seeds, states))
        given, placed, taken = self._put(rows)
        fold = int(folds[0])
        compiled, sets = compile_all(self.calls(size, fold)), self._sets[fold]
        return _Group(len(seeds.shuffle), sets, compiled, given, placed, typed(taken), {})

    def start_epoch(self, carried: _Group) -> _Group:
        """As of `OneByOne`."""
        like, size = self._calls["run"].arguments[4], len(carried.seeds.shuffle)
        zeros = {name: np.zeros((size, *leaf.shape), leaf.dtype) for name, leaf in like.items()}
        return carried._replace(totals=self._put(zeros))

    def block_end(self, step: int, stop: int) -> int:
        """As of `OneByOne`; nothing is read in windows here."""
        return stop

    def run(self, carried: _Group, stop: int) -> _Group:
        """As of `OneByOne`."""
        _, sets, compiled, numbers, seeds, states, totals = carried
        bound = self._put(np.int32(stop))
        done = compiled["run"](numbers, seeds, sets["train"], states, totals, bound)
        states, totals = jax.block_until_ready(done)
        return carried._replace(states=states, totals=totals)

    def are_healthy(self, carried: _Group) -> np.ndarray:
        """As of `OneByOne`."""
        is_healthy = carried.compiled["is_finite"]((carried.states, carried.totals))
        return np.asarray(is_healthy)[: carried.num]

    def lines(self, carried: _Group, step: int, is_due: bool) -> dict[str, np.ndarray]:
        """As of `OneByOne`."""
        count, sets, compiled, numbers, _, states, totals = carried
        names, functions = engine.measured(self._static), evaluation.functions_of(self._static)
        params = compiled["params"](states) if "params" in compiled else states.params
        finish, whole = compiled.get("finish", tuple), np.asarray(totals["num_examples"])[:count]
        own = [totals[name] for name in names]
        with np.errstate(invalid="ignore"):  # of a member with a fault
            found = figures(functions, own, lambda t: np.asarray(t)[:count] / whole, finish)
        line = {f"train_{name}": _first(count, f) for name, f in zip(names, found, strict=True)}
        for kind, (inputs, labels, *_) in sets.items():
            if kind == "train":
                continue
            found = [np.full(count, np.nan)] * len(names)
            if is_due:
                batches = self._put(evaluation.num_batches(len(inputs), self._parallel))
                sums = compiled[kind](params, inputs, labels, batches)
                found = figures(functions, sums, functools.partial(_mean, len(inputs)), finish)
            line |= {
                f"{kind}_{name}": _first(count, f) for name, f in zip(names, found, strict=True)
            }
        rates = compiled["rate"](numbers, self._put(np.int32(step - 1)))
        if rates is not None:
            line["learning_rate"] = np.asarray(rates)[:count]
        return line

    def member(self, carried: _Group, slot: int) -> tuple[TrainState, Totals]:
        """As of `OneByOne`."""
        return jax.tree.map(operator.itemgetter(slot), (carried.states, carried.totals))

    def keep(self, store: PyTree, rows: np.ndarray, carried: _Group) -> None:
        """As of `OneByOne`."""

        def write(into: np.ndarray, leaf: jax.Array) -> None:
            into[rows] = np.asarray(leaf)[: len(rows)]

        jax.tree.map(write, store, plain(carried.states))

    def _put(self, tree: PyTree) -> Any:
        return jax.device_put(tree, self._device)


def _mean(size: int, total: jax.Array) -> np.ndarray:
    return np.asarray(total).astype(np.float64) / size


def _first(count: int, values: Any) -> np.ndarray:
    """Those that are somebody's."""
    return np.asarray(values)[:count]
