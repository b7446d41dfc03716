"""One life of a run: train, show, and leave everything in a folder."""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from absl import app, logging
from rich.console import Console

import jaxmlp
from experiments import environment, recorder, report, workdir
from experiments.progress import EpochTable
from experiments.recorder import Clock, Job, Recorder
from experiments.signals import StopRequest
from jaxmlp import checkpoint, stopping
from jaxmlp.types import Progress, PyTree

INTERRUPTED = 130  # exit code before training; while training, 128 + the signal's number
DIVERGED = 3  # exit code at a number that is not finite


def start(main: Callable[[list[str]], None]) -> None:
    """Runs a program's main with its flags read, and without the libraries' chatter."""
    logging.set_verbosity(logging.WARNING)
    try:
        app.run(main)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turns a user's mistake into one line on the screen and exit code 1."""
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("\ninterrupted before training; nothing was written", file=sys.stderr)
        sys.exit(INTERRUPTED)


@contextlib.contextmanager
def _clear_endings(path: Path) -> Iterator[None]:
    """Turns a full disk, or Ctrl-C for the second time, into one line and an exit code."""
    try:
        yield
    except OSError as error:
        sys.exit(f"error: {error}; {path} holds what was saved before")
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
    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
    console = Console(highlight=False)
    with clear_errors():
        if job.tensorboard:
            recorder.import_tensorboard()
        jaxmlp.warm_up(job.recipe, job.data)
        start = _open(job)
    clock.charge("compile")
    with _clear_endings(job.path), _checkpoints(job) as saver, StopRequest() as request:
        report.introduce(console, job)
        if start:
            console.print(f"going on after step {int(start.state.step)}")
        steps_per_epoch = -(-len(job.data.train_inputs) // job.recipe.batch_size)
        table = EpochTable(console, job.recipe.num_epochs, steps_per_epoch)
        keeper = Recorder(job, clock, table, saver, request, start)
        try:
            with table, contextlib.closing(keeper):
                _train(job, keeper, start)
        except jaxmlp.TrainingFault as error:
            _diverge(job, keeper, error)
        if request.signal is not None:
            _leave(job, keeper, request)
        assert keeper.progress is not None
        keeper.save(keeper.progress)
        if keeper.reason:
            console.print(f"stopped after epoch {len(keeper.progress.history)}: {keeper.reason}")
        params = _parameters_to_keep(job, keeper.progress, saver)
        return _finish(console, job, clock, keeper.progress, params)


def _open(job: Job) -> Progress | None:
    """Makes the folder, or finds where a run in it stopped: None for the beginning."""
    start = None
    if job.is_resumed:
        found = checkpoint.restore(job.path / "checkpoints", recorder.like(job))
        start = None if found is None else recorder.as_progress(found)
        for name in ("fault.json", "summary.json"):
            (job.path / name).unlink(missing_ok=True)
        workdir.keep_lines(job.path / "metrics.jsonl", len(start.history) if start else 0)
    else:
        workdir.create(job.path)
    workdir.write_json(job.path / "config.json", job.marked(job.config))
    data = {"name": job.data.name, "source": job.data.source, "sha256": job.data.sha256}
    facts = environment.describe() | {"data": data}
    workdir.write_json(job.path / "environment.json", job.marked(facts))
    return start


def _checkpoints(job: Job) -> contextlib.AbstractContextManager[checkpoint.Checkpoints | None]:
    if not job.checkpoint_every.number and not job.config["patience"]:
        return contextlib.nullcontext()
    return checkpoint.Checkpoints(job.path / "checkpoints", job.keep)


def _train(job: Job, keeper: Recorder, start: Progress | None) -> None:
    if start and recorder.reason_to_stop(job, start):
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
        callback=keeper.on_epoch,
        on_block=keeper.on_block,
    )


def _parameters_to_keep(
    job: Job, progress: Progress, saver: checkpoint.Checkpoints | None
) -> PyTree:
    """The last parameters; with patience, those of the best epoch."""
    if not job.config["patience"]:
        return progress.state.params
    assert saver is not None
    saver.wait()
    best = checkpoint.restore_best(job.path / "checkpoints", recorder.like(job))
    epoch = stopping.best_epoch(progress.history, job.stop_metric)
    if best is None or len(best.record["history"]) != epoch:
        raise OSError(f"the checkpoint of the best epoch, {epoch}, was not saved")
    return best.tree["state"].params


def _leave(job: Job, keeper: Recorder, request: StopRequest) -> NoReturn:
    """Ends an interrupted run, and the program."""
    kept = _keep(job, keeper)
    print(f"interrupted; {job.path} holds {' and '.join(kept) or 'no parameters'}", file=sys.stderr)
    sys.exit(request.exit_code)


def _diverge(job: Job, keeper: Recorder, error: jaxmlp.TrainingFault) -> NoReturn:
    """Reports a number that is not finite, and ends the program."""
    keeper.progress = error.progress
    workdir.write_json(job.path / "fault.json", job.marked(error.fault._asdict()))
    kept = ["fault.json", *_keep(job, keeper)]
    print(
        f"stopped: {error}\n{job.path} holds {' and '.join(kept)}\n"
        "--resume replays that step, --resume --on_fault=skip goes on past it",
        file=sys.stderr,
    )
    sys.exit(DIVERGED)


def _keep(job: Job, keeper: Recorder) -> list[str]:
    """Saves what an unfinished run has; says what that is."""
    kept = []
    if keeper.progress is not None and keeper.keep(keeper.progress):
        kept.append(f"a checkpoint of step {int(keeper.progress.state.step)} (--resume goes on)")
    if keeper.finished is not None:
        jaxmlp.save_params(job.path / "params.npz", keeper.finished.state.params)
        report.write_receipt(job)
        epoch = len(keeper.finished.history)
        kept.append(
            f"the metrics and parameters of the {epoch} finished epochs, of {job.recipe.num_epochs}"
        )
    return kept


def _finish(
    console: Console, job: Job, clock: Clock, progress: Progress, params: PyTree
) -> dict[str, Any]:
    jaxmlp.save_params(job.path / "params.npz", params)
    figures = report.summarize(job, progress, params)
    clock.charge("evaluate")
    seconds = {name: round(spent, 3) for name, spent in clock.seconds.items()}
    summary = job.marked({**figures, "seconds": seconds})
    workdir.write_json(job.path / "summary.json", summary)
    report.write_receipt(job)
    if job.plots:
        report.draw(job, progress, params)
    report.conclude(console, job.path, summary)
    return summary
