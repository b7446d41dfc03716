"""A population in training: the host's arrays, the members on the devices, and who goes on."""

import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import evaluation, stopping, training
from jaxmlp.batches import num_steps
from jaxmlp.grid import Grid, Program
from jaxmlp.members import (
    are_finite,
    evaluate_members,
    init_members,
    rates_of_members,
)
from jaxmlp.planning import Crew, shapes_of
from jaxmlp.recipe import Recipe
from jaxmlp.runs import FAULT, HALVING, LENGTH, PATIENCE, Runs
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

    states: tuple[TrainState, ...]  # one a program, leaves (its members, ...), in NumPy
    history: dict[str, np.ndarray]  # name -> (members, epochs) float64, NaN where there is none
    epochs: np.ndarray  # (members,) int32, that each has finished
    ended_by: np.ndarray  # (members,) int8, why it ended, as in `Runs`; 0 for not yet
    faults: dict[int, Fault]  # member -> where it ended


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

        return jax.tree.map(many, shapes_of(program, len(data.train_inputs)))

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
    names = [f"{kind}_{name}" for kind in data.sets() for name in _measured(recipe)]
    return names + ["learning_rate"] * _has_rate(recipe)


def _measured(recipe: Recipe) -> list[str]:
    return ["loss", *(metric.__name__ for metric in recipe.task.metrics)]


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
    for program, store, size in zip(grid.programs, states, crew.sizes, strict=True):
        init = functools.partial(init_members, program.static, len(data.train_inputs))

        def fill(share: _Share, init: Any = init, store: PyTree = store) -> None:
            _keep(store, share.rows, init(share.num, share.given))

        for rows in _split(np.arange(len(program.seeds)), size * len(crew.devices)):
            given = dict(program.numbers), program.seeds
            _on_all(fill, _deal(rows, size, crew.devices, given, None))
    history = {name: np.full(line.shape, np.nan, line.dtype) for name, line in like.history.items()}
    members = len(grid.seeds)
    return Population(states, history, np.zeros(members, np.int32), np.zeros(members, np.int8), {})


class _Share(NamedTuple):
    """The members of a chunk that one device has."""

    device: int  # among the crew's
    rows: np.ndarray  # (members,) their rows among their program's
    num: jax.Array  # () int32, how many there are: what lies behind them below is nobody's
    given: tuple[Mapping[str, jax.Array], jax.Array]  # numbers and seeds, leaves (size,)
    states: Any  # TrainState, leaves (size, ...)
    totals: Any = None  # name -> (size,) float32, over the epoch so far


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
        names = [*_measured(program.static), "num_examples"]
        shares = self._load(number, rows)
        zeros = np.zeros(len(shares[0].given[1]), np.float32)
        shares = [
            share._replace(totals=self._on(share, dict.fromkeys(names, zeros))) for share in shares
        ]
        faulty: dict[int, tuple[TrainState, Fault]] = {}  # row -> its state before its fault
        while step < first + steps:
            started = time.perf_counter()
            stop = min(step + self._blocks[number], first + steps)
            run = functools.partial(self._run, number, stop)
            after = _on_all(run, shares)
            if self._on_fault == "stop":
                for before, share in zip(shares, after, strict=True):
                    is_healthy = np.asarray(are_finite((share.states, share.totals)))
                    for slot in np.flatnonzero(~is_healthy[: len(share.rows)]):
                        if (row := int(share.rows[slot])) not in faulty:
                            faulty[row] = self._locate(program, row, before, slot, stop)
            shares, step = after, stop
            self._blocks[number] = training._next_block(
                self._blocks[number], time.perf_counter() - started
            )
            yield (step - first) / steps
        self._write_lines(number, shares, epoch, is_rung)
        self._resident = number, shares
        self._epochs[program.members[rows]] = epoch
        for row, (state, fault) in faulty.items():
            self._end_at_fault(number, row, state, fault, epoch)

    def _run(self, number: int, stop: int, share: _Share) -> _Share:
        inputs, labels = self._crew.sets[share.device]["train"]
        carried = share.states, share.totals
        device = self._crew.devices[share.device]
        runner = self._crew.runners[number](device, len(share.given[1]))
        bound = self._on(share, np.int32(stop))
        states, totals = jax.block_until_ready(
            runner(share.num, share.given, carried, inputs, labels, bound)
        )
        return share._replace(states=states, totals=totals)

    def _on(self, share: _Share, tree: PyTree) -> PyTree:
        return jax.device_put(tree, self._crew.devices[share.device])

    def _load(self, number: int, rows: np.ndarray) -> list[_Share]:
        """The members on the devices, where they may be already."""
        if self._resident and self._resident[0] == number:
            shares = self._resident[1]
            if np.array_equal(np.concatenate([share.rows for share in shares]), rows):
                return shares
        self._unload()
        program, crew = self._grid.programs[number], self._crew
        given = dict(program.numbers), program.shuffle_seeds
        size = crew.size_for(number, len(rows))
        return _deal(rows, size, crew.devices, given, self._states[number])

    def _unload(self) -> None:
        """Brings the host's arrays up to date."""
        if self._resident:
            number, shares = self._resident
            for share in shares:
                _keep(self._states[number], share.rows, share.states)
            self._resident = None

    def _write_lines(self, number: int, shares: list[_Share], epoch: int, is_rung: bool) -> None:
        """Adds an epoch to the members' histories, to the bit as `train` does."""
        program = self._grid.programs[number]
        is_due = epoch % self._eval_every == 0 or epoch == program.recipe.num_epochs or is_rung
        line = functools.partial(self._line, program, epoch, is_due)
        for share, values in zip(shares, _on_all(line, shares), strict=True):
            members = program.members[share.rows]
            for name, column in values.items():
                self._history[name][members, epoch - 1] = column[: len(members)]

    def _line(
        self, program: Program, epoch: int, is_due: bool, share: _Share
    ) -> dict[str, np.ndarray]:
        """An epoch of a device's members: name -> (size,)."""
        recipe, num_examples = program.static, len(self._data.train_inputs)
        names = _measured(recipe)
        totals = {name: np.asarray(total) for name, total in share.totals.items()}
        with np.errstate(invalid="ignore"):  # of a member with a fault, or in no use
            line = {f"train_{name}": totals[name] / totals["num_examples"] for name in names}
        for kind, (inputs, labels) in self._crew.sets[share.device].items() if is_due else ():
            if kind == "train":
                continue
            batches = self._on(share, np.int32(num_steps(len(inputs), evaluation.BATCH)))
            mode, params = self._crew.mode, share.states.params
            sums = evaluate_members(recipe, mode, share.num, params, inputs, labels, batches)
            means = np.asarray(sums).astype(np.float64) / len(inputs)
            line |= {f"{kind}_{name}": means[:, i] for i, name in enumerate(names)}
        if _has_rate(program.recipe):
            last = np.int32(epoch * num_steps(num_examples, recipe.batch_size) - 1)
            rates = rates_of_members(
                recipe, num_examples, share.num, share.given, self._on(share, last)
            )
            line["learning_rate"] = np.asarray(rates)
        return line

    def _locate(
        self, program: Program, row: int, share: _Share, slot: Any, stop: int
    ) -> tuple[TrainState, Fault]:
        """A member's state just before its first fault, and what that is."""
        recipe = self._grid.recipes[self._grid.settings[program.members[row]]]
        seed = int(program.shuffle_seeds[row])
        state, totals = jax.tree.map(
            lambda leaf: jnp.asarray(np.asarray(leaf[slot])), (share.states, share.totals)
        )
        placed: Any = self._crew.sets[0]["train"]  # not to be copied for each fault
        data = self._data._replace(train_inputs=placed[0], train_labels=placed[1])
        run_steps = training._prepare(recipe, data, seed)
        healthy, fault = training._find_fault(
            recipe, data, seed, run_steps, Progress(state, totals, (), ()), stop
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
    devices: tuple[jax.Device, ...],
    given: tuple[PyTree, np.ndarray],
    states: TrainState | None,
) -> list[_Share]:
    """Puts rows of the host's arrays on the devices, as evenly as may be; none gets no share."""

    def share(device: int, own: np.ndarray) -> _Share:
        take = np.full(size, own[0])  # what is not in use repeats the first
        take[: len(own)] = own
        tree = np.int32(len(own)), *jax.tree.map(lambda leaf: leaf[take], (given, states))
        return _Share(device, own, *jax.device_put(tree, devices[device]))

    parts = enumerate(np.array_split(rows, len(devices)))
    return [share(device, own) for device, own in parts if len(own)]


def _keep(store: PyTree, rows: np.ndarray, tree: PyTree) -> None:
    """Writes a device's members to their rows in the host's arrays."""

    def write(into: np.ndarray, leaf: jax.Array) -> None:
        into[rows] = np.asarray(leaf)[: len(rows)]

    jax.tree.map(write, store, tree)


def _on_all(function: Callable[[_Share], Any], shares: list[_Share]) -> list[Any]:
    """Calls a function for each device's share, at the same time."""
    if len(shares) == 1:
        return [function(shares[0])]
    with ThreadPoolExecutor(len(shares)) as pool:
        return list(pool.map(function, shares))
