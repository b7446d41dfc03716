"""What a sweep's folder claims, and what comes out when all its networks are trained again."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import TextColumn

import jaxmlp
from experiments.app import config as configs
from experiments.app import devices, points, population, standings, sweep_report, tables
from experiments.app.job import Job
from experiments.app.material import Material
from experiments.app.population import Outcome
from experiments.app.progress import bar
from experiments.data.tables import stored
from experiments.folder import arrays, records, schema
from experiments.folder.files import as_written
from jaxmlp import statistics
from jaxmlp.populations.many import Report
from jaxmlp.runtime import receipt

__all__ = [
    "differences",
    "files_of",
    "job_of",
    "member_differences",
    "preparation_differences",
    "rerun",
    "settings_differences",
]

LISTED = 20  # networks that are named of those that differ
TIMES = ("seconds", "network_epochs_per_second")
YOUNGER = ("ensemble",)  # of a summary: what older folders lack


def job_of(folder: Path, config: Mapping[str, Any], found: Material) -> Job:
    """What a sweep's settings mean for its data, on the devices that there are."""
    axes = dict(map(points.parse_axis, config["sweep"]))
    crossed = [
        None if config[name] is None else points.parse_seeds(config[name])
        for name in ("shuffle_seeds", "noise_seeds")
    ]
    alone = devices.of_member(config)["mesh"]  # which of them divide a batch
    data, notice = found.data, config.get("notice")
    recipe = points.recipe_at(data, points.given(config), {})
    return Job(
        recipe,
        data,
        {**config, "mesh": alone},
        folder,
        notice,
        axes=axes,
        seeds=points.parse_seeds(config["seeds"]),
        shuffle_seeds=crossed[0],
        noise_seeds=crossed[1],
        folds=found.folds,
    )


def rerun(console: Console, job: Job) -> Outcome:
    """Trains all networks of a sweep again."""
    plan = population.compile(console, job)
    with bar(console, "training", TextColumn("{task.percentage:.0f} %")) as shown:
        task = shown.add_task("training", total=None)

        def on_block(report: Report) -> None:
            done = float(report.epochs.sum()) + report.share * report.num_live
            left = report.num_live * (job.config["num_epochs"] - report.epoch - report.share)
            shown.update(task, completed=done, total=done + max(left, 0))

        runs = population.train_by(job, on_block=on_block)
    return Outcome(runs, plan, 0.0, sweep_report.digests_of(runs))


def files_of(folder: Path) -> list[str]:
    """The names of the files that `differences` compares, of those that are there."""
    networks = ["networks"] if (folder / "networks").exists() else []
    names = ("config.json", "runs.npz", "summary.json", "table.csv", tables.PREPARATION)
    return [*(name for name in names if (folder / name).exists()), *networks]


def differences(
    console: Console, job: Job, config: Mapping[str, Any], made: Outcome
) -> Iterator[str]:
    """Where a sweep's folder says something else than came out, a line each.

    Args:
      console: where what takes a while is said.
      job: the sweep.
      config: of its config.json.
      made: from `rerun`.
    """
    assert made.digests is not None
    folder, runs = job.path, made.runs
    again = sweep_report.arrays_of(runs, made.digests)
    yield from _members(runs, again, arrays.read_runs(folder / "runs.npz", points.axes(config)))
    are_kept = bool(config["outputs"].get("save_networks"))
    yield from _networks(folder / "networks", runs, made.digests, are_kept)
    rows = statistics.summarize(runs, job.metric, interval="t")
    p_values = standings.against_best(runs, job.metric, rows)
    yield from _table(folder / "table.csv", job, runs, rows, p_values)
    summary = as_written(job.marked(population.summarize(console, job, made, rows, p_values)))
    path = folder / "summary.json"
    if not path.exists():
        yield "summary.json: expected a file, got nothing"
        return
    claimed = schema.read(path, schema.Fields({}))
    lacking = {*TIMES, *(name for name in YOUNGER if name not in claimed)}
    ours, theirs = (
        {n: _numbered(v) for n, v in each.items() if n not in lacking}
        for each in (summary, claimed)
    )
    for line in receipt.differences(ours, theirs):
        yield f"summary.json {line}"


def _numbered(value: Any) -> Any:
    """The items of a list by their numbers, so that each of them is compared by itself."""
    return {str(i): each for i, each in enumerate(value)} if isinstance(value, list) else value


def _members(
    runs: jaxmlp.Runs, ours: Mapping[str, np.ndarray], claimed: Mapping[str, np.ndarray]
) -> Iterator[str]:
    """Compares what runs.npz has of each network."""
    members, num_other = sweep_report.members(runs), 0
    for member, at in zip(members, np.ndindex(*runs.shape), strict=True):
        pair = ({name: each[name][at] for name in each} for each in (ours, claimed))
        lines = list(member_differences(*pair))
        num_other += bool(lines)
        if lines and num_other <= LISTED:
            yield from (f"runs.npz {points.as_text(member)}: {line}" for line in lines)
    if num_other > LISTED:
        yield f"runs.npz: and of {num_other - LISTED:,} more networks"


def _networks(folder: Path, runs: jaxmlp.Runs, digests: list[str], are_kept: bool) -> Iterator[str]:
    """Compares the networks that --save_networks has left, where it has."""
    there = {path.name for path in folder.glob("*.npz")} if folder.exists() else set()
    for member, digest in zip(sweep_report.members(runs), digests, strict=True):
        name = f"{sweep_report.file_name(points.as_text(member))}.npz"
        if name in there:
            got = jaxmlp.digest(jaxmlp.load_params(folder / name))
            yield from receipt.differences(digest, got, f"networks/{name}")
        elif there or are_kept:
            yield f"networks/{name}: expected a file, got nothing"


def _table(
    path: Path, job: Job, runs: jaxmlp.Runs, rows: list[statistics.Summary], p_values: list[float]
) -> Iterator[str]:
    """Compares table.csv, line by line."""
    if not path.exists():
        yield f"{path.name}: expected a file, got nothing"
        return
    with tempfile.TemporaryDirectory() as scratch:
        again = Path(scratch) / path.name
        sweep_report.write_table(again, job.metric, runs, rows, p_values)
        lines = [each.read_text(encoding="utf-8").splitlines() for each in (again, path)]
    ours, theirs = ({f"line {i}": text for i, text in enumerate(each, 1)} for each in lines)
    for line in receipt.differences(ours, theirs):
        yield f"{path.name} {line}"


def member_differences(
    expected: Mapping[str, np.ndarray], got: Mapping[str, np.ndarray]
) -> Iterator[str]:
    """Where two records of a member are not alike.

    Args:
      expected: its part of what `arrays.read_runs` returns.
      got: likewise, or up to its end.
    """
    for name in ("params_sha256", "stopped_at", "fault_step"):
        yield from receipt.differences({name: expected[name].item()}, {name: got[name].item()})
    lost = [name for name in got if name not in expected]
    yield from (f"{name}: expected nothing, got a column" for name in lost)
    for name in expected.keys() - got.keys() if got["stopped_at"] else ():
        yield f"{name}: expected a column, got nothing"
    for name in (name for name in expected if name.startswith("history/")):
        values = np.full(len(expected[name]), np.nan, np.float32)  # as after its end
        column = got.get(name, values)[: len(values)]
        values[: len(column)] = column
        same = (expected[name] == values) | (np.isnan(expected[name]) & np.isnan(values))
        if not same.all():
            epoch = int(same.argmin())
            pair = f"expected {expected[name][epoch]}, got {values[epoch]}"
            yield f"{name.partition('/')[2]}, epoch {epoch + 1}: {pair}"


def settings_differences(config: Mapping[str, Any], described: Material) -> Iterator[str]:
    """Where a sweep's config.json is not what its given settings and the data make of it."""
    known = {*records.SWEEP_CONFIG.needed, *records.SWEEP_CONFIG.known}
    same = {name: value for name, value in config.items() if name in known}
    made = configs.complete(config["given"], described.data)
    if "white" in config:  # which older folders have not
        made |= configs.pixels(described.data)
    of_folds = configs.of_folds(config, described.folds)
    yield from receipt.differences({**same, **made, **of_folds}, config, "config")


def preparation_differences(folder: Path, described: Material) -> Iterator[str]:
    """Where a table's preparation.json is not what its training rows make of it."""
    path = folder / tables.PREPARATION
    if described.preparations and path.exists():
        expected, got = map(tables.by_name, (described.preparations, stored.read(path)))
        yield from receipt.differences(as_written(expected), got, path.name)
    elif described.preparations:
        yield f"{path.name}: expected a file, got nothing"
