"""What a run's folder claims, and what comes out when the run is made again."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jaxmlp
from experiments.app import recipes, recorder, report, tables
from experiments.app.job import Job
from experiments.app.progress import EpochTable
from experiments.data.tables import stored
from experiments.folder import arrays, records, schema
from experiments.folder.files import as_written
from jaxmlp.training import stopping
from jaxmlp.types import Fault, Progress, PyTree

FILES = (
    *("config.json", "metrics.jsonl", "summary.json", "faults.jsonl", "fault.json", "params.npz"),
    tables.PREPARATION,
)


class Claim(NamedTuple):
    """What a folder says of a run; None for a file that is not there."""

    receipt: dict[str, Any]
    config: dict[str, Any] | None
    lines: list[dict[str, Any]] | None
    summary: dict[str, Any] | None
    faults: list[dict[str, Any]] | None
    fault: dict[str, Any] | None
    params: PyTree  # of params.npz
    preparations: list[dict[str, Any]] | None = None

    @property
    def digests(self) -> list[str]:
        """Of the parameters after each epoch: the receipt's, and those noted since."""
        noted = [line["params_sha256"] for line in self.lines or []]
        return self.receipt["params_sha256"] + noted[len(self.receipt["params_sha256"]) :]

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """That in the folder, and that in the receipt once it has one."""
        return [
            each for each in (self.summary, self.receipt["summary"] or None) if each is not None
        ]

    @property
    def ends(self) -> set[Any]:
        """The numbers of epochs after which there is a summary."""
        return {summary.get("num_epochs") for summary in self.summaries}

    @property
    def files(self) -> list[str]:
        """The names of those that are there."""
        there = self.config, self.lines, self.summary, self.faults, self.fault, self.params
        named = zip(FILES, (*there, self.preparations), strict=True)
        return ["receipt.json", *(name for name, each in named if each is not None)]

    @property
    def missing(self) -> list[str]:
        """The names of those that a finished run has; a receipt may stand alone."""
        expected = ["config.json", "metrics.jsonl", "summary.json", "params.npz"]
        expected += [tables.PREPARATION] if "table" in self.receipt["config"] else []
        is_alone = self.files == ["receipt.json"]
        if is_alone or not self.receipt["summary"]:
            return []
        return [name for name in expected if name not in self.files]

    @property
    def receipt_epochs(self) -> int:
        """How many epochs the receipt has to have: it is written before a summary is."""
        ends = (end for end in self.ends if end is not None)
        return max(len(self.receipt["params_sha256"]), *ends, 0)

    @property
    def num_epochs(self) -> int:
        """How many finished epochs are spoken of."""
        return max(self.receipt_epochs, len(self.lines or []))


class Rerun(NamedTuple):
    """What came out."""

    lines: list[dict[str, Any]]  # of metrics.jsonl
    summaries: dict[int, dict[str, Any]]  # those claimed, by the epochs done
    faults: list[Fault]  # that were skipped
    fault: Fault | None  # that ended it
    differs: int | None  # the first epoch with other parameters than claimed
    is_over: bool  # whether training ends there

    @property
    def digests(self) -> list[str]:
        """Of the parameters after each epoch."""
        return [line["params_sha256"] for line in self.lines]

    def summary_for(self, claimed: Mapping[str, Any]) -> dict[str, Any]:
        """The summary after as many epochs as one speaks of, or else after the last."""
        last = next(reversed(self.summaries.values()), {})
        return self.summaries.get(claimed.get("num_epochs", 0), last)


def read(folder: Path) -> Claim:
    """Reads what lies in a run's folder.

    Raises:
      ValueError: if it is no run's, or a record is none.
    """
    if (folder / "runs.npz").exists():
        raise ValueError(f"{folder} holds a sweep: expected a run, or experiments.replay")

    def there(name: str, read: Callable[[Path], Any]) -> Any:
        path = folder / name
        return read(path) if path.exists() else None

    receipt = schema.read(folder / "receipt.json", records.RECEIPT)
    claim = Claim(
        receipt,
        there("config.json", lambda path: schema.read(path, records.CONFIG)),
        there("metrics.jsonl", lambda path: schema.read_lines(path, records.RUN_LINE)),
        there("summary.json", lambda path: schema.read(path, records.SUMMARY)),
        there("faults.jsonl", lambda path: schema.read_lines(path, records.FAULT)),
        there("fault.json", lambda path: schema.read(path, records.FAULT)),
        None,
    )
    model = recipes.model(claim.receipt["config"])
    params = there("params.npz", lambda path: arrays.read_params(path, model))
    if not claim.num_epochs and claim.fault is None:
        raise ValueError(f"{folder} needs a run with at least one epoch's digest, got none")
    prepared = there(tables.PREPARATION, stored.read)
    return claim._replace(params=params, preparations=prepared)


def rerun(job: Job, claim: Claim, table: EpochTable) -> Rerun:
    """Trains again, up to the last epoch that is claimed or the first that differs.

    Where a fault is claimed of the epoch after, its steps are taken as well.

    Args:
      job: the claimed one.
      claim: what to compare with.
      table: to show the epochs in.
    """
    found, fault = _Witness(job, claim, table), None
    try:
        jaxmlp.train(
            job.recipe,
            job.data,
            job.config["seed"],
            noise_seed=job.config["noise_seed"],
            eval_every=job.config["eval_every"],
            on_fault=job.config["on_fault"],
            window=job.window,
            mesh=job.mesh,
            mode=job.config["mode"],
            callback=found.on_epoch,
            on_block=found.on_block,
        )
    except jaxmlp.TrainingFault as error:
        fault, found.faults = error.fault, list(error.progress.faults)
        if len(found.lines) < claim.num_epochs:
            found.differs = len(found.lines) + 1
    return Rerun(found.lines, found.summaries, found.faults, fault, found.differs, found.is_over)


class _Witness:
    """What `rerun` sees."""

    def __init__(self, job: Job, claim: Claim, table: EpochTable) -> None:
        self.lines: list[dict[str, Any]] = []
        self.summaries: dict[int, dict[str, Any]] = {}
        self.faults: list[Fault] = []
        self.differs: int | None = None
        self.is_over = False
        self._job, self._claim, self._digests = job, claim, claim.digests
        self._best: Progress | None = None
        self._table, self._started = table, time.perf_counter()

    def on_block(self, progress: Progress) -> bool:
        """Notes skipped steps; whether all that is claimed has been seen."""
        self._table.step(int(progress.state.step))
        self.faults = list(progress.faults)
        return self._is_done(len(progress.history))

    def on_epoch(self, progress: Progress) -> bool:
        """Makes the epoch's line, and the summary where one is claimed; whether to stop."""
        epoch = len(progress.history)
        if epoch > self._claim.num_epochs:  # only the faults in it were asked for
            return True
        now = time.perf_counter()
        seconds, self._started = now - self._started, now
        self._table.line(epoch, progress.history[-1], seconds)
        self.lines.append(as_written(recorder.line(self._job, progress, seconds)))
        if self._digests[epoch - 1 : epoch] != [self.lines[-1]["params_sha256"]]:
            self.differs = epoch
        if self._job.config["patience"]:
            best = stopping.best_epoch(progress.history, self._job.stop_metric)
            self._best = progress if best == epoch else self._best
        self.is_over = (
            epoch == self._job.recipe.num_epochs
            or recorder.reason_to_stop(self._job, progress) is not None
        )
        for claimed in self._claim.summaries:
            if claimed.get("num_epochs") == epoch or self.is_over:
                kept = progress  # or the best, unless its checkpoint was lost
                if self._best and claimed.get("params_epoch") != epoch:
                    kept = self._best
                params = self._job.params(kept.state), len(kept.history)
                summary = report.summarize(self._job, progress, params, {})
                self.summaries.setdefault(epoch, as_written(summary))
        return self.differs is not None or self.is_over or self._is_done(epoch)

    def _is_done(self, epoch: int) -> bool:
        claim = self._claim
        has_faults = claim.fault is None and len(self.faults) >= len(claim.faults or [])
        return epoch >= claim.num_epochs and has_faults
