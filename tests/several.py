"""Programs in several processes on this machine, which JAX joins."""

import json
import os
import subprocess
import sys

from programs import ROOT
from programs import start as start_program

from experiments.distributed import free_address

__all__ = ["ends", "free_address", "joined", "start", "start_programs"]

JOINED = """
import json, sys, time
from jaxmlp.runtime import processes, receipt
from jaxmlp.runtime.processes import *

given = json.loads(sys.argv[1])
if "jax" in given:
    versions = receipt.versions() | {"jax": given["jax"]}
    receipt.versions = lambda: versions
started = time.monotonic()
try:
    join(*given["join"], seconds=given["seconds"])
except (OSError, ValueError) as error:
    print(f"{type(error).__name__}: {error}")
    print(time.monotonic() - started)
    sys.exit(1)
exec(given["then"])
"""


def start(program, *arguments, **more):
    """Python at work on a program, with arguments as texts, and more environment."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends(*started):
    """Their exit codes, what each printed, and what it said besides.

    Without gloo's words, but for programs, which are to keep them off the screen by themselves.
    """
    found = [process.communicate(timeout=120) for process in started]
    lines = [out.splitlines() for out, _ in found]
    for process, shown in zip(started, lines, strict=True):
        if "-c" in process.args:
            shown[:] = [line for line in shown if "[Gloo]" not in line]
    return [process.returncode for process in started], lines, [said for _, said in found]


def joined(address, count, number, then="", seconds=60, **more):
    """Python that joins others, and runs some lines; an error is printed, and how long it took."""
    given = {"join": [address, count, number], "then": then, "seconds": seconds, **more}
    return start(JOINED, json.dumps(given))


def start_programs(module, *arguments, own=((), ())):
    """Starts a program in two processes, each perhaps with flags of its own."""
    flags = [f"--coordinator_address={free_address()}", "--num_processes=2"]
    return [
        start_program(module, *flags, f"--process_id={number}", *arguments, *own[number])
        for number in range(2)
    ]
