"""What a run ran on, and with how many threads."""

import contextlib
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax

from jaxmlp.runtime import coordination, receipt

MOST_THREADS = 256  # that XLA starts, however many it is told to


def describe() -> dict[str, Any]:
    """What might change a result, or its time, from one machine to another."""
    return {
        **deciding(),
        "python": platform.python_version(),
        "devices": [str(device) for device in jax.devices()],
        "num_cores": _num_cores(),
        "system": platform.platform(),
        "git_commit": _git_commit(),
        "command": sys.argv,
    }


def deciding() -> dict[str, Any]:
    """What might change a result's bits: what a receipt has, and how many processes there are."""
    return {**receipt.describe(), "num_processes": coordination.numbers()[1]}


def use_devices(count: int | None = None) -> None:
    """Makes several devices of a CPU; does nothing once JAX has started.

    Args:
      count: how many; by default one a core, for populations.
    """
    if receipt.num_threads() is None:
        with contextlib.suppress(RuntimeError):  # it has started, and counts its threads otherwise
            jax.config.update("jax_num_cpu_devices", count or usual_threads())


def usual_threads() -> int:
    """How many threads, and devices for a population, a CPU has where nobody says otherwise.

    Raises:
      ValueError: if $NPROC has no number that XLA can start.
    """
    return _nproc() or _num_cores()


def use_threads(count: int | None) -> None:
    """Starts JAX with a number of threads for a CPU's work, which changes a result's last bits.

    Args:
      count: how many; None for as many as there are cores, or as $NPROC says.

    Raises:
      ValueError: if JAX has already started with another number, or cannot start: by $NPROC,
        $XLA_FLAGS or $JAX_PLATFORMS.
    """
    got = receipt.num_threads()
    if got is None:
        if count is not None:
            os.environ["NPROC"] = str(count)
        expected = usual_threads()
        _check_xla_flags()
        try:
            jax.devices()
        except Exception as error:  # of many kinds, by what $JAX_PLATFORMS asks for
            raise ValueError(f"JAX does not start: {str(error) or type(error).__name__}") from error
        got = _wait_for_threads(expected)
    if count is not None and count < (devices := _cpu_devices()):
        raise ValueError(
            f"--threads needs to be at least {devices}, one for each device that the CPU is "
            f"divided into, got {count}"
        )
    if count is not None and got is not None and got != count:
        raise ValueError(
            f"--threads needs to be set before JAX starts: expected {count}, got {got} threads"
        )


def _nproc() -> int | None:
    """The number of threads that $NPROC asks for, if it does.

    Raises:
      ValueError: if it asks for what XLA would not start, or not end starting.
    """
    text = os.environ.get("NPROC", "")
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_THREADS:
        raise ValueError(f"$NPROC needs a whole number from 1 to {MOST_THREADS}, got {text}")
    return int(text)


def _check_xla_flags() -> None:
    """Raises ValueError if $XLA_FLAGS has what XLA does not know, by which it would abort."""
    if not os.environ.get("XLA_FLAGS"):
        return
    probe = [sys.executable, "-c", "import jax; jax.devices()"]
    variables = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(probe, env=variables, capture_output=True, text=True, errors="replace")
    if done.returncode:
        said = re.search(r"flags\w*\.cc:\d+\] (.*)", done.stderr)
        why = said[1] if said else os.environ["XLA_FLAGS"]
        raise ValueError(f"$XLA_FLAGS needs to be what XLA takes, got {why}")


def _wait_for_threads(count: int) -> int | None:
    """How many threads there are, which takes a moment: each is counted from when it first runs."""
    deadline = time.monotonic() + 2
    while (got := receipt.num_threads()) is None or got < count:
        if not _cpu_devices() or sys.platform != "linux" or time.monotonic() > deadline:
            break
        time.sleep(0.001)
    return got


def _cpu_devices() -> int:
    """Devices that the CPU is, which JAX has beside a GPU's; 0 where $JAX_PLATFORMS says so."""
    try:
        return jax.local_device_count("cpu")
    except RuntimeError:
        return 0


def _num_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _git_commit() -> str | None:
    """The checkout's commit, with "+changes" where the working tree differs from it."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
