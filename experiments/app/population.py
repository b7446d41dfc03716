"""A sweep's training: which networks there are, and how it begins and ends."""

import contextlib
import functools
import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from rich.console import Console

import jaxmlp
from experiments.app import (
    cautions,
    life,
    parts,
    points,
    standings,
    startup,
    sweep_report,
    sweep_scoring,
    verdict,
)
from experiments.app.job import Job
from experiments.app.log import Clock, Log
from experiments.app.signals import StopRequest
from experiments.app.sweep_recorder import Recorder
from experiments.app.traits import traits
from experiments.folder import records, schema
from experiments.folder.files import as_written, write_json, write_lines
from experiments.report.subject import of_sweep
from jaxmlp import processes, statistics
from jaxmlp.populations.grid import FOLD
from jaxmlp.populations.many import Plan
from jaxmlp.statistics import Summary
from jaxmlp.storage.checkpoint import Checkpoint, Checkpoints
from jaxmlp.storage.progress import as_population
from jaxmlp.training.labels import label

PICTURES, PAGE = "experiments.plots.population", "experiments.report.sweep"


class Outcome(NamedTuple):
    """What came out of a sweep."""

    runs: jaxmlp.Runs
    plan: Plan
    rate: float  # network-epochs a second
    digests: list[str] | None  # of each member's parameters; None for a sweep that was stopped
    best: jaxmlp.Runs | None = None  # of the best setting; likewise


def networks(job: Job) -> dict[str, Any]:
    """The arguments of `jaxmlp.train_many` that say which networks there are."""
    return {
        "recipe": lambda **setting: recipe_of(job, setting),
        "data": job.folds or job.data,
        "seeds": job.seeds,
        "sweep": job.axes,
        "shuffle": job.config["shuffle"],
        "shuffle_seeds": job.shuffle_seeds,
        "noise_seeds": job.noise_seeds,
    }


def recipe_of(job: Job, setting: Mapping[str, Any]) -> jaxmlp.Recipe:
    """What a setting means; of a fold, where it says which."""
    data = job.folds[setting[FOLD]] if FOLD in setting else job.data
    return points.recipe_at(data, points.given(job.config), points.setting_of(setting))


def describe(job: Job) -> str:
    """What is about to be trained, for a reader."""
    lengths = [len(values) for values in job.axes.values()]
    lengths += [
        len(job.folds) or 1,
        len(job.seeds),
        len(job.shuffle_seeds or [0]),
        len(job.noise_seeds or [0]),
    ]
    swept = [f"{name} {', '.join(map(label, values))}" for name, values in job.axes.items()]
    swept += [_of_folds(job)] if job.folds else []
    swept.append(_count(len(job.seeds), "seed"))
    swept += [_count(len(job.shuffle_seeds), "data order")] if job.shuffle_seeds else []
    swept += [_count(len(job.noise_seeds), "noise seed")] if job.noise_seeds else []
    fixed = [text for name, text in traits(job.recipe.model).items() if name not in job.axes]
    swept += [f"all with {', '.join(fixed)}"] if fixed else []
    return f"{_count(math.prod(lengths), 'network')}: {'; '.join(swept)}"


def _of_folds(job: Job) -> str:
    rows = sum(len(fold.sets()["test"][1]) for fold in job.folds)
    rest = "rows" if "table" in job.config else "training examples, without the test set"
    return f"{len(job.folds)} folds of the {rows:,} {rest}"


def compile(console: Console, job: Job) -> Plan:
    """Compiles the programs that `train` runs, and says how it is going to be done."""
    with startup.compiling(console) as on_compiled:
        plan = jaxmlp.plan_many(
            **networks(job),
            mode=job.config["mode"],
            mesh=job.mesh,
            window=job.window,
            on_compiled=on_compiled,
        )
    console.print(
        f"{_count(plan.num_programs, 'program')} in {plan.mode} mode on "
        f"{_count(plan.num_devices, jax.devices()[0].device_kind + ' device')}{_of_how_many()}, "
        f"{plan.chunk:,} networks at a time, "
        f"{_mib(plan.host_bytes)} of memory, {_mib(plan.available_bytes)} free",
        markup=False,
        soft_wrap=True,
    )
    return plan


def _of_how_many() -> str:
    count = jax.process_count()
    return f" of each process, of which there are {count}" if count > 1 else ""


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def num_kept(job: Job, plan: Plan) -> int:
    """How many checkpoints to keep: one, if there is room for two being written, twice each."""
    if not job.given.checkpoint_every.number:
        return 0
    if 4 * plan.host_bytes <= plan.available_bytes:
        return 1
    needed = _mib(4 * plan.host_bytes)
    warnings.warn(f"no checkpoints: they need up to {needed} of memory", stacklevel=2)
    return 0


def _mib(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def like(job: Job) -> jaxmlp.Population:
    """The shapes of what a checkpoint holds."""
    return jaxmlp.population_like(**networks(job), mesh=job.mesh)


def start(job: Job, found: Checkpoint | None) -> tuple[jaxmlp.Population | None, life.Lines]:
    """Where to start, and the lines up to there."""
    if found is None:
        return None, []
    schema.check(as_written(found.record), records.SWEEP_SAVED, "the checkpoint")
    return as_population(found, like(job)), found.record["lines"]


def begin(job: Job, start: jaxmlp.Population | None, lines: life.Lines) -> None:
    """A sweep has nothing more to write of an earlier start, but folders for other processes."""
    parts.make(job.path)


def going_on(start: jaxmlp.Population) -> str:
    """From where, for a reader."""
    done, ended = int(start.epochs.sum()), int((start.ended_by > 0).sum())
    whose = "" if jax.process_count() == 1 else " of process 0's"
    return f"going on after {done:,} network-epochs; {ended:,} networks{whose} have ended"


def train(
    console: Console, job: Job, log: Log, plan: Plan, start: jaxmlp.Population | None
) -> Outcome:
    """Trains all networks, and takes it down."""
    record = Recorder(console, job, log)
    with record.bar:
        runs = train_by(job, start=start, callback=record.on_epoch, on_block=record.on_block)
        rate = sum(processes.everyones(record.rate))
        digests = digests_of(runs)
        best = None if digests is None else sweep_scoring.best_of(job, runs)
        return Outcome(runs, plan, rate, digests, best)


def train_by(job: Job, **more: Any) -> jaxmlp.Runs:
    """Trains by the settings.

    Args:
      job: the sweep.
      **more: from where, and what is called back, as of `jaxmlp.train_many`.
    """
    config, halving = job.config, None
    if config["halving"]:
        halving = jaxmlp.Halving(job.stop_metric, config["halving"])
    return jaxmlp.train_many(
        **networks(job),
        mode=config["mode"],
        mesh=job.mesh,
        window=job.window,
        eval_every=config["eval_every"],
        on_fault="ignore" if config["on_fault"] == "ignore" else "stop",
        patience=config["patience"],
        stop_metric=job.stop_metric,
        halving=halving,
        **more,
    )


def digests_of(runs: jaxmlp.Runs) -> list[str] | None:
    """A digest of each member's parameters, which all processes are asked for, once all ended."""
    assert runs.ended_by is not None
    return sweep_report.digests_of(runs) if runs.ended_by.all() else None


def follow(
    job: Job,
    plan: Plan,
    start: jaxmlp.Population | None,
    lines: life.Lines,
    request: StopRequest,
) -> str | None:
    """Trains the networks of another process than the first, and keeps what is its own.

    Returns:
      What is not whole of that, for a reader.
    """
    own = parts.own(job)
    own.path.mkdir(parents=True, exist_ok=True)
    write_lines(own.path / "metrics.jsonl", lines)  # those up to the checkpoint
    with contextlib.ExitStack() as stack:
        checkpoints = None
        if keep := num_kept(job, plan):
            checkpoints = stack.enter_context(Checkpoints(own.path / "checkpoints", keep))
        log = Log(own, Clock(), checkpoints, request, lines)
        outcome = train(Console(quiet=True), own, log, plan, start)
        if job.given.save_networks and outcome.digests is not None:
            networks = job.path / "networks"
            write = functools.partial(sweep_report.write_networks, networks, outcome.runs)
            log.unwritten.attempt("networks", write)
        log.close()
    return f"{own.path} is not whole: {log.unwritten}" if log.unwritten.errors else None


def leave(job: Job, log: Log, outcome: Outcome) -> list[str]:
    """What an interrupted sweep has, for a reader."""
    has_kept = log.may_keep and log.has_kept()
    return ["a checkpoint (--resume goes on)" if has_kept else "no checkpoint"]


def finish(console: Console, job: Job, log: Log, outcome: Outcome) -> bool:
    """Writes what a sweep leaves, as far as there is room, and shows it; none of it is harm."""
    attempt, path, metric = log.unwritten.attempt, job.path, job.metric
    runs, digests = outcome.runs, outcome.digests
    assert digests is not None  # of a sweep that has ended
    attempt("runs.npz", lambda: sweep_report.write_runs(path / "runs.npz", runs, digests))
    if job.given.save_networks:
        attempt("networks", lambda: sweep_report.write_networks(path / "networks", runs))
    rows = statistics.summarize(runs, metric, interval="t")
    p_values = standings.against_best(runs, metric, rows)
    table = path / "table.csv"
    attempt(table.name, lambda: sweep_report.write_table(table, metric, runs, rows, p_values))
    summary = summarize(console, job, outcome, rows, p_values)
    log.clock.charge("evaluate")
    if job.given.plots:
        attempt("plots", lambda: sweep_report.draw(path / "plots", runs, metric))
    summary |= {"network_epochs_per_second": outcome.rate, "seconds": log.clock.rounded}
    attempt("summary.json", lambda: write_json(path / "summary.json", job.marked(summary)))
    if job.given.report:
        from experiments.report import sweep  # with what draws, which takes a while to import

        subject = of_sweep(job, runs, rows, p_values, summary)
        attempt("report.html", lambda: sweep.write(subject))
    if runs.homes is not None:
        lines = sweep_report.lines_of(job, runs, log.lines.records)
        attempt("metrics.jsonl", lambda: write_lines(path / "metrics.jsonl", lines))
    log.close()
    names = job.data.class_names
    standings.conclude(console, path, metric, runs, rows, p_values, summary, names)
    cautions.show(console, job, cautions.of_sweep(job, runs))
    return False


def summarize(
    console: Console, job: Job, outcome: Outcome, rows: Sequence[Summary], p_values: Sequence[float]
) -> dict[str, Any]:
    """What summary.json says of a sweep that has ended, but for the time that it took.

    Args:
      console: where what takes a while is said.
      job: the sweep.
      outcome: with digests.
      rows: its settings, by the job's metric.
      p_values: of each, as `standings.against_best` returns them.
    """
    assert outcome.digests is not None
    runs, plan = outcome.runs, outcome.plan
    verdicts = [judge(job, runs, row) for row in rows]
    return {
        "num_networks": plan.num_members,
        "num_programs": plan.num_programs,
        "mode": plan.mode,
        "metric": job.metric,
        "share_of_work": runs.share_of_work,
        "num_faults": len(runs.faults),
        "settings": sweep_report.settings(rows, p_values, verdicts),
        "params_sha256": sweep_report.digest_of_all(outcome.digests),
        **sweep_scoring.of_sweep(console, job, runs, rows, outcome.best),
    }


def judge(job: Job, runs: jaxmlp.Runs, row: Summary) -> dict[str, int]:
    """What is to be said against a setting's networks, those that came to a fault apart."""
    chosen = runs.select(**row.setting)
    if job.folds:
        of_fold = [
            _judged(job, chosen.select(fold=number), {**row.setting, FOLD: number})
            for number in range(len(job.folds))
        ]
        return dict(sum(map(Counter, of_fold), Counter()))
    return _judged(job, chosen, row.setting)


def _judged(job: Job, chosen: jaxmlp.Runs, setting: Mapping[str, Any]) -> dict[str, int]:
    """The same of networks that have the same data."""
    is_whole = np.ones(chosen.shape, bool)
    for position in chosen.faults:
        is_whole[position] = False
    names = [name for name in chosen.history if name.startswith(("train_", "test_"))]
    scores = {name: chosen.final(name)[is_whole] for name in names}
    data = job.folds[setting[FOLD]] if FOLD in setting else job.data
    return verdict.of_networks(recipe_of(job, setting), data, job.seeds[0], scores)


POPULATION = life.Kind(
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
    is_spread=True,
)
