"""The near end of a peer's line: starts its process, tells it to go on, and times the answer."""

import contextlib
import importlib.metadata
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from experiments.app.screen import one_line
from experiments.speed.peers import Peer
from experiments.speed.peers.line import Work

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).with_name("peers")
PATIENCE = 600.0  # seconds that an answer may take
HIDING = ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS")  # hide GPUs from a peer
REST = 0.25  # seconds before a turn, in which the threads of the one before stop spinning


class AnswerError(Exception):
    """A peer ended, or did not answer."""


class Process(NamedTuple):
    """A peer that runs."""

    popen: subprocess.Popen[bytes]
    answers: Any  # the near end of its pipe, not buffered, so that `select` sees all there is
    printed: Any  # the file that it prints to, errors too
    started: float  # by `time.perf_counter`


def missing(peer: Peer) -> list[str]:
    """The packages that a peer needs and that are not installed."""

    def is_missing(package: str) -> bool:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return True
        return False

    return [package for package in peer.packages if is_missing(package)]


@contextlib.contextmanager
def running(peer: Peer, work: Work, cache: Path, on_gpu: bool = False) -> Iterator[Process]:
    """A peer's process, which ends with the block.

    Args:
      peer: who.
      work: what it is to do.
      cache: a folder for what it compiles.
      on_gpu: whether it sees the GPUs that there are.
    """
    variables = surroundings(cache)
    for name in HIDING if on_gpu else ():
        del variables[name]
    # As a file, for `-m` would import JAX before it, which not all have use for; -P: its folder is
    # no place to import from.
    near, far = os.pipe()
    arguments = [str(PEERS / f"{peer.name}.py"), json.dumps(work._asdict()), str(far)]
    with tempfile.TemporaryFile() as printed, open(near, "rb", buffering=0) as answers:
        started = time.perf_counter()
        popen = subprocess.Popen(
            [sys.executable, "-P", *arguments],
            bufsize=0,
            cwd=ROOT,
            env={**os.environ, **variables},
            pass_fds=[far],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=printed,
        )
        os.close(far)
        with popen:
            try:
                yield Process(popen, answers, printed, started)
            finally:
                popen.kill()


def surroundings(cache: Path) -> dict[str, str]:
    """The variables that are the same for all: on the processor, with a cache of their own."""
    return {
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "torch"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }


def turn(process: Process, at: str) -> tuple[float, dict[str, Any]]:
    """Tells a peer to go on, once the one before has come to rest.

    Args:
      process: the peer's.
      at: what it is to say when it is done.

    Returns:
      The seconds that it took, and what it said.

    Raises:
      AnswerError: if it says something else, nothing, or nothing for long.
    """
    time.sleep(REST)
    assert process.popen.stdin
    started = time.perf_counter()
    with contextlib.suppress(BrokenPipeError):  # it has ended, and `answer` says why
        process.popen.stdin.write(b"\n")
    said = answer(process, at)
    return time.perf_counter() - started, said


def answer(process: Process, at: str) -> dict[str, Any]:
    """What a peer says next; see `turn`. One that fails is ended, for others have their turns."""
    try:
        return _answer(process, at)
    except AnswerError:
        process.popen.kill()
        raise


def _answer(process: Process, at: str) -> dict[str, Any]:
    if not select.select([process.answers], [], [], PATIENCE)[0]:
        raise AnswerError(f"no answer within {PATIENCE:g} s")
    text = process.answers.readline()
    if not text:
        raise AnswerError(reason(process))
    try:
        said: dict[str, Any] = json.loads(text)
        if said["at"] == at:
            return said
    except (ValueError, KeyError, TypeError):
        pass
    raise AnswerError(one_line(f"expected it to say {at}, got {text.decode(errors='replace')}"))


def reason(process: Process) -> str:
    """Why a process ended: its error, or the last line that it wrote."""
    code = process.popen.wait()
    process.printed.seek(0)
    text = process.printed.read().decode(errors="replace")
    lines = [line for line in map(str.strip, text.splitlines()) if line]
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)]
    return one_line((errors or lines or [f"exit code {code}"])[-1])
