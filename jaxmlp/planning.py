"""How many members a device takes at a time, so that they fit into memory."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding

from jaxmlp import training
from jaxmlp.batches import num_steps
from jaxmlp.grid import Grid, Program
from jaxmlp.members import MEMBER, WHOLE, run_members
from jaxmlp.memory import available, host_array
from jaxmlp.recipe import Recipe
from jaxmlp.types import Dataset, PyTree, TrainState

__all__ = ["Crew", "Plan", "prepare", "shapes_of"]

BLOCK_SECONDS = 2.0  # that an epoch of one chunk should take about
FEWEST, MOST = 8, 512  # members of a chunk in exact mode, a device


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

    mesh: Mesh
    mode: str
    is_shared: bool
    sets: Mapping[str, tuple[jax.Array, jax.Array]]
    sizes: tuple[int, ...]  # one a program: the members of a chunk, a device
    runners: tuple[Callable[..., Any], ...]  # one a program: the compiled `run_members`

    @property
    def num_devices(self) -> int:
        """How many there are."""
        return self.mesh.devices.size


def prepare(
    grid: Grid,
    data: Dataset,
    mode: str | None,
    mesh: Mesh | None,
    memory: int | None,
    is_shared: bool,
) -> tuple[Crew, Plan]:
    """Compiles each program for chunks that fit into memory, and places the data."""
    devices = np.array(jax.devices()) if mesh is None else mesh.devices
    mesh = Mesh(devices.reshape(-1), ("member",))
    is_cpu = devices.flat[0].platform == "cpu"
    mode = mode or ("exact" if is_cpu else "fast")
    if mode not in ("exact", "fast"):
        raise ValueError(f"mode needs to be exact or fast, got {mode}")
    count, whole = devices.size, NamedSharding(mesh, WHOLE)
    arrays = jax.tree.map(host_array, data.sets())
    data_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(arrays))
    free = [available(None), available(devices.flat[0])]  # on the host, on a device
    free = [int(0.9 * free[i]) if memory is None else memory for i in range(2)]

    state_bytes = [_bytes(shapes_of(program, len(data.train_inputs))) for program in grid.programs]
    sizes_of_store = [
        len(program.seeds) * size for program, size in zip(grid.programs, state_bytes, strict=True)
    ]
    store = sum(sizes_of_store)
    budget = (free[0] - store - data_bytes) // count if is_cpu else free[1] - data_bytes
    total = len(grid.seeds)
    if store + is_cpu * data_bytes > free[0]:
        raise ValueError(
            f"{total} members need {_gib(store)} for their states besides {_gib(data_bytes)} of "
            f"data, got {_gib(free[0])} of memory"
        )

    sizes, runners, needs = [], [], []
    for program, state in zip(grid.programs, state_bytes, strict=True):
        size = -(-len(program.seeds) // count)
        if mode == "exact":
            size = min(size, _chunk(program, data))
        size = max(1, min(size, budget // (4 * state + 1)))
        while True:
            runner = _compile(program.static, mesh, mode, is_shared, size, *_like(data, program))
            analysis = runner.memory_analysis()
            # Arguments hold the data, which a CPU's devices share and which are counted apart.
            needed = (
                analysis.argument_size_in_bytes
                + analysis.output_size_in_bytes
                + analysis.temp_size_in_bytes
                - sum(leaf.nbytes for leaf in jax.tree.leaves(arrays["train"]))
            )
            if needed <= budget:
                break
            if size == 1:
                raise ValueError(
                    f"a member needs {_gib(needed)} on each of {count} devices, besides the "
                    f"{_gib(store + data_bytes)} of all states and the data; got {_gib(budget)}"
                )
            size = max(1, min(size // 2, size * budget // needed))
        sizes.append(size)
        runners.append(runner)
        needs.append(needed)

    sets = {kind: jax.device_put(pair, whole) for kind, pair in arrays.items()}
    crew = Crew(mesh, mode, is_shared, sets, tuple(sizes), tuple(runners))
    host = store + is_cpu * (data_bytes + count * max(needs))
    on_device = max(needs) + data_bytes
    scarce = free[0] if is_cpu else min(free)
    chunk = max(min(s * count, len(p.seeds)) for s, p in zip(sizes, grid.programs, strict=True))
    return crew, Plan(total, len(grid.programs), mode, count, chunk, on_device, host, scarce)


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


@functools.lru_cache(maxsize=64)
def _compile(
    recipe: Recipe,
    mesh: Mesh,
    mode: str,
    is_shared: bool,
    size: int,
    numbers: tuple[str, ...],
    inputs: jax.ShapeDtypeStruct,
    labels: jax.ShapeDtypeStruct,
) -> Any:
    """`run_members` for chunks of `size` members a device."""
    members = size * mesh.devices.size

    def split(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, dtype, sharding=NamedSharding(mesh, MEMBER))

    def whole(like: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(like.shape, like.dtype, sharding=NamedSharding(mesh, WHOLE))

    given = (
        {name: split((members,), jnp.float32) for name in numbers},
        split((members,), jnp.uint32),
    )
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((), leaf.dtype), given)
    state = jax.eval_shape(functools.partial(training._init, recipe, inputs.shape[0]), *one)
    totals = jax.eval_shape(lambda: training._no_totals(recipe))
    carried = jax.tree.map(lambda leaf: split((members, *leaf.shape), leaf.dtype), (state, totals))
    return run_members.lower(
        recipe,
        mesh,
        mode,
        is_shared,
        split((mesh.devices.size,), jnp.int32),
        given,
        carried,
        whole(inputs),
        whole(labels),
        whole(jax.ShapeDtypeStruct((), jnp.int32)),
    ).compile()


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
    numbers = {name: jax.ShapeDtypeStruct((), jnp.float32) for name in program.numbers}
    seed = jax.ShapeDtypeStruct((), jnp.uint32)
    init = functools.partial(training._init, program.static, num_examples)
    return jax.eval_shape(init, numbers, seed)


def _bytes(tree: PyTree) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _gib(count: float) -> str:
    return f"{count / 2**30:.3g} GiB"
