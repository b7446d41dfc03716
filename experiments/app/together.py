"""Several processes as one program: process 0 alone writes and shows, and all end alike."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from experiments.app import screen
from experiments.app.settings import Settings
from jaxmlp import processes
from jaxmlp.runtime import coordination

FLAGS = ("coordinator_address", "num_processes", "process_id")
START = ("mesh", "mode", "threads", "deterministic")  # what JAX's devices start by
LOCAL = ("data_dir", "dataset")  # of a config: where the data lie may differ, not what they are


def join(given: Settings) -> int:
    """Joins the processes that the flags are of, if they are; how many there are.

    Raises:
      ValueError: if the flags do not fit each other, or as `processes.join` does; OSError likewise.
    """
    values = [getattr(given, name) for name in FLAGS]
    missing = [f"--{name}" for name, value in zip(FLAGS, values, strict=True) if value is None]
    if not given.distributed and len(missing) == len(FLAGS):
        return 1
    if missing and not given.distributed:
        there = [f"--{name}" for name in FLAGS if f"--{name}" not in missing]
        raise ValueError(
            f"several processes need all of --{', --'.join(FLAGS)}, got {' and '.join(there)} "
            f"alone; with --distributed, JAX detects what is left out"
        )
    if given.process_id == 0 and not missing:
        others, where = (given.num_processes or 1) - 1, given.coordinator_address
        print(f"waiting for {others} more at {where}, for up to {processes.PATIENCE} s", flush=True)
    screen.set_apart()  # gloo says on it whom it is connected to
    try:
        processes.join(*values)
    except ValueError as error:
        said = str(error).replace("join needs", "distributed needs", 1)
        is_of_flag = said.startswith((*FLAGS, "distributed"))
        raise ValueError(f"--{said}" if is_of_flag else said) from error
    processes.same({name: getattr(given, name) for name in START})
    number, count = coordination.numbers()
    if number:
        print(f"process {number} of {count}: process 0 shows and writes", flush=True)
    return count


def agree(config: Mapping[str, Any]) -> None:
    """Sees to it that all processes do the same work on the same data.

    Raises:
      ValueError: naming the settings of which this is not so.
    """
    processes.same({"data_sha256": config["data_sha256"]})  # which decides much of what follows
    processes.same({name: value for name, value in config.items() if name not in LOCAL})


@contextlib.contextmanager
def ending_alike() -> Iterator[None]:
    """All processes end with the worst exit code of any, when each has written what it writes."""
    if not processes.are_joined():
        yield
        return
    code: Any = 0
    try:
        yield
    except SystemExit as ended:
        code = ended.code or 0
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    code = max(processes.everyones(code))
    processes.leave()
    if code:
        sys.exit(code)
