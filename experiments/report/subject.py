"""What the page of a run is about."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.app.job import Job
from jaxmlp.populations.runs import Runs
from jaxmlp.runtime import receipt
from jaxmlp.statistics import Summary
from jaxmlp.types import PyTree

__all__ = [
    "Guesses",
    "Subject",
    "SweepSubject",
    "guesses",
    "names_of_classes",
    "of_run",
    "of_sweep",
]


class Subject(NamedTuple):
    """A run that has ended."""

    job: Job  # its recipe, data, config, folder and notice
    lines: Sequence[Mapping[str, Any]]  # of metrics.jsonl
    params: PyTree  # that it keeps
    summary: Mapping[str, Any]  # summary.json
    outputs: np.ndarray  # for the test set, as `jaxmlp.predict` returns them
    environment: Mapping[str, Any]  # that of receipt.json


def of_run(
    job: Job,
    lines: Sequence[Mapping[str, Any]],
    params: PyTree,
    summary: Mapping[str, Any],
    outputs: np.ndarray,
) -> Subject:
    """A run that has just ended here; arguments as the fields of `Subject`."""
    return Subject(job, lines, params, summary, outputs, receipt.describe())


class SweepSubject(NamedTuple):
    """A sweep that has ended."""

    job: Job  # without what is swept
    runs: Runs  # whose states need not be there
    rows: Sequence[Summary]  # of its settings, by the job's metric
    p_values: Sequence[float]  # of each, as `standings.against_best` returns them
    summary: Mapping[str, Any]  # summary.json
    environment: Mapping[str, Any]  # as of `Subject`


def of_sweep(
    job: Job,
    runs: Runs,
    rows: Sequence[Summary],
    p_values: Sequence[float],
    summary: Mapping[str, Any],
) -> SweepSubject:
    """A sweep that has just ended here; arguments as the fields of `SweepSubject`."""
    return SweepSubject(job, runs, rows, p_values, summary, receipt.describe())


class Guesses(NamedTuple):
    """Which class the network takes each example of the test set for."""

    names: list[str]  # of the classes
    labels: np.ndarray  # (N,)
    guesses: np.ndarray  # (N,)
    confidence: np.ndarray  # (N,) the guess's probability; NaN counts as wrong


def guesses(subject: Subject) -> Guesses | None:
    """What was taken for what; None of values, and of several answers of yes or no."""
    outputs, task = subject.outputs, subject.job.recipe.task
    if task.kind not in ("classification", "binary"):
        return None
    labels = np.asarray(subject.job.data.sets()["test"][1])
    if task.kind == "binary":
        if outputs.shape[1] > 1:
            return None
        outputs = np.concatenate([1 - outputs, outputs], axis=1)  # of no, and of yes
        labels = labels.reshape(-1)
    elif labels.ndim == 2:
        labels = labels.argmax(axis=1)
    names = names_of_classes(subject, outputs.shape[1])
    return Guesses(names, labels.astype(np.int64), outputs.argmax(axis=1), outputs.max(axis=1))


def names_of_classes(subject: Subject | SweepSubject, count: int) -> list[str]:
    """The classes' names, which are their numbers where they have none."""
    names = subject.job.data.class_names
    return list(names) if len(names) == count else [str(number) for number in range(count)]
