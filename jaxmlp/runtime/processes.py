"""Several processes that train together, by JAX's own runtime: joining, agreeing, ending."""

import atexit
import contextlib
import functools
import itertools
import json
import os
import platform
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmlp.naming import kind_of
from jaxmlp.runtime import coordination, receipt
from jaxmlp.types import Array

__all__ = [
    "LOST",
    "ProcessLostError",
    "any_of",
    "is_first",
    "join",
    "largest",
    "leave",
    "noticing_losses",
    "same",
    "spans_processes",
]

LOST = 75  # the exit code where another process is lost: to be tried again, as sysexits.h has it
SILENCE = 15  # seconds without a sign of life, after which a process counts as lost
DAY = 86_400.0  # seconds that a process waits for others to have written what they write at the end

_turns = itertools.count()  # of `same`, in which all processes take part
_has_joined, _has_lost = False, False


class ProcessLostError(RuntimeError):
    """Another process has ended, or cannot be reached, so that this one cannot go on."""


def join(
    coordinator_address: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    seconds: int = 60,
) -> None:
    """Makes this process one of several whose devices train together.

    Comes before anything that JAX computes. From then on the end of one process, whatever its
    reason, is the end of all: the others say so in a line and end with exit code 75, within 20
    seconds. On CPUs the processes talk by gloo.

    Args:
      coordinator_address: where process 0 is reached by the others, "10.0.0.1:1234"; the port is
        to be free.
      num_processes: how many there are.
      process_id: which one this is, from 0.
      seconds: after which there is an error if not all have come.
      What is left out is for JAX to detect, on Slurm, Kubernetes, Cloud TPU and by Open MPI.

    Raises:
      ValueError: if an argument is no such, two processes have one number, or versions or the
        number of processes are not the same everywhere.
      OSError: if the port is taken, nobody is there, or a process does not come.
    """
    global _has_joined
    if jax.distributed.is_initialized():
        raise ValueError("join needs to be called once, got a second call")
    _check(coordinator_address, num_processes, process_id, seconds)
    if coordinator_address is not None and process_id:
        _await_coordinator(coordinator_address, seconds)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # What SIGTERM does is for the program to say.
    jax.config.update("jax_enable_preemption_service", False)
    with coordination.reporting(seconds, _report_loss):
        try:
            jax.distributed.initialize(
                coordinator_address,
                num_processes,
                process_id,
                initialization_timeout=seconds,
                heartbeat_timeout_seconds=SILENCE,
            )
        except Exception as error:
            raise _worded(error, coordinator_address, num_processes, process_id, seconds) from error
    _has_joined = True
    atexit.register(_leave_after_an_error)  # before JAX, which would wait for the others
    here = {"python": platform.python_version(), **receipt.versions()}
    same({"num_processes": num_processes, "versions": here}, seconds=seconds)


def is_first() -> bool:
    """Whether this is process 0, or the only one: the one that writes and shows.

    >>> is_first()
    True
    """
    return not jax.distributed.is_initialized() or jax.process_index() == 0


def any_of(flag: bool, mesh: Mesh | None = None) -> bool:
    """Whether a flag is true in any process; all of them ask at the same place.

    >>> any_of(False), any_of(True)
    (False, True)
    """
    return bool(largest(bool(flag), mesh))


def largest(numbers: Any, mesh: Mesh | None = None) -> Array:
    """The largest of each number over all processes; all of them ask at the same place.

    Args:
      numbers: one, or an array of them; float32 is enough for each.
      mesh: whose processes are asked, in place of all.

    Returns:
      float32, of the same shape; `numbers` itself where there is one process.

    Raises:
      ProcessLostError: if a process does not answer since it has ended.

    >>> largest([1.0, 5.0]).tolist()
    [1.0, 5.0]
    """
    values = np.asarray(numbers, np.float32)
    if not jax.distributed.is_initialized() or not (mesh is None or spans_processes(mesh)):
        return values
    line = Mesh(np.array(jax.devices()) if mesh is None else mesh.devices.ravel(), ("each",))
    each = NamedSharding(line, PartitionSpec("each"))
    shape = (line.size, *values.shape)
    with noticing_losses():
        given = jax.make_array_from_callback(shape, each, lambda index: values[None])
        return np.asarray(_maximum(line)(given).addressable_data(0))


def spans_processes(mesh: Mesh) -> bool:
    """Whether a mesh has devices of several processes."""
    return len({device.process_index for device in mesh.devices.flat}) > 1


def same(what: Mapping[str, Any], *, seconds: float = 60) -> None:
    """Sees to it that all processes were given the same; all of them ask at the same place.

    Args:
      what: settings, digests, whatever JSON has room for.
      seconds: to wait for the slowest process.

    Raises:
      ValueError: in all processes, if one has something else than process 0: what, in one line.
      TimeoutError: if a process does not ask.

    >>> same({"seed": 0})
    """
    if not jax.distributed.is_initialized():
        return
    place = f"jaxmlp/same/{next(_turns)}"
    client, count = coordination.client(), jax.process_count()
    client.key_value_set(f"{place}/{jax.process_index()}", json.dumps(what, default=str))
    _meet(place, seconds)
    given = {key: json.loads(value) for key, value in client.key_value_dir_get(f"{place}/")}
    every = [given[f"{place}/{number}"] for number in range(count)]
    _meet(f"{place}/read", seconds)  # or the first to say so would end those that have not read
    for number, other in enumerate(every):
        if lines := list(receipt.differences(every[0], other)):
            raise ValueError(
                f"process {number} needs to have what process 0 has; {'; '.join(lines)}"
            )


@contextlib.contextmanager
def noticing_losses() -> Iterator[None]:
    """Turns what JAX raises where another process has ended into `ProcessLostError`."""
    global _has_lost
    try:
        yield
    except (RuntimeError, ValueError) as error:
        is_lost = _has_joined and any(
            word in str(error) for word in ("Gloo", "coordination service", "Connection closed")
        )
        if not is_lost or isinstance(error, ProcessLostError):
            raise
        _has_lost = True
        raise ProcessLostError(_loss()) from error


def leave(code: int = 0) -> None:
    """Ends this process's part, once it has written what it has to write.

    Args:
      code: the exit code that is to come. Where all is well, or all end alike, the process waits
        for the others, which may still be at work. With 1, the end of an error that only this
        process may have, it exits here at once, and with it the others; with 75 likewise.
    """
    if not jax.distributed.is_initialized():
        return
    if code in (1, LOST):
        _exit(code)
    _meet("jaxmlp/leave", DAY)
    jax.distributed.shutdown()


def _check(address: Any, count: Any, number: Any, seconds: Any) -> None:
    """Raises ValueError for arguments that can lead nowhere, and OSError for a port in use."""
    for name, value, least in (("num_processes", count, 1), ("process_id", number, 0)):
        if value is not None and (not isinstance(value, int) or value < least):
            raise ValueError(f"{name} needs to be a whole number from {least}, got {value}")
    if not isinstance(seconds, int) or seconds < 1:
        raise ValueError(f"seconds needs to be a whole number from 1, got {seconds}")
    if None not in (count, number) and number >= count:
        raise ValueError(
            f"process_id needs to be from 0 to {count - 1} of {count} processes, got {number}"
        )
    if address is None:
        return
    if not isinstance(address, str):
        raise ValueError(f"coordinator_address needs to be a text, got {kind_of(address)}")
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(
            f"coordinator_address needs a host and a port, as 10.0.0.1:1234, got {address}"
        )
    if number == 0:  # JAX would share the port with whoever has it
        try:
            socket.create_server(("", int(port))).close()
        except OSError as error:
            raise OSError(
                f"coordinator_address needs a port that is free on process 0's machine, got "
                f"{address}: {error.strerror}"
            ) from error


def _await_coordinator(address: str, seconds: int) -> None:
    """Waits until somebody listens there, which JAX would do twice as long.

    Raises:
      TimeoutError: if nobody does.
    """
    host, _, port = address.rpartition(":")
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise TimeoutError(
                    _nobody(address, seconds, f" ({error.strerror or error})")
                ) from error
        time.sleep(0.2)


def _nobody(address: str | None, seconds: int, why: str = "") -> str:
    return (
        f"coordinator_address needs to be where process 0 is, got {address or 'a place'} where "
        f"no such process answered within {seconds} s{why}"
    )


def _worded(error: Exception, address: Any, count: Any, number: Any, seconds: int) -> Exception:
    """What to raise where JAX could not join the processes."""
    said = f"{error} {coordination.reason()}"
    if isinstance(error, ValueError) and None in (address, count, number):
        given = f"coordinator_address={address}, num_processes={count}, process_id={number}"
        return ValueError(
            "join needs coordinator_address, num_processes and process_id, where JAX detects no "
            f"cluster that says them, got {given}"
        )
    if "must be called before" in said:
        return ValueError("join needs to come before anything that JAX computes, got a late call")
    where = f"at {address}" if address else "where JAX found the coordinator to be"
    if absent := coordination.says_who(said):
        names = ", ".join(map(str, absent))
        return TimeoutError(
            f"{count or 'all'} processes need to come within {seconds} s {where}, got none with "
            f"process_id {names}"
        )
    if "ALREADY_EXISTS" in said or "ABORTED" in said:
        return ValueError(f"process_id needs to be another one in each process, got {number} twice")
    if "Unexpected task" in said:
        return ValueError(
            f"num_processes needs to be the same in all processes, got {count} for process "
            f"{number}, and fewer for process 0"
        )
    if "DEADLINE_EXCEEDED" in said or "UNAVAILABLE" in said:
        return TimeoutError(_nobody(address, seconds))
    return OSError(f"the processes could not be joined {where}: {said}")


@functools.lru_cache(maxsize=16)
def _maximum(line: Mesh) -> Any:
    everywhere = NamedSharding(line, PartitionSpec())
    return jax.jit(lambda each: each.max(axis=0), out_shardings=everywhere)


def _meet(place: str, seconds: float) -> None:
    try:
        coordination.meet(place, seconds)
    except jax.errors.JaxRuntimeError as error:
        absent = coordination.says_who(str(error))
        if not absent:
            raise ProcessLostError(_loss()) from error
        raise TimeoutError(
            f"all processes need to be as far within {seconds:g} s, got none with process_id "
            f"{', '.join(map(str, absent))}"
        ) from error


def _loss() -> str:
    return (
        "another process has ended or cannot be reached, and this one ends with it: what went "
        "wrong is in the other's own output"
    )


def _report_loss() -> None:
    """Ends the process; JAX calls this on a thread of its own, in the middle of anything."""
    if _has_joined:
        os.write(2, f"error: {_loss()}\n".encode())
        os._exit(LOST)


def _leave_after_an_error() -> None:
    """Where an exception ends this process, nothing more is to be expected of it by the others."""
    if jax.distributed.is_initialized() and (_has_lost or hasattr(sys, "last_value")):
        _exit(LOST if _has_lost else 1)


def _exit(code: int) -> NoReturn:
    """Without JAX's way out, on which a process waits for those that may be gone."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)
