"""Processes of their own: what they print, how long they take, and why they ended."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.app.screen import one_line
from experiments.speed.processes import ROOT

PATIENCE = 120.0  # seconds that a program may take
LOOK = 0.01  # seconds between two looks at one that is to be killed


class Done(NamedTuple):
    """What became of a program."""

    code: int  # its exit code; below 0 the signal that ended it
    seconds: float
    printed: str  # output and errors


def run(
    module: str,
    arguments: Sequence[object],
    variables: Mapping[str, str] = {},
    kill_when: Callable[[], bool] | None = None,
    patience: float = PATIENCE,
) -> Done:
    """Runs a program to its end.

    Args:
      module: of `experiments`.
      arguments: its command line.
      variables: of its environment, beside this process's.
      kill_when: a condition on which it is killed at once.
      patience: seconds after which it is killed in any case.
    """
    command = [sys.executable, "-m", f"experiments.{module}", *map(str, arguments)]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **variables}
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        try:
            while kill_when and process.poll() is None and not kill_when():
                if time.perf_counter() - started > patience:
                    break
                time.sleep(LOOK)
            if kill_when and process.poll() is None:
                process.send_signal(signal.SIGKILL)
            printed, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
        finally:
            process.kill()
    return Done(process.returncode, time.perf_counter() - started, printed or "")


def ask(module: str, *arguments: object, **variables: str) -> dict[str, Any]:
    """What a program says in its last line, as JSON.

    Returns:
      That, and its "seconds"; or "failed", the last line that it printed.
    """
    done = run(module, arguments, variables)
    lines = [line for line in done.printed.splitlines() if line.strip()] or ["nothing"]
    try:
        if done.code == 0:
            return {"failed": None, "seconds": done.seconds, **json.loads(lines[-1])}
    except ValueError:
        pass
    return {"failed": reason(done), "seconds": done.seconds}


def reason(done: Done) -> str:
    """Why a program did not do what it was to: its exit code, and its last line."""
    lines = [line for line in done.printed.splitlines() if line.strip()] or ["it said nothing"]
    said = next((line for line in reversed(lines) if line.startswith("error")), lines[-1])
    return one_line(f"exit code {done.code}: {said}")[:300]


def has_lines(path: Path, count: int) -> bool:
    """Whether a file has so many whole lines."""
    return path.exists() and path.read_bytes().count(b"\n") >= count
