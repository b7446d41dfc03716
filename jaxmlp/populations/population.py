"""A population under way on the host: its arrays, their shapes, and how it begins."""

import operator
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.populations.folds import Data, data_of, folds_of
from jaxmlp.populations.grid import Grid, Program
from jaxmlp.populations.members import Worker
from jaxmlp.populations.planning import Crew, state_of
from jaxmlp.populations.shares import on_all
from jaxmlp.runtime.keydata import plain
from jaxmlp.training.engine import measured, shapes_of
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Dataset, Fault, PyTree, TrainState

__all__ = [
    "Population",
    "beginning",
    "columns",
    "columns_of",
    "copied",
    "epoch_of",
    "live_in",
    "population_of",
    "write",
]


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


def population_of(grid: Grid, data: Data) -> Population:
    """The shapes of a grid's population, as `jax.ShapeDtypeStruct`."""

    def members_of(program: Program) -> TrainState:
        def many(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct((len(program.seeds), *leaf.shape), leaf.dtype)

        return jax.tree.map(many, state_of(program, shapes_of(data_of(program, data))))

    def leaf(dtype: Any, *shape: int) -> Any:
        return jax.ShapeDtypeStruct(shape, dtype)

    members = len(grid.seeds)
    line = leaf(np.float64, members, int(grid.num_epochs.max(initial=0)))
    return Population(
        tuple(members_of(program) for program in grid.programs),
        dict.fromkeys(columns(grid, data), line),
        leaf(np.int32, members),
        leaf(np.int8, members),
        {},
    )


def columns(grid: Grid, data: Data) -> list[str]:
    """The names in the history, of all members together."""
    one = folds_of(data)[0]  # all have the same sets
    return list(dict.fromkeys(n for p in grid.programs for n in columns_of(p.recipe, one)))


def columns_of(recipe: Recipe, data: Dataset) -> list[str]:
    """The names in the history of a recipe's members."""
    names = [f"{kind}_{name}" for kind in data.sets() for name in measured(recipe)]
    return names + ["learning_rate"] * ("learning_rate" in dict(recipe.hyperparameters))


def copied(population: Population) -> Population:
    """A population that shares no array with another."""
    return Population(
        jax.tree.map(np.copy, population.states),
        {name: values.copy() for name, values in population.history.items()},
        population.epochs.copy(),
        population.ended_by.copy(),
        dict(population.faults),
    )


def beginning(grid: Grid, data: Data, crew: Crew) -> Population:
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
                write(store, row, worker.init(numbers, seed))

        parts = np.array_split(np.arange(len(program.seeds)), len(workers))
        on_all(fill, list(zip(workers, parts, strict=True)))
    history = {name: np.full(line.shape, np.nan, line.dtype) for name, line in like.history.items()}
    members = len(grid.seeds)
    return Population(states, history, np.zeros(members, np.int32), np.zeros(members, np.int8), {})


def live_in(population: Population) -> np.ndarray:
    """The members that are still training."""
    return np.flatnonzero(population.ended_by == 0)


def epoch_of(population: Population) -> int:
    """The last epoch that all live members have finished."""
    live = live_in(population)
    return int(population.epochs[live].min() if len(live) else population.epochs.max(initial=0))


def write(store: PyTree, row: int, state: PyTree) -> None:
    """Puts a member's state in its row of the host's arrays, leaves (members, ...)."""

    def put(into: np.ndarray, leaf: jax.Array) -> None:
        into[row] = leaf

    jax.tree.map(put, store, plain(state))
