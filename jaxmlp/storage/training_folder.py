"""A folder that holds one training: locked, and with a record of which training it is."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jaxmlp.storage.atomic import locked, whole_file
from jaxmlp.storage.checkpoint import steps
from jaxmlp.training.identity import differences

__all__ = ["opened"]


@contextlib.contextmanager
def opened(
    folder: str | os.PathLike[str], identity: Mapping[str, Any], accept_changes: bool
) -> Iterator[Path]:
    """Locks a training's folder, sees that it is of this training, and notes that it is.

    Args:
      folder: it is made if need be.
      identity: which training it is, as `identity` has it, with its "environment".
      accept_changes: whether another environment will do.

    Yields:
      The folder of its checkpoints.

    Raises:
      OSError: if it cannot be made or written.
      ValueError: if it holds another training or something else, or another process has it.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(path / ".lock"))
        except BlockingIOError:
            raise ValueError(f"another process is training in {path}") from None
        file, checkpoints = path / "training.json", path / "checkpoints"
        if file.exists():
            _refuse_another(path, _read(file), identity, accept_changes)
        elif steps(checkpoints):
            raise ValueError(f"{path} needs a training.json beside its checkpoints, got none")
        with whole_file(file) as opened:
            opened.write(json.dumps(identity, indent=2).encode())
        yield checkpoints


def _read(file: Path) -> dict[str, Any]:
    try:
        record = json.loads(file.read_bytes())
        if not isinstance(record, dict) or not {"recipe", "environment"} <= record.keys():
            raise ValueError("it has other fields")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} needs the record of a training: {error}") from error
    return record


def _refuse_another(
    path: Path, saved: dict[str, Any], identity: Mapping[str, Any], accept_changes: bool
) -> None:
    saved, now = dict(saved), dict(identity)
    before, after = saved.pop("environment"), now.pop("environment")
    if "seeds" in now and now["recipe"]["schedule"] is None:  # how long it is changes no step
        saved["recipe"] = {**saved["recipe"], "num_epochs": now["recipe"]["num_epochs"]}
    if changes := differences(saved, now):
        raise ValueError(f"{path} holds another training: {changes}")
    if (changes := differences(before, after)) and not accept_changes:
        raise ValueError(
            f"{path} needs what its training began on: {changes}; accept_changes=True goes on "
            "without the promise of equal bits"
        )
