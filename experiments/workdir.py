"""The folder that holds all a run leaves, and how it is read again."""

import contextlib
import datetime
import itertools
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

CONTENTS = (  # what a run may leave, and --overwrite removes
    "checkpoints",
    "config.json",
    "environment.json",
    "fault.json",
    "faults.jsonl",
    "metrics.jsonl",
    "networks",
    "params.npz",
    "plots",
    "predictions.csv",
    "receipt.json",
    "runs.npz",
    "summary.json",
    "table.csv",
    "tensorboard",
)


def choose(workdir: str | None, program: str, overwrite: bool) -> Path:
    """The folder for a new run; nothing is created or changed yet.

    Args:
      workdir: as the user gave it; None for a new folder in runs/ with the date in its name.
      program: which experiment, for that name.
      overwrite: whether an earlier run in the folder may be replaced.

    Raises:
      ValueError: if the folder is not empty and may not be overwritten, or is no folder.
    """
    if workdir is None:
        now = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
        return Path("runs", f"{program}-{now}")
    path = Path(workdir).expanduser()
    if path.exists() and not path.is_dir():
        raise ValueError(f"--workdir needs to be a folder, got the file {path}")
    if path.is_dir() and not overwrite:
        there = sorted(set(os.listdir(path)) - {".lock"})
        if there:
            raise ValueError(
                f"--workdir needs a new or empty folder, or --overwrite, got {path} with "
                f"{len(there)} files in it, {there[0]} among them"
            )
    return path


def create(path: Path, is_named: bool, overwrite: bool) -> Path:
    """Makes the folder, or removes an earlier run from it; other files there are left alone.

    Args:
      path: what `choose` returned.
      is_named: whether the user named it; if not, another run may take the name first, and the
        next free one is used.
      overwrite: whether an earlier run may be removed.

    Returns:
      The folder.

    Raises:
      OSError: if it cannot be made or written.
      ValueError: if there are files in it that bear a run's names but are no run's.
    """
    for number in itertools.count(2):
        try:
            path.mkdir(parents=True, exist_ok=is_named)
            break
        except FileExistsError:
            if is_named:
                raise
            path = path.with_name(f"{path.name.partition('_')[0]}_{number}")
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(f"--workdir needs a folder that can be written, got {path}")
    there = [path / name for name in CONTENTS if (path / name).exists()]
    if there and not (overwrite and _is_run(path)):
        raise ValueError(f"--overwrite needs an earlier run's folder, got {there[0]} without one")
    for item in there:
        if item.is_dir():
            shutil.rmtree(item)
        else:
            item.unlink()
    return path


def _is_run(path: Path) -> bool:
    """Whether the folder's config.json is one that a run wrote."""
    try:
        return {"sizes", "data_sha256"} <= read_json(path / "config.json").keys()
    except ValueError:
        return False


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Keeps other runs out of a folder; where the system has no file locks, does nothing.

    Raises:
      ValueError: if another run is in it.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (path / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another run is using {path}") from None
        yield


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Writes a record, whole or not at all; a number that is not finite becomes null."""
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(json.dumps(_finite(record), indent=2, default=str) + "\n")
    scratch.replace(path)


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Adds a record as one line, which a killed process does not lose; else as `write_json`."""
    with path.open("a") as file:
        file.write(json.dumps(_finite(record)) + "\n")


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file that `append_line` made; a line cut short by a crash is none."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise ValueError(f"{path} needs a JSON object a line: {error}") from error


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Writes a file as if each record had been appended, whole or not at all."""
    scratch = path.with_name(f".{path.name}")
    scratch.write_text("".join(json.dumps(_finite(record)) + "\n" for record in records))
    scratch.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Reads a record.

    Raises:
      ValueError: if it is not there or no JSON object.
    """
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} needs to be a run's record: {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path} needs to hold a JSON object, got {type(record).__name__}")
    return record
