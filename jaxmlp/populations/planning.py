"""How many members a device takes at a time, so that they fit into memory."""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from jaxmlp.populations.folds import Data, data_of, folds_of, like
from jaxmlp.populations.grid import Grid, Program
from jaxmlp.populations.members import OneByOne, SideBySide, Worker
from jaxmlp.populations.teams import (
    Team,
    as_team,
    devices_of,
    own_teams,
    place_of,
    teams_of,
)
from jaxmlp.runtime.compilation import OnCompiled, compile_all, default_device
from jaxmlp.runtime.keydata import plain
from jaxmlp.runtime.memory import available, gib, num_bytes
from jaxmlp.training.batches import num_steps
from jaxmlp.training.engine import (
    Engine,
    Sets,
    Shapes,
    calls_for,
    calls_of,
    hosted,
    place,
    shapes_of,
    streamed,
)
from jaxmlp.types import TrainState

__all__ = ["Crew", "Plan", "prepare", "seconds_of", "state_of"]

BLOCK_SECONDS = 2.0  # that an epoch of one chunk should take about
FEWEST, MOST = 8, 512  # members of a chunk in exact mode, a device
LINE = 8 * 12  # bytes of a member's history an epoch, about
CACHE = 8 * 2**20  # bytes a CPU's device that members side by side may take


class Plan(NamedTuple):
    """What a population needs; sizes in bytes."""

    num_members: int
    num_programs: int  # compilations
    mode: str  # "exact" or "fast"
    num_devices: int
    chunk: int  # members that are trained at a time
    device_bytes: int  # on each device, at the most
    host_bytes: int  # for the members' states, and on a CPU for the rest too
    available_bytes: int  # on the scarcer of the two


class Crew(NamedTuple):
    """The teams of devices, with the data on them, and the chunks that they take."""

    teams: tuple[Team, ...]
    mode: str
    sets: tuple[tuple[Sets, ...], ...]  # of each team, of each fold
    sizes: tuple[int, ...]  # one a program: the members that a team takes at a time
    workers: tuple[tuple[Worker, ...], ...]  # one a program, of one a team
    window: int | None = None  # bytes of a set's examples, as of `train`

    def size_for(self, program: int, members: int) -> int:
        """The places that a team needs for its part of these members.

        In exact mode empty places cost nothing, in fast mode they cost as much as taken ones.
        """
        size = self.sizes[program]
        while self.mode == "fast" and size > 1 and members <= -(-size // 2) * len(self.teams):
            size = -(-size // 2)
        return size

    def together(self, program: Program, rows: np.ndarray) -> list[np.ndarray]:
        """Rows of a program's members that may be trained at once: in fast mode, of one fold."""
        folds = program.folds[rows]
        if self.mode == "exact":
            return [rows]
        return [rows[folds == fold] for fold in np.unique(folds)]


def prepare(
    grid: Grid,
    data: Data,
    mode: str | None,
    mesh: Mesh | None,
    memory: int | None,
    is_shared: bool,
    on_compiled: OnCompiled | None = None,
    window: int | None = None,
) -> tuple[Crew, Plan]:
    """Compiles all that the programs run, for chunks that fit into memory, and places the data."""
    there = own_teams(teams_of(mesh))
    # The rest would idle.
    found = there[: max((len(program.seeds) for program in grid.programs), default=0)]
    first, count = devices_of(there[0])[0], sum(len(devices_of(team)) for team in found)
    is_cpu = first.platform == "cpu"
    mode, folds = mode or ("exact" if is_cpu else "fast"), folds_of(data)
    if mode not in ("exact", "fast"):
        raise ValueError(f"mode needs to be exact or fast, got {mode}")
    if mode == "fast" and (read := streamed(folds[0])):
        raise ValueError(
            "a window needs mode='exact', in which the members of a device take turns at it; in "
            "fast mode all of them train on rows of their own at once: it needs data in memory, "
            f"got {', '.join(read)} in windows"
        )
    teams = tuple(as_team(team, mode, grid.programs, folds[0].train_inputs) for team in found)
    host, device = (
        int(0.9 * available(place)) if memory is None else memory for place in (None, first)
    )
    arrays = [hosted(each) for each in folds]
    data_bytes = num_bytes(arrays)
    store = sum(len(p.seeds) * num_bytes(_state(p, data)) for p in grid.programs)
    store += len(grid.seeds) * int(grid.num_epochs.max(initial=0)) * LINE
    if store + is_cpu * data_bytes > host:
        raise ValueError(
            f"{len(grid.seeds)} members need {gib(store)} for their states besides "
            f"{gib(data_bytes)} of data, got {gib(host)} of memory"
        )
    budget = (host - store - data_bytes) // max(1, count) if is_cpu else device - data_bytes
    sets = tuple(tuple(place(each, place_of(team)) for each in arrays) for team in teams)
    own = functools.partial(_one_by_one, data, window)
    find = own if mode == "exact" else functools.partial(_side_by_side, data, is_shared)
    workers, sizes, needs = find(grid.programs, teams, sets, budget, on_compiled)
    if (most := max(needs, default=0)) > budget:
        raise ValueError(
            f"a member needs {gib(most)} on each of {count} devices, besides the "
            f"{gib(store + data_bytes)} of all states and the data; got {gib(budget)}"
        )
    chunks = [size * len(teams) for size in sizes]
    plan = Plan(
        num_members=len(grid.seeds),
        num_programs=len(grid.programs),
        mode=mode,
        num_devices=count,
        chunk=max(map(min, chunks, [len(p.seeds) for p in grid.programs]), default=0),
        device_bytes=most + data_bytes,
        host_bytes=store + is_cpu * (data_bytes + count * most),
        available_bytes=host if is_cpu else min(host, device),
    )
    known = tuple(
        tuple({**each, **streamed(fold)} for each, fold in zip(own_sets, folds, strict=True))
        for own_sets in sets
    )
    return Crew(teams, mode, known, tuple(sizes), tuple(workers), window), plan


Found = tuple[
    Sequence[tuple[Worker, ...]], list[int], list[int]
]  # of each program, as `Crew` has them


def _one_by_one(
    data: Data,
    window: int | None,
    programs: Sequence[Program],
    teams: Sequence[Team],
    sets: Sequence[Sequence[Sets]],
    budget: int,
    on_compiled: OnCompiled | None,
) -> Found:
    """Workers of exact mode, how many members each takes at a time, and the bytes for these."""
    folds = folds_of(data)
    calls = {
        (number, place, first, name): call
        for number, program in enumerate(programs)
        for place, team in enumerate(teams)
        for first in dict.fromkeys(like(program, data).values())
        for name, call in calls_for(program.recipe, folds[first], team, window).items()
    }
    compiled = compile_all(calls, on_compiled)
    workers, sizes, needs = [], [], []
    for number, program in enumerate(programs):
        firsts, shapes = like(program, data), shapes_of(data_of(program, data))

        def engine_of(place: int, fold: int, first: int, number: int = number) -> Engine:
            recipe, team, own = programs[number].recipe, teams[place], sets[place][fold]
            runs = _named(compiled, (number, place, first))
            return Engine.made(recipe, folds[fold], own, runs, team, window)

        own = [
            {fold: engine_of(place, fold, first) for fold, first in firsts.items()}
            for place in range(len(teams))
        ]
        workers.append(tuple(map(OneByOne, own)))
        run = compiled[number, 0, next(iter(firsts)), "run"]
        state, alone = num_bytes(state_of(program, shapes)), _needed(run, shapes)
        if "train" in streamed(folds[0]):  # what is read, is read for this program alone, and ahead
            alone += num_bytes(shapes["train"]) + 2 * (window or 0)
        most = 1 + max(0, budget - alone) // (2 * state)  # each goes in and comes out
        sizes.append(_even(len(program.seeds), min(_chunk(program, shapes), most), len(teams)))
        needs.append(alone + 2 * (sizes[-1] - 1) * state)
    return workers, sizes, needs


def _side_by_side(
    data: Data,
    is_shared: bool,
    programs: Sequence[Program],
    teams: Sequence[Team],
    sets: Sequence[Sequence[Sets]],
    budget: int,
    on_compiled: OnCompiled | None,
) -> Found:
    """The same of fast mode, where a chunk's size is compiled into its programs."""
    shapes = [shapes_of(data_of(program, data)) for program in programs]
    workers = [
        tuple(
            SideBySide(
                program.recipe,
                own,
                team,
                {int(fold): each[fold] for fold in np.unique(program.folds)},
                is_shared,
            )
            for team, each in zip(teams, sets, strict=True)
        )
        for program, own in zip(programs, shapes, strict=True)
    ]
    sizes = [
        _beside(program, own, teams, is_shared, budget)
        for program, own in zip(programs, shapes, strict=True)
    ]
    needs = [0] * len(programs)
    while True:
        calls = {
            (number, place, first, name): call
            for number, own in enumerate(workers)
            for place, worker in enumerate(own)
            for first in dict.fromkeys(like(programs[number], data).values())
            for name, call in worker.calls(sizes[number], first).items()
        }
        compiled = compile_all(calls, on_compiled)
        needs = [
            _needed(compiled[number, 0, int(program.folds.min()), "run"], own)
            for number, (program, own) in enumerate(zip(programs, shapes, strict=True))
        ]
        tight = [n for n, size in enumerate(sizes) if needs[n] > budget and size > 1]
        if not tight:
            return workers, sizes, needs
        for number in tight:
            smaller = sizes[number] * budget // needs[number]
            sizes[number] = max(1, min(sizes[number] // 2, smaller))


def _named(compiled: Mapping[tuple[int, int, int, str], Any], whose: Any) -> dict[str, Any]:
    """The programs of one of those that were compiled for, by their names."""
    return {name: each for (*those, name), each in compiled.items() if tuple(those) == whose}


def _needed(run: Any, shapes: Shapes) -> int:
    """Bytes that a compiled program takes on its device, but for the data, which others share."""
    analysis = run.memory_analysis()
    return (
        analysis.argument_size_in_bytes
        + analysis.output_size_in_bytes
        + analysis.temp_size_in_bytes
        - num_bytes(shapes["train"])
    )


def _beside(
    program: Program,
    shapes: Shapes,
    teams: Sequence[Team],
    is_shared: bool,
    budget: int,
) -> int:
    """Members a team that should fit side by side: on a CPU, into its cache."""
    state, most = num_bytes(state_of(program, shapes)), _most_of_a_fold(program)
    size = most
    if devices_of(teams[0])[0].platform == "cpu":
        row = 0 if is_shared else 4 * math.prod(shapes["train"][0].shape[1:])
        size = CACHE // (state + program.static.batch_size * row)
    return _even(most, min(size, budget // (4 * state)), len(teams))


def _most_of_a_fold(program: Program) -> int:
    return int(np.bincount(program.folds).max())


def _even(count: int, most: int, num_teams: int) -> int:
    """As few chunks of so many members as there need be, of like size: those of one, a team."""
    members = -(-count // num_teams)
    return -(-members // -(-members // max(1, min(most, members))))


def _chunk(program: Program, shapes: Shapes) -> int:
    """Members a team at a time in exact mode, for a chunk's epoch to take about 2 s.

    The estimate is rough, and may be: more only make the progress coarser.
    """
    return int(np.clip(BLOCK_SECONDS / seconds_of(program, shapes), FEWEST, MOST))


def seconds_of(program: Program, shapes: Shapes) -> float:
    """About how long a member's epoch takes, on two cores: a rough estimate."""
    recipe, num_examples = program.static, shapes["train"][0].shape[0]
    params = sum(
        math.prod(leaf.shape) for leaf in jax.tree.leaves(state_of(program, shapes).params)
    )
    steps = num_steps(num_examples, recipe.batch_size)
    return steps * (30e-6 + 6 * recipe.batch_size * params / 1e11)


def _state(program: Program, data: Data) -> TrainState:
    return state_of(program, shapes_of(data_of(program, data)))


def state_of(program: Program, shapes: Shapes) -> TrainState:
    """The shapes and dtypes of one member's state, as the host keeps it."""
    calls = calls_of(program.recipe, shapes, default_device())
    state: TrainState = plain(calls["run"].arguments[3])
    return state
