"""Finding a checkpoint again: the newest or the best that is undamaged."""

from __future__ import annotations

import functools
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path

from jaxmlp.storage import checkpoint_files, jointly, manifest, revisions
from jaxmlp.storage.checkpoint_files import Checkpoint
from jaxmlp.storage.manifest import DamagedError
from jaxmlp.types import PyTree

__all__ = ["CheckpointWarning", "restore", "restore_best", "steps", "verify"]

StrPath = str | os.PathLike[str]


class CheckpointWarning(UserWarning):
    """A checkpoint could not be saved, or was skipped because it is damaged."""


def restore(folder: StrPath, like: PyTree, step: int | None = None) -> Checkpoint | None:
    """The newest checkpoint that is undamaged; a `CheckpointWarning` names each that is skipped.

    Args:
      folder: what `Checkpoints` was given.
      like: a tree of arrays, or of `jax.ShapeDtypeStruct`, with the structure, the dtypes and the
        shapes to find. An array that lies on several devices, or a shape whose `sharding` has
        them, is read to there; where other processes have parts of one, all of them call this.
      step: the one to restore, rather than the newest.

    Returns:
      The checkpoint, verified, or None if there is none at all.

    Raises:
      DamagedError: if there are checkpoints, and all are damaged.
      FileNotFoundError: if `step` has no checkpoint.
      ValueError: naming a leaf, if the checkpoint's tree is another.
    """
    path = Path(folder).absolute()

    def names() -> list[str]:
        found = revisions.names_in(path)[::-1]
        if step is not None:
            found = [name for name in found if revisions.step_and_revision(name)[0] == step]
            if not found:
                raise FileNotFoundError(f"step needs to be in {steps(path)}, got {step}: {path}")
        return found

    return _first_undamaged(path, names, like)


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
    path = Path(folder).absolute()

    def names() -> list[str]:
        # One with a damaged manifest may have been the best: it comes first, to be reported.
        scores = revisions.scores_in(path, damaged=math.inf)
        found = [name for name, score in scores.items() if score is not None]
        return sorted(found, key=lambda name: revisions.rank(name, scores[name]), reverse=True)

    return _first_undamaged(path, names, like)


def steps(folder: StrPath) -> list[int]:
    """The steps that have a checkpoint, damaged or not, in ascending order."""
    names = revisions.names_in(Path(folder))
    return sorted({revisions.step_and_revision(name)[0] for name in names})


def verify(checkpoint: StrPath) -> None:
    """Checks every file of a checkpoint, given its folder.

    Raises:
      DamagedError: naming a file that is not as it was written, is missing, or is one too many.
    """
    manifest.verify(Path(checkpoint))


def _first_undamaged(
    folder: Path, names: Callable[[], list[str]], like: PyTree
) -> Checkpoint | None:
    """The first of these; the first process says which, where each reads parts of the arrays."""
    leaves = checkpoint_files.checked_leaves(like).values()
    is_joint = any(map(jointly.needs_others, leaves))
    choose = functools.partial(_choose, folder, names)
    found = jointly.from_first(choose, DamagedError) if is_joint else choose()
    if found is None:
        return None
    return checkpoint_files.load(folder / found, manifest.read_manifest(folder / found), like)


def _choose(folder: Path, names: Callable[[], list[str]]) -> str | None:
    """The name of the first that is undamaged."""
    damage = []
    for name in names():
        try:
            manifest.verify(folder / name)
        except DamagedError as error:
            damage.append(str(error))
            warnings.warn(f"skipped a checkpoint: {error}", CheckpointWarning, stacklevel=4)
        else:
            return name
    if damage:
        raise DamagedError("no checkpoint is undamaged: " + "; ".join(damage))
    return None
