"""What a device does to the members of a population: one after another, or side by side.

Both ways have the same methods. `carried` is what goes from one to the next, and nobody else looks
into it: the members' numbers, seeds, states and totals, on the device.
"""

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.optim import averages
from jaxmlp.randomness import Seeds
from jaxmlp.runtime.compilation import Call, compile_all
from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.training import engine, evaluation
from jaxmlp.training.diagnosis import is_finite
from jaxmlp.training.engine import Engine, Sets, Shapes, Totals
from jaxmlp.training.measures import Measure, figures, finished
from jaxmlp.training.recipe import Recipe, split
from jaxmlp.types import PyTree, TrainState

__all__ = ["OneByOne", "SideBySide", "Worker"]

BESIDE = 32  # members that are evaluated at a time side by side: bounds the memory

Numbers = Mapping[str, np.ndarray]  # name -> (members,) float32


class _Member(NamedTuple):
    numbers: Mapping[str, jax.Array]
    seeds: Seeds
    state: TrainState
    totals: Totals


class OneByOne:
    """Exact mode: each member is trained by the programs of `train`, and has their bits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def init(self, numbers: Mapping[str, Any], seed: Any) -> TrainState:
        """A member's state before training."""
        return self._engine.init(*self._engine.put((numbers, seed)))

    def load(self, numbers: Numbers, seeds: Seeds, states: PyTree, size: int) -> list[_Member]:
        """Puts members on the device; leaves are (members, ...) in NumPy.

        Args:
          numbers: name -> (members,).
          seeds: of the data order and of the noise, (members,).
          states: `TrainState`, its random keys as `plain` has them.
          size: for how many there are to be places; here as many as there are members.
        """

        def member(slot: int) -> _Member:
            row = jax.tree.map(operator.itemgetter(slot), (dict(numbers), seeds, states))
            given, own, state = self._engine.put(row)
            return _Member(given, own, typed(state), {})

        return [member(slot) for slot in range(len(seeds.shuffle))]

    def start_epoch(self, carried: list[_Member]) -> list[_Member]:
        """With empty totals."""
        zeros = self._engine.put(
            engine.no_totals(self._engine.recipe, self._engine.sets["train"][1])
        )
        return [member._replace(totals=zeros) for member in carried]

    def run(self, carried: list[_Member], stop: int) -> list[_Member]:
        """After the steps up to `stop`."""
        bound = self._engine.put(np.int32(stop))

        def after(member: _Member) -> _Member:
            state, totals = self._engine.run(*member, bound)
            return member._replace(state=state, totals=totals)

        return [after(member) for member in carried]

    def are_healthy(self, carried: list[_Member]) -> np.ndarray:
        """Whether all of a member's numbers are finite; (members,) bool."""
        return np.array([self._engine.is_healthy(m.state, m.totals) for m in carried])

    def lines(self, carried: list[_Member], step: int, is_due: bool) -> dict[str, np.ndarray]:
        """What the histories have of the epoch that ends at `step`: name -> (members,) float64."""
        lines = [self._engine.line(m.numbers, m.state, m.totals, is_due) for m in carried]
        return {name: np.array([line[name] for line in lines]) for name in lines[0]}

    def member(self, carried: list[_Member], slot: int) -> tuple[TrainState, Totals]:
        """One member's state and totals."""
        return carried[slot].state, carried[slot].totals

    def keep(self, store: PyTree, rows: np.ndarray, carried: list[_Member]) -> None:
        """Writes the states to their rows in the host's arrays."""
        for row, member in zip(rows, carried, strict=True):
            jax.tree.map(functools.partial(_write, row), store, plain(member.state))


class _Group(NamedTuple):
    num: int  # of members: what lies behind them below is nobody's
    compiled: Mapping[str, Any]
    numbers: Mapping[str, jax.Array]  # leaves (size,)
    seeds: Seeds
    states: TrainState  # leaves (size, ...)
    totals: Totals


class SideBySide:
    """Fast mode: the members of a chunk go through each step together, under `jax.vmap`."""

    def __init__(
        self, recipe: Recipe, shapes: Shapes, device: jax.Device, sets: Sets, is_shared: bool
    ) -> None:
        self._calls = engine.calls_of(recipe, shapes, device)
        self._static, self._device, self._sets = split(recipe)[0], device, sets
        self._is_shared = is_shared  # whether all have the first one's data order
        self._init = compile_all({"init": self._calls["init"]})["init"]

    def calls(self, size: int) -> dict[str, Call]:
        """What a chunk of so many runs, by the names of `engine.calls_of`."""

        def many(tree: PyTree) -> PyTree:
            return jax.tree.map(
                lambda leaf: jax.ShapeDtypeStruct((size, *leaf.shape), leaf.dtype), tree
            )

        numbers, seeds, inputs, labels, state, totals, stop = self._calls["run"].arguments
        numbers, seeds, carried = many(numbers), many(seeds), many((state, totals))
        steps = (numbers, seeds, inputs, labels, *carried, stop)
        calls = {
            "run": Call(_run_members, (self._static, self._is_shared), steps, self._device),
            "rate": Call(_rates, self._calls["rate"].static, (numbers, stop), self._device),
            "is_finite": Call(_are_finite, (), (carried,), self._device),
        }
        if "params" in self._calls:
            static = self._calls["params"].static
            calls["params"] = Call(_eval_params, static, carried[:1], self._device)
        if "finish" in self._calls:
            static = self._calls["finish"].static
            sums = many(self._calls["finish"].arguments)
            calls["finish"] = Call(_finished, static, sums, self._device)
        for name in self._sets.keys() - {"train"}:
            params, *examples = self._calls[name].arguments
            arguments = (many(params), *examples)
            calls[name] = Call(_sums, self._calls[name].static, arguments, self._device)
        return calls

    def init(self, numbers: Mapping[str, Any], seed: Any) -> TrainState:
        """A member's state before training."""
        return self._init(*self._put((dict(numbers), seed)))

    def load(self, numbers: Numbers, seeds: Seeds, states: PyTree, size: int) -> _Group:
        """As of `OneByOne`; places that are not in use repeat the first member."""
        take = np.zeros(size, int)
        take[: len(seeds.shuffle)] = np.arange(len(seeds.shuffle))
        rows = jax.tree.map(operator.itemgetter(take), (dict(numbers), seeds, states))
        given, placed, taken = self._put(rows)
        compiled = compile_all(self.calls(size))
        return _Group(len(seeds.shuffle), compiled, given, placed, typed(taken), {})

    def start_epoch(self, carried: _Group) -> _Group:
        """As of `OneByOne`."""
        like, size = self._calls["run"].arguments[5], len(carried.seeds.shuffle)
        zeros = {name: np.zeros((size, *leaf.shape), leaf.dtype) for name, leaf in like.items()}
        return carried._replace(totals=self._put(zeros))

    def run(self, carried: _Group, stop: int) -> _Group:
        """As of `OneByOne`."""
        inputs, labels = self._sets["train"]
        _, compiled, numbers, seeds, states, totals = carried
        bound = self._put(np.int32(stop))
        done = compiled["run"](numbers, seeds, inputs, labels, states, totals, bound)
        states, totals = jax.block_until_ready(done)
        return carried._replace(states=states, totals=totals)

    def are_healthy(self, carried: _Group) -> np.ndarray:
        """As of `OneByOne`."""
        is_healthy = carried.compiled["is_finite"]((carried.states, carried.totals))
        return np.asarray(is_healthy)[: carried.num]

    def lines(self, carried: _Group, step: int, is_due: bool) -> dict[str, np.ndarray]:
        """As of `OneByOne`."""
        count, compiled, numbers, _, states, totals = carried
        names, functions = engine.measured(self._static), evaluation.functions_of(self._static)
        params = compiled["params"](states) if "params" in compiled else states.params
        finish, whole = compiled.get("finish", tuple), np.asarray(totals["num_examples"])[:count]
        own = [totals[name] for name in names]
        with np.errstate(invalid="ignore"):  # of a member with a fault
            found = figures(functions, own, lambda t: np.asarray(t)[:count] / whole, finish)
        line = {f"train_{name}": _first(count, f) for name, f in zip(names, found, strict=True)}
        for kind, (inputs, labels) in self._sets.items():
            if kind == "train":
                continue
            found = [np.full(count, np.nan)] * len(names)
            if is_due:
                batches = self._put(evaluation.num_batches(len(inputs)))
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


Worker = OneByOne | SideBySide


def _mean(size: int, total: jax.Array) -> np.ndarray:
    return np.asarray(total).astype(np.float64) / size


def _first(count: int, values: Any) -> np.ndarray:
    """Those that are somebody's."""
    return np.asarray(values)[:count]


def _write(row: int, into: np.ndarray, leaf: jax.Array) -> None:
    into[row] = leaf


@functools.partial(jax.jit, static_argnums=(0, 1))
def _run_members(
    recipe: Recipe,
    is_shared: bool,
    numbers: Mapping[str, jax.Array],
    seeds: Seeds,
    inputs: jax.Array,
    labels: jax.Array,
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
        return engine.run_steps(recipe, numbers, seeds, inputs, labels, state, totals, stop)

    axes: Any = (0, 0, None)  # the step is one for all
    order: Any = 0
    if is_shared:
        seeds, order = seeds._replace(shuffle=seeds.shuffle[0]), None
    each: Any = (0, Seeds(order, 0), 0, 0, 0)
    together = jax.vmap(beside, each, (TrainState(*axes), 0))
    after, totals = together(numbers, seeds, states.params, states.opt_state, totals)
    return after._replace(step=jnp.full_like(states.step, after.step)), totals


@functools.partial(jax.jit, static_argnums=(0, 1))
def _sums(
    apply: Callable[..., jax.Array],
    functions: tuple[Measure, ...],
    params: PyTree,
    inputs: jax.Array,
    labels: jax.Array,
    num_batches: jax.Array,
) -> list[jax.Array]:
    """`evaluation.sums` of all members; (members, ...) float32 each."""

    def one(params: PyTree) -> list[jax.Array]:
        return evaluation.sums(apply, functions, params, inputs, labels, num_batches)

    return jax.lax.map(one, params, batch_size=BESIDE)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _rates(
    recipe: Recipe, num_examples: int, numbers: Mapping[str, jax.Array], step: jax.Array
) -> jax.Array | None:
    """`engine.learning_rate` of all members; (members,)."""
    one = functools.partial(engine.learning_rate, recipe, num_examples, step=step)
    if not numbers:  # there is one for all
        rate = one(numbers)
        return None if rate is None else jnp.asarray(rate)[None]
    return jax.vmap(one)(numbers)


@functools.partial(jax.jit, static_argnums=0)
def _finished(measures: tuple[Measure, ...], sums: tuple[jax.Array, ...]) -> list[jax.Array]:
    """`measures.finished` of all members; (members,) float32 each."""
    return jax.vmap(functools.partial(finished, measures))(sums)


@functools.partial(jax.jit, static_argnums=0)
def _eval_params(function: averages.EvalParams, states: TrainState) -> PyTree:
    """`averages.derived` of all members."""
    return jax.vmap(functools.partial(averages.derived, function))(states)


_are_finite = jax.jit(jax.vmap(is_finite))
