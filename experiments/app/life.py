"""One life, of a run or of a sweep: train, show, and leave everything in a folder."""

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from rich.console import Console
from rich.panel import Panel

import jaxmlp
from experiments.app import (
    board,
    endings,
    environment,
    parts,
    preset_flag,
    report,
    screen,
    startup,
    tables,
    together,
)
from experiments.app.job import Job
from experiments.app.log import Clock, Log
from experiments.app.signals import StopRequest
from experiments.folder import records, schema, workdir
from experiments.folder.files import write_json, write_lines
from jaxmlp import processes
from jaxmlp.nn.precision import precision_of
from jaxmlp.runtime import receipt
from jaxmlp.storage import checkpoint, sharing
from jaxmlp.storage.checkpoint import Checkpoint, Checkpoints
from jaxmlp.types import Dataset, PyTree

Lines = list[dict[str, Any]]  # of metrics.jsonl
NUMBERS = ("num_devices", "num_processes")  # of what may be more or fewer in exact mode on a mesh
MULTIPLIES = {"amx_bf16", "avx512_bf16"}  # instructions of CPUs, for products in bfloat16
SLOWER = (
    "products in bfloat16 take 1.25 to 2 times as long as in float32 on a CPU without instructions "
    "for them, as this one is: they are for devices that are faster at them"
)


class Kind(NamedTuple):
    """What the training of one network, and of many, does each in its own way."""

    describe: Callable[[Job], str]  # what is about to be trained, for a reader
    compile: Callable[[Console, Job], Any]  # the programs of `train`, and says how; a plan
    num_kept: Callable[[Job, Any], int]  # how many checkpoints to keep, by the plan
    like: Callable[[Job], PyTree]  # the shapes of what a checkpoint holds
    start: Callable[[Job, Checkpoint | None], tuple[Any, Lines]]  # where to, None for the
    # beginning, and the lines up to there
    begin: Callable[[Job, Any, Lines], None]  # writes what there is of both
    going_on: Callable[[Any], str]  # from where, for a reader
    train: Callable[[Console, Job, Log, Any, Any], Any]  # by the plan, from the start; an outcome
    follow: Callable[[Job, Any, Any, Lines, StopRequest], str | None]  # in another process than
    # the first trains by the plan, from the start; writes what is its own, if anything is; what
    # is not whole of that, for a reader
    leave: Callable[[Job, Log, Any], list[str]]  # writes what there is when it is interrupted
    finish: Callable[[Console, Job, Log, Any], bool]  # and at the end; whether it did harm
    pictures: str  # the module that draws
    page: str  # and one that takes a while to import, of the report
    is_spread: bool = (
        False  # whether each of several processes trains, and keeps, a part of its own
    )


def live(kind: Kind, job: Job, clock: Clock) -> None:
    """Trains, shows the progress, and writes all there is to know into a folder.

    A run that does not work out, or that is interrupted, ends the program with a message and an
    exit code.

    Args:
      kind: how it is done for one network, or for many.
      job: what to do.
      clock: running, with the loading booked.
    """
    screen.show_warnings()
    console = Console(highlight=False, quiet=not processes.is_first())
    with contextlib.ExitStack() as stack:
        with endings.clear_errors(), preset_flag.blamed():
            together.agree(job.config)
            processes.told(lambda: _check(job))
            introduce(console, job, kind.describe(job))
            plan = kind.compile(console, job)
            job, found = _claimed(kind, job, stack)
            start, lines = kind.start(job, found)
            processes.told(lambda: _begin(kind, job, start, lines))
        clock.charge("compile")
        stack.enter_context(endings.clear_endings(job.path))
        stack.enter_context(together.ending_alike())
        if not processes.is_first():
            follow(kind, job, plan, start, lines)
            return
        checkpoints = None
        if keep := kind.num_kept(job, plan):
            checkpoints = stack.enter_context(Checkpoints(job.path / "checkpoints", keep))
        log = Log(job, clock, checkpoints, stack.enter_context(StopRequest()), lines)
        if start is not None:
            console.print(kind.going_on(start))
        elif job.given.resume:
            console.print("no checkpoint yet: starting from the beginning")
        if job.given.plots:
            startup.import_meanwhile(kind.pictures)
        if job.given.report:
            startup.import_meanwhile(kind.page)
        outcome = kind.train(console, job, log, plan, start)
        log.request.agree()
        if log.must_stop:
            leave(log, "interrupted; ", kind.leave(job, log, outcome))
            sys.exit(log.request.exit_code)
        _end(log, kind.finish(console, job, log, outcome))


def follow(kind: Kind, job: Job, plan: Any, start: Any, lines: Lines) -> None:
    """Trains in another process than the first, which writes and shows.

    A number that is not finite ends training in all of them alike. What could not be written ends
    the program once all have trained.
    """
    with StopRequest() as request, contextlib.suppress(jaxmlp.TrainingFault):
        error = kind.follow(job, plan, start, lines, request)
        request.agree()
        if error:
            sys.exit(f"error: {error}")


def _check(job: Job) -> None:
    """Raises ValueError for what would stop a life later that can be seen now."""
    if job.given.tensorboard:
        board.package()
    if job.given.plots:
        report.check_pictures()
    if job.earlier is not None:
        earlier = schema.read(job.path / "environment.json", records.ENVIRONMENT)
        if "sweep" in job.config:
            parts.check(job.path, earlier.get("num_processes"))
        _check_environment(job, earlier)


def _check_environment(job: Job, earlier: Mapping[str, Any]) -> None:
    """Raises ValueError if a run would go on with other bits, and that is not accepted."""
    now = environment.deciding()
    if "num_processes" not in earlier:  # which records had not at first
        del now["num_processes"]
    if job.config["mesh"] and job.config["mode"] == "exact":  # whose bits are the same on any
        now = {name: value for name, value in now.items() if name not in NUMBERS}
    changes = [
        line
        for name, value in now.items()
        for line in receipt.differences(earlier.get(name), value, name)
    ]
    if changes and not job.given.accept_changes:
        raise ValueError(
            f"--resume needs the earlier run's environment; {'; '.join(changes)}; "
            "--accept_changes goes on without the promise of equal bits"
        )


def introduce(console: Console, job: Job, what: str) -> None:
    """Says what is about to be trained on what."""
    if job.notice:
        console.print(Panel(job.notice, style="bold yellow", title="not what you may expect"))
    data = job.data
    for finding in job.findings:
        console.print(finding, style="yellow", markup=False, soft_wrap=True)
    if job.preparations:
        tables.show(console, job.preparations[0])
    counts = ", ".join(f"{len(labels):,} {name}" for name, (_, labels) in data.sets().items())
    counts += f" of the first of {len(job.folds)} folds'" if job.folds else ""
    if preset := preset_flag.said():
        console.print(preset, markup=False, soft_wrap=True)
    text = f"{name_beside(data)}: {counts} examples, from {data.source}\n{what}"
    console.print(text, markup=False, soft_wrap=True)
    if is_slower(_precisions(job), receipt.describe()):
        console.print(SLOWER, style="yellow", soft_wrap=True)


def name_beside(data: Dataset) -> str:
    """A data set's name for beside its source, which need not have the same path once more."""
    last = PurePath(data.name).name
    return last if last and last in data.source else data.name


def is_slower(precisions: Sequence[str], machine: Mapping[str, Any]) -> bool:
    """Whether an arithmetic other than float32 is known to take longer than that on a machine.

    Args:
      precisions: of the networks.
      machine: from `receipt.describe`.
    """
    is_plain_cpu = machine["platform"] == "cpu" and MULTIPLIES.isdisjoint(machine["instructions"])
    return is_plain_cpu and "bfloat16" in precisions


def _precisions(job: Job) -> Sequence[str]:
    return job.axes.get("precision", [precision_of(job.recipe.model)])


def _claimed(kind: Kind, job: Job, stack: contextlib.ExitStack) -> tuple[Job, Checkpoint | None]:
    """The job with its folder, which is process 0's to use, and the checkpoint in it."""
    here: list[Checkpoint | None] = []
    is_named, is_there = job.given.workdir is not None, job.earlier is not None

    def claim() -> str:
        claimed = workdir.claim(job.path, is_named, job.given.overwrite, is_there)
        own = job._replace(path=stack.enter_context(claimed))
        here.append(None if job.earlier is None else _restore(kind, own, job.earlier))
        return str(own.path)

    job = job._replace(path=Path(processes.told(claim)))
    if kind.is_spread:
        return job, here[0] if here else _own(kind, job)
    if job.earlier is None:
        return job, None
    return job, sharing.from_first(here[0] if here else None, kind.like(job))


def _own(kind: Kind, job: Job) -> Checkpoint | None:
    """Where this process stopped, of a sweep of which it is not the first."""
    if job.earlier is None:
        parts.clear(job)
        return None
    return checkpoint.restore(parts.own(job).path / "checkpoints", kind.like(job))


def _begin(kind: Kind, job: Job, start: Any, lines: Lines) -> None:
    """Writes the settings, and what there is of an earlier start."""
    data = {"name": job.data.name, "source": job.data.source, "sha256": job.data.sha256}
    write_json(job.path / "config.json", job.marked(job.config))
    write_json(job.path / "environment.json", job.marked(environment.describe() | {"data": data}))
    if job.preparations:
        write_json(job.path / tables.PREPARATION, job.preparations)
    kind.begin(job, start, lines)
    if job.earlier is not None:
        write_lines(job.path / "metrics.jsonl", lines)


def _restore(kind: Kind, job: Job, earlier: Mapping[str, Any]) -> Checkpoint | None:
    """Where the run in the folder stopped, None for the beginning.

    Raises:
      ValueError: if another run is in the folder now, or there are finished epochs to lose.
    """
    path = job.path
    if records.read_config(path / "config.json") != earlier:
        raise ValueError(f"--resume needs {path} for itself: another run has changed config.json")
    found = checkpoint.restore(path / "checkpoints", kind.like(job))
    done = len(schema.read_lines(path / "metrics.jsonl", records.LINE))
    if found is None and done and not (path / "checkpoints").exists():
        raise ValueError(
            f"--resume needs a checkpoint of the {done} finished epochs in {path}, got none"
        )
    return found


def _end(log: Log, has_diverged: bool) -> None:
    """Ends the program with an exit code, unless all is well."""
    if log.unwritten.errors:
        sys.exit(f"error: {log.job.path} is not whole: {log.unwritten}")
    if has_diverged:
        sys.exit(endings.DIVERGED)


def leave(log: Log, why: str, kept: list[str]) -> None:
    """Ends the record of an unfinished run, and says what there is of it."""
    log.close()
    print(f"{why}{log.job.path} holds {' and '.join(kept) or 'no parameters'}", file=sys.stderr)
    if log.unwritten.errors:
        print(log.unwritten, file=sys.stderr)
