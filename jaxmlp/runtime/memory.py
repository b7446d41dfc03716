"""How much memory there is, and arrays that a CPU's devices share."""

import math
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmlp.types import Array, PyTree

__all__ = ["available", "empty", "gib", "host_array", "maps_taken", "most_maps", "num_bytes"]

ALIGNMENT = 64  # bytes at whose multiples an array begins that JAX takes over without copying


def available(device: jax.Device | None) -> int:
    """Bytes of memory that are free.

    Args:
      device: on which; None or a CPU for the machine's own memory, or what this process's
        control group may use of it.
    """
    if device is not None and device.platform != "cpu":
        stats = device.memory_stats() or {}
        if "bytes_limit" in stats:
            return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    free = _free_memory()
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            root = Path("/sys/fs/cgroup")
            free = min(free, int((root / limit).read_text()) - int((root / used).read_text()))
        except (OSError, ValueError):
            continue  # no such group, or no limit on it
    return free


def _free_memory() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        fields = dict(line.split(":") for line in lines)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 8 * 2**30  # a small laptop's: where the system does not tell


def maps_taken() -> float:
    """The share of the memory maps that Linux gives this process which it has; elsewhere 0."""
    try:
        return Path("/proc/self/maps").read_bytes().count(b"\n") / most_maps()
    except OSError:
        return 0.0


def most_maps() -> int:
    """How many memory maps Linux gives a process: 65,530 where nobody asked for more."""
    return int(Path("/proc/sys/vm/max_map_count").read_bytes())


def num_bytes(tree: PyTree) -> int:
    """What the arrays of a tree take, or would take where they are `jax.ShapeDtypeStruct`.

    >>> num_bytes([np.zeros(5), jax.ShapeDtypeStruct((10, 10**9), np.float32)])
    40000000040
    """
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def gib(count: float) -> str:
    """A number of bytes for the reader.

    >>> gib(3 * 2**29)
    '1.5 GiB'
    """
    return f"{count / 2**30:.3g} GiB"


def host_array(array: Array) -> np.ndarray:
    """The same values where JAX need not copy them for a CPU's devices, which then share them.

    >>> shared = host_array(np.arange(5))
    >>> shared.ctypes.data % ALIGNMENT
    0
    """
    array = np.asarray(array)
    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    if array.dtype == dtype and array.flags.c_contiguous and array.ctypes.data % ALIGNMENT == 0:
        return array
    made = empty(array.shape, dtype)
    made[...] = array
    return made


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """An array to be filled, which JAX need not copy for a CPU's devices then.

    >>> empty((3, 2), np.dtype(np.float32)).shape
    (3, 2)
    """
    size = math.prod(shape) * dtype.itemsize
    scratch = np.empty(size + ALIGNMENT, np.uint8)
    start = -scratch.ctypes.data % ALIGNMENT
    return scratch[start : start + size].view(dtype).reshape(shape)
