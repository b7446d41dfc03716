"""What a device does to the members of a population: one after another, or side by side.

Both ways have the same methods. `carried` is what goes from one to the next, and nobody else looks
into it: the members' numbers, seeds, states and totals, on the device.
"""

import functools
import operator
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.populations.side_by_side import SideBySide
from jaxmlp.randomness import Seeds
from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.training import engine
from jaxmlp.training.engine import Engine, Totals
from jaxmlp.training.sources import Source
from jaxmlp.types import PyTree, TrainState

__all__ = ["OneByOne", "SideBySide", "Worker"]

Numbers = Mapping[str, np.ndarray]  # name -> (members,) float32


class _Member(NamedTuple):
    engine: Engine  # that has its data
    numbers: Mapping[str, jax.Array]
    seeds: Seeds
    state: TrainState
    totals: Totals


class OneByOne:
    """Exact mode: each member is trained by the programs of `train`, and has their bits."""

    def __init__(self, engines: Mapping[int, Engine]) -> None:
        """By each fold's engine, of one recipe and of training sets of the same shapes."""
        self._engines, self._engine = engines, next(iter(engines.values()))

    def init(self, numbers: Mapping[str, Any], seed: Any) -> TrainState:
        """A member's state before training."""
        return self._engine.init(*self._engine.put((numbers, seed)))

    def load(
        self, numbers: Numbers, seeds: Seeds, states: PyTree, folds: np.ndarray, size: int
    ) -> list[_Member]:
        """Puts members on the device; leaves are (members, ...) in NumPy.

        Args:
          numbers: name -> (members,).
          seeds: of the data order and of the noise, (members,).
          states: `TrainState`, its random keys as `plain` has them.
          folds: whose data each is trained on, (members,).
          size: for how many there are to be places; here as many as there are members.
        """

        def member(slot: int) -> _Member:
            row = jax.tree.map(operator.itemgetter(slot), (dict(numbers), seeds, states))
            given, own, state = self._engine.put(row)
            return _Member(self._engines[int(folds[slot])], given, own, typed(state), {})

        return [member(slot) for slot in range(len(seeds.shuffle))]

    def start_epoch(self, carried: list[_Member]) -> list[_Member]:
        """With empty totals."""
        zeros = self._engine.put(
            engine.no_totals(self._engine.recipe, self._engine.sets["train"][1])
        )
        return [member._replace(totals=zeros) for member in carried]

    def block_end(self, step: int, stop: int) -> int:
        """Where a block of steps from one to another is to end: with a window, where there are."""
        epochs = self._engine.epochs
        return stop if epochs is None else epochs.end(max(step, stop - 1))

    def run(self, carried: list[_Member], stop: int) -> list[_Member]:
        """After the steps up to `stop`."""
        if self._engine.epochs is not None:
            return self._run_in_windows(carried, stop)
        bound = self._engine.put(np.int32(stop))
        # What waits for each member leaves a GPU idle in between; a CPU that is handed all of them
        # would train some at once, each slower.
        place: Any = self._engine.device  # or several
        first = next(iter(getattr(place, "device_set", [place])))
        is_queued = first.platform != "cpu"

        def after(member: _Member) -> _Member:
            run = member.engine.queue if is_queued else member.engine.run
            state, totals = run(*member[1:], bound)
            return member._replace(state=state, totals=totals)

        return jax.block_until_ready([after(member) for member in carried])

    def _run_in_windows(self, carried: list[_Member], stop: int) -> list[_Member]:
        """The same: all members up to a window's end, then on; those of one order share it."""
        epochs, step = self._engine.epochs, int(carried[0].state.step)
        assert epochs is not None
        while step < stop:
            end, after = min(stop, epochs.end(step)), []
            orders = [int(member.seeds.shuffle) for member in carried]
            for place, member in enumerate(carried):
                others = [i for i in range(place, len(orders)) if orders[i] != orders[place]]
                following = (orders[others[0]], step) if others else (orders[0], end)
                state, totals = self._engine.run_in_window(*member[1:], end, following)
                after.append(member._replace(state=state, totals=totals))
            carried, step = after, end
        return carried

    def are_healthy(self, carried: list[_Member]) -> np.ndarray:
        """Whether all of a member's numbers are finite; (members,) bool."""
        found = [self._engine.health(m.state, m.totals) for m in carried]  # all, before one is read
        return np.array(jax.device_get(found))

    def lines(self, carried: list[_Member], step: int, is_due: bool) -> dict[str, np.ndarray]:
        """What the histories have of the epoch that ends at `step`: name -> (members,) float64."""
        sets = self._engine.sets.items()
        read = [n for n, each in sets if isinstance(each[0], Source) and n != "train" and is_due]
        networks = [self._engine.eval_params(m.state) for m in carried] if read else []
        looked = {name: self._engine.sums(name, networks) for name in read}
        lines = [
            m.engine.line(
                m.numbers, m.state, m.totals, is_due, {n: sums[i] for n, sums in looked.items()}
            )
            for i, m in enumerate(carried)
        ]
        return {name: np.array([line[name] for line in lines]) for name in lines[0]}

    def member(self, carried: list[_Member], slot: int) -> tuple[TrainState, Totals]:
        """One member's state and totals."""
        return carried[slot].state, carried[slot].totals

    def keep(self, store: PyTree, rows: np.ndarray, carried: list[_Member]) -> None:
        """Writes the states to their rows in the host's arrays; others may need the memory now."""
        if self._engine.epochs is not None:
            self._engine.epochs.let_go()
        for row, member in zip(rows, carried, strict=True):
            jax.tree.map(functools.partial(_write, row), store, plain(member.state))


Worker = OneByOne | SideBySide


def _write(row: int, into: np.ndarray, leaf: jax.Array) -> None:
    into[row] = leaf
