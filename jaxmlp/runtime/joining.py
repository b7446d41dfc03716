"""Arguments and errors of joining processes: what is asked for, and what went wrong, in a line."""

import socket
import time
from typing import Any

from jaxmlp.naming import kind_of
from jaxmlp.runtime import coordination
from jaxmlp.runtime.losing import ProcessAbsentError

__all__ = ["await_coordinator", "check", "worded"]


def check(address: Any, count: Any, number: Any, seconds: Any) -> None:
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


def await_coordinator(address: str, seconds: int) -> None:
    """Waits until somebody listens there, which JAX would do twice as long.

    Raises:
      ProcessAbsentError: if nobody does.
    """
    host, _, port = address.rpartition(":")
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise ProcessAbsentError(
                    _nobody(address, seconds, f" ({error.strerror or error})")
                ) from error
        time.sleep(0.2)


def worded(error: Exception, address: Any, count: Any, number: Any, seconds: int) -> Exception:
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
        return ProcessAbsentError(
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
    if any(status in said for status in ("DEADLINE_EXCEEDED", "UNAVAILABLE", "UNIMPLEMENTED")):
        return ProcessAbsentError(_nobody(address, seconds))
    return OSError(f"the processes could not be joined {where}: {' '.join(said.split())}")


def _nobody(address: str | None, seconds: int, why: str = "") -> str:
    return (
        f"coordinator_address needs to be where process 0 is, got {address or 'a place'} where "
        f"no such process answered within {seconds} s{why}"
    )
