"""Checkpoints of a running training: saved in the background, and found again undamaged."""

from __future__ import annotations

import contextlib
import json
import math
import operator
import os
import warnings
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import numpy as np

from jaxmlp.runtime.processes import is_first
from jaxmlp.runtime.whole import is_spread
from jaxmlp.storage import checkpoint_files, jointly, own_arrays, revisions
from jaxmlp.storage.atomic import remove_folder
from jaxmlp.storage.checkpoint_files import Checkpoint
from jaxmlp.storage.manifest import DamagedError
from jaxmlp.storage.restoring import CheckpointWarning, restore, restore_best, steps, verify
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


class Checkpoints:
    """Saves checkpoints into a folder and deletes old ones, on a thread of its own.

    Whatever goes wrong there (the disk is full, say) is a `CheckpointWarning` from the next call
    of a method. It leaves the earlier checkpoints as they were, and a later save may succeed.

    Args:
      folder: where to; it is made if need be. What a killed process left half-written there is
        removed. One process at a time may save there; or several together, all of which see it,
        where each has parts of the arrays.
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
        self._is_clear = False
        if is_first():  # others may have come to a folder that is the first one's
            self._clear_up()
        self._scores = revisions.scores_in(self._folder)
        self._unfinished: deque[Future[None]] = deque()
        self._unreported: deque[str] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._thread.submit(own_arrays.orbax_handler)  # imports Orbax while training starts

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
        leaves = checkpoint_files.checked_leaves(tree)
        places = [own_arrays.placement_of(leaf) for leaf in leaves.values()]
        place = None
        if any(map(jointly.needs_others, leaves.values())):
            place = jointly.next_place()
        elif not is_first() and not all(w is None or w.is_fully_addressable for w in places):
            return  # the first process has all of it
        own = any(where is not None for where in places) and (is_first() or place is not None)
        arguments = (
            operator.index(step),
            _taken(leaves, own, place is not None),
            text,
            score,
            own,
            place,
        )
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

    def _clear_up(self) -> None:
        if not self._is_clear:
            revisions.clear_up(self._folder)
        self._is_clear = True

    def _write(
        self,
        step: int,
        leaves: dict[str, Any],
        record: str,
        score: float | None,
        own: bool,
        place: str | None,
    ) -> None:
        """Writes a checkpoint, then deletes those that it makes superfluous; on the thread."""
        is_part = place is not None and not is_first()
        try:
            if is_part:
                checkpoint_files.write_part(self._folder, leaves, str(place))
            else:
                self._write_whole(step, leaves, record, score, own, place)
            self.error = None
        except Exception as error:  # training goes on
            self.error = f"{type(error).__name__}: {error}"
            self._unreported.append(f"saving step {step} in {self._folder}: {self.error}")
        if place is not None and not is_part:
            with contextlib.suppress(Exception):  # the others have gone
                jointly.end(place, self.error)

    def _write_whole(
        self,
        step: int,
        leaves: dict[str, Any],
        record: str,
        score: float | None,
        own: bool,
        place: str | None,
    ) -> None:
        self._clear_up()
        name = revisions.next_name(step, revisions.names_in(self._folder))
        checkpoint_files.write(self._folder / name, step, leaves, record, score, own, place)
        self._scores = revisions.worth_keeping({**self._scores, name: score}, self._keep)
        for other in set(revisions.names_in(self._folder)) - set(self._scores):
            remove_folder(self._folder / other)


def _taken(leaves: dict[str, Any], own: bool, is_joint: bool) -> dict[str, Any]:
    """Leaves as they are now: JAX's stay so while anybody looks at them, but NumPy's can change."""
    several = {name: leaf for name, leaf in leaves.items() if own and is_spread(leaf)}
    spread = {name: own_arrays.copied(leaf, is_joint) for name, leaf in several.items()}
    rest = {name: leaf for name, leaf in leaves.items() if name not in spread}
    mutable = {name for name, leaf in rest.items() if not isinstance(leaf, jax.Array)}
    read = jax.device_get(rest) | spread
    return {name: np.array(read[name]) if name in mutable else read[name] for name in leaves}
