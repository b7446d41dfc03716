"""Checkpoints of a running training: saved in the background, and found again undamaged."""

from __future__ import annotations

import json
import math
import operator
import os
import re
import shutil
import warnings
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import numpy as np

from jaxmlp.storage import checkpoint_files
from jaxmlp.storage.checkpoint_files import Checkpoint, DamagedError
from jaxmlp.types import PyTree

__all__ = [
    "Checkpoint",
    "CheckpointWarning",
    "Checkpoints",
    "DamagedError",
    "restore",
    "restore_best",
    "steps",
    "verify",
]

StrPath = str | os.PathLike[str]


class CheckpointWarning(UserWarning):
    """A checkpoint could not be saved, or was skipped because it is damaged."""


class Checkpoints:
    """Saves checkpoints into a folder and deletes old ones, on a thread of its own.

    Whatever goes wrong there (the disk is full, say) is a `CheckpointWarning` from the next call
    of a method. It leaves the earlier checkpoints as they were, and a later save may succeed.

    Args:
      folder: where to; it is made if need be. What a killed process left half-written there is
        removed. One process at a time may save there.
      keep: how many of the latest to keep, besides the one with the highest score.

    Raises:
      OSError: if the folder cannot be made.
      ValueError: if `keep` is less than 1.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with Checkpoints(folder, keep=2) as checkpoints:
    ...     for step, accuracy in [(10, 0.7), (20, 0.9), (30, 0.8), (40, 0.8)]:
    ...         checkpoints.save(step, {"weight": np.float32(step)}, score=accuracy)
    >>> steps(folder)
    [20, 30, 40]
    >>> restore(folder, like={"weight": np.float32(0)}).tree
    {'weight': array(40., dtype=float32)}
    """

    error: str | None = None  # why the last save that has ended failed; None if it did not

    def __init__(self, folder: StrPath, keep: int = 3) -> None:
        if keep < 1:
            raise ValueError(f"keep needs to be at least 1, got {keep}")
        self._folder, self._keep = Path(folder).absolute(), keep
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in os.listdir(self._folder):
            if name.startswith((".saving-", ".deleting-")):
                shutil.rmtree(self._folder / name)
        self._scores = {name: _score(self._folder / name) for name in _names(self._folder)}
        self._unfinished: deque[Future[None]] = deque()
        self._unreported: deque[str] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._thread.submit(checkpoint_files.orbax_handler)  # imports Orbax while training starts

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def save(self, step: int, tree: PyTree, record: Any = None, score: float | None = None) -> None:
        """Takes the arrays as they are now, and returns while they are being written.

        At most two saves are unfinished at a time: a third waits for the first, so that slow disks
        do not fill the memory.

        Args:
          step: 0 or more. A step that is there already is replaced when the new one is in place.
          tree: a tree with arrays of numbers as leaves.
          record: anything that JSON can hold; it comes back as JSON has it, tuples as lists.
          score: the higher, the better; NaN counts as none.

        Raises:
          TypeError: if JSON cannot hold the record, or a leaf is no array of numbers.
          ValueError: if the step is negative, or two leaves have one name.
        """
        if step < 0:
            raise ValueError(f"step needs to be 0 or more, got {step}")
        text = json.dumps(record)
        score = None if score is None or math.isnan(score) else float(score)
        self._finish(at_most=1)
        leaves = checkpoint_files.named_leaves(tree)
        # JAX's arrays stay as they are while anybody looks at them; NumPy's can change.
        mutable = {name for name, leaf in leaves.items() if not isinstance(leaf, jax.Array)}
        leaves = {
            name: np.array(leaf) if name in mutable else leaf
            for name, leaf in jax.device_get(leaves).items()
        }
        arguments = operator.index(step), leaves, text, score
        self._unfinished.append(self._thread.submit(self._write, *arguments))
        self._report()

    def wait(self) -> None:
        """Returns when every save has ended."""
        self._finish(at_most=0)
        self._report()

    def close(self) -> None:
        """Waits, and ends the thread."""
        self._thread.shutdown()
        self._report()

    def _finish(self, at_most: int) -> None:
        while len(self._unfinished) > at_most:
            self._unfinished.popleft().result()

    def _report(self) -> None:
        while self._unreported:
            warnings.warn(self._unreported.popleft(), CheckpointWarning, stacklevel=3)

    def _write(
        self, step: int, leaves: dict[str, np.ndarray], record: str, score: float | None
    ) -> None:
        """Writes a checkpoint, then deletes those that it makes superfluous; on the thread."""
        try:
            name = _next_name(step, _names(self._folder))
            checkpoint_files.write(self._folder / name, step, leaves, record, score)
            self._scores = _worth_keeping({**self._scores, name: score}, self._keep)
            for other in set(_names(self._folder)) - set(self._scores):
                _delete(self._folder / other)
            self.error = None
        except Exception as error:  # training goes on
            self.error = f"{type(error).__name__}: {error}"
            self._unreported.append(f"saving step {step} in {self._folder}: {self.error}")


def restore(folder: StrPath, like: PyTree, step: int | None = None) -> Checkpoint | None:
    """The newest checkpoint that is undamaged; a `CheckpointWarning` names each that is skipped.

    Args:
      folder: what `Checkpoints` was given.
      like: a tree of arrays, or of `jax.ShapeDtypeStruct`, with the structure, the dtypes and the
        shapes to find.
      step: the one to restore, rather than the newest.

    Returns:
      The checkpoint, verified, or None if there is none at all.

    Raises:
      DamagedError: if there are checkpoints, and all are damaged.
      FileNotFoundError: if `step` has no checkpoint.
      ValueError: naming a leaf, if the checkpoint's tree is another.
    """
    folder = Path(folder).absolute()
    names = _names(folder)[::-1]
    if step is not None:
        names = [name for name in names if _step_and_revision(name)[0] == step]
        if not names:
            raise FileNotFoundError(f"step needs to be in {steps(folder)}, got {step}: {folder}")
    return _first_undamaged([folder / name for name in names], like)


def restore_best(folder: StrPath, like: PyTree) -> Checkpoint | None:
    """The checkpoint with the highest score, the earliest of equals; otherwise as `restore`.

    Args:
      folder: what `Checkpoints` was given.
      like: as for `restore`.

    Returns:
      The checkpoint, verified, or None if none has a score.

    Raises:
      DamagedError: if none with a score is undamaged.
      ValueError: naming a leaf, if the checkpoint's tree is another.
    """
    folder = Path(folder).absolute()
    # One with a damaged manifest may have been the best: it comes first, to be reported.
    scores = {name: _score(folder / name, damaged=math.inf) for name in _names(folder)}
    names = [name for name, score in scores.items() if score is not None]
    names.sort(key=lambda name: _rank(name, scores[name]), reverse=True)
    return _first_undamaged([folder / name for name in names], like)


def steps(folder: StrPath) -> list[int]:
    """The steps that have a checkpoint, damaged or not, in ascending order."""
    return sorted({_step_and_revision(name)[0] for name in _names(Path(folder))})


def verify(checkpoint: StrPath) -> None:
    """Checks every file of a checkpoint, given its folder.

    Raises:
      DamagedError: naming a file that is not as it was written, is missing, or is one too many.
    """
    checkpoint_files.verify(Path(checkpoint))


def _first_undamaged(paths: Iterable[Path], like: PyTree) -> Checkpoint | None:
    damage = []
    for path in paths:
        try:
            manifest = checkpoint_files.verify(path)
        except DamagedError as error:
            damage.append(str(error))
            warnings.warn(f"skipped a checkpoint: {error}", CheckpointWarning, stacklevel=3)
        else:
            return checkpoint_files.load(path, manifest, like)
    if damage:
        raise DamagedError("no checkpoint is undamaged: " + "; ".join(damage))
    return None


# --- a folder's checkpoints: "20", or "20.1" where the step was saved once more, so that the first
# --- need not go before the second is in place


def _names(folder: Path) -> list[str]:
    """The checkpoints in a folder, in the order of their steps."""
    found = os.listdir(folder) if folder.is_dir() else []
    names = [name for name in found if re.fullmatch(r"(0|[1-9]\d*)(\.[1-9]\d*)?", name)]
    return sorted(names, key=_step_and_revision)


def _step_and_revision(name: str) -> tuple[int, int]:
    step, _, revision = name.partition(".")
    return int(step), int(revision or 0)


def _next_name(step: int, names: list[str]) -> str:
    """The name for another checkpoint of a step.

    >>> _next_name(20, ["10", "10.1"]), _next_name(10, ["10", "10.1"])
    ('20', '10.2')
    """
    revisions = [_step_and_revision(name)[1] for name in names if name.split(".")[0] == str(step)]
    return f"{step}.{max(revisions) + 1}" if revisions else f"{step}"


def _worth_keeping(scores: dict[str, float | None], keep: int) -> dict[str, float | None]:
    """Of the checkpoints in the order they were written in, the last few and the best.

    >>> list(_worth_keeping({"1": 0.5, "2": 0.9, "3": 0.9, "4": None, "3.1": 0.7}, keep=2))
    ['2', '4', '3.1']
    """
    latest = {_step_and_revision(name)[0]: name for name in scores}
    names = [name for name in scores if name in latest.values()]
    best = max(names, key=lambda name: _rank(name, scores[name]))
    kept = {*names[-keep:], *([best] if scores[best] is not None else [])}
    return {name: scores[name] for name in names if name in kept}


def _rank(name: str, score: float | None) -> tuple[float, int, int]:
    """Greater for a higher score; then for an earlier step; then for a later revision."""
    step, revision = _step_and_revision(name)
    return -math.inf if score is None else score, -step, revision


def _score(path: Path, damaged: float | None = None) -> float | None:
    try:
        score: float | None = checkpoint_files.read_manifest(path)["score"]
    except DamagedError:
        return damaged
    return score


def _delete(path: Path) -> None:
    """Deletes a checkpoint under another name, so that half of it never passes for a whole one."""
    scratch = path.with_name(f".deleting-{path.name}")
    os.rename(path, scratch)
    shutil.rmtree(scratch)
