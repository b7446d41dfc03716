"""The folder that holds all a run leaves, and how it is read again."""

import datetime
import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONTENTS = (  # what a run may leave, and --overwrite removes
    "checkpoints",
    "config.json",
    "environment.json",
    "fault.json",
    "metrics.jsonl",
    "params.npz",
    "plots",
    "receipt.json",
    "summary.json",
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
        names = [Path("runs", f"{program}-{now}{suffix}") for suffix in ("", *"bcdefghij")]
        return next((path for path in names if not path.exists()), names[-1])
    path = Path(workdir).expanduser()
    if path.exists() and not path.is_dir():
        raise ValueError(f"--workdir needs to be a folder, got the file {path}")
    if path.is_dir() and not overwrite:
        there = sorted(os.listdir(path))
        if there:
            raise ValueError(
                f"--workdir needs a new or empty folder, or --overwrite, got {path} with "
                f"{len(there)} files in it, {there[0]} among them"
            )
    return path


def create(path: Path) -> None:
    """Makes the folder, or removes an earlier run from it; other files there are left alone.

    Raises:
      OSError: if it cannot be made or written.
    """
    path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(f"--workdir needs a folder that can be written, got {path}")
    for name in CONTENTS:
        item = path / name
        if item.is_dir():
            shutil.rmtree(item)
        else:
            item.unlink(missing_ok=True)


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Writes a record, whole or not at all; a number that is not finite becomes null."""
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(json.dumps(_finite(record), indent=2, default=str) + "\n")
    scratch.replace(path)


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Adds a record as one line, which a killed process does not lose; else as `write_json`."""
    with path.open("a") as file:
        file.write(json.dumps(_finite(record)) + "\n")


def _finite(record: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN and no infinity."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in record.items()
    }


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file that `append_line` made; a line cut short by a crash is none."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines]


def keep_lines(path: Path, count: int) -> None:
    """Takes all lines but the first few away, as if the rest had never been written."""
    if not path.exists():
        return
    lines = read_lines(path)[:count]
    scratch = path.with_name(f".{path.name}")
    scratch.write_text("".join(json.dumps(line) + "\n" for line in lines))
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
