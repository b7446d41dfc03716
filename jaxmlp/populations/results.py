"""From a population to its `Runs`: of one process, or from what several have trained."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.populations.folds import Data, data_of, sizes_of
from jaxmlp.populations.planning import state_of
from jaxmlp.populations.population import Population, columns, columns_of
from jaxmlp.populations.portions import Portion
from jaxmlp.populations.runs import Runs
from jaxmlp.runtime.exchange import decoded, encoded
from jaxmlp.training.engine import shapes_of
from jaxmlp.types import Fault, TrainState

__all__ = ["Course", "as_bytes", "course_of", "joined_courses", "results"]


class Course(NamedTuple):
    """How the training of members went: all but their states."""

    history: dict[str, np.ndarray]  # name -> (members, epochs) float64
    epochs: np.ndarray  # (members,) int32, that each has finished
    ended_by: np.ndarray  # (members,) int8
    faults: dict[int, Fault]  # member -> where it ended


def course_of(population: Population) -> Course:
    """That of a population."""
    return Course(*population[1:])


def results(portion: Portion, data: Data, course: Course, states: Sequence[TrainState]) -> Runs:
    """The results of a population.

    Args:
      portion: of which this process has the states.
      data: trained on.
      course: of all members.
      states: of the portion's, one a program of its own.
    """
    grid = portion.whole
    shape = tuple(len(values) for values in grid.axes.values())
    epochs = course.epochs
    lines = {n: v.astype(np.float32).reshape(*shape, -1) for n, v in course.history.items()}
    positions = {m: tuple(int(i) for i in np.unravel_index(m, shape)) for m in course.faults}
    is_whole = len(portion.processes) == 1
    return Runs(
        dict(grid.axes),
        lines,
        epochs.reshape(shape),
        tuple(states) if is_whole else _states(portion, data, states),
        _places(portion).reshape(*shape, 2),
        {positions[member]: fault for member, fault in course.faults.items()},
        float(epochs.sum() / grid.num_epochs.sum()),
        tuple(
            tuple(columns_of(program.recipe, data_of(program, data))) for program in grid.programs
        ),
        course.ended_by.reshape(shape),
        tuple(program.recipe.eval_params for program in grid.programs),
        grid.metrics,
        None if is_whole else portion.homes.reshape(shape),
        () if is_whole else portion.processes,
        sizes_of(data),
    )


def _states(portion: Portion, data: Data, states: Sequence[TrainState]) -> tuple[TrainState, ...]:
    """The states here, one a program of all; without rows where there are none."""
    own = iter(states)

    def empty(leaf: Any) -> np.ndarray:
        return np.empty((0, *leaf.shape), leaf.dtype)

    return tuple(
        next(own)
        if np.isin(program.members, portion.members).any()
        else jax.tree.map(empty, state_of(program, shapes_of(data_of(program, data))))
        for program in portion.whole.programs
    )


def _places(portion: Portion) -> np.ndarray:
    """Each member's program, and its row there, -1 where others have it; (members, 2)."""
    places = np.full((len(portion.whole.seeds), 2), -1, np.int32)
    for number, program in enumerate(portion.whole.programs):
        places[program.members, 0] = number
        here = program.members[np.isin(program.members, portion.members)]
        places[here, 1] = np.arange(len(here))
    return places


def as_bytes(course: Course) -> bytes:
    """A course as other processes are told of it."""
    faults = {str(member): fault._asdict() for member, fault in course.faults.items()}
    arrays = {f"history/{name}": values for name, values in course.history.items()}
    arrays |= {"epochs": course.epochs, "ended_by": course.ended_by}
    return encoded({**arrays, "faults": np.array(json.dumps(faults))})


def joined_courses(portion: Portion, data: Data, told: Sequence[bytes]) -> Course:
    """The course of all members, from what the processes have told of theirs, in their order."""
    count, most = len(portion.whole.seeds), int(portion.whole.num_epochs.max())
    history = {name: np.full((count, most), np.nan) for name in columns(portion.whole, data)}
    whole = Course(history, np.zeros(count, np.int32), np.zeros(count, np.int8), {})
    for process, content in zip(portion.processes, told, strict=True):
        members, arrays = np.flatnonzero(portion.homes == process), decoded(content)
        whole.epochs[members], whole.ended_by[members] = arrays["epochs"], arrays["ended_by"]
        for name, values in history.items():
            if (own := arrays.get(f"history/{name}")) is not None:
                values[members, : own.shape[1]] = own
        for member, fault in json.loads(str(arrays["faults"])).items():
            whole.faults[int(members[int(member)])] = Fault(**fault)
    return whole._replace(faults=dict(sorted(whole.faults.items())))
