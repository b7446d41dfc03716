"""What a user sees, and may stop looking at."""

import contextlib
import io
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any

SHOWN = 2000  # characters of a message, and 100 of a long word in it


def one_line(message: object) -> str:
    r"""A message on one line, whatever names are in it; what cannot be shown is escaped.

    >>> one_line("no file a\nb\x1b[2J")
    'no file a b\\x1b[2J'
    """
    text = re.sub(r"(\S{100})\S{100,}(\S)", r"\1...\2", " ".join(str(message).splitlines()))
    text = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def show_warnings() -> None:
    """Prints a warning as a line; of those that a checkpoint cannot be saved, the first."""
    is_shown = False

    def show(message: Warning | str, *_: Any) -> None:
        nonlocal is_shown
        text = one_line(message)
        is_of_saving = text.startswith("saving step ")
        if not (is_of_saving and is_shown):
            print(f"warning: {text}", file=sys.stderr)
        is_shown = is_shown or is_of_saving

    warnings.showwarning = show  # type: ignore[assignment]


class _Outlet(io.FileIO):
    """A file that takes what it is given, whether or not it can be written."""

    lost: OSError | None = None  # why something was not written that somebody may look for

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:  # nobody reads
            return memoryview(data).nbytes
        except OSError as error:  # the disk with a log is full: no reason to stop
            _Outlet.lost = error
            return memoryview(data).nbytes


def lost() -> OSError | None:
    """Why something that was printed did not arrive, though nobody closed the pipe."""
    sys.stdout.flush()
    return _Outlet.lost


def _emptied(stream: io.TextIOBase) -> int:
    """The number of a stream's file, after what the stream holds is written, or given up."""
    number = stream.fileno()
    try:
        stream.flush()
    except OSError:  # it would try again when the process ends
        number = os.dup(number)
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        stream.flush()
    return number


def set_apart() -> None:
    """Lets only Python print on this process's output, and no library of C++ beside it."""
    stream: Any = sys.stdout
    with contextlib.suppress(OSError, ValueError):  # io.UnsupportedOperation: no file at all
        number = stream.fileno()
        if number != 1:
            return
        stream.flush()
        own = os.dup(number)
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), number)
        sys.stdout = _outlet(stream, own)


def outlive_readers() -> None:
    """Lets this process print without an error when nobody reads, or it has no output at all."""
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        elif stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _outlet(stream, _emptied(stream)))


def _outlet(stream: Any, number: int) -> Any:
    """A stream like another, which writes to a file by its number."""
    return io.TextIOWrapper(
        io.BufferedWriter(_Outlet(number, "w", closefd=False)),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
