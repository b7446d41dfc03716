"""How a program ends: with an exit code, and a line that says why."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from absl import app, logging

from experiments.app import command_line, screen

INTERRUPTED = 130  # exit code before training; while training, 128 + the signal's number
REFUSING = 3.0  # seconds to wait for other processes that may end by the same mistake
DIVERGED = 3  # exit code at a number that is not finite, or a loss worse than at the start


def start(main: Callable[[list[str]], None]) -> None:
    """Runs a program's main with its flags read, and without the libraries' chatter.

    Nobody needs to read what it prints: it goes on without a word where a pipe is closed, and
    where a disk with its log is full with a word at its end.
    """
    logging.set_verbosity(logging.FATAL)  # what matters of an error is in its exception
    screen.outlive_readers()
    try:
        app.run(main, flags_parser=command_line.parse)
    except SystemExit as ended:
        if (error := screen.lost()) and not ended.code:
            ended.code = f"error: not all that was printed could be written: {error}"
        _end(ended.code)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        _end(INTERRUPTED)
    except RuntimeError as error:
        if not hasattr(error, "exit_code"):  # as that of a process that has lost another has
            raise
        print(f"error: {screen.one_line(error)}", file=sys.stderr)
        _end(error.exit_code)


def _end(code: Any) -> NoReturn:
    """Ends the program; of several processes that are still joined, an error ends all at once."""
    processes: Any = sys.modules.get("jaxmlp.runtime.processes")  # which few programs import
    if processes and not code:
        processes.leave()
    elif processes and processes.are_joined():
        if isinstance(code, str):
            print(code, file=sys.stderr)
            processes.await_others("refusal", REFUSING)  # each may have the same to say
        processes.abandon(code if isinstance(code, int) else 1)
    sys.exit(code)


@contextlib.contextmanager
def clear_errors(work: str = "interrupted before training") -> Iterator[None]:
    """Turns a user's mistake into one line and exit code 1; an absent process into exit code 75.

    Args:
      work: what is said first where Ctrl-C ends it: that nothing was written comes after it.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        line = f"error: {screen.one_line(error)}"
        if not hasattr(error, "exit_code"):
            sys.exit(line)
        print(line, file=sys.stderr)  # of other processes, which may come another time
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print(f"\n{work}; nothing was written", file=sys.stderr)
        sys.exit(INTERRUPTED)


@contextlib.contextmanager
def clear_endings(path: Path) -> Iterator[None]:
    """Turns a full disk, or Ctrl-C for the second time, into one line and an exit code."""
    try:
        yield
    except OSError as error:
        sys.exit(f"error: {screen.one_line(error)}; {path} holds what was saved before")
    except KeyboardInterrupt:
        print(f"\ninterrupted at once; {path} holds what was saved before", file=sys.stderr)
        sys.exit(INTERRUPTED)
