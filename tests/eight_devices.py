"""Lines for a Python of its own, whose CPU is eight devices."""

import os
import subprocess
import sys
from pathlib import Path

START = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", 8)
sys.path[:0] = ["tests", "tests/{room}"]
"""


def printed(program, room, *arguments):
    """What they print, line by line; the tests of a room can be imported."""
    done = subprocess.run(
        [sys.executable, "-c", START.format(room=room) + program, *arguments],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "NPROC": "8"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
