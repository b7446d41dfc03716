"""A population in training: the host's arrays, the members on the devices, and who goes on."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding

from jaxmlp import evaluation, stopping, training
from jaxmlp.batches import num_steps
from jaxmlp.grid import Grid, Program
from jaxmlp.members import (
    MEMBER,
    WHOLE,
    are_finite,
    evaluate_members,
    init_members,
    rates_of_members,
)
from jaxmlp.planning import Crew, shapes_of
from jaxmlp.recipe import Recipe
from jaxmlp.runs import Runs
from jaxmlp.types import Dataset, Fault, Progress, PyTree, TrainState

__all__ = ["Cohort", "Halving", "Population", "Report", "beginning", "columns", "population_of"]


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

    states: tuple[TrainState, ...]  # one a program, leaves (its members, ...), in NumPy
    history: Mapping[str, np.ndarray]  # name -> (members, epochs) float32, NaN where there is none
    epochs: np.ndarray  # (members,) int32, that each has finished
    has_ended: np.ndarray  # (members,) bool
    faults: Mapping[int, Fault]  # member -> where it ended


class Report(NamedTuple):
    """What a callback sees after an epoch, or after a block."""

    epoch: int  # the last that all live members have finished
    share: float  # of the next epoch's work that is done
    num_live: int  # members that are still training
    history: Mapping[str, np.ndarray]  # name -> (members, epochs) float32; not to be changed
    epochs: np.ndarray  # (members,) int32, that each has finished; not to be changed
    faults: Mapping[int, Fault]  # member -> where it ended
    snapshot: Callable[[], Population]  # a copy to go on from; what of an epoch is lost is redone


def population_of(grid: Grid, data: Dataset) -> Population:
    """The shapes of a grid's population, as `jax.ShapeDtypeStruct`."""

    def members_of(program: Program) -> TrainState:
        def many(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct((len(program.seeds), *leaf.shape), leaf.dtype)

        return jax.tree.map(many, shapes_of(program, len(data.train_inputs)))

    def leaf(dtype: Any, *shape: int) -> Any:
        return jax.ShapeDtypeStruct(shape, dtype)

    members = len(grid.seeds)
    line = leaf(np.float32, members, int(grid.num_epochs.max()))
    return Population(
        tuple(members_of(program) for program in grid.programs),
        dict.fromkeys(columns(grid, data), line),
        leaf(np.int32, members),
        leaf(np.bool_, members),
        {},
    )


def columns(grid: Grid, data: Dataset) -> list[str]:
    """The columns of the history."""
    metrics = dict.fromkeys(name for program in grid.programs for name in _measured(program.static))
    return [f"{kind}_{name}" for kind in data.sets() for name in metrics] + ["learning_rate"]


def _measured(recipe: Recipe) -> list[str]:
    return ["loss", *(metric.__name__ for metric in recipe.task.metrics)]


def beginning(grid: Grid, data: Dataset, crew: Crew) -> Population:
    """Fresh parameters for every member, no epochs, no history."""
    like = population_of(grid, data)
    states = jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), like.states)
    for program, store, size in zip(grid.programs, states, crew.sizes, strict=True):
        num_examples = len(data.train_inputs)
        for rows in _split(np.arange(len(program.seeds)), size * crew.num_devices):
            slots, counts = _place(rows, size, crew.mesh)
            given = _put((program.numbers, program.seeds), rows, slots, size, crew.mesh)
            made = init_members(program.static, num_examples, crew.mesh, counts, given)
            _keep(store, rows, made, slots)
    history = {name: np.full(line.shape, np.nan, line.dtype) for name, line in like.history.items()}
    members = len(grid.seeds)
    return Population(states, history, np.zeros(members, np.int32), np.zeros(members, bool), {})


class _Chunk(NamedTuple):
    """Members on the devices."""

    rows: np.ndarray  # (members,) their rows among their program's
    slots: np.ndarray  # (members,) where they are in the arrays below
    counts: jax.Array  # (devices,) int32
    given: tuple[Mapping[str, jax.Array], jax.Array]  # numbers and shuffle seeds, (slots,)
    states: TrainState  # (slots, ...)


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
        self._states = jax.tree.map(np.copy, start.states)
        self._history = {name: values.copy() for name, values in start.history.items()}
        self._epochs, self._has_ended = start.epochs.copy(), start.has_ended.copy()
        self._faults = dict(start.faults)
        self._resident: tuple[int, _Chunk] | None = None  # a program's chunk newer than the host's
        self._blocks = [1] * len(grid.programs)

    @property
    def live(self) -> np.ndarray:
        """The members that are still training."""
        return np.flatnonzero(~self._has_ended)

    @property
    def epoch(self) -> int:
        """The last epoch that all live members have finished."""
        epochs = self._epochs if self._has_ended.all() else self._epochs[self.live]
        return int(epochs.max() if self._has_ended.all() else epochs.min())

    def train_epoch(self, halving: Halving | None) -> Iterator[float]:
        """Trains and evaluates all live members for an epoch; yields the share that is done."""
        epoch, done, whole = self.epoch + 1, 0, len(self.live)
        is_rung = halving is not None and _is_rung(halving, epoch)
        is_due = ~self._has_ended & (self._epochs < epoch)
        for number, program in enumerate(self._grid.programs):
            rows = np.flatnonzero(is_due[program.members])
            size = self._crew.sizes[number] * self._crew.num_devices
            for part in _split(rows, size):
                for share in self._train_chunk(number, part, epoch, is_rung):
                    yield (done + share * len(part)) / whole
                done += len(part)

    def end_members(self, patience: int | None, stop_metric: str, halving: Halving | None) -> None:
        """Retires those whose time has come after an epoch."""
        live, epoch = self.live, self.epoch
        ended = self._grid.num_epochs[live] <= epoch
        if patience is not None:
            values = self._history[stop_metric][live, :epoch]
            ended |= np.array([_is_exhausted(line, stop_metric, patience) for line in values], bool)
        if halving is not None and _is_rung(halving, epoch):
            settings = np.unique(self._grid.settings[live[~ended]])
            scores = [self._score(setting, epoch, halving.metric) for setting in settings]
            best = settings[np.argsort(np.negative(scores), kind="stable")]
            lagging = best[-(-len(settings) // halving.factor) :]
            ended |= np.isin(self._grid.settings[live], lagging)
        self._has_ended[live[ended]] = True

    def _score(self, setting: int, epoch: int, metric: str) -> float:
        """The mean over a setting's live members; one with a faulty member is worst."""
        members = np.flatnonzero(self._grid.settings == setting)
        if any(int(member) in self._faults for member in members):
            return -math.inf
        values = self._history[metric][members[~self._has_ended[members]], epoch - 1]
        return stopping.score({metric: float(values.mean())}, metric)

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
        stopped_at = self._epochs
        measured = {
            name: values.reshape(*shape, -1)
            for name, values in self._history.items()
            if name != "learning_rate" or not np.isnan(values).all()
        }
        faults = {
            tuple(int(i) for i in np.unravel_index(member, shape)): fault
            for member, fault in self._faults.items()
        }
        return Runs(
            dict(grid.axes),
            measured,
            stopped_at.reshape(shape),
            self._states,
            places.reshape(*shape, 2),
            faults,
            float(stopped_at.sum() / grid.num_epochs.sum()),
        )

    def _population(self) -> Population:
        self._unload()
        return Population(
            jax.tree.map(np.copy, self._states),
            {name: values.copy() for name, values in self._history.items()},
            self._epochs.copy(),
            self._has_ended.copy(),
            dict(self._faults),
        )

    def _train_chunk(
        self, number: int, rows: np.ndarray, epoch: int, is_rung: bool
    ) -> Iterator[float]:
        program, crew = self._grid.programs[number], self._crew
        chunk = self._load(number, rows)
        steps = num_steps(len(self._data.train_inputs), program.static.batch_size)
        first, step = (epoch - 1) * steps, (epoch - 1) * steps
        zeros = np.zeros(crew.sizes[number] * crew.num_devices, np.float32)
        names = [*_measured(program.static), "num_examples"]
        totals = jax.device_put(dict.fromkeys(names, zeros), NamedSharding(crew.mesh, MEMBER))
        carried = (chunk.states, totals)
        faulty: dict[int, tuple[TrainState, Fault]] = {}  # row -> its state before its fault
        while step < first + steps:
            started = time.perf_counter()
            stop = min(step + self._blocks[number], first + steps)
            after = jax.block_until_ready(self._run(number, chunk, carried, stop))
            if self._on_fault == "stop":
                is_healthy = np.asarray(are_finite(after))
                for row, slot in zip(chunk.rows, chunk.slots, strict=True):
                    if not is_healthy[slot] and row not in faulty:
                        before = jax.tree.map(lambda leaf, slot=slot: leaf[slot], carried)
                        faulty[row] = self._locate(program, row, before, stop)
            carried, step = after, stop
            self._blocks[number] = training._next_block(
                self._blocks[number], time.perf_counter() - started
            )
            yield (step - first) / steps
        chunk = chunk._replace(states=carried[0])
        self._write_line(number, chunk, carried[1], epoch, is_rung)
        self._resident = (number, chunk)
        self._epochs[program.members[rows]] = epoch
        for row, (state, fault) in faulty.items():
            self._end_at_fault(number, row, state, fault, epoch)

    def _run(self, number: int, chunk: _Chunk, carried: PyTree, stop: int) -> PyTree:
        inputs, labels = self._crew.sets["train"]
        bound = jax.device_put(np.int32(stop), NamedSharding(self._crew.mesh, WHOLE))
        runner = self._crew.runners[number]
        return runner(chunk.counts, chunk.given, carried, inputs, labels, bound)

    def _load(self, number: int, rows: np.ndarray) -> _Chunk:
        """The members on the devices, where they may be already."""
        if self._resident and self._resident[0] == number:
            chunk = self._resident[1]
            if np.array_equal(chunk.rows, rows):
                return chunk
        self._unload()
        program, size, mesh = self._grid.programs[number], self._crew.sizes[number], self._crew.mesh
        slots, counts = _place(rows, size, mesh)
        given = _put((program.numbers, program.shuffle_seeds), rows, slots, size, mesh)
        return _Chunk(
            rows, slots, counts, given, _put(self._states[number], rows, slots, size, mesh)
        )

    def _unload(self) -> None:
        """Brings the host's arrays up to date."""
        if self._resident:
            number, chunk = self._resident
            _keep(self._states[number], chunk.rows, chunk.states, chunk.slots)
            self._resident = None

    def _write_line(
        self, number: int, chunk: _Chunk, totals: PyTree, epoch: int, is_rung: bool
    ) -> None:
        """Adds an epoch to the members' histories, to the bit as `train` does."""
        program, crew = self._grid.programs[number], self._crew
        members, recipe = program.members[chunk.rows], program.static
        names = _measured(recipe)
        line = {f"train_{name}": totals[name] / totals["num_examples"] for name in names}
        is_due = epoch % self._eval_every == 0 or epoch == program.recipe.num_epochs or is_rung
        for kind, (inputs, labels) in crew.sets.items() if is_due else ():
            if kind == "train":
                continue
            batches = np.int32(num_steps(len(inputs), evaluation.BATCH))
            bound = jax.device_put(batches, NamedSharding(crew.mesh, WHOLE))
            sums = evaluate_members(
                recipe,
                crew.mesh,
                crew.mode,
                chunk.counts,
                chunk.states.params,
                inputs,
                labels,
                bound,
            )
            means = np.asarray(sums).astype(np.float64) / len(inputs)
            line |= {f"{kind}_{name}": means[:, i] for i, name in enumerate(names)}
        num_examples = len(self._data.train_inputs)
        last = np.int32(epoch * num_steps(num_examples, recipe.batch_size) - 1)
        bound = jax.device_put(last, NamedSharding(crew.mesh, WHOLE))
        line["learning_rate"] = rates_of_members(
            recipe, num_examples, crew.mesh, chunk.counts, chunk.given, bound
        )
        for name, values in line.items():
            self._history[name][members, epoch - 1] = np.asarray(values)[chunk.slots]

    def _locate(
        self, program: Program, row: int, before: PyTree, stop: int
    ) -> tuple[TrainState, Fault]:
        """A member's state just before its first fault, and what that is."""
        recipe = self._grid.recipes[self._grid.settings[program.members[row]]]
        seed = int(program.shuffle_seeds[row])
        state, totals = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), before)
        run_steps = training._prepare(recipe, self._data, seed)
        healthy, fault = training._find_fault(
            recipe, self._data, seed, run_steps, Progress(state, totals, (), ()), stop
        )
        return healthy.state, fault

    def _end_at_fault(
        self, number: int, row: int, state: TrainState, fault: Fault, epoch: int
    ) -> None:
        """Takes a member back to where it was still healthy, and ends it there."""

        def write(into: np.ndarray, leaf: jax.Array) -> None:
            into[row] = leaf

        self._unload()
        jax.tree.map(write, self._states[number], state)
        member = int(self._grid.programs[number].members[row])
        for values in self._history.values():
            values[member, epoch - 1] = np.nan
        self._epochs[member], self._has_ended[member] = epoch - 1, True
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


def _place(rows: np.ndarray, size: int, mesh: Mesh) -> tuple[np.ndarray, jax.Array]:
    """Deals members out to the devices: each one's slot, and how many each device has."""
    counts = np.array([len(part) for part in np.array_split(rows, mesh.devices.size)], np.int32)
    slots = np.concatenate([device * size + np.arange(n) for device, n in enumerate(counts)])
    return slots, jax.device_put(counts, NamedSharding(mesh, MEMBER))


def _put(tree: PyTree, rows: np.ndarray, slots: np.ndarray, size: int, mesh: Mesh) -> PyTree:
    """Rows of arrays in their slots on the devices; an empty slot repeats the first."""
    take = np.full(size * mesh.devices.size, rows[0])
    take[slots] = rows
    return jax.device_put(jax.tree.map(lambda leaf: leaf[take], tree), NamedSharding(mesh, MEMBER))


def _keep(store: PyTree, rows: np.ndarray, tree: PyTree, slots: np.ndarray) -> None:
    """Writes members on the devices to their rows in the host's arrays."""

    def write(into: np.ndarray, leaf: jax.Array) -> None:
        into[rows] = np.asarray(leaf)[slots]

    jax.tree.map(write, store, tree)
