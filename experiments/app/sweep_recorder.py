"""Takes a sweep's training down: its lines, its checkpoints, and how fast it goes."""

import time

import jax
import numpy as np
from rich.console import Console
from rich.progress import TextColumn, TimeRemainingColumn

from experiments.app.job import Job
from experiments.app.log import Log
from experiments.app.progress import bar, format_metric
from jaxmlp.objectives.tasks import primary
from jaxmlp.populations.many import Report
from jaxmlp.storage.progress import population_parts

SAVING = 0.05  # of the time may go into checkpoints


class Recorder:
    """What `jaxmlp.train_many` calls back, with a bar, which is a context."""

    def __init__(self, console: Console, job: Job, log: Log) -> None:
        self.work = 0.0  # network-epochs trained here
        self._first: tuple[float, float] | None = None  # the time and the work after an epoch
        self._console, self._job, self._log = console, job, log
        where = " that this process trains" if jax.process_count() > 1 else ""
        self._of_what = f"means of the networks{where}"
        self._num_epochs = max(job.axes.get("num_epochs", [job.config["num_epochs"]]))
        self._started = time.perf_counter()
        self._before: float | None = None  # network-epochs done before, this epoch's apart
        self._cost = 0.0  # seconds, of the last checkpoint
        self._saved: tuple[int, int] | None = None  # what it had: epochs in all, and live networks
        speed = "{task.percentage:.0f} %, {task.fields[rate]:.3g} network-epochs a second"
        self.bar = bar(console, "training", TextColumn(speed), TimeRemainingColumn())
        self._task = self.bar.add_task("training", total=None, rate=0.0)

    @property
    def rate(self) -> float:
        """Network-epochs a second, without the first epoch, in which programs are compiled."""
        now = time.perf_counter()
        started, before = self._first or (self._started, 0.0)
        if self.work == before:
            started, before = self._started, 0.0
        return (self.work - before) / max(now - started, 1e-9)

    def on_block(self, report: Report) -> bool:
        """Moves the bar, saves a checkpoint that is due, and heeds a request to stop."""
        done = float(report.epochs.sum()) + report.share * report.num_live
        behind = int((report.epochs > report.epoch).sum())  # are in both
        done -= min(behind, report.share * report.num_live)
        if self._before is None:
            self._before = done
        self.work = max(self.work, done - self._before)
        left = report.num_live * (self._num_epochs - report.epoch - report.share)
        self.bar.update(self._task, completed=self.work, total=self.work + left, rate=self.rate)
        return self._heed(report)

    def on_epoch(self, report: Report) -> bool:
        """Writes the epoch's line, saves a checkpoint, and heeds a request to stop."""
        self._first = self._first or (time.perf_counter(), self.work)
        self._log.clock.charge("train")
        means = {
            name: float(np.nanmean(values[:, report.epoch - 1]))
            for name, values in report.history.items()
            if not np.isnan(values[:, report.epoch - 1]).all()
        }
        seconds = self._log.lap()
        line = {"epoch": report.epoch, "num_live": report.num_live, **means, "seconds": seconds}
        self._log.append(self._job.marked(line))
        known = ("loss", primary(self._job.recipe.task).name)
        shown = {n: v for n, v in means.items() if n.partition("_")[2] in known}
        text = ", ".join(f"{n.replace('_', ' ')} {format_metric(n, v)}" for n, v in shown.items())
        self._console.print(
            f"epoch {report.epoch}/{self._num_epochs}: {text}, {self._of_what}; "
            f"{report.num_live:,} go on; {seconds:.2f} s",
            markup=False,
            soft_wrap=True,
        )
        return self._heed(report, ends_epoch=True)

    def _heed(self, report: Report, ends_epoch: bool = False) -> bool:
        pause = self._cost / SAVING
        is_over = self._log.must_stop or report.is_last or not report.num_live
        position = int(report.epochs.sum()), report.num_live
        is_new = position != self._saved or self._log.must_stop  # not one that waits for others
        is_due = is_over or self._log.is_due(0, report.epoch, ends_epoch, pause)
        if self._log.may_keep and is_due and is_new:
            started = time.monotonic()
            self._log.save(*population_parts(report.snapshot(copy=False)))
            self._cost, self._saved = time.monotonic() - started, position
        return self._log.must_stop
