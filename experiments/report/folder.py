"""What a page is about, read again from the folder of a run or of a sweep."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import jaxmlp
from experiments.app import points, report
from experiments.app.job import Job
from experiments.app.material import Material
from experiments.folder import arrays, proof, records, schema
from experiments.folder.schema import TEXT
from experiments.report.subject import Subject, SweepSubject
from jaxmlp import statistics
from jaxmlp.objectives.tasks import metrics_of
from jaxmlp.populations.runs import FAULT, HALVING, LENGTH
from jaxmlp.types import Dataset, Fault

__all__ = ["read_run", "read_sweep", "runs_of"]

SWEEP_SUMMARY = schema.Fields(  # as far as a page needs it
    {
        "num_networks": schema.whole(1),
        "mode": TEXT,
        "share_of_work": schema.number(0, 1),
        "network_epochs_per_second": schema.number(0).optional,
        "params_sha256": records.SHA256,
        "seconds": schema.Each(records.SECONDS),
        "settings": [
            schema.Fields(
                {
                    "p_against_best": schema.number(0, 1).optional,
                    "verdict": schema.Each(records.COUNT),
                }
            )
        ],
    },
    {**records.SCORES_AND_WORTH, "ensemble": records.ENSEMBLE},
)


def read_run(
    folder: Path, load: Callable[[Mapping[str, Any]], Material], make: Callable[..., Job]
) -> Subject:
    """A run that has ended.

    Args:
      folder: the run's.
      load: config -> what there is to train on.
      make: folder, what it claims, data -> the job.

    Raises:
      ValueError: if the run has not ended, or the folder is damaged, or the data are others.
    """
    claim = proof.read(folder)
    if claim.summary is None or claim.params is None or claim.lines is None:
        raise ValueError(f"{folder} needs to hold a run that has ended, got no summary of one")
    config = records.as_now(claim.receipt["config"])
    found = load(config)
    _check(config, found.data)
    job = _with(make(folder, claim, found.data), found)
    outputs = report.answers(job, claim.params)
    environment = claim.receipt["environment"]
    return Subject(job, claim.lines, claim.params, claim.summary, outputs, environment)


def read_sweep(
    folder: Path, config: Mapping[str, Any], load: Callable[[Mapping[str, Any]], Material]
) -> SweepSubject:
    """A sweep that has ended; arguments and errors as of `read_run`."""
    if not (folder / "runs.npz").exists() or not (folder / "summary.json").exists():
        raise ValueError(f"{folder} needs to hold a sweep that has ended, got no summary of one")
    summary = schema.read(folder / "summary.json", SWEEP_SUMMARY)
    environment = schema.read(folder / "environment.json", records.ENVIRONMENT)
    texts = points.axes(config)
    found = arrays.read_runs(folder / "runs.npz", texts)
    there = load(config)
    _check(config, there.data)
    recipe = points.recipe_at(there.data, config["given"], {})
    job = _with(Job(recipe, there.data, config, folder, config.get("notice")), there)
    runs = runs_of(config, texts, found)._replace(
        metrics=metrics_of(recipe.task), share_of_work=summary["share_of_work"]
    )
    rows = statistics.summarize(runs, job.metric, interval="t")
    settings = summary["settings"]
    if len(settings) != len(rows):
        raise ValueError(f"{folder} needs a summary of {len(rows)} settings, got {len(settings)}")
    p_values = [each["p_against_best"] for each in settings]
    known = [np.nan if p_value is None else p_value for p_value in p_values]
    return SweepSubject(job, runs, rows, known, summary, environment)


def runs_of(
    config: Mapping[str, Any], texts: Mapping[str, list[str]], found: Mapping[str, np.ndarray]
) -> jaxmlp.Runs:
    """A sweep's results, but for its states.

    Args:
      config: the sweep's.
      texts: name -> its values, as of `points.axes`.
      found: as of `arrays.read_runs`.
    """
    axes = {name: tuple(_value(name, text) for text in values) for name, values in texts.items()}
    stopped_at, steps = found["stopped_at"], found["fault_step"]
    faults = {
        tuple(map(int, at)): Fault(
            int(steps[tuple(at)]),
            int(stopped_at[tuple(at)]) + 1,
            "layer not on record",
            "see experiments.replay",
            "",
        )
        for at in np.argwhere(steps >= 0)
    }
    ended_by = np.full(stopped_at.shape, LENGTH, np.int8)
    if config["halving"]:  # which the file does not say, but a length does
        ended_by[stopped_at < stopped_at.max(initial=0)] = HALVING
    ended_by[steps >= 0] = FAULT
    columns = {name: values for name, values in found.items() if name.startswith("history/")}
    return jaxmlp.Runs(
        axes=axes,
        history={name.partition("/")[2]: values for name, values in columns.items()},
        stopped_at=stopped_at,
        states=(),
        places=np.full((*stopped_at.shape, 2), -1),
        faults=faults,
        ended_by=ended_by,
    )


def _value(name: str, text: str) -> Any:
    return points.parse_value(name, text) if name in points.NAMES else int(text)


def _with(job: Job, found: Material) -> Job:
    return job._replace(findings=found.findings, preparations=found.preparations, folds=found.folds)


def _check(config: Mapping[str, Any], data: Dataset) -> None:
    """Raises ValueError for data of another digest: their examples are not the run's."""
    if data.sha256 != config["data_sha256"]:
        raise ValueError(
            f"expected data with sha256 {config['data_sha256']}, got {data.sha256}: {data.source}"
        )
