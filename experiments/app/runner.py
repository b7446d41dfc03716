"""One life of a run: train, show, and leave everything in a folder."""

import contextlib
import functools
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from absl import app, logging
from rich.console import Console

import jaxmlp
from experiments.app import (
    board,
    command_line,
    environment,
    recorder,
    report,
    screen,
    startup,
    verdict,
)
from experiments.app.progress import EpochTable
from experiments.app.recorder import Clock, Job, Recorder
from experiments.app.signals import StopRequest
from experiments.folder import records, schema, workdir
from experiments.folder.files import Unwritten, write_json, write_lines
from jaxmlp.runtime import receipt
from jaxmlp.storage import checkpoint
from jaxmlp.training import stopping
from jaxmlp.training.batches import num_steps
from jaxmlp.types import Progress, PyTree

INTERRUPTED = 130  # exit code before training; while training, 128 + the signal's number
DIVERGED = 3  # exit code at a number that is not finite, or a loss worse than at the start


def start(main: Callable[[list[str]], None]) -> None:
    """Runs a program's main with its flags read, and without the libraries' chatter.

    Nobody needs to read what it prints: it goes on without a word where a pipe is closed, and
    where a disk with its log is full with a word at its end.
    """
    logging.set_verbosity(logging.FATAL)  # what matters of an error is in its exception
    screen.outlive_readers()
    try:
        app.run(main, flags_parser=command_line.parse)
    except SystemExit as ended:
        if (error := screen.lost()) and not ended.code:
            sys.exit(f"error: not all that was printed could be written: {error}")
        raise
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turns a user's mistake into one line on the screen and exit code 1."""
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(f"error: {screen.one_line(error)}")
    except KeyboardInterrupt:
        print("\ninterrupted before training; nothing was written", file=sys.stderr)
        sys.exit(INTERRUPTED)


@contextlib.contextmanager
def clear_endings(path: Path) -> Iterator[None]:
    """Turns a full disk, or Ctrl-C for the second time, into one line and an exit code."""
    try:
        yield
    except OSError as error:
        sys.exit(f"error: {screen.one_line(error)}; {path} holds what was saved before")
    except KeyboardInterrupt:
        print(f"\ninterrupted at once; {path} holds what was saved before", file=sys.stderr)
        sys.exit(INTERRUPTED)


def run(job: Job, clock: Clock) -> dict[str, Any]:
    """Trains, shows the progress, and writes all there is to know into a folder.

    Args:
      job: what to do.
      clock: running, with the loading booked.

    Returns:
      What summary.json holds. A run that does not work out, or that is interrupted, ends the
      program with a message and an exit code instead.
    """
    screen.show_warnings()
    console = Console(highlight=False)
    with contextlib.ExitStack() as stack:
        with clear_errors():
            if job.tensorboard:
                board.package()
            if job.plots:
                report.check_pictures()
            is_there = job.earlier is not None
            if is_there:
                check_environment(job.path, job.accept_changes)
            report.introduce(console, job)
            with startup.compiling(console) as on_compiled:
                jaxmlp.warm_up(job.recipe, job.data, on_compiled)
            claim = workdir.claim(job.path, job.is_named, job.overwrite, is_there)
            job = job._replace(path=stack.enter_context(claim))
            start, lines = _resume(job) if is_there else (None, [])
            _write_settings(job, lines)
        clock.charge("compile")
        stack.enter_context(clear_endings(job.path))
        checkpoints = stack.enter_context(_checkpoints(job))
        request = stack.enter_context(StopRequest())
        report.introduce_start(console, job, start)
        steps_per_epoch = num_steps(len(job.data.train_inputs), job.recipe.batch_size)
        table = EpochTable(console, job.recipe.num_epochs, steps_per_epoch)
        record = Recorder(job, clock, table, checkpoints, request, start, lines)
        if job.plots:
            startup.import_meanwhile("experiments.plots.run")
        try:
            with table:
                _train(job, record, start)
        except jaxmlp.TrainingFault as error:
            _diverge(job, record, error)
        if request.signal is not None:
            _leave(job, record, request)
        assert record.progress is not None
        record.save(record.progress)
        if record.reason:
            console.print(f"stopped after epoch {len(record.progress.history)}: {record.reason}")
        return _finish(console, job, clock, record)


def _resume(job: Job) -> tuple[Progress | None, list[dict[str, Any]]]:
    """Where the run in the folder stopped, None for the beginning; and its lines up to there.

    Raises:
      ValueError: if it cannot go on with the same bits, or lost its checkpoints.
    """
    assert job.earlier is not None
    refuse_another(job.path, job.earlier)
    found = checkpoint.restore(job.path / "checkpoints", recorder.like(job))
    metrics = job.path / "metrics.jsonl"
    if found is None:
        refuse_lost_checkpoints(job.path)
        write_lines(metrics, [])
        _forget_faults(job.path)
        return None, []
    start, lines = recorder.as_progress(found), found.record["lines"]
    epoch, every = len(lines), job.config["eval_every"]
    if 0 < epoch < job.recipe.num_epochs and epoch % every:  # once the last, and now no longer
        *before, last = start.history
        blank = {name: np.nan for name in last if name.startswith(("validation_", "test_"))}
        start = start._replace(history=(*before, {**last, **blank}))
        lines[-1] |= blank
    write_lines(metrics, lines)
    _forget_faults(job.path)
    if start.faults:
        write_lines(job.path / "faults.jsonl", [job.marked(f._asdict()) for f in start.faults])
    return start, lines


def _forget_faults(path: Path) -> None:
    """Removes what is written anew, should it happen again."""
    for name in ("fault.json", "faults.jsonl"):
        (path / name).unlink(missing_ok=True)


def refuse_another(path: Path, earlier: Mapping[str, Any]) -> None:
    """Raises ValueError if a folder's run is not the one whose config was read."""
    if records.read_config(path / "config.json") != earlier:
        raise ValueError(f"--resume needs {path} for itself: another run has changed config.json")


def refuse_lost_checkpoints(path: Path) -> None:
    """Raises ValueError if a folder without checkpoints has finished epochs to lose."""
    done = len(schema.read_lines(path / "metrics.jsonl", records.LINE))
    if done and not (path / "checkpoints").exists():  # else it ended before the first
        raise ValueError(
            f"--resume needs a checkpoint of the {done} finished epochs in {path}, got none"
        )


def check_environment(path: Path, accept_changes: bool) -> None:
    """Sees whether the run in a folder can go on with the same bits.

    Raises:
      ValueError: if it cannot, and that is not accepted.
    """
    earlier = schema.read(path / "environment.json", records.ENVIRONMENT)
    changes = [
        line
        for name, value in receipt.describe().items()
        for line in receipt.differences(earlier.get(name), value, name)
    ]
    if changes and not accept_changes:
        raise ValueError(
            f"--resume needs the earlier run's environment; {'; '.join(changes)}; "
            "--accept_changes goes on without the promise of equal bits"
        )


def _write_settings(job: Job, lines: list[dict[str, Any]]) -> None:
    """Writes config.json, environment.json, and a receipt to which only digests are to be added."""
    write_json(job.path / "config.json", job.marked(job.config))
    data = {"name": job.data.name, "source": job.data.source, "sha256": job.data.sha256}
    facts = environment.describe() | {"data": data}
    write_json(job.path / "environment.json", job.marked(facts))
    report.write_receipt(job, lines)


def _checkpoints(job: Job) -> contextlib.AbstractContextManager[checkpoint.Checkpoints | None]:
    if not job.checkpoint_every.number and not job.config["patience"]:
        return contextlib.nullcontext()
    return checkpoint.Checkpoints(job.path / "checkpoints", job.keep)


def _train(job: Job, record: Recorder, start: Progress | None) -> None:
    if start and (reason := recorder.reason_to_stop(job, start)):
        record.reason = reason
        return
    every = job.checkpoint_every
    jaxmlp.train(
        job.recipe,
        job.data,
        job.config["seed"],
        start=start,
        eval_every=job.config["eval_every"],
        block_every=every.number if every.unit == "step" and every.number else None,
        on_fault=job.config["on_fault"],
        callback=record.on_epoch,
        on_block=record.on_block,
    )


def _parameters_to_keep(job: Job, record: Recorder) -> tuple[PyTree, int]:
    """The last parameters; with patience, those of the best epoch; and which epoch that was."""
    assert record.progress is not None
    last = record.progress.state.params, len(record.progress.history)
    if not job.config["patience"]:
        return last
    best = stopping.best_epoch(record.progress.history, job.stop_metric)
    if record.best is not None and len(record.best.history) == best:
        return record.best.state.params, best
    with contextlib.suppress(checkpoint.DamagedError):
        found = checkpoint.restore_best(job.path / "checkpoints", recorder.like(job))
        if found is not None and len(found.record["history"]) == best:
            return found.tree["state"].params, best
    warnings.warn(f"the best epoch, {best}, has no checkpoint: the last is kept", stacklevel=2)
    return last


def _leave(job: Job, record: Recorder, request: StopRequest) -> NoReturn:
    """Ends an interrupted run, and the program."""
    _say_what_is_kept(job, record, "interrupted; ", [])
    sys.exit(request.exit_code)


def _diverge(job: Job, record: Recorder, error: jaxmlp.TrainingFault) -> NoReturn:
    """Reports a number that is not finite, and ends the program."""
    record.progress = error.progress
    fault = job.marked(error.fault._asdict())
    kept = record.unwritten.attempt(
        "fault.json", lambda: write_json(job.path / "fault.json", fault)
    )
    _say_what_is_kept(job, record, f"stopped: {error}\n", ["fault.json"] * kept)
    print("--resume replays that step, --resume --on_fault=skip goes on past it", file=sys.stderr)
    sys.exit(DIVERGED)


def _say_what_is_kept(job: Job, record: Recorder, why: str, kept: list[str]) -> None:
    """Saves what an unfinished run has."""
    if record.progress is not None and record.keep(record.progress):
        kept.append(f"a checkpoint of step {int(record.progress.state.step)} (--resume goes on)")
    if record.finished is not None:
        params, epoch = record.finished.state.params, len(record.finished.history)
        save = functools.partial(jaxmlp.save_params, job.path / "params.npz", params)
        receipt = functools.partial(report.write_receipt, job, record.lines.records)
        if record.unwritten.attempt("params.npz", save):
            kept.append(
                f"the metrics and parameters of the {epoch} finished epochs, "
                f"of {job.recipe.num_epochs}"
            )
        record.unwritten.attempt("receipt.json", receipt)
    record.close()
    print(f"{why}{job.path} holds {' and '.join(kept) or 'no parameters'}", file=sys.stderr)
    if record.unwritten.errors:
        print(record.unwritten, file=sys.stderr)


def _finish(console: Console, job: Job, clock: Clock, record: Recorder) -> dict[str, Any]:
    """Writes what a run leaves, as far as there is room, and shows it."""
    assert record.progress is not None
    progress, kept, attempt = (
        record.progress,
        _parameters_to_keep(job, record),
        record.unwritten.attempt,
    )
    attempt("params.npz", lambda: jaxmlp.save_params(job.path / "params.npz", kept[0]))
    summary = report.summarize(job, progress, kept, clock.seconds)
    clock.charge("evaluate")
    summary["seconds"] = {name: round(spent, 3) for name, spent in clock.seconds.items()}
    # The receipt before the summary, which is never without it.
    attempt("receipt.json", lambda: report.write_receipt(job, record.lines.records, summary))
    attempt("summary.json", lambda: write_json(job.path / "summary.json", summary))
    if job.plots:
        attempt("plots", lambda: report.draw(job, progress, kept[0]))
    record.close()
    report.conclude(console, job.path, summary)
    end(job.path, record.unwritten, verdict.has_diverged(summary["verdict"]))
    return summary


def end(path: Path, unwritten: Unwritten, has_diverged: bool) -> None:
    """Ends the program with an exit code, unless all is well."""
    if unwritten.errors:
        sys.exit(f"error: {path} is not whole: {unwritten}")
    if has_diverged:
        sys.exit(DIVERGED)
