"""How the making of results is stopped: by an exit code, and a line that says what there is."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["run_to_end", "stoppable"]

# Exit codes of a program that somebody stopped; the latter two before it was ready for that.
CODES = {130: 130, 143: 143, -signal.SIGINT: 130, -signal.SIGTERM: 143}


@contextlib.contextmanager
def stoppable(done: Mapping[str, str]) -> Iterator[None]:
    """Ends what is within at SIGINT or SIGTERM, by the shell's exit code, and says so in a line.

    Args:
      done: what has been begun until then, and how far it is, name -> word; it may grow meanwhile.
    """

    def stop(number: int, frame: Any) -> None:
        sys.exit(128 + number)

    with _handled(stop):
        try:
            yield
        except SystemExit as ended:
            if ended.code in CODES.values():
                print(f"\n{_said(done)}", file=sys.stderr)
            raise


def _said(done: Mapping[str, str]) -> str:
    if not done:
        return "stopped before anything was run or put on record"
    each = ", ".join(f"{name} {how}" for name, how in done.items())
    return f"stopped; {each}; the same command goes on"


def run_to_end(program: Sequence[str]) -> int:
    """Runs a program, which has the time that it takes to end when it is told to.

    Args:
      program: its words.

    Returns:
      Its exit code.

    Raises:
      SystemExit: if it was stopped, or this one was, which has waited for it.
    """
    started: list[subprocess.Popen[bytes]] = []
    told: list[int] = []

    def pass_on(number: int, frame: Any) -> None:
        told.append(number)
        for each in started if number == signal.SIGTERM else ():
            each.terminate()  # Ctrl-C reaches it by itself

    with _handled(pass_on):
        started.append(subprocess.Popen(program))
        if told:  # before there was anybody to pass it on to
            started[0].terminate()
        code = started[0].wait()
    if told or code in CODES:
        sys.exit(128 + told[0] if told else CODES[code])
    return code


@contextlib.contextmanager
def _handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Has both signals handled so, within."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
