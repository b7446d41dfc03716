"""Which members of a population go on after an epoch, and where those end that met a fault."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.objectives.records import Metric, of_column
from jaxmlp.populations.grid import Grid
from jaxmlp.populations.population import Population, epoch_of, live_in, write
from jaxmlp.populations.runs import FAULT, HALVING, LENGTH, PATIENCE
from jaxmlp.populations.teams import Team
from jaxmlp.randomness import Seeds
from jaxmlp.training import loop, stopping
from jaxmlp.training.engine import Engine, Sets, Totals
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Dataset, Fault, Progress, TrainState

__all__ = [
    "Halving",
    "Lagging",
    "Standing",
    "end_at",
    "is_rung",
    "lagging_at",
    "locate",
    "retired",
    "rungs",
    "standing_at",
]


Lagging = Callable[[int, Population], np.ndarray]  # a rung, and the population after it


class Halving(NamedTuple):
    """Successive halving: settings that lag behind at a rung end there.

    The rungs are after `first` epochs, `first * factor`, `first * factor**2` and so on. At each,
    settings are ranked by the mean of a metric over their members, and the best share of 1 / factor
    goes on. Source: Jamieson and Talwalkar, Non-stochastic Best Arm Identification, 2016.
    """

    metric: str  # such as "validation_accuracy"
    factor: int = 3
    first: int = 1  # epochs before the first rung


def is_rung(halving: Halving, epoch: int) -> bool:
    """Whether settings are ranked after an epoch."""
    return epoch in rungs(halving, epoch)


def rungs(halving: Halving, epoch: int) -> list[int]:
    """The epochs after which settings are ranked, up to one.

    >>> rungs(Halving("test_loss", factor=3, first=2), 18)
    [2, 6, 18]
    """
    found, rung = [], halving.first
    while rung <= epoch:
        found.append(rung)
        rung *= halving.factor
    return found


class Standing(NamedTuple):
    """What a rung ranks by, of each member."""

    values: np.ndarray  # (members,) float64, the last that was measured, NaN where there is none
    is_live: np.ndarray  # (members,) bool: whether it has not ended before
    is_faulty: np.ndarray  # (members,) bool


def standing_at(grid: Grid, population: Population, epoch: int, column: str) -> Standing:
    """How members stand at a rung, now or when it has passed: what came later changes nothing."""
    lines = population.history.get(column, np.full((len(grid.seeds), epoch), math.nan))[:, :epoch]
    last = [line[~np.isnan(line)][-1:] for line in lines]  # of one that ended before, too
    reasons, epochs = population.ended_by, population.epochs
    faults = [m for m, fault in population.faults.items() if fault.epoch <= epoch]
    is_faulty = np.isin(np.arange(len(lines)), faults)
    has_ended = is_faulty | (grid.num_epochs <= epoch)
    has_ended |= (reasons == PATIENCE) & (epochs <= epoch)
    has_ended |= np.isin(reasons, (HALVING, FAULT)) & (epochs < epoch)
    values = np.array([float(each[0]) if len(each) else math.nan for each in last])
    return Standing(values, ~has_ended, is_faulty)


def retired(
    grid: Grid,
    population: Population,
    patience: int | None,
    stop_metric: str,
    halving: Halving | None,
    lagging: Lagging | None = None,
) -> np.ndarray:
    """Why each member has ended, once an epoch is over; (members,) int8, as in `Runs`.

    Args:
      grid: the population's.
      population: after the epoch.
      patience: as of `train_many`.
      stop_metric: likewise.
      halving: likewise.
      lagging: says which settings end at a rung; by default what this population's members say.
    """
    epoch, live, known = epoch_of(population), live_in(population), grid.metrics
    ended_by = population.ended_by.copy()
    ended_by[live[grid.num_epochs[live] <= epoch]] = LENGTH
    if patience is not None:
        lines = population.history[stop_metric][:, :epoch]
        live, metric = np.flatnonzero(ended_by == 0), of_column(stop_metric, known)
        ended_by[[m for m in live if _is_exhausted(lines[m], metric, patience)]] = PATIENCE
    if halving is not None and is_rung(halving, epoch):
        live = np.flatnonzero(ended_by == 0)
        after = population._replace(ended_by=ended_by)
        if lagging is None:
            found = lagging_at(grid, standing_at(grid, after, epoch, halving.metric), halving)
        else:
            found = lagging(epoch, after)
        ended_by[live[np.isin(grid.settings[live], found)]] = HALVING
    return ended_by


def lagging_at(grid: Grid, standing: Standing, halving: Halving) -> np.ndarray:
    """The settings that end at a rung, (settings,) int32, by how all members stand."""
    settings = np.unique(grid.settings[standing.is_live])
    metric = of_column(halving.metric, grid.metrics)
    scores = [_score(grid, standing, each, metric) for each in settings]
    best = settings[np.argsort(np.negative(scores), kind="stable")]
    lagging: np.ndarray = best[-(-len(settings) // halving.factor) :]
    return lagging


def locate(
    recipe: Recipe,
    data: Dataset,
    sets: Sets,
    team: Team,
    window: int | None,
    seeds: Seeds,
    member: tuple[TrainState, Totals],
    stop: int,
) -> tuple[TrainState, Fault]:
    """A member's state just before its first fault, and what that is.

    Args:
      recipe: the member's own.
      data: what it is trained on.
      sets: the same on the team's devices, not to be copied for each fault.
      team: where to look.
      window: bytes, as of `train`.
      seeds: of the data order and of the noise.
      member: its state, every number in it finite, and its totals.
      stop: the step before which the fault is.
    """
    names = "train_inputs", "train_labels", "train_weights"
    placed: Any = dict(zip(names, sets["train"], strict=False))
    data = data._replace(**placed)
    engine = Engine.of(recipe, data, team, window)
    state, totals = engine.put(member)
    progress = Progress(state, totals, (), ())
    healthy, fault = loop.find_fault(engine, recipe, data, seeds, progress, stop)
    return healthy.state, fault


def end_at(
    fault: Fault, state: TrainState, grid: Grid, population: Population, number: int, row: int
) -> None:
    """Takes a member back to where it was still healthy, in place, and ends it there.

    Args:
      fault: what ended it.
      state: the one before.
      grid: the population's.
      population: in which this is written.
      number: of its program.
      row: its own there.
    """
    write(population.states[number], row, state)
    member = int(grid.programs[number].members[row])
    for values in population.history.values():
        values[member, fault.epoch - 1] = np.nan
    population.epochs[member], population.ended_by[member] = fault.epoch - 1, FAULT
    population.faults[member] = fault


def _is_exhausted(values: np.ndarray, metric: Metric, patience: int) -> bool:
    return stopping.is_exhausted([{metric.name: float(v)} for v in values], metric, patience)


def _score(grid: Grid, standing: Standing, setting: int, metric: Metric) -> float:
    """The mean over a setting's members, of each one's last; with a faulty one it is worst."""
    members = np.flatnonzero(grid.settings == setting)
    if standing.is_faulty[members].any():
        return -math.inf
    return stopping.score({metric.name: float(np.mean(standing.values[members]))}, metric)
