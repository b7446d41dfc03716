"""What produced a result: all that can change its bits, and how two of such records differ."""

import contextlib
import functools
import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

__all__ = ["describe", "differences", "num_threads", "versions"]

PACKAGES = ("jaxmlp", "jax", "jaxlib", "optax", "flax", "numpy")
# Of those that a GPU's machine code comes from, the ones that are installed.
LIBRARIES = (
    *("jax-cuda12-plugin", "jax-cuda13-plugin", "nvidia-cublas-cu12", "nvidia-cublas"),
    *("nvidia-cuda-nvcc-cu12", "nvidia-cuda-nvcc"),
)
# Of the instruction sets, those that XLA and Eigen choose their code by.
INSTRUCTIONS = (
    *("sse4_2", "avx", "fma", "f16c", "avx2", "avx512f", "avx512bw", "avx512vl", "avx512dq"),
    *("avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "asimd"),
)

SETTINGS = (  # of JAX's configuration, those that can change a result's bits
    *("default_matmul_precision", "enable_x64", "numpy_dtype_promotion", "random_seed_offset"),
    *("threefry_partitionable", "threefry_gpu_kernel_lowering", "softmax_custom_jvp"),
    *("use_direct_linearize", "allow_f16_reductions", "exec_time_optimization_effort"),
    *("memory_fitting_effort", "memory_fitting_level", "optimization_level"),
    *("compiler_enable_remat_pass", "use_shardy_partitioner", "disable_most_optimizations"),
)


def describe() -> dict[str, Any]:
    """What a result's bits depend on besides recipe, data and seed.

    Returns:
      versions (on a GPU also of `LIBRARIES`), platform, device_kind, num_devices, processor,
      instructions, threads (of the pool that divides a CPU's work; None where it cannot be
      counted), xla_flags, and those of `SETTINGS` that this version of JAX has, as they are on the
      thread that asks.
    """
    return {
        "versions": versions() | _libraries(),
        "platform": jax.default_backend(),
        "device_kind": jax.devices()[0].device_kind,
        "num_devices": jax.device_count(),
        "processor": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "instructions": _instructions(),
        "threads": num_threads(),
        **{name: _setting(name) for name in SETTINGS if f"jax_{name}" in jax.config.values},
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def versions() -> dict[str, str | None]:
    """Of the packages that a result's bits depend on; None for one that is not installed."""
    return {name: _version(name) for name in PACKAGES}


def num_threads() -> int | None:
    """How many threads share the work of a CPU's operations; None where they cannot be counted.

    XLA makes them when the first array is, as many as $NPROC or the cores this process may use.
    """
    names = []
    for task in Path("/proc/self/task").glob("*"):
        with contextlib.suppress(OSError):  # the thread has just ended
            names.append((task / "comm").read_text())
    return sum("XLAEigen" in name for name in names) or None


def differences(expected: Any, got: Any, field: str = "") -> Iterator[str]:
    """The fields in which two records differ, one line each.

    >>> list(differences({"seed": 1, "jax": {"x64": False}}, {"seed": 2, "jax": {"x64": False}}))
    ['seed: expected 1, got 2']
    """
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for name in dict.fromkeys([*expected, *got]):
            inner = f"{field}.{name}" if field else str(name)
            if name in expected and name in got:
                yield from differences(expected[name], got[name], inner)
            else:
                values = (each.get(name, "nothing") for each in (expected, got))
                yield "{}: expected {}, got {}".format(inner, *values)
    elif repr(expected) != repr(got):  # 1, 1.0 and True are equal
        yield f"{field}: expected {expected}, got {got}"


def _setting(name: str) -> Any:
    """A setting's value, the local one where a context has set it; an enum's by its name."""
    known = jax.config.values[f"jax_{name}"]
    value = getattr(jax.config, f"jax_{name}", known)
    return getattr(value, "value", value)


@functools.cache  # a process has what it has imported; to look takes milliseconds
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _libraries() -> dict[str, str]:
    names = LIBRARIES if jax.default_backend() == "gpu" else ()
    return {name: found for name in names if (found := _version(name))}


def _instructions() -> list[str]:
    flags = set((_cpuinfo("flags") or _cpuinfo("Features")).split())
    return [name for name in INSTRUCTIONS if name in flags]


def _cpuinfo(field: str) -> str:
    """A field of the first processor, as Linux has it; "" elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    values = [line.partition(":")[2].strip() for line in lines if line.startswith(field)]
    return values[0] if values else ""
