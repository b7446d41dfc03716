"""Takes one network's training down: its lines, its checkpoints, and when to stop."""

from typing import Any

import jaxmlp
from experiments.app.board import Board
from experiments.app.job import Job
from experiments.app.log import Log
from experiments.app.progress import EpochTable
from experiments.folder.files import Lines
from jaxmlp.storage import progress as trainings
from jaxmlp.training import stopping
from jaxmlp.training.batches import num_steps
from jaxmlp.types import Fault, Progress


class Recorder:
    """What `jaxmlp.train` calls back."""

    def __init__(
        self, job: Job, log: Log, table: EpochTable, start: Progress | None = None
    ) -> None:
        self.progress = start  # the latest
        self.best: Progress | None = None  # after the best epoch, where --patience asks for it
        self.finished: Progress | None = None  # after the last finished epoch
        self.reason = reason_to_stop(job, start) if start else None  # before the last epoch
        self._job, self._log, self._table = job, log, table
        self._steps_per_epoch = num_steps(len(job.data.train_inputs), job.recipe.batch_size)
        self._saved = _position(start) if start else None
        self._faults = Lines(
            job.path / "faults.jsonl", map(self._fault, start.faults if start else ())
        )
        log.files["faults.jsonl"] = self._faults.flush
        self._board = Board(job.path / "tensorboard") if job.given.tensorboard else None
        if self._board:
            log.files["tensorboard"] = self._board.flush
            log.ends["tensorboard"] = self._board.close

    def on_block(self, progress: Progress) -> bool:
        """Moves the bar, saves a checkpoint that is due, and heeds a request to stop."""
        self._log.clock.charge("train")
        step = int(progress.state.step)
        self._table.step(step)
        self.progress = progress
        for fault in progress.faults[len(self._faults.records) :]:
            self._faults.append(self._fault(fault))
            self._log.flush()
            self._table.note(f"skipped {fault}")
        ends_epoch = step % self._steps_per_epoch == 0
        if not ends_epoch and self._log.is_due(step, len(progress.history), ends_epoch=False):
            self.save(progress)
        return self._log.must_stop

    def on_epoch(self, progress: Progress) -> bool:
        """Writes the epoch's line everywhere, saves a checkpoint, and decides whether to stop."""
        self._log.clock.charge("evaluate")
        self.progress = self.finished = progress
        epoch, metrics, seconds = len(progress.history), progress.history[-1], self._log.lap()
        if self._board:
            self._board.append(epoch, metrics)
        self._log.append(line(self._job, progress, seconds))
        self._table.line(epoch, metrics, seconds)

        is_best = False
        if self._job.config["patience"]:
            is_best = stopping.best_epoch(progress.history, self._job.stop_metric) == epoch
            self.best = progress if is_best else self.best
        if is_best or self._log.is_due(int(progress.state.step), epoch, ends_epoch=True):
            self.save(progress)
        self.reason = reason_to_stop(self._job, progress)
        return self.reason is not None or self._log.must_stop

    def save(self, progress: Progress) -> None:
        """Saves a checkpoint, in the background, unless it is there already."""
        if _position(progress) == self._saved:
            return
        self._saved = _position(progress)
        epoch_is_whole = not float(progress.totals["num_examples"])
        metric, score = self._job.stop_metric, None
        if epoch_is_whole and progress.history and metric in progress.history[-1]:
            score = stopping.score(progress.history[-1], metric)
        self._log.save(*trainings.progress_parts(progress), score)

    def keep(self, progress: Progress) -> bool:
        """Saves a checkpoint and waits for it; False where it failed, or none are wanted."""
        if not self._log.may_keep:
            return False
        self.save(progress)
        return self._log.has_kept()

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
            "params_sha256": jaxmlp.digest(job.params(progress.state)),
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
