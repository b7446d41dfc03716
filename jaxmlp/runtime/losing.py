"""The end of a process that has lost another, by a line and an exit code."""

import atexit
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

import jax

__all__ = [
    "LOST",
    "ProcessAbsentError",
    "ProcessLostError",
    "abandon",
    "are_joined",
    "lost",
    "noticing_losses",
    "report_loss",
    "unwatch",
    "watch",
]

LOST = 75  # the exit code where another process is lost: to be tried again, as sysexits.h has it
WORDS = (
    "another process has ended or cannot be reached, and this one ends with it: what went wrong is "
    "in the other's own output"
)

_has_joined, _has_lost = False, False


class ProcessLostError(RuntimeError):
    """Another process has ended, or cannot be reached, so that this one cannot go on."""

    exit_code = LOST


class ProcessAbsentError(TimeoutError):
    """Another process has not come, nor is to be found, in the time that it had."""

    exit_code = LOST


def are_joined() -> bool:
    """Whether this process is one of several that `join` has brought together, and not yet left.

    >>> are_joined()
    False
    """
    return jax.distributed.is_initialized()


@contextlib.contextmanager
def noticing_losses() -> Iterator[None]:
    """Turns what JAX raises where another process has ended into `ProcessLostError`."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        words = "Gloo", "coordination service", "Connection closed"
        if not _has_joined or not any(word in str(error) for word in words):
            raise
        raise lost() from error


def lost() -> ProcessLostError:
    """What to raise once another process is seen to have ended: it leads to exit code 75."""
    global _has_lost
    _has_lost = True
    return ProcessLostError(WORDS)


def abandon(code: int) -> NoReturn:
    """Exits here and now, without waiting for the others, which end as well then.

    Args:
      code: the exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)


def watch() -> None:
    """From now on the loss of another process ends this one, and an error here ends it at once."""
    global _has_joined
    _has_joined = True
    atexit.register(_leave_after_an_error)  # before JAX, which would wait for the others


def unwatch() -> None:
    """From now on the ends of others are no loss."""
    global _has_joined
    _has_joined = False


def report_loss() -> None:
    """Ends the process; JAX calls this on a thread of its own, in the middle of anything."""
    if _has_joined:
        os.write(2, f"error: {WORDS}\n".encode())
        os._exit(LOST)


def _leave_after_an_error() -> None:
    """Where an exception ends this process, nothing more is to be expected of it by the others."""
    if are_joined() and (_has_lost or hasattr(sys, "last_value")):
        abandon(LOST if _has_lost else 1)
