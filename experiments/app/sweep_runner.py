"""One life of a sweep: train, show, and leave everything in a folder."""

import contextlib
import math
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import jaxmlp
from experiments.app import environment, points, runner, screen, startup, sweep_report, verdict
from experiments.app.command_line import Interval
from experiments.app.progress import format_metric
from experiments.app.recorder import Clock
from experiments.app.report import check_pictures
from experiments.app.signals import StopRequest
from experiments.folder import records, schema, workdir
from experiments.folder.files import Lines, Unwritten, as_written, write_json, write_lines
from jaxmlp import statistics
from jaxmlp.populations.many import Plan, Report
from jaxmlp.populations.runs import label
from jaxmlp.statistics import Summary
from jaxmlp.storage import checkpoint
from jaxmlp.types import Dataset, Fault

SAVING = 0.05  # of the time may go into checkpoints


class Job(NamedTuple):
    """What there is to do."""

    data: Dataset
    config: Mapping[str, Any]  # as `experiments.sweep` makes it
    seeds: Sequence[int]
    axes: Mapping[str, list[Any]]
    shuffle_seeds: Sequence[int] | None
    path: Path  # the folder
    notice: str | None = None  # what no reader of a record may miss
    is_named: bool = True
    overwrite: bool = False
    is_resumed: bool = False
    earlier: Mapping[str, Any] | None = None  # the config of the run to resume, where there is one
    accept_changes: bool = False
    checkpoint_every: Interval = Interval(1, "second")
    plots: bool = True
    save_networks: bool = False

    def marked(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record that says what it is about."""
        marks = {"dataset": self.data.name} | ({"notice": self.notice} if self.notice else {})
        return {**record, **marks}

    @property
    def metric(self) -> str:
        """What the table and the pictures are about."""
        return "test_accuracy" if self.data.test_inputs is not None else "train_accuracy"

    @property
    def stop_metric(self) -> str:
        """What early stopping and halving look at."""
        return f"validation_{self.config['stop_metric']}"

    def recipe(self, **setting: Any) -> jaxmlp.Recipe:
        """What a setting means."""
        return points.recipe_at(self.data, self.config["given"], setting)

    @property
    def population(self) -> dict[str, Any]:
        """The arguments of `jaxmlp.train_many` that say which networks there are."""
        return {
            "recipe": self.recipe,
            "data": self.data,
            "seeds": self.seeds,
            "sweep": self.axes,
            "shuffle": self.config["shuffle"],
            "shuffle_seeds": self.shuffle_seeds,
        }


def run(job: Job, clock: Clock) -> None:
    """Trains, shows the progress, and writes all there is to know into a folder.

    A run that is interrupted ends the program with a message and an exit code.
    """
    screen.show_warnings()
    console = Console(highlight=False)
    with contextlib.ExitStack() as stack:
        with runner.clear_errors():
            if job.plots:
                check_pictures()
            _introduce(console, job)
            is_there = job.earlier is not None
            if is_there:
                runner.check_environment(job.path, job.accept_changes)
            with startup.compiling(console) as on_compiled:
                plan = jaxmlp.plan_many(
                    **job.population, mode=job.config["mode"], on_compiled=on_compiled
                )
            claim = workdir.claim(job.path, job.is_named, job.overwrite, is_there)
            job = job._replace(path=stack.enter_context(claim))
            start, lines = _resume(job) if is_there else (None, [])
            write_json(job.path / "config.json", job.marked(job.config))
            write_json(job.path / "environment.json", job.marked(environment.describe()))
        clock.charge("compile")
        stack.enter_context(runner.clear_endings(job.path))
        checkpoints = None
        if job.checkpoint_every.number and has_room(plan):
            checkpoints = checkpoint.Checkpoints(job.path / "checkpoints", keep=1)
            stack.enter_context(checkpoints)
        request = stack.enter_context(StopRequest())
        _introduce_plan(console, job, plan, start)
        record = _Recorder(job, console, clock, checkpoints, request, lines)
        halving = job.config["halving"]
        if job.plots:
            startup.import_meanwhile("experiments.plots.population")
        with record:
            runs = jaxmlp.train_many(
                **job.population,
                mode=job.config["mode"],
                eval_every=job.config["eval_every"],
                on_fault="ignore" if job.config["on_fault"] == "ignore" else "stop",
                patience=job.config["patience"],
                stop_metric=job.stop_metric,
                halving=jaxmlp.Halving(job.stop_metric, halving) if halving else None,
                start=start,
                callback=record.on_epoch,
                on_block=record.on_block,
            )
            rate = record.rate
        if request.signal is not None:
            record.close()
            is_kept = checkpoints is not None and checkpoints.error is None
            kept = "a checkpoint (--resume goes on)" if is_kept else "no checkpoint"
            print(f"interrupted; {job.path} holds {kept}", file=sys.stderr)
            if record.unwritten.errors:
                print(record.unwritten, file=sys.stderr)
            sys.exit(request.exit_code)
        _finish(console, job, clock, runs, plan, rate, record)
        runner.end(job.path, record.unwritten, has_diverged=False)


def _resume(job: Job) -> tuple[jaxmlp.Population | None, list[dict[str, Any]]]:
    """Where the sweep in the folder stopped, None for the beginning; and its lines up to there."""
    assert job.earlier is not None
    runner.refuse_another(job.path, job.earlier)
    like = jaxmlp.population_like(**job.population)
    found = checkpoint.restore(job.path / "checkpoints", like)
    if found is None:
        runner.refuse_lost_checkpoints(job.path)
    else:
        schema.check(as_written(found.record), records.SWEEP_SAVED, "the checkpoint")
    write_lines(job.path / "metrics.jsonl", found.record["lines"] if found else [])
    if found is None:
        return None, []
    population = jaxmlp.Population(*found.tree)
    history = {name: population.history[name] for name in like.history}  # in their order
    faults = {int(member): Fault(**fault) for member, fault in found.record["faults"].items()}
    return population._replace(history=history, faults=faults), found.record["lines"]


def _introduce(console: Console, job: Job) -> None:
    """Says what is about to be trained on what."""
    if job.notice:
        console.print(Panel(job.notice, style="bold yellow", title="not what you may expect"))
    data = job.data
    counts = ", ".join(f"{len(labels):,} {name}" for name, (_, labels) in data.sets().items())
    lengths = [len(values) for values in job.axes.values()]
    lengths += [len(job.seeds), len(job.shuffle_seeds or [0])]
    swept = [f"{name} {', '.join(map(label, values))}" for name, values in job.axes.items()]
    swept.append(_count(len(job.seeds), "seed"))
    swept += [_count(len(job.shuffle_seeds), "data order")] if job.shuffle_seeds else []
    console.print(
        f"{data.name}: {counts} examples, from {data.source}\n"
        f"{_count(math.prod(lengths), 'network')}: {'; '.join(swept)}",
        markup=False,
        soft_wrap=True,
    )


def _introduce_plan(
    console: Console, job: Job, plan: Plan, start: jaxmlp.Population | None
) -> None:
    """Says how it is going to be done."""
    console.print(
        f"{_count(plan.num_programs, 'program')} in {plan.mode} mode on "
        f"{_count(plan.num_devices, jax.devices()[0].device_kind + ' device')}, "
        f"{plan.chunk:,} networks at a time, "
        f"{_mib(plan.host_bytes)} of memory, {_mib(plan.available_bytes)} free",
        markup=False,
        soft_wrap=True,
    )
    if start:
        done, ended = int(start.epochs.sum()), int((start.ended_by > 0).sum())
        console.print(f"going on after {done:,} network-epochs; {ended:,} networks have ended")
    elif job.is_resumed:
        console.print("no checkpoint yet: starting from the beginning")


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def has_room(plan: Plan) -> bool:
    """Whether there is memory for checkpoints: two that are being written, and Orbax's bytes."""
    if 4 * plan.host_bytes <= plan.available_bytes:
        return True
    needed = _mib(4 * plan.host_bytes)
    warnings.warn(f"no checkpoints: they need up to {needed} of memory", stacklevel=2)
    return False


def _mib(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


class _Recorder(contextlib.AbstractContextManager["_Recorder"]):
    """What `train_many` calls back."""

    def __init__(
        self,
        job: Job,
        console: Console,
        clock: Clock,
        checkpoints: checkpoint.Checkpoints | None,
        request: StopRequest,
        lines: list[dict[str, Any]],
    ) -> None:
        self.work = 0.0  # network-epochs trained here
        self._first: tuple[float, float] | None = None  # the time and the work after an epoch
        self._job, self._console, self._clock = job, console, clock
        self._checkpoints, self._request = checkpoints, request
        self.unwritten = Unwritten()
        self._lines = Lines(job.path / "metrics.jsonl", lines)
        self._num_epochs = max(job.axes.get("num_epochs", [job.config["num_epochs"]]))
        self._started = self._epoch_started = time.perf_counter()
        self._before: float | None = None  # network-epochs done before, this epoch's apart
        self._saved_at, self._cost = time.monotonic(), 0.0
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %, {task.fields[rate]:.3g} network-epochs a second"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("training", total=None, rate=0.0)

    def __enter__(self) -> "_Recorder":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

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
        self._move(report)
        return self._heed(report)

    def on_epoch(self, report: Report) -> bool:
        """Writes the epoch's line, saves a checkpoint, and heeds a request to stop."""
        now = time.perf_counter()
        seconds, self._epoch_started = now - self._epoch_started, now
        self._first = self._first or (now, self.work)
        self._clock.charge("train")
        means = {
            name: float(np.nanmean(values[:, report.epoch - 1]))
            for name, values in report.history.items()
            if not np.isnan(values[:, report.epoch - 1]).all()
        }
        line = {"epoch": report.epoch, "num_live": report.num_live, **means, "seconds": seconds}
        self._lines.append(self._job.marked(line))
        self.unwritten.attempt("metrics.jsonl", self._lines.flush)
        shown = {n: v for n, v in means.items() if n.endswith(("loss", "accuracy"))}
        text = ", ".join(f"{n.replace('_', ' ')} {format_metric(n, v)}" for n, v in shown.items())
        self._print(
            f"epoch {report.epoch}/{self._num_epochs}: {text}, means of the networks; "
            f"{report.num_live:,} go on; {seconds:.2f} s"
        )
        return self._heed(report, is_epoch=True)

    def close(self) -> None:
        """Writes what waits for room, or notes that there is none; waits for checkpoints."""
        self.unwritten.attempt("metrics.jsonl", self._lines.flush)
        if self._checkpoints is not None:
            self._checkpoints.wait()
            if self._checkpoints.error is not None:
                self.unwritten.errors["checkpoints"] = self._checkpoints.error

    def _move(self, report: Report) -> None:
        left = report.num_live * (self._num_epochs - report.epoch - report.share)
        self._bar.update(self._task, completed=self.work, total=self.work + left, rate=self.rate)

    def _heed(self, report: Report, is_epoch: bool = False) -> bool:
        stops = self._request.signal is not None
        if self._checkpoints and (stops or not report.num_live or self._is_due(report, is_epoch)):
            started = time.monotonic()
            population = report.snapshot(copy=False)  # `save` makes its own
            faults = {str(member): fault._asdict() for member, fault in population.faults.items()}
            self._checkpoints.save(
                int(population.epochs.sum()),
                population._replace(faults={}),
                {"lines": self._lines.records, "faults": faults},
            )
            self._saved_at = time.monotonic()
            self._cost = self._saved_at - started
        return stops

    def _is_due(self, report: Report, is_epoch: bool) -> bool:
        every = self._job.checkpoint_every
        if every.unit == "epoch":
            return is_epoch and report.epoch % every.number == 0
        return time.monotonic() - self._saved_at > max(every.number, self._cost / SAVING)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


def _finish(
    console: Console,
    job: Job,
    clock: Clock,
    runs: jaxmlp.Runs,
    plan: Plan,
    rate: float,
    record: _Recorder,
) -> None:
    """Writes what a sweep leaves, as far as there is room, and shows it."""
    attempt, path = record.unwritten.attempt, job.path
    digests = sweep_report.digests_of(runs)
    attempt("runs.npz", lambda: sweep_report.write_runs(path / "runs.npz", runs, digests))
    if job.save_networks:
        attempt("networks", lambda: sweep_report.write_networks(path / "networks", runs))
    rows = statistics.summarize(runs, job.metric, interval="t")
    p_values = sweep_report.against_best(runs, job.metric, rows)
    verdicts = [judge(job, runs, row) for row in rows]
    attempt(
        "table.csv",
        lambda: sweep_report.write_table(path / "table.csv", job.metric, runs, rows, p_values),
    )
    clock.charge("evaluate")
    if job.plots:
        attempt("plots", lambda: _draw(job, runs))
    seconds = {name: round(spent, 3) for name, spent in clock.seconds.items()}
    summary = {
        "num_networks": plan.num_members,
        "num_programs": plan.num_programs,
        "mode": plan.mode,
        "metric": job.metric,
        "share_of_work": runs.share_of_work,
        "network_epochs_per_second": rate,
        "num_faults": len(runs.faults),
        "settings": [
            {
                **row._asdict(),
                "setting": {name: points.value_text(v) for name, v in row.setting.items()},
                "p_against_best": p_value,
                "verdict": verdict,
            }
            for row, p_value, verdict in zip(rows, p_values, verdicts, strict=True)
        ],
        "params_sha256": jaxmlp.digest(
            tuple(np.frombuffer(bytes.fromhex(d), np.uint8) for d in digests)
        ),
        "seconds": seconds,
    }
    attempt("summary.json", lambda: write_json(path / "summary.json", job.marked(summary)))
    record.close()
    sweep_report.conclude(console, path, job.metric, runs, rows, p_values, summary)


def judge(job: Job, runs: jaxmlp.Runs, row: Summary) -> dict[str, int]:
    """What is to be said against a setting's networks, those that came to a fault apart."""
    chosen = runs.select(**row.setting)
    is_whole = np.ones(chosen.shape, bool)
    for position in chosen.faults:
        is_whole[position] = False
    names = [name for name in chosen.history if name.startswith(("train_", "test_"))]
    scores = {name: chosen.final(name)[is_whole] for name in names}
    return verdict.of_networks(job.recipe(**row.setting), job.data, job.seeds[0], scores)


def _draw(job: Job, runs: jaxmlp.Runs) -> None:
    from experiments.plots import population as population_plots

    folder = job.path / "plots"
    folder.mkdir(exist_ok=True)
    for draw in (
        population_plots.learning_curves,
        population_plots.against_axes,
        population_plots.over_seeds,
    ):
        draw(runs, job.metric, folder / f"{draw.__name__}.png")
