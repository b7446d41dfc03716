"""How many members a device takes at a time, so that they fit into memory."""

import functools
import math
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, SingleDeviceSharding

from jaxmlp import training
from jaxmlp.batches import num_steps
from jaxmlp.grid import Grid, Program
from jaxmlp.members import run_members
from jaxmlp.memory import available, host_array
from jaxmlp.recipe import Recipe
from jaxmlp.types import Dataset, PyTree, TrainState

__all__ = ["Crew", "Plan", "prepare", "shapes_of"]

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
    """The devices, with the data on them, and the chunks that they take."""

    devices: tuple[jax.Device, ...]
    mode: str
    sets: tuple[Mapping[str, tuple[jax.Array, jax.Array]], ...]  # on each device
    sizes: tuple[int, ...]  # one a program: the members that a device takes at a time
    # One a program: (device, size) -> `run_members`, compiled.
    runners: tuple[Callable[[jax.Device, int], Callable[..., Any]], ...]

    def size_for(self, program: int, members: int) -> int:
        """The places that a device needs for its part of these members.

        In exact mode empty places cost nothing, in fast mode they cost as much as taken ones.
        """
        size = self.sizes[program]
        while self.mode == "fast" and size > 1 and members <= -(-size // 2) * len(self.devices):
            size = -(-size // 2)
        return size


def prepare(
    grid: Grid,
    data: Dataset,
    mode: str | None,
    mesh: Mesh | None,
    memory: int | None,
    is_shared: bool,
) -> tuple[Crew, Plan]:
    """Compiles each program for chunks that fit into memory, and places the data."""
    devices = tuple(jax.devices() if mesh is None else mesh.devices.flat)
    devices = devices[: max(len(program.seeds) for program in grid.programs)]  # the rest would idle
    is_cpu = devices[0].platform == "cpu"
    mode = mode or ("exact" if is_cpu else "fast")
    if mode not in ("exact", "fast"):
        raise ValueError(f"mode needs to be exact or fast, got {mode}")
    host, device = (
        int(0.9 * available(place)) if memory is None else memory for place in (None, devices[0])
    )
    sets = jax.tree.map(host_array, data.sets())
    data_bytes = _bytes(sets)
    store = sum(len(p.seeds) * _bytes(shapes_of(p, len(data.train_inputs))) for p in grid.programs)
    store += len(grid.seeds) * int(grid.num_epochs.max()) * LINE
    if store + is_cpu * data_bytes > host:
        raise ValueError(
            f"{len(grid.seeds)} members need {_gib(store)} for their states besides "
            f"{_gib(data_bytes)} of data, got {_gib(host)} of memory"
        )
    budget = (host - store - data_bytes) // len(devices) if is_cpu else device - data_bytes
    others = f"the {_gib(store + data_bytes)} of all states and the data"

    def fit(program: Program) -> tuple[int, Callable[[jax.Device, int], Any], int]:
        return _fit(program, data, devices, mode, is_shared, budget, others)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the compiler runs beside itself
        sizes, runners, needs = zip(*pool.map(fit, grid.programs), strict=True)
    crew = Crew(devices, mode, tuple(jax.device_put(sets, d) for d in devices), sizes, runners)
    chunks = [size * len(devices) for size in sizes]
    plan = Plan(
        num_members=len(grid.seeds),
        num_programs=len(grid.programs),
        mode=mode,
        num_devices=len(devices),
        chunk=max(min(c, len(p.seeds)) for c, p in zip(chunks, grid.programs, strict=True)),
        device_bytes=max(needs) + data_bytes,
        host_bytes=store + is_cpu * (data_bytes + len(devices) * max(needs)),
        available_bytes=host if is_cpu else min(host, device),
    )
    return crew, plan


def _fit(
    program: Program,
    data: Dataset,
    devices: tuple[jax.Device, ...],
    mode: str,
    is_shared: bool,
    budget: int,
    others: str,
) -> tuple[int, Callable[[jax.Device, int], Any], int]:
    """The most members a device that fit: how many, their programs, the bytes that one needs."""
    like = _like(data, program)

    def runner(device: jax.Device, size: int) -> Any:
        return _compile(program.static, device, mode, is_shared, size, *like)

    members = size = -(-len(program.seeds) // len(devices))
    state = _bytes(shapes_of(program, len(data.train_inputs)))
    if mode == "exact":
        size = min(size, _chunk(program, data))
    elif devices[0].platform == "cpu":
        row = 0 if is_shared else 4 * math.prod(np.shape(data.train_inputs)[1:])
        size = min(size, CACHE // (state + program.static.batch_size * row))
    size = max(1, min(size, budget // (4 * state)))
    size = -(-members // -(-members // size))  # as many chunks, of like size
    while True:
        analysis = runner(devices[0], size).memory_analysis()
        needed = (
            analysis.argument_size_in_bytes
            + analysis.output_size_in_bytes
            + analysis.temp_size_in_bytes
            - _bytes(like[1:])  # the data: among the arguments, but shared, and counted apart
        )
        if needed <= budget:
            break
        if size == 1:
            raise ValueError(
                f"a member needs {_gib(needed)} on each of {len(devices)} devices, "
                f"besides {others}; got {_gib(budget)}"
            )
        size = max(1, min(size // 2, size * budget // needed))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda device: runner(device, size), devices[1:]))
    return size, runner, needed


def _chunk(program: Program, data: Dataset) -> int:
    """Members a device at a time in exact mode, for a chunk's epoch to take about 2 s.

    The estimate is rough, and may be: fewer are as fast unless calls become very short, and more
    only make the progress coarser.
    """
    recipe = program.static
    params = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes_of(program, 1).params))
    steps = num_steps(len(data.train_inputs), recipe.batch_size)
    seconds = steps * (30e-6 + 6 * recipe.batch_size * params / 1e11)
    return int(np.clip(BLOCK_SECONDS / seconds, FEWEST, MOST))


@functools.lru_cache(maxsize=256)
def _compile(
    recipe: Recipe,
    device: jax.Device,
    mode: str,
    is_shared: bool,
    size: int,
    numbers: tuple[str, ...],
    inputs: jax.ShapeDtypeStruct,
    labels: jax.ShapeDtypeStruct,
) -> Any:
    """`run_members` for up to `size` members on a device."""
    given = dict.fromkeys(numbers, _scalar(jnp.float32)), _scalar(jnp.uint32)
    state = jax.eval_shape(functools.partial(training._init, recipe, inputs.shape[0]), *given)
    totals = jax.eval_shape(lambda: training._no_totals(recipe))

    def many(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((size, *leaf.shape), leaf.dtype)

    def placed(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        sharding = SingleDeviceSharding(device)
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    members = jax.tree.map(many, (given, (state, totals)))
    arguments = (_scalar(jnp.int32), *members, inputs, labels, _scalar(jnp.int32))
    lowered = run_members.lower(recipe, mode, is_shared, *jax.tree.map(placed, arguments))
    return lowered.compile()


def _scalar(dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((), dtype)


def _like(data: Dataset, program: Program) -> tuple[Any, ...]:
    arrays = (data.train_inputs, data.train_labels)
    dtypes = [jax.dtypes.canonicalize_dtype(np.asarray(array).dtype) for array in arrays]
    return (
        tuple(program.numbers),
        *(
            jax.ShapeDtypeStruct(np.shape(array), dtype)
            for array, dtype in zip(arrays, dtypes, strict=True)
        ),
    )


def shapes_of(program: Program, num_examples: int) -> TrainState:
    """The shapes and dtypes of one member's state."""
    numbers, seed = dict.fromkeys(program.numbers, _scalar(jnp.float32)), _scalar(jnp.uint32)
    init = functools.partial(training._init, program.static, num_examples)
    return jax.eval_shape(init, numbers, seed)


def _bytes(tree: PyTree) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _gib(count: float) -> str:
    return f"{count / 2**30:.3g} GiB"
