"""What a run ran on, and with how many threads."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax

from jaxmlp import receipt


def describe() -> dict[str, Any]:
    """What might change a result, or its time, from one machine to another."""
    return {
        **receipt.describe(),
        "python": platform.python_version(),
        "devices": [str(device) for device in jax.devices()],
        "num_cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": platform.platform(),
        "git_commit": _git_commit(),
        "command": sys.argv,
    }


def use_threads(count: int | None) -> None:
    """Starts JAX with a number of threads for a CPU's work, which changes a result's last bits.

    Args:
      count: how many; None for as many as there are cores, or as $NPROC says.

    Raises:
      ValueError: if JAX has already started with another number.
    """
    if count is not None and receipt.num_threads() is None:
        os.environ["NPROC"] = str(count)
    jax.devices()
    got = receipt.num_threads()
    if count is not None and got is not None and got != count:
        raise ValueError(
            f"--threads needs to be set before JAX starts: expected {count}, got {got} threads"
        )


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
