"""Takes a run down while it goes: its lines, its checkpoints, and when to stop.

What the disk has no room for is written when there is; training goes on.
"""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

import jaxmlp
from experiments.app.board import Board
from experiments.app.command_line import Interval
from experiments.app.progress import EpochTable
from experiments.app.signals import StopRequest
from experiments.folder import records, schema
from experiments.folder.files import Lines, Unwritten, as_written
from jaxmlp.storage.checkpoint import Checkpoints
from jaxmlp.training import loop, stopping
from jaxmlp.training.batches import num_steps
from jaxmlp.types import Dataset, Fault, Progress


class Job(NamedTuple):
    """What there is to do."""

    recipe: jaxmlp.Recipe
    data: Dataset
    config: Mapping[str, Any]  # what made the recipe, and when to stop
    path: Path  # the folder
    notice: str | None = None  # what no reader of a record may miss
    is_named: bool = True  # whether the user named the folder
    overwrite: bool = False  # whether an earlier run in it may be removed
    is_resumed: bool = False
    earlier: Mapping[str, Any] | None = None  # the config of the run to resume, where there is one
    accept_changes: bool = False  # whether to resume although bits may differ
    checkpoint_every: Interval = Interval(1, "second")
    keep: int = 3
    plots: bool = True
    tensorboard: bool = False

    def marked(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record that says what it is about."""
        marks = {"dataset": self.data.name} | ({"notice": self.notice} if self.notice else {})
        return {**record, **marks}

    @property
    def stop_metric(self) -> str:
        """What early stopping looks at."""
        return f"validation_{self.config['stop_metric']}"


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


class Recorder:
    """What `train` calls back."""

    def __init__(
        self,
        job: Job,
        clock: Clock,
        table: EpochTable,
        checkpoints: Checkpoints | None,
        request: StopRequest,
        start: Progress | None = None,
        lines: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self.progress = start  # the latest
        self.best: Progress | None = None  # after the best epoch, where --patience asks for it
        self.finished: Progress | None = None  # after the last finished epoch
        self.reason: str | None = None  # why training stopped before its last epoch
        self.unwritten = Unwritten()
        self.lines = Lines(job.path / "metrics.jsonl", lines)
        self._job, self._clock, self._table = job, clock, table
        self._checkpoints, self._request = checkpoints, request
        self._steps_per_epoch = num_steps(len(job.data.train_inputs), job.recipe.batch_size)
        self._started = time.perf_counter()
        self._saved = _position(start) if start else None
        self._faults = Lines(
            job.path / "faults.jsonl", map(self._fault, start.faults if start else ())
        )
        self._saved_at = time.monotonic()
        self._board = Board(job.path / "tensorboard") if job.tensorboard else None

    def on_block(self, progress: Progress) -> bool:
        """Moves the bar, saves a checkpoint that is due, and heeds a request to stop."""
        self._clock.charge("train")
        step = int(progress.state.step)
        self._table.step(step)
        self.progress = progress
        for fault in progress.faults[len(self._faults.records) :]:
            self._faults.append(self._fault(fault))
            self.unwritten.attempt("faults.jsonl", self._faults.flush)
            self._table.note(f"skipped {fault}")
        ends_epoch = step % self._steps_per_epoch == 0
        if not ends_epoch and self._is_due(progress):
            self.save(progress)
        return self._request.signal is not None

    def on_epoch(self, progress: Progress) -> bool:
        """Writes the epoch's line everywhere, saves a checkpoint, and decides whether to stop."""
        self._clock.charge("evaluate")
        self.progress = self.finished = progress
        epoch, metrics = len(progress.history), progress.history[-1]
        now = time.perf_counter()
        seconds, self._started = now - self._started, now
        self.lines.append(line(self._job, progress, seconds))
        if self._board:
            self._board.append(epoch, metrics)
        self.flush()
        self._table.line(epoch, metrics, seconds)

        is_best = False
        if self._job.config["patience"]:
            is_best = stopping.best_epoch(progress.history, self._job.stop_metric) == epoch
            self.best = progress if is_best else self.best
        if is_best or self._is_due(progress):
            self.save(progress)
        self.reason = reason_to_stop(self._job, progress)
        return self.reason is not None or self._request.signal is not None

    def _is_due(self, progress: Progress) -> bool:
        """Whether a checkpoint is to be saved of progress within an epoch, or after its line."""
        number, unit = self._job.checkpoint_every
        if not number:
            return False
        if unit == "second":
            return time.monotonic() - self._saved_at >= number
        if unit == "step":
            return int(progress.state.step) % number == 0
        return not float(progress.totals["num_examples"]) and len(progress.history) % number == 0

    def save(self, progress: Progress) -> None:
        """Saves a checkpoint, in the background, unless it is there already."""
        if self._checkpoints is None or _position(progress) == self._saved:
            return
        self._saved, self._saved_at = _position(progress), time.monotonic()
        epoch_is_whole = not float(progress.totals["num_examples"])
        metric, score = self._job.stop_metric, None
        if epoch_is_whole and progress.history and metric in progress.history[-1]:
            score = stopping.score(progress.history[-1], metric)
        self._checkpoints.save(
            int(progress.state.step),
            {"state": progress.state, "totals": progress.totals},
            {"history": progress.history, "faults": progress.faults, "lines": self.lines.records},
            score,
        )

    def keep(self, progress: Progress) -> bool:
        """Saves a checkpoint and waits for it; False where it failed, or none are wanted."""
        if self._checkpoints is None or not self._job.checkpoint_every.number:
            return False
        self.save(progress)
        self._checkpoints.wait()
        return self._checkpoints.error is None

    def flush(self) -> None:
        """Writes what waits for room on the disk."""
        self.unwritten.attempt("metrics.jsonl", self.lines.flush)
        self.unwritten.attempt("faults.jsonl", self._faults.flush)
        if self._board:
            self.unwritten.attempt("tensorboard", self._board.flush)

    def close(self) -> None:
        """Writes what waits for room, or notes that there is none; waits for checkpoints."""
        self.flush()
        if self._board:
            self.unwritten.attempt("tensorboard", self._board.close)
        if self._checkpoints is not None:
            self._checkpoints.wait()
            if self._checkpoints.error is not None:
                self.unwritten.errors["checkpoints"] = self._checkpoints.error

    def _fault(self, fault: Fault) -> dict[str, Any]:
        return self._job.marked(fault._asdict())


def _position(progress: Progress) -> tuple[int, int]:
    """Steps and epochs done: at the end of an epoch's steps its line is yet to be made."""
    return int(progress.state.step), len(progress.history)


def line(job: Job, progress: Progress, seconds: float) -> dict[str, Any]:
    """What metrics.jsonl says of the last finished epoch."""
    return job.marked(
        {
            "epoch": len(progress.history),
            "step": int(progress.state.step),
            **progress.history[-1],
            "seconds": seconds,
            "params_sha256": jaxmlp.digest(progress.state.params),
        }
    )


def reason_to_stop(job: Job, progress: Progress) -> str | None:
    """Why early stopping ends a run after its last finished epoch; None if it does not."""
    patience, target = job.config["patience"], job.config["target"]
    if target is not None and stopping.has_reached(progress.history, job.stop_metric, target):
        return f"{job.stop_metric} reached {target:g}"
    if patience and stopping.is_exhausted(progress.history, job.stop_metric, patience):
        return f"{patience} epochs brought no better {job.stop_metric}"
    return None


def as_progress(checkpoint: Any) -> Progress:
    """What `Recorder.save` saved."""
    tree, record = checkpoint.tree, checkpoint.record
    schema.check(as_written(record), records.SAVED, "the checkpoint")
    faults = tuple(Fault(*fault) for fault in record["faults"])
    return Progress(tree["state"], tree["totals"], tuple(record["history"]), faults)


def like(job: Job) -> dict[str, Any]:
    """The shapes of what `Recorder.save` saves."""
    start = jax.eval_shape(lambda: loop.beginning(job.recipe, job.data, 0))
    return {"state": start.state, "totals": start.totals}
