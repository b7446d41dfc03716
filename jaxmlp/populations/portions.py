"""The members of a population that each of several processes trains."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from jaxmlp.populations.folds import Data, data_of
from jaxmlp.populations.grid import Grid, Program, some_of
from jaxmlp.populations.planning import seconds_of
from jaxmlp.populations.teams import Devices, devices_of, teams_of
from jaxmlp.randomness import Seeds
from jaxmlp.training.engine import shapes_of

__all__ = ["Portion", "divide", "own_portion", "part_of", "portion_of", "processes_of"]


class Portion(NamedTuple):
    """The members that a process trains, of all."""

    grid: Grid  # of these members alone
    whole: Grid
    members: np.ndarray  # (own,) int32, their positions in the whole grid
    homes: np.ndarray  # (members,) int32, the process that trains each member
    processes: tuple[int, ...]  # that train some, or could


def processes_of(teams: Sequence[Devices]) -> dict[int, int]:
    """How many teams each process has, by its index.

    Raises:
      ValueError: if the devices of a team are of several processes, or this one has no team.
    """
    counts: dict[int, int] = {}
    for team in teams:
        found = sorted({device.process_index for device in devices_of(team)})
        if len(found) > 1:
            raise ValueError(
                "a member's devices need to be those of one process, got a mesh along whose axis "
                f"data are those of {', '.join(map(str, found))}"
            )
        counts[found[0]] = counts.get(found[0], 0) + 1
    if jax.process_index() not in counts:
        raise ValueError(f"mesh needs a device of this process, {jax.process_index()}, got none")
    return dict(sorted(counts.items()))


def own_portion(grid: Grid, data: Data, mesh: Mesh | None) -> Portion:
    """The members that this process trains on a mesh; by default on all devices of all processes.

    Raises:
      ValueError: as `processes_of` does.
    """
    counts = processes_of(teams_of(mesh))
    return portion_of(grid, data, counts, jax.process_index())


def portion_of(grid: Grid, data: Data, counts: Mapping[int, int], process: int) -> Portion:
    """The members that a process trains.

    Args:
      grid: of all members.
      data: what on.
      counts: how many teams each process has, by its index.
      process: the index of the one.
    """
    processes = tuple(counts)
    if len(processes) == 1:
        everyone = np.arange(len(grid.seeds), dtype=np.int32)
        return Portion(grid, grid, everyone, np.full(len(everyone), process), processes)
    seconds = [
        seconds_of(p, shapes_of(data_of(p, data))) * p.recipe.num_epochs for p in grid.programs
    ]
    homes = np.array(processes, np.int32)[divide(grid, seconds, list(counts.values()))]
    members = np.flatnonzero(homes == process).astype(np.int32)
    return Portion(part_of(grid, members), grid, members, homes, processes)


def divide(grid: Grid, seconds: Sequence[float], teams: Sequence[int]) -> np.ndarray:
    """Which process trains each member: (members,), from 0 on.

    Each gets its part of the work as it can be estimated, and of as few programs as may be: the
    members lie one program after the other, and are cut where a part is full. A program that is cut
    is dealt out member by member, so that the seeds of each setting, and what halving leaves of the
    settings, are spread over those that have it.

    Args:
      grid: of all members.
      seconds: that a member of each program may take.
      teams: how many each process has.

    >>> import jaxmlp, optax
    >>> from jaxmlp.populations.grid import make_grid
    >>> model, task = jaxmlp.mlp((4, 8, 3)), jaxmlp.classification(3)
    >>> recipe = jaxmlp.Recipe(model, task, optax.sgd, {"learning_rate": 0.1})
    >>> grid = make_grid(recipe, range(4), {"hidden_sizes": [(8,), (16,)]})
    >>> divide(grid, [1.0, 1.0], [1, 1]).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    >>> divide(grid, [1.0, 3.0], [1, 1]).tolist()
    [0, 0, 0, 0, 1, 1, 0, 1]
    """
    ends = np.cumsum([len(p.members) * s for p, s in zip(grid.programs, seconds, strict=True)])
    bounds = ends[-1] * np.cumsum(teams) / sum(teams)
    homes = np.empty(len(grid.seeds), np.int32)
    for program, end, each in zip(grid.programs, ends, seconds, strict=True):
        count = len(program.members)
        middles = end - each * (count - np.arange(count) - 0.5)
        middles *= 1 + 1e-9  # one that lies on a bound is beyond it, however it is rounded
        places = np.minimum(np.searchsorted(bounds, middles, side="right"), len(teams) - 1)
        homes[program.members] = _dealt(places)
    return homes


def _dealt(places: np.ndarray) -> np.ndarray:
    """The same numbers, each spread evenly over the whole.

    >>> _dealt(np.array([0, 0, 0, 0, 1, 1])).tolist()
    [0, 0, 1, 0, 0, 1]
    """
    found, counts = np.unique(places, return_counts=True)
    ranks = np.concatenate([(np.arange(count) + 1) / count for count in counts])
    return np.repeat(found, counts)[np.argsort(ranks, kind="stable")]


def part_of(grid: Grid, members: np.ndarray) -> Grid:
    """A grid with some of the members alone, which are counted anew; axes and settings stay."""
    numbers = np.full(len(grid.seeds), -1, np.int32)
    numbers[members] = np.arange(len(members))

    def taken(program: Program) -> Program:
        some = some_of(program, numbers[program.members] >= 0)
        return some._replace(members=numbers[some.members])

    programs = tuple(map(taken, grid.programs))
    return grid._replace(
        seeds=grid.seeds[members],
        draws=Seeds(*(values[members] for values in grid.draws)),
        settings=grid.settings[members],
        points=grid.points[members],
        programs=tuple(program for program in programs if len(program.members)),
    )
