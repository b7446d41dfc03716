"""Compiling: ahead of time, side by side, each program once; and kept on the disk, if asked to."""

import contextlib
import gc
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any, NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding, SingleDeviceSharding

from jaxmlp.runtime.memory import maps_taken, most_maps
from jaxmlp.types import PyTree

__all__ = [
    "Call",
    "Place",
    "call",
    "compile_all",
    "default_device",
    "in_float32",
    "let_go",
    "shape_of",
]

MOST = 1024  # programs that are kept in memory
ROOM, FULL = 0.4, 0.8  # of a process's memory maps

Name = TypeVar("Name", bound=Hashable)
Place: TypeAlias = jax.Device | Sharding  # a sharding of arrays that all of its devices have whole
OnCompiled = Callable[[int, int], None]  # is told how many are done, and of how many

_compiled: OrderedDict[Hashable, Future[Any]] = OrderedDict()
_lock = threading.Lock()
_left = 0.0  # of the memory maps, since programs were let go of last


class Call(NamedTuple):
    """What is to be compiled: a jitted function for arguments of certain shapes, and where."""

    function: Any  # what `jax.jit` returned
    static: tuple[Hashable, ...]  # its first arguments, which are static
    arguments: tuple[PyTree, ...]  # the others: trees of arrays, or of `jax.ShapeDtypeStruct`
    device: Place  # of all arguments but those shapes that have a sharding of their own


def compile_all(
    calls: Mapping[Name, Call], on_compiled: OnCompiled | None = None
) -> dict[Name, Any]:
    """Compiles functions beside each other, each of them once in a process.

    They are traced here, one after another, since JAX's configuration may be local to this thread;
    all of it is part of what a program is known by. Then they are compiled on all cores.

    Args:
      calls: what to compile, by names; those that take the longest had better come first.
      on_compiled: called with the number that is done, and that of all.

    Returns:
      Each one compiled: to be called with its arguments, but for the static ones, on its device.

    Raises:
      ValueError: they are more than the process has memory maps for.
    """
    pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="compile")
    try:
        futures = {name: _compiling(each, pool) for name, each in calls.items()}
        if on_compiled:
            for done, _ in enumerate(as_completed(set(futures.values())), 1):
                on_compiled(done, len(set(futures.values())))
        return {name: future.result() for name, future in futures.items()}
    finally:  # after Ctrl-C, say, what has not begun never will
        pool.shutdown(wait=False, cancel_futures=True)


def call(function: Any, static: tuple[Hashable, ...], *arguments: PyTree) -> Any:
    """Calls a jitted function as it is, but compiled by `compile_all`, which may have been before.

    Inside of a function that is being traced, under `jax.disable_jit`, and with arrays that lie on
    several devices, it is an ordinary call.
    """
    if jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        return function(*static, *arguments)
    leaves = jax.tree.leaves(arguments)
    arrays = [leaf for leaf in leaves if isinstance(leaf, jax.Array)]
    if any(isinstance(array, jax.core.Tracer) for array in arrays):
        return function(*static, *arguments)
    places = {device for array in arrays if array.committed for device in array.devices()}
    if len(places) > 1:
        with in_float32():
            return function(*static, *arguments)
    device = places.pop() if places else default_device()
    placed = jax.device_put(arguments, device)
    return compile_all({"it": Call(function, static, placed, device)})["it"](*placed)


def let_go() -> None:
    """Lets go of all programs that nobody else holds; JAX, which keeps each of them too, as well.

    On a CPU a program of a training takes some 90 memory maps, of 65,530 that Linux gives a
    process, and XLA ends a process that gets no more.
    """
    global _left
    with _lock:
        _compiled.clear()
    jax.clear_caches()
    gc.collect()
    _left = maps_taken()


@contextlib.contextmanager
def in_float32() -> Iterator[None]:
    """What is traced here multiplies float32 in float32, where JAX's configuration says nothing.

    By default a GPU would take TF32, and a TPU bfloat16.

    >>> with in_float32():
    ...     print(jax.config.jax_default_matmul_precision)
    highest
    """
    is_said = jax.config.jax_default_matmul_precision is not None  # type: ignore[attr-defined]
    with contextlib.nullcontext() if is_said else jax.default_matmul_precision("highest"):
        yield


def default_device() -> jax.Device:
    """Where JAX puts an array that nobody placed."""
    chosen: Any = jax.config.jax_default_device  # type: ignore[attr-defined]
    if isinstance(chosen, str):
        return jax.devices(chosen)[0]
    return jax.local_devices()[0] if chosen is None else chosen


def shape_of(leaf: Any) -> jax.ShapeDtypeStruct:
    """The shape, and the dtype that JAX gives an array.

    >>> shape_of(np.zeros(2, np.int64))
    ShapeDtypeStruct(shape=(2,), dtype=int32)
    """
    leaf = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
    dtype = leaf.dtype
    if isinstance(leaf, jax.ShapeDtypeStruct) and leaf.sharding is not None:
        return leaf
    if not jnp.issubdtype(dtype, jax.dtypes.extended):  # as a random key's is
        dtype = jax.dtypes.canonicalize_dtype(dtype)
    return jax.ShapeDtypeStruct(np.shape(leaf), dtype)


def _compiling(each: Call, pool: ThreadPoolExecutor) -> Future[Any]:
    """The program that is being compiled, or has been."""
    shapes = jax.tree.map(shape_of, each.arguments)
    leaves, structure = jax.tree.flatten(shapes)
    settings = tuple(getattr(jax.config, name, None) for name in jax.config.values)
    key = (each.function, each.static, structure, tuple(leaves), each.device, settings)
    with _lock:
        if key in _compiled:
            _compiled.move_to_end(key)
            return _compiled[key]
    _make_room()
    future = pool.submit(_compile, _lower(each._replace(arguments=shapes)))
    with _lock:
        _compiled[key] = future
        while len(_compiled) > MOST:
            _compiled.popitem(last=False)
    future.add_done_callback(
        lambda done: _forget(key) if done.cancelled() or done.exception() else None
    )
    return future


def _lower(each: Call) -> Any:
    """What the compiler is given."""
    where = each.device
    sharding = where if isinstance(where, Sharding) else SingleDeviceSharding(where)
    placed = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(
            leaf.shape, leaf.dtype, sharding=leaf.sharding or sharding
        ),
        each.arguments,
    )
    with in_float32():
        return each.function.lower(*each.static, *placed)


def _compile(lowered: Any) -> Any:
    """Compiles, unless it would be the end of the process."""
    if maps_taken() > FULL:
        let_go()  # of what others held when room was made last
    if maps_taken() > FULL:
        raise ValueError(
            f"a process has at most {most_maps():,} memory maps (vm.max_map_count), some 90 for "
            f"each program on a CPU: expected fewer programs at a time, got {len(_compiled):,}"
        )
    return lowered.compile()


def _make_room() -> None:
    """Lets go of programs each time that so many more memory maps are taken."""
    if maps_taken() > _left + ROOM:
        let_go()


def _forget(key: Hashable) -> None:
    """Lets what failed be tried again."""
    with _lock:
        _compiled.pop(key, None)
