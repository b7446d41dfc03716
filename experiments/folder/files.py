"""How records get onto a disk that may be full: whole or not at all, now or when there is room."""

import contextlib
import csv
import io
import json
import math
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Writes a text, whole or not at all."""
    from jaxmlp.storage.atomic import whole_file  # the library takes a second to import

    with whole_file(path) as file:
        file.write(text.encode())


def write_csv(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    """Writes a table, whole or not at all."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    write_text(path, text.getvalue())


def write_json(path: Path, record: Mapping[str, Any] | Sequence[Any]) -> None:
    """Writes a record, whole or not at all; a number that is not finite becomes null."""
    write_text(path, json.dumps(_finite(record), indent=2, default=str) + "\n")


def as_written(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as it comes back from a file.

    >>> as_written({"test_loss": math.nan, "sizes": (4, 3)})
    {'test_loss': None, 'sizes': [4, 3]}
    """
    written: dict[str, Any] = json.loads(json.dumps(_finite(record), default=str))
    return written


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(_finite(record)) + "\n"


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Writes a file with a record a line, whole or not at all."""
    write_text(path, "".join(map(_line, records)))


class Unwritten:
    """What could not be written into a folder, and why; a warning says so once a file."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}  # by the file's name

    def attempt(self, name: str, write: Callable[[], object]) -> bool:
        """Writes a file; if there is no room for it (say), notes that and returns False."""
        try:
            write()
        except OSError as error:
            if name not in self.errors:
                warnings.warn(f"{name} cannot be written: {error}", stacklevel=2)
            self.errors[name] = str(error)
            return False
        self.errors.pop(name, None)
        return True

    def __str__(self) -> str:
        return "; ".join(f"{name} could not be written: {why}" for name, why in self.errors.items())


class Lines:
    """A file with a record a line; what it cannot hold now, it gets when it can.

    Args:
      path: the file.
      records: what is in it, or is to be.
    """

    def __init__(self, path: Path, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self.records = list(records)
        self._path = path
        self._num_bytes, self._num_written = self._size(), len(self.records)

    def append(self, record: Mapping[str, Any]) -> None:
        """Takes a record, to be written by `flush`."""
        self.records.append(record)

    def flush(self) -> None:
        """Writes what is not yet in the file, as lines that a killed process does not lose.

        Raises:
          OSError: if they cannot be written; then the file is as it was.
        """
        if self._num_written == len(self.records):
            return
        if self._size() != self._num_bytes:  # somebody else changed it
            write_lines(self._path, self.records)
        else:
            self._append(self.records[self._num_written :])
        self._num_bytes, self._num_written = self._size(), len(self.records)

    def _append(self, records: Iterable[Mapping[str, Any]]) -> None:
        try:
            with self._path.open("a") as file:
                file.write("".join(map(_line, records)))
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(self._path, self._num_bytes)
            raise

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0
