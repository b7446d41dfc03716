import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.runtime import memory
from jaxmlp.runtime.memory import ALIGNMENT, available, host_array


def aligned(shape, dtype, offset=0):
    """Zeros that begin so many bytes after a multiple of the alignment."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    scratch = np.zeros(size + 2 * ALIGNMENT, np.uint8)
    start = -scratch.ctypes.data % ALIGNMENT + offset
    return scratch[start : start + size].view(dtype).reshape(shape)


def test_free_memory_is_part_of_the_machines():
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total = int(fields["MemTotal"].split()[0]) * 1024
    assert 2**20 < available(None) <= total
    assert 2**20 < available(jax.devices()[0]) <= total


class Device:
    platform = "gpu"

    def __init__(self, stats):
        self.stats = stats

    def memory_stats(self):
        return self.stats


def test_a_device_tells_what_it_has_itself(monkeypatch):
    assert available(Device({"bytes_limit": 100, "bytes_in_use": 30})) == 70
    assert available(Device({"bytes_limit": 100})) == 100
    monkeypatch.setattr(memory, "_free_memory", lambda: 7)
    assert available(Device(None)) == available(Device({})) == available(None) == 7


class Files:
    """Stands for `Path`: reads the files of a dict."""

    def __init__(self, path, files):
        self.path, self.files = path, files

    def __truediv__(self, name):
        return Files(f"{self.path}/{name}", self.files)

    def read_text(self):
        if self.path not in self.files:
            raise FileNotFoundError(self.path)
        return self.files[self.path]


GROUP = "/sys/fs/cgroup"
MEMINFO = {"/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:   5 kB\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8 * 2**30),
        ({"/proc/meminfo": "MemTotal: 9 kB\n"}, 8 * 2**30),
        (MEMINFO, 5120),
        (MEMINFO | {f"{GROUP}/memory.max": "max", f"{GROUP}/memory.current": "1"}, 5120),
        (MEMINFO | {f"{GROUP}/memory.max": "3000", f"{GROUP}/memory.current": "1000"}, 2000),
        (MEMINFO | {f"{GROUP}/memory.max": "90000", f"{GROUP}/memory.current": "1000"}, 5120),
        (
            MEMINFO
            | {
                f"{GROUP}/memory/memory.limit_in_bytes": "700",
                f"{GROUP}/memory/memory.usage_in_bytes": "600",
            },
            100,
        ),
    ],
)
def test_a_control_group_may_have_less_than_the_machine(files, expected, monkeypatch):
    monkeypatch.setattr(memory, "Path", lambda path: Files(path, files))
    assert available(None) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int32, bool])
def test_an_aligned_array_is_taken_over_without_copying(dtype):
    array = aligned((3, 5), dtype)
    assert host_array(array) is array
    shared = jax.device_put(host_array(array))
    assert shared.unsafe_buffer_pointer() == array.ctypes.data


@pytest.mark.parametrize(
    ("dtype", "offset"), list(itertools.product([np.uint8, np.float32, np.int32], [4, 60]))
)
def test_another_array_is_copied_to_where_it_can_be_taken_over(dtype, offset):
    array = aligned((3, 5), dtype, offset)
    array[...] = np.arange(15).reshape(3, 5)
    made = host_array(array)
    assert made.ctypes.data % ALIGNMENT == 0
    assert not np.shares_memory(made, array)
    np.testing.assert_array_equal(made, array)
    assert made.dtype == dtype
    assert jax.device_put(made).unsafe_buffer_pointer() == made.ctypes.data


@pytest.mark.parametrize(
    ("given", "expected"),
    [(np.float64, np.float32), (np.int64, np.int32), (np.uint64, np.uint32), (bool, bool)],
)
def test_dtypes_are_those_that_jax_computes_with(given, expected):
    array = np.array([[0, 1, 2], [3, 4, 7]]).astype(given)
    made = host_array(array)
    assert made.dtype == expected
    assert made.shape == (2, 3)
    assert made.ctypes.data % ALIGNMENT == 0
    np.testing.assert_array_equal(made, array)
    assert jnp.asarray(array).dtype == expected


def test_any_layout_and_any_kind_of_array_will_do():
    array = aligned((6, 4), np.float32)
    array[...] = np.arange(24).reshape(6, 4)
    for given in (array.T, array[::2], np.asfortranarray(array), jnp.asarray(array), [[1.5, 2.5]]):
        made = host_array(given)
        assert made.flags.c_contiguous
        assert made.ctypes.data % ALIGNMENT == 0
        np.testing.assert_array_equal(made, np.asarray(given))
    assert host_array(np.zeros((0, 3))).shape == (0, 3)
    assert host_array(np.float64(2.5)).shape == ()
