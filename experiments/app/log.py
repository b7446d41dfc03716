"""Takes a run or a sweep down while it goes: its lines, its checkpoints, the time it takes.

What the disk has no room for is written when there is; training goes on.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from experiments.app.job import Job
from experiments.app.signals import StopRequest
from experiments.folder.files import Lines, Unwritten
from jaxmlp.storage.checkpoint import Checkpoints
from jaxmlp.types import PyTree


class Clock:
    """Seconds spent, by what they were spent on."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(("load", "compile", "train", "evaluate"), 0.0)
        self._last = time.perf_counter()

    def charge(self, purpose: str) -> None:
        """Books the time since the last call on a purpose."""
        now = time.perf_counter()
        self.seconds[purpose] += now - self._last
        self._last = now

    @property
    def rounded(self) -> dict[str, float]:
        """To milliseconds, for a record."""
        return {name: round(spent, 3) for name, spent in self.seconds.items()}


class Log:
    """What the callbacks of one network's training, and of many, write down alike.

    Args:
      job: what is done.
      clock: running.
      checkpoints: where to save them; None for nowhere.
      request: what says when to stop.
      lines: of metrics.jsonl, before the first epoch here.
    """

    def __init__(
        self,
        job: Job,
        clock: Clock,
        checkpoints: Checkpoints | None,
        request: StopRequest,
        lines: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self.job, self.clock, self.request = job, clock, request
        self.unwritten = Unwritten()
        self.lines = Lines(job.path / "metrics.jsonl", lines)
        self.files: dict[str, Callable[[], None]] = {"metrics.jsonl": self.lines.flush}
        self.ends: dict[str, Callable[[], None]] = {}  # what closes a file, where that is needed
        self._checkpoints = checkpoints
        self._epoch_started = time.perf_counter()
        self._saved_at = time.monotonic()

    @property
    def must_stop(self) -> bool:
        """Whether somebody has asked for it."""
        return self.request.signal is not None

    def lap(self) -> float:
        """Seconds since the last epoch's end, or since the beginning."""
        started, self._epoch_started = self._epoch_started, time.perf_counter()
        return self._epoch_started - started

    def append(self, line: Mapping[str, Any]) -> None:
        """Writes an epoch's line."""
        self.lines.append(line)
        self.flush()

    def is_due(self, step: int, epoch: int, ends_epoch: bool, pause: float = 0.0) -> bool:
        """Whether a checkpoint is, of a moment within an epoch or at its end.

        Args:
          step: the steps done.
          epoch: the epochs done.
          ends_epoch: whether the moment is the end of that.
          pause: seconds to let pass since the last, at least.
        """
        number, unit = self.job.given.checkpoint_every
        if not number:
            return False
        if unit == "second":
            return time.monotonic() - self._saved_at >= max(number, pause)
        return step % number == 0 if unit == "step" else ends_epoch and epoch % number == 0

    def save(
        self, step: int, tree: PyTree, record: Mapping[str, Any], score: float | None = None
    ) -> None:
        """Saves a checkpoint with the lines up to here, in the background, if any are wanted."""
        if self._checkpoints is None:
            return
        self._checkpoints.save(step, tree, {**record, "lines": self.lines.records}, score)
        self._saved_at = time.monotonic()

    @property
    def may_keep(self) -> bool:
        """Whether a checkpoint is wanted of where training stops."""
        return self._checkpoints is not None and self.job.given.checkpoint_every.number > 0

    def has_kept(self) -> bool:
        """Waits for what is being saved; whether the last of it could be."""
        assert self._checkpoints is not None
        self._checkpoints.wait()
        return self._checkpoints.error is None

    def flush(self) -> None:
        """Writes what waits for room on the disk, as far as there is some."""
        for name, write in self.files.items():
            self.unwritten.attempt(name, write)

    def close(self) -> None:
        """Writes what waits for room, or notes that there is none; waits for checkpoints."""
        self.flush()
        for name, end in self.ends.items():
            self.unwritten.attempt(name, end)
        if self._checkpoints is not None:
            self._checkpoints.wait()
            if self._checkpoints.error is not None:
                self.unwritten.errors["checkpoints"] = self._checkpoints.error
