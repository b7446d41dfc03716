"""A population in training: the host's arrays, the members on the devices, and who goes on."""

import functools
import math
import operator
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.populations.grid import Grid, Program
from jaxmlp.populations.members import Worker
from jaxmlp.populations.planning import Crew, state_of
from jaxmlp.populations.runs import FAULT, HALVING, LENGTH, PATIENCE, Runs
from jaxmlp.runtime.keydata import plain
from jaxmlp.training import loop, stopping
from jaxmlp.training.batches import num_steps
from jaxmlp.training.engine import Engine, measured, shapes_of
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Dataset, Fault, Progress, PyTree, TrainState

__all__ = [
    "Cohort",
    "Halving",
    "Population",
    "Report",
    "beginning",
    "columns",
    "copied",
    "population_of",
]


class Halving(NamedTuple):
    """Successive halving: settings that lag behind at a rung end there.

    The rungs are after `first` epochs, `first * factor`, `first * factor**2` and so on. At each,
    settings are ranked by the mean of a metric over their members, and the best share of 1 / factor
    goes on. Source: Jamieson and Talwalkar, Non-stochastic Best Arm Identification, 2016.
    """

    metric: str  # such as "validation_accuracy"
    factor: int = 3
    first: int = 1  # epochs before the first rung


class Population(NamedTuple):
    """A population under way: all that it needs to go on exactly where it is."""

    states: tuple[TrainState, ...]  # one a program, leaves (its members, ...), in NumPy; `plain`
    history: dict[str, np.ndarray]  # name -> (members, epochs) float64, NaN where there is none
    epochs: np.ndarray  # (members,) int32, that each has finished
    ended_by: np.ndarray  # (members,) int8, why it ended, as in `Runs`; 0 for not yet
    faults: dict[int, Fault]  # member -> where it ended

    def __repr__(self) -> str:
        """How many there are, and how far."""
        members, ended = len(self.epochs), int(np.count_nonzero(self.ended_by))
        return (
            f"Population({members} members of {len(self.states)} programs, of which {ended} have "
            f"ended, {len(self.faults)} of them at a fault; {', '.join(self.history)})"
        )


class Report(NamedTuple):
    """What a callback sees after an epoch, or after a block."""

    epoch: int  # the last that all live members have finished
    share: float  # of the next epoch's work that is done
    num_live: int  # members that are still training
    history: Mapping[str, np.ndarray]  # name -> (members, epochs) float64; not to be changed
    epochs: np.ndarray  # (members,) int32, that each has finished; not to be changed
    faults: Mapping[int, Fault]  # member -> where it ended
    # A copy to go on from, without what has been done of an epoch since; snapshot(copy=False) has
    # arrays that are to be read before the callback returns.
    snapshot: Callable[..., Population]


def population_of(grid: Grid, data: Dataset) -> Population:
    """The shapes of a grid's population, as `jax.ShapeDtypeStruct`."""

    def members_of(program: Program) -> TrainState:
        def many(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct((len(program.seeds), *leaf.shape), leaf.dtype)

        return jax.tree.map(many, state_of(program, shapes_of(data)))

    def leaf(dtype: Any, *shape: int) -> Any:
        return jax.ShapeDtypeStruct(shape, dtype)

    members = len(grid.seeds)
    line = leaf(np.float64, members, int(grid.num_epochs.max()))
    return Population(
        tuple(members_of(program) for program in grid.programs),
        dict.fromkeys(columns(grid, data), line),
        leaf(np.int32, members),
        leaf(np.int8, members),
        {},
    )


def columns(grid: Grid, data: Dataset) -> list[str]:
    """The names in the history, of all members together."""
    return list(dict.fromkeys(n for p in grid.programs for n in _columns(p.recipe, data)))


def _columns(recipe: Recipe, data: Dataset) -> list[str]:
    names = [f"{kind}_{name}" for kind in data.sets() for name in measured(recipe)]
    return names + ["learning_rate"] * _has_rate(recipe)


def _has_rate(recipe: Recipe) -> bool:
    return "learning_rate" in dict(recipe.hyperparameters)


def copied(population: Population) -> Population:
    """A population that shares no array with another."""
    return Population(
        jax.tree.map(np.copy, population.states),
        {name: values.copy() for name, values in population.history.items()},
        population.epochs.copy(),
        population.ended_by.copy(),
        dict(population.faults),
    )


def beginning(grid: Grid, data: Dataset, crew: Crew) -> Population:
    """Fresh parameters for every member, no epochs, no history."""
    like = population_of(grid, data)
    states = jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), like.states)
    for program, store, workers in zip(grid.programs, states, crew.workers, strict=True):
        given = dict(program.numbers), program.seeds

        def fill(
            share: tuple[Worker, np.ndarray], store: PyTree = store, given: Any = given
        ) -> None:
            worker, rows = share
            for row in rows:
                numbers, seed = jax.tree.map(operator.itemgetter(row), given)
                state = worker.init(numbers, seed)
                jax.tree.map(functools.partial(_write, row), store, plain(state))

        parts = np.array_split(np.arange(len(program.seeds)), len(workers))
        _on_all(fill, list(zip(workers, parts, strict=True)))
    history = {name: np.full(line.shape, np.nan, line.dtype) for name, line in like.history.items()}
    members = len(grid.seeds)
    return Population(states, history, np.zeros(members, np.int32), np.zeros(members, np.int8), {})


def _write(row: int, into: np.ndarray, leaf: jax.Array) -> None:
    into[row] = leaf


class _Share(NamedTuple):
    """The members of a chunk that one device has."""

    worker: Worker
    rows: np.ndarray  # (members,) their rows among their program's
    carried: Any  # the worker's


class Cohort:
    """A population in training: the host's arrays, and the chunk that is on the devices."""

    def __init__(
        self,
        grid: Grid,
        data: Dataset,
        eval_every: int,
        on_fault: str,
        crew: Crew,
        start: Population,
    ) -> None:
        self._grid, self._data, self._crew = grid, data, crew
        self._eval_every, self._on_fault = eval_every, on_fault
        self._states, self._history, self._epochs, self._ended_by, self._faults = start
        self._resident: tuple[int, list[_Share]] | None = (
            None  # of a program, newer than the host's
        )
        self._blocks = [1] * len(grid.programs)

    @property
    def live(self) -> np.ndarray:
        """The members that are still training."""
        return np.flatnonzero(self._ended_by == 0)

    @property
    def epoch(self) -> int:
        """The last epoch that all live members have finished."""
        return int(self._epochs[self.live].min() if len(self.live) else self._epochs.max())

    def train_epoch(self, halving: Halving | None) -> Iterator[float]:
        """Trains and evaluates all live members for an epoch; yields the share that is done."""
        epoch, done, whole = self.epoch + 1, 0, len(self.live)
        is_rung = halving is not None and _is_rung(halving, epoch)
        is_due = (self._ended_by == 0) & (self._epochs < epoch)
        for number, program in enumerate(self._grid.programs):
            rows = np.flatnonzero(is_due[program.members])
            size = self._crew.sizes[number] * len(self._crew.devices)
            for part in _split(rows, size):
                for share in self._train_chunk(number, part, epoch, is_rung):
                    yield (done + share * len(part)) / whole
                done += len(part)

    def end_members(self, patience: int | None, stop_metric: str, halving: Halving | None) -> None:
        """Retires those whose time has come after an epoch."""
        live, epoch = self.live, self.epoch
        self._ended_by[live[self._grid.num_epochs[live] <= epoch]] = LENGTH
        if patience is not None:
            values = self._history[stop_metric][:, :epoch]
            exhausted = [m for m in self.live if _is_exhausted(values[m], stop_metric, patience)]
            self._ended_by[exhausted] = PATIENCE
        if halving is not None and _is_rung(halving, epoch):
            settings = np.unique(self._grid.settings[self.live])
            scores = [self._score(setting, epoch, halving.metric) for setting in settings]
            best = settings[np.argsort(np.negative(scores), kind="stable")]
            lagging = best[-(-len(settings) // halving.factor) :]
            self._ended_by[self.live[np.isin(self._grid.settings[self.live], lagging)]] = HALVING

    def _score(self, setting: int, epoch: int, metric: str) -> float:
        """The mean over a setting's members, of each one's last; with a faulty one it is worst."""
        members = np.flatnonzero(self._grid.settings == setting)
        if any(int(member) in self._faults for member in members):
            return -math.inf
        lines = self._history[metric][members, :epoch]
        last = [line[~np.isnan(line)][-1:] for line in lines]  # of one that ended before, too
        mean = float(np.mean(np.concatenate(last))) if all(map(len, last)) else math.nan
        return stopping.score({metric: mean}, metric)

    def report(self, share: float) -> Report:
        """What a callback sees."""
        return Report(
            self.epoch,
            share,
            len(self.live),
            self._history,
            self._epochs,
            self._faults,
            self._population,
        )

    def runs(self) -> Runs:
        """The results so far."""
        self._unload()
        grid = self._grid
        shape = tuple(len(values) for values in grid.axes.values())
        places = np.zeros((len(grid.seeds), 2), np.int32)
        for number, program in enumerate(grid.programs):
            places[program.members, 0] = number
            places[program.members, 1] = np.arange(len(program.members))
        history = {
            name: values.astype(np.float32).reshape(*shape, -1)
            for name, values in self._history.items()
        }
        faults = {
            tuple(int(i) for i in np.unravel_index(member, shape)): fault
            for member, fault in self._faults.items()
        }
        return Runs(
            dict(grid.axes),
            history,
            self._epochs.reshape(shape),
            self._states,
            places.reshape(*shape, 2),
            faults,
            float(self._epochs.sum() / grid.num_epochs.sum()),
            tuple(tuple(_columns(program.recipe, self._data)) for program in grid.programs),
            self._ended_by.reshape(shape),
            tuple(program.recipe.eval_params for program in grid.programs),
        )

    def _population(self, copy: bool = True) -> Population:
        self._unload()
        population = Population(
            self._states, self._history, self._epochs, self._ended_by, self._faults
        )
        return copied(population) if copy else population

    def _train_chunk(
        self, number: int, rows: np.ndarray, epoch: int, is_rung: bool
    ) -> Iterator[float]:
        program = self._grid.programs[number]
        steps = num_steps(len(self._data.train_inputs), program.static.batch_size)
        first, step = (epoch - 1) * steps, (epoch - 1) * steps
        shares = [
            share._replace(carried=share.worker.start_epoch(share.carried))
            for share in self._load(number, rows)
        ]
        faulty: dict[int, tuple[TrainState, Fault]] = {}  # row -> its state before its fault
        while step < first + steps:
            started = time.perf_counter()
            stop = min(step + self._blocks[number], first + steps)
            after = _on_all(functools.partial(_run, stop), shares)
            if self._on_fault == "stop":
                for before, share in zip(shares, after, strict=True):
                    is_healthy = share.worker.are_healthy(share.carried)
                    for slot in np.flatnonzero(~is_healthy):
                        if (row := int(share.rows[slot])) not in faulty:
                            faulty[row] = self._locate(program, row, before, int(slot), stop)
            shares, step = after, stop
            seconds = time.perf_counter() - started
            self._blocks[number] = loop.next_block(self._blocks[number], seconds)
            yield (step - first) / steps
        self._write_lines(number, shares, epoch, is_rung)
        self._resident = number, shares
        self._epochs[program.members[rows]] = epoch
        for row, (state, fault) in faulty.items():
            self._end_at_fault(number, row, state, fault, epoch)

    def _load(self, number: int, rows: np.ndarray) -> list[_Share]:
        """The members on the devices, where they may be already."""
        if self._resident and self._resident[0] == number:
            shares = self._resident[1]
            if np.array_equal(np.concatenate([share.rows for share in shares]), rows):
                return shares
        self._unload()
        program, crew = self._grid.programs[number], self._crew
        given = dict(program.numbers), program.shuffle_seeds, self._states[number]
        return _deal(rows, crew.size_for(number, len(rows)), crew.workers[number], given)

    def _unload(self) -> None:
        """Brings the host's arrays up to date."""
        if self._resident:
            number, shares = self._resident
            for share in shares:
                share.worker.keep(self._states[number], share.rows, share.carried)
            self._resident = None

    def _write_lines(self, number: int, shares: list[_Share], epoch: int, is_rung: bool) -> None:
        """Adds an epoch to the members' histories, to the bit as `train` does."""
        program = self._grid.programs[number]
        is_due = epoch % self._eval_every == 0 or epoch == program.recipe.num_epochs or is_rung
        step = epoch * num_steps(len(self._data.train_inputs), program.static.batch_size)
        line = functools.partial(_lines, step, is_due)
        for share, values in zip(shares, _on_all(line, shares), strict=True):
            for name, column in values.items():
                self._history[name][program.members[share.rows], epoch - 1] = column

    def _locate(
        self, program: Program, row: int, share: _Share, slot: int, stop: int
    ) -> tuple[TrainState, Fault]:
        """A member's state just before its first fault, and what that is."""
        recipe = self._grid.recipes[self._grid.settings[program.members[row]]]
        seed = int(program.shuffle_seeds[row])
        placed: Any = self._crew.sets[0]["train"]  # not to be copied for each fault
        data = self._data._replace(train_inputs=placed[0], train_labels=placed[1])
        engine = Engine.of(recipe, data, self._crew.devices[0])
        state, totals = engine.put(share.worker.member(share.carried, slot))
        progress = Progress(state, totals, (), ())
        healthy, fault = loop.find_fault(engine, recipe, data, seed, progress, stop)
        return healthy.state, fault

    def _end_at_fault(
        self, number: int, row: int, state: TrainState, fault: Fault, epoch: int
    ) -> None:
        """Takes a member back to where it was still healthy, and ends it there."""
        self._unload()
        jax.tree.map(functools.partial(_write, row), self._states[number], plain(state))
        member = int(self._grid.programs[number].members[row])
        for values in self._history.values():
            values[member, epoch - 1] = np.nan
        self._epochs[member], self._ended_by[member] = epoch - 1, FAULT
        self._faults[member] = fault


def _is_rung(halving: Halving, epoch: int) -> bool:
    rung = halving.first
    while rung < epoch:
        rung *= halving.factor
    return rung == epoch


def _is_exhausted(values: np.ndarray, metric: str, patience: int) -> bool:
    return stopping.is_exhausted([{metric: float(v)} for v in values], metric, patience)


def _split(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """As few chunks as there need be, of like size."""
    return np.array_split(rows, -(-len(rows) // size)) if len(rows) else []


def _deal(
    rows: np.ndarray,
    size: int,
    workers: Sequence[Worker],
    given: tuple[Mapping[str, np.ndarray], np.ndarray, TrainState],
) -> list[_Share]:
    """Puts rows of the host's arrays on the devices, as evenly as may be; none gets no share."""

    def share(worker: Worker, own: np.ndarray) -> _Share:
        numbers, seeds, states = jax.tree.map(operator.itemgetter(own), given)
        return _Share(worker, own, worker.load(numbers, seeds, states, size))

    parts = zip(workers, np.array_split(rows, len(workers)), strict=True)
    return [share(worker, own) for worker, own in parts if len(own)]


def _run(stop: int, share: _Share) -> _Share:
    return share._replace(carried=share.worker.run(share.carried, stop))


def _lines(step: int, is_due: bool, share: _Share) -> dict[str, np.ndarray]:
    return share.worker.lines(share.carried, step, is_due)


def _on_all(function: Callable[[Any], Any], shares: Sequence[Any]) -> list[Any]:
    """Calls a function for each device's share, at the same time."""
    if len(shares) == 1:
        return [function(shares[0])]
    with ThreadPoolExecutor(len(shares)) as pool:
        return list(pool.map(function, shares))
