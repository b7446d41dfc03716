"""One life of a sweep: train, show, and leave everything in a folder."""

import contextlib
import csv
import hashlib
import itertools
import math
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import jaxmlp
from experiments import environment, points, runner, screen, verdict, workdir
from experiments.files import Lines, Unwritten, whole, write_json, write_lines
from experiments.options import Interval
from experiments.progress import format_metric
from experiments.recorder import Clock
from experiments.report import check_pictures
from experiments.signals import StopRequest
from jaxmlp import checkpoint, statistics
from jaxmlp.population import Plan, Report
from jaxmlp.runs import HALVING, label
from jaxmlp.statistics import Summary
from jaxmlp.types import Dataset, Fault

SHOWN = 20  # settings in the table on the screen; table.csv has them all
SAVING = 0.05  # of the time may go into checkpoints
LEVEL = 0.05  # a p-value that cannot be less than this shows nothing
NAME = 200  # characters; file systems take 255, of which some are for a scratch file's


class Job(NamedTuple):
    """What there is to do."""

    data: Dataset
    config: Mapping[str, Any]  # as `experiments.sweep` makes it
    seeds: list[int]
    axes: Mapping[str, list[Any]]
    shuffle_seeds: list[int] | None
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
            plan = jaxmlp.plan_many(**job.population, mode=job.config["mode"])
            is_there = job.earlier is not None
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
    runner.check_environment(job.path, job.accept_changes)
    like = jaxmlp.population_like(**job.population)
    found = checkpoint.restore(job.path / "checkpoints", like)
    if found is None:
        runner.refuse_lost_checkpoints(job.path)
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
    digests = digests_of(runs)
    attempt("runs.npz", lambda: write_runs(path / "runs.npz", runs, digests))
    if job.save_networks:
        attempt("networks", lambda: write_networks(path / "networks", runs))
    rows = statistics.summarize(runs, job.metric, interval="t")
    p_values = against_best(runs, job.metric, rows)
    verdicts = [judge(job, runs, row) for row in rows]
    attempt("table.csv", lambda: write_table(path / "table.csv", job, runs, rows, p_values))
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
    _conclude(console, job, runs, rows, p_values, summary)


def judge(job: Job, runs: jaxmlp.Runs, row: Summary) -> dict[str, int]:
    """What is to be said against a setting's networks, those that came to a fault apart."""
    chosen = runs.select(**row.setting)
    is_whole = np.ones(chosen.shape, bool)
    for position in chosen.faults:
        is_whole[position] = False
    names = [name for name in chosen.history if name.startswith(("train_", "test_"))]
    scores = {name: chosen.final(name)[is_whole] for name in names}
    return verdict.of_networks(job.recipe(**row.setting), job.data, job.seeds[0], scores)


def has_lagged(runs: jaxmlp.Runs, row: Summary) -> bool:
    """Whether halving ended a setting, whose values are then of an earlier epoch than others'."""
    ended_by = runs.select(**row.setting).ended_by
    return ended_by is not None and bool((ended_by == HALVING).any())


def ranked(runs: jaxmlp.Runs, rows: list[Summary]) -> list[Summary]:
    """Settings from the best on, by higher means; those that halving ended come last."""
    return sorted(rows, key=lambda row: (has_lagged(runs, row), np.isnan(row.mean), -row.mean))


def against_best(runs: jaxmlp.Runs, metric: str, rows: list[Summary]) -> list[float]:
    """How surprising each setting's lag behind the best one's mean would be, were there none.

    Returns:
      p-values of paired permutation tests, times the number of pairs of settings (Bonferroni's
      correction for all of them, as the best is picked by the same data); NaN for the best itself,
      and for settings that halving ended.
    """
    best = ranked(runs, rows)[0]
    finished = [row for row in rows if not has_lagged(runs, row)]
    pairs = len(finished) * (len(finished) - 1) // 2

    def p_value(row: Summary) -> float:
        if row is best or has_lagged(runs, row):
            return math.nan
        found = statistics.compare(runs, row.setting, best.setting, metric)
        return min(1.0, pairs * found.p_value)

    return [p_value(row) for row in rows]


def members(runs: jaxmlp.Runs) -> list[dict[str, Any]]:
    """Every member's values along the axes."""
    names = list(runs.axes)
    positions = np.ndindex(*runs.shape)
    return [
        {name: runs.axes[name][i] for name, i in zip(names, position, strict=True)}
        for position in positions
    ]


def digests_of(runs: jaxmlp.Runs) -> list[str]:
    """A digest of each member's parameters."""
    return [jaxmlp.digest(runs.member(**setting).params) for setting in members(runs)]


def write_networks(folder: Path, runs: jaxmlp.Runs) -> None:
    """Writes each member's parameters, by its setting."""
    folder.mkdir(exist_ok=True)
    for setting in members(runs):
        path = folder / f"{file_name(points.as_text(setting))}.npz"
        jaxmlp.save_params(path, runs.member(**setting).params)


def file_name(text: str) -> str:
    """A text, cut where a file's name could not hold it, with a digest of all of it then.

    >>> file_name("learning_rate=0.1,seed=7")
    'learning_rate=0.1,seed=7'
    >>> file_name("learning_rate=0.1," * 20)[160:]
    'learning_rate=-c0ffee'
    """
    if len(text) <= NAME:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text[: NAME - 1 - len(digest)]}-{digest}"


def write_runs(path: Path, runs: jaxmlp.Runs, digests: list[str]) -> None:
    """Writes the history, and a digest of each member's parameters, as a NumPy .npz file."""
    fault_steps = np.full(runs.shape, -1)  # the updates done before it, -1 for no fault
    for position, fault in runs.faults.items():
        fault_steps[position] = fault.step
    arrays = {
        **{
            f"axes/{name}": np.array([points.value_text(value) for value in values])
            for name, values in runs.axes.items()
        },
        **{f"history/{name}": values for name, values in runs.history.items()},
        "stopped_at": runs.stopped_at,
        "fault_step": fault_steps,
        "params_sha256": np.array(digests).reshape(runs.shape),
    }
    with whole(path) as scratch, scratch.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def write_table(
    path: Path, job: Job, runs: jaxmlp.Runs, rows: list[Summary], p_values: list[float]
) -> None:
    """Writes a line for each setting."""
    with whole(path) as scratch, scratch.open("w", newline="") as file:
        writer = csv.writer(file)
        figures = ["num_seeds", "num_failed", "mean", "std", "low", "high"]
        writer.writerow([*job.axes, "metric", "epochs", *figures, "p_against_best"])
        for row, p_value in zip(rows, p_values, strict=True):
            epochs = runs.select(**row.setting).stopped_at.mean()
            values = [points.value_text(value) for value in row.setting.values()]
            numbers = [getattr(row, name) for name in figures]
            writer.writerow([*values, job.metric, f"{epochs:g}", *numbers, p_value])


def _draw(job: Job, runs: jaxmlp.Runs) -> None:
    from experiments import population_plots

    folder = job.path / "plots"
    folder.mkdir(exist_ok=True)
    for draw in (
        population_plots.learning_curves,
        population_plots.against_axes,
        population_plots.over_seeds,
    ):
        draw(runs, job.metric, folder / f"{draw.__name__}.png")


def _explain_variance(console: Console, job: Job, runs: jaxmlp.Runs, row: Summary) -> None:
    """Says how much of a setting's spread comes from where, if all its members have a value."""
    with contextlib.suppress(ValueError):
        shares = statistics.variance(runs.select(**row.setting), job.metric).shares
        text = ", ".join(f"{name.replace('_', ' ')} {100 * s:.0f} %" for name, s in shares.items())
        console.print(f"variance of the first: {text}")


def least_p_value(num_settings: int, num_seeds: int) -> float:
    """The least that `against_best` can come to: all seeds agree, which one sign in two does.

    >>> least_p_value(3, 3), least_p_value(3, 7)
    (0.75, 0.046875)
    """
    pairs = num_settings * (num_settings - 1) / 2
    return min(1.0, pairs * 2.0 ** (1 - num_seeds))


def enough_seeds(num_settings: int) -> int:
    """How many seeds it takes for a p-value below LEVEL.

    >>> enough_seeds(3)
    7
    """
    return next(n for n in itertools.count(1) if least_p_value(num_settings, n) < LEVEL)


def _print_whole(console: Console, table: Table) -> None:
    """Prints a table of which nothing is cut: its settings are folded to the screen at blanks."""
    widths = Measurement.get(console, console.options.update(max_width=10**6), table)
    width = max(console.width, widths.minimum) if console.is_terminal else widths.maximum
    console.print(table, width=width, crop=False, no_wrap=False)


def _conclude(
    console: Console,
    job: Job,
    runs: jaxmlp.Runs,
    rows: list[Summary],
    p_values: list[float],
    summary: Mapping[str, Any],
) -> None:
    def show(value: float) -> str:
        return format_metric(job.metric, value)

    def bound(value: float) -> str:  # of an interval: an accuracy has bounds of its own
        return show(float(np.clip(value, 0, 1)) if job.metric.endswith("accuracy") else value)

    title = f"{job.metric.replace('_', ' ')} at each network's end, over seeds"
    swept = ", ".join(name.replace("_", " ") for name in job.axes) or "setting"
    best = ranked(runs, rows)
    tested = sum(not np.isnan(p_value) for p_value in p_values)
    least = least_p_value(tested + 1, best[0].num_seeds)
    p_of = {id(row): p for row, p in zip(rows, p_values, strict=True)} if least < LEVEL else {}
    table = Table(swept, title=title, box=box.SIMPLE_HEAD)
    for name in ("mean", "95 % interval", "std", *["p"] * bool(p_of), "epochs", "networks"):
        table.add_column(name, no_wrap=True)
    for i, row in enumerate(best[:SHOWN]):
        p_value = p_of.get(id(row), math.nan)
        failed = f", {row.num_failed} diverged" if row.num_failed else ""
        table.add_row(
            ", ".join(points.value_text(value) for value in row.setting.values()) or "all",
            show(row.mean),
            f"{bound(row.low).removesuffix(' %')} to {bound(row.high)}",
            show(row.std),
            *["" if np.isnan(p_value) else f"{p_value:.2g}"] * bool(p_of),
            f"{runs.select(**row.setting).stopped_at.mean():g}",
            f"{row.num_seeds}{failed}",
            style="bold" if i == 0 else None,
        )
    _print_whole(console, table)
    if tested and p_of:
        console.print(
            "p: of the lag behind the first, paired over seeds, corrected for all pairs"
            + (f"; with so few seeds it cannot be less than {least:.2g}" if least > 0.01 else "")
        )
    elif tested:
        text = (
            f"no p: that of {_count(best[0].num_seeds, 'seed')} cannot be less than {least:.2g}, "
            f"corrected for all pairs of settings; with {enough_seeds(tested + 1)} it can be less "
            f"than {LEVEL:g}"
        )
        console.print(text, soft_wrap=True)
    for row, setting in zip(rows, summary["settings"], strict=True):
        for finding, number in setting["verdict"].items():
            name, count = points.as_text(row.setting) or "all", _count(row.num_seeds, "network")
            text = f"{name}: {number} of {count} ENDED {finding.upper()}"
            console.print(text, style="bold red", markup=False, soft_wrap=True)
    if job.shuffle_seeds and len(job.shuffle_seeds) > 1 and len(job.seeds) > 1:
        _explain_variance(console, job, runs, best[0])
    if len(best) > SHOWN:
        console.print(f"{len(best) - SHOWN} more settings are in table.csv")
    for position, fault in list(runs.faults.items())[:SHOWN]:
        place = zip(runs.axes.items(), position, strict=True)
        name = points.as_text({axis: values[i] for (axis, values), i in place})
        text = f"{name} ended: a number that is not finite came up in {fault}"
        console.print(text, markup=False, soft_wrap=True)
    if len(runs.faults) > SHOWN:
        console.print(f"{len(runs.faults) - SHOWN} more ended likewise")
    saved = 100 * (1 - runs.share_of_work)
    rate = summary["network_epochs_per_second"]
    console.print(
        f"{f'{rate:.3g} network-epochs a second, ' if rate else ''}"
        f"{f'{saved:.0f} % of the work saved, ' if saved else ''}all is in {job.path}",
        markup=False,
        soft_wrap=True,
    )
