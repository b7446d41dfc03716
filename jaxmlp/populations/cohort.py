"""A population in training: the chunk of its members that is on the devices, and the rest."""

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from jaxmlp.populations.folds import Data, data_of, folds_of
from jaxmlp.populations.grid import Grid, Program
from jaxmlp.populations.planning import Crew
from jaxmlp.populations.population import Population, copied, epoch_of, live_in
from jaxmlp.populations.retire import Halving, Lagging, end_at, is_rung, locate, retired
from jaxmlp.populations.shares import Share, chunks, deal, on_all
from jaxmlp.randomness import Seeds
from jaxmlp.training import loop
from jaxmlp.training.batches import num_steps
from jaxmlp.types import Fault, TrainState

__all__ = ["Cohort", "Report"]


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
    is_last: bool = False  # whether another process stops all, so that nothing more is called


class Cohort:
    """A population in training: the host's arrays, and the chunk that is on the devices."""

    def __init__(
        self,
        grid: Grid,
        data: Data,
        eval_every: int,
        on_fault: str,
        crew: Crew,
        start: Population,
    ) -> None:
        self._grid, self._data, self._crew = grid, data, crew
        self._eval_every, self._on_fault = eval_every, on_fault
        self._host = start  # its arrays are written in
        self._resident: tuple[int, list[Share]] | None = None  # of a program, newer than the host's
        self._blocks = [1] * len(grid.programs)

    @property
    def live(self) -> np.ndarray:
        """The members that are still training."""
        return live_in(self._host)

    def train_epoch(self, halving: Halving | None) -> Iterator[float]:
        """Trains and evaluates all live members for an epoch; yields the share that is done."""
        epoch, done, whole = epoch_of(self._host) + 1, 0, len(self.live)
        is_ranked = halving is not None and is_rung(halving, epoch)
        is_due = (self._host.ended_by == 0) & (self._host.epochs < epoch)
        for number, program in enumerate(self._grid.programs):
            rows = np.flatnonzero(is_due[program.members])
            size = self._crew.sizes[number] * len(self._crew.teams)
            for each in self._crew.together(program, rows):
                for part in chunks(each, size):
                    for share in self._train_chunk(number, part, epoch, is_ranked):
                        yield (done + share * len(part)) / whole
                    done += len(part)

    def end_members(
        self,
        patience: int | None,
        stop_metric: str,
        halving: Halving | None,
        lagging: Lagging | None = None,
    ) -> None:
        """Retires those whose time has come after an epoch; arguments as of `retired`."""
        given = patience, stop_metric, halving, lagging
        self._host.ended_by[:] = retired(self._grid, self._host, *given)

    def report(self, share: float, is_last: bool = False) -> Report:
        """What a callback sees."""
        _, history, epochs, _, faults = host = self._host
        live = len(self.live)
        return Report(
            epoch_of(host), share, live, history, epochs, faults, self.population, is_last
        )

    def population(self, copy: bool = True) -> Population:
        """All that there is to go on from, a copy or the host's own arrays."""
        self._unload()
        return copied(self._host) if copy else self._host

    def _train_chunk(
        self, number: int, rows: np.ndarray, epoch: int, is_ranked: bool
    ) -> Iterator[float]:
        program = self._grid.programs[number]
        steps = self._steps(program)
        first, step = (epoch - 1) * steps, (epoch - 1) * steps
        shares = [
            share._replace(carried=share.worker.start_epoch(share.carried))
            for share in self._load(number, rows)
        ]
        faulty: dict[int, tuple[TrainState, Fault]] = {}  # row -> its state before its fault
        while step < first + steps:
            started = time.perf_counter()
            stop = shares[0].worker.block_end(step, min(step + self._blocks[number], first + steps))
            after = on_all(functools.partial(_run, stop), shares)
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
        self._write_lines(number, shares, epoch, is_ranked)
        self._resident = number, shares
        self._host.epochs[program.members[rows]] = epoch
        for row, (state, fault) in faulty.items():
            self._unload()
            end_at(fault, state, self._grid, self._host, number, row)

    def _load(self, number: int, rows: np.ndarray) -> list[Share]:
        """The members on the devices, where they may be already."""
        if self._resident and self._resident[0] == number:
            shares = self._resident[1]
            if np.array_equal(np.concatenate([share.rows for share in shares]), rows):
                return shares
        self._unload()
        program, crew = self._grid.programs[number], self._crew
        given = dict(program.numbers), program.draws, self._host.states[number], program.folds
        return deal(rows, crew.size_for(number, len(rows)), crew.workers[number], given)

    def _unload(self) -> None:
        """Brings the host's arrays up to date."""
        if self._resident:
            number, shares = self._resident
            for share in shares:
                share.worker.keep(self._host.states[number], share.rows, share.carried)
            self._resident = None

    def _write_lines(self, number: int, shares: list[Share], epoch: int, is_ranked: bool) -> None:
        """Adds an epoch to the members' histories, to the bit as `train` does."""
        program = self._grid.programs[number]
        is_due = epoch % self._eval_every == 0 or epoch == program.recipe.num_epochs or is_ranked
        step = epoch * self._steps(program)
        line = functools.partial(_lines, step, is_due)
        for share, values in zip(shares, on_all(line, shares), strict=True):
            for name, column in values.items():
                self._host.history[name][program.members[share.rows], epoch - 1] = column

    def _steps(self, program: Program) -> int:
        """Of an epoch."""
        count = len(data_of(program, self._data).train_inputs)
        return num_steps(count, program.static.batch_size)

    def _locate(
        self, program: Program, row: int, share: Share, slot: int, stop: int
    ) -> tuple[TrainState, Fault]:
        """The state before a member's first fault, and that, which is one before step `stop`."""
        recipe = self._grid.recipes[self._grid.points[program.members[row]]]
        seeds, crew = Seeds(*(values[row] for values in program.draws)), self._crew
        member = share.worker.member(share.carried, slot)
        fold = program.folds[row]
        where = crew.sets[0][fold], crew.teams[0], crew.window
        return locate(recipe, folds_of(self._data)[fold], *where, seeds, member, stop)


def _run(stop: int, share: Share) -> Share:
    return share._replace(carried=share.worker.run(share.carried, stop))


def _lines(step: int, is_due: bool, share: Share) -> dict[str, np.ndarray]:
    return share.worker.lines(share.carried, step, is_due)
