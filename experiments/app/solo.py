"""One network's training: what is written down of it, and how it begins and ends."""

import contextlib
import functools
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn

from rich.console import Console

import jaxmlp
from experiments.app import devices, endings, life, report, scoring, startup, verdict
from experiments.app.job import Job
from experiments.app.log import Log
from experiments.app.progress import EpochTable
from experiments.app.recorder import Recorder, reason_to_stop
from experiments.app.signals import StopRequest
from experiments.app.traits import traits, with_what
from experiments.folder import records, schema
from experiments.folder.files import as_written, write_json, write_lines
from experiments.report import run
from experiments.report.subject import of_run
from jaxmlp.objectives.tasks import metrics_of
from jaxmlp.storage import checkpoint
from jaxmlp.storage.checkpoint import Checkpoint
from jaxmlp.storage.progress import as_progress, progress_like
from jaxmlp.training import stopping
from jaxmlp.training.batches import num_steps
from jaxmlp.training.checks import check
from jaxmlp.training.resuming import without_a_late_look
from jaxmlp.types import Progress, PyTree

PICTURES, PAGE = "experiments.plots.run", "experiments.report.page"


def describe(job: Job) -> str:
    """What is about to be trained, for a reader."""
    recipe = job.recipe
    widths = "-".join(map(str, job.config["sizes"]))
    text = (
        f"network {', '.join([widths, *traits(recipe.model).values()])}, "
        f"batch {recipe.batch_size}, {recipe.num_epochs} epochs, seed {job.config['seed']}, "
        f"on {devices.described(job.config)}"
    )
    what = with_what(recipe.model)
    return f"{text}\ntraining's own figures are with {what}, the others without" if what else text


def compile(console: Console, job: Job) -> None:
    """Compiles the programs that `train` runs, once all is seen to fit."""
    check(job.recipe, job.data, job.config["seed"], window=job.window)
    with startup.compiling(console) as on_compiled:
        on_these = {"mesh": job.mesh, "mode": job.config["mode"]}
        jaxmlp.warm_up(job.recipe, job.data, on_compiled, window=job.window, **on_these)


def num_kept(job: Job, plan: None) -> int:
    """How many checkpoints to keep: patience asks for that of the best epoch alone."""
    return job.given.keep if job.given.checkpoint_every.number or job.config["patience"] else 0


def begin(job: Job, start: Progress | None, lines: life.Lines) -> None:
    """Writes what there is of an earlier start; what comes after is written anew."""
    for name in ("fault.json", "faults.jsonl"):
        (job.path / name).unlink(missing_ok=True)
    if start and start.faults:
        write_lines(job.path / "faults.jsonl", [job.marked(f._asdict()) for f in start.faults])
    report.write_receipt(job, lines)  # to which only digests are to be added


def like(job: Job) -> PyTree:
    """The shapes of what a checkpoint holds."""
    return progress_like(job.recipe, job.data)


def start(job: Job, found: Checkpoint | None) -> tuple[Progress | None, life.Lines]:
    """Where to start, and the lines up to there."""
    if found is None:
        return None, []
    schema.check(as_written(found.record), records.SAVED, "the checkpoint")
    lines, every = found.record["lines"], job.config["eval_every"]
    progress = without_a_late_look(as_progress(found), every, job.recipe.num_epochs)
    if lines:
        lines[-1] |= progress.history[-1]
    return progress, lines


def going_on(start: Progress) -> str:
    """From where, for a reader."""
    return f"going on after step {int(start.state.step)}"


def train(console: Console, job: Job, log: Log, plan: None, start: Progress | None) -> Recorder:
    """Trains, and takes it down; a number that is not finite ends the program."""
    steps_per_epoch = num_steps(len(job.data.train_inputs), job.recipe.batch_size)
    metrics = metrics_of(job.recipe.task)
    table = EpochTable(console, job.recipe.num_epochs, steps_per_epoch, metrics)
    record = Recorder(job, log, table, start)
    if record.reason:
        return record
    try:
        with table:
            train_by(job, start, record.on_epoch, record.on_block)
    except jaxmlp.TrainingFault as error:
        _diverge(job, log, record, error)
    return record


def train_by(
    job: Job,
    start: Progress | None,
    on_epoch: Callable[[Progress], bool],
    on_block: Callable[[Progress], bool],
) -> None:
    """Trains by the settings; raises what `jaxmlp.train` raises."""
    number, unit = job.given.checkpoint_every
    jaxmlp.train(
        job.recipe,
        job.data,
        job.config["seed"],
        start=start,
        noise_seed=job.config["noise_seed"],
        eval_every=job.config["eval_every"],
        block_every=number if unit == "step" and number else None,
        on_fault=job.config["on_fault"],
        window=job.window,
        mesh=job.mesh,
        mode=job.config["mode"],
        callback=on_epoch,
        on_block=on_block,
    )


def follow(
    job: Job, plan: None, start: Progress | None, lines: life.Lines, request: StopRequest
) -> None:
    """Trains in another process than the first, and writes nothing down."""
    if start is not None and reason_to_stop(job, start):
        return

    def on_epoch(progress: Progress) -> bool:
        return reason_to_stop(job, progress) is not None or on_block(progress)

    def on_block(progress: Progress) -> bool:
        return request.signal is not None

    train_by(job, start, on_epoch, on_block)


def _diverge(job: Job, log: Log, record: Recorder, error: jaxmlp.TrainingFault) -> NoReturn:
    """Reports a number that is not finite, and ends the program."""
    record.progress = error.progress
    fault = job.marked(error.fault._asdict())
    is_kept = log.unwritten.attempt(
        "fault.json", lambda: write_json(job.path / "fault.json", fault)
    )
    kept = ["fault.json"] * is_kept + leave(job, log, record)
    life.leave(log, f"stopped: {error}\n", kept)
    print("--resume replays that step, --resume --on_fault=skip goes on past it", file=sys.stderr)
    sys.exit(endings.DIVERGED)


def leave(job: Job, log: Log, record: Recorder) -> list[str]:
    """Writes what an unfinished run has; what that is, for a reader."""
    kept = []
    if record.progress is not None and record.keep(record.progress):
        step = int(record.progress.state.step)
        kept.append(f"a checkpoint of step {step} (--resume goes on)")
    if record.finished is not None:
        params, epoch = job.params(record.finished.state), len(record.finished.history)
        save = functools.partial(jaxmlp.save_params, job.path / "params.npz", params)
        receipt = functools.partial(report.write_receipt, job, log.lines.records)
        if log.unwritten.attempt("params.npz", save):
            kept.append(
                f"the metrics and parameters of the {epoch} finished epochs, "
                f"of {job.recipe.num_epochs}"
            )
        log.unwritten.attempt("receipt.json", receipt)
    return kept


def finish(console: Console, job: Job, log: Log, record: Recorder) -> bool:
    """Writes what a run leaves, as far as there is room, and shows it; whether it did harm."""
    assert record.progress is not None
    progress, attempt = record.progress, log.unwritten.attempt
    record.save(progress)
    if record.reason:
        console.print(f"stopped after epoch {len(progress.history)}: {record.reason}")
    kept = _parameters_to_keep(job, record)
    attempt("params.npz", lambda: jaxmlp.save_params(job.path / "params.npz", kept[0]))
    outputs = report.answers(job, kept[0])
    scoring.announce(console, job)
    summary = report.summarize(job, progress, kept, {}, outputs)
    log.clock.charge("evaluate")
    summary["seconds"] = log.clock.rounded
    # The receipt before the summary, which is never without it.
    attempt("receipt.json", lambda: report.write_receipt(job, log.lines.records, summary))
    attempt("summary.json", lambda: write_json(job.path / "summary.json", summary))
    if job.given.plots:
        attempt("plots", lambda: report.draw(job, progress, kept[0], outputs))
    if job.given.report:
        subject = of_run(job, log.lines.records, kept[0], summary, outputs)
        attempt("report.html", lambda: run.write(subject))
    log.close()
    report.conclude(console, job, summary, log.lines.records)
    return verdict.has_diverged(summary["verdict"])


def _parameters_to_keep(job: Job, record: Recorder) -> tuple[PyTree, int]:
    """The last parameters; with patience, those of the best epoch; and which epoch that was."""
    assert record.progress is not None
    last = job.params(record.progress.state), len(record.progress.history)
    if not job.config["patience"]:
        return last
    best = stopping.best_epoch(record.progress.history, job.stop_metric)
    if record.best is not None and len(record.best.history) == best:
        return job.params(record.best.state), best
    with contextlib.suppress(checkpoint.DamagedError):
        found = checkpoint.restore_best(job.path / "checkpoints", like(job))
        if found is not None and len(found.record["history"]) == best:
            return job.params(found.tree["state"]), best
    warnings.warn(f"the best epoch, {best}, has no checkpoint: the last is kept", stacklevel=2)
    return last


NETWORK = life.Kind(
    describe,
    compile,
    num_kept,
    like,
    start,
    begin,
    going_on,
    train,
    follow,
    leave,
    finish,
    PICTURES,
    PAGE,
)
