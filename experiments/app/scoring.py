"""A run's scores: the network's figures on the test set, and the baselines' beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.app.job import Job
from experiments.scores import baselines, ensemble, figures, screen, worth
from experiments.scores.worth import NETWORK

__all__ = [
    "announce",
    "fitted",
    "is_asked",
    "names_of",
    "of_run",
    "show",
    "show_together",
    "weights",
    "with_baselines",
]

WINDOWED = "no baselines: they are fitted in memory, and the data are read in windows"


def is_asked(job: Job) -> bool:
    """Whether a run has scores: it has a test set, and is not from before there were any."""
    return with_baselines(job) is not None and job.data.test_labels is not None


def with_baselines(job: Job) -> bool | None:
    """Whether baselines are asked for; None in a record from before there were any."""
    found: bool | None = job.config.get("outputs", {}).get("baselines")
    return found


def announce(console: Console, job: Job) -> None:
    """Says what takes a while."""
    if with_baselines(job) and job.window is None:
        console.print("fits the baselines on the training rows, for comparison", soft_wrap=True)


def of_run(job: Job, outputs: np.ndarray) -> dict[str, Any]:
    """What summary.json says of how good the network is on the test set.

    Args:
      job: what was done.
      outputs: the network's, for the test set.

    Returns:
      "scores": of the network, and of each baseline where they are asked for; and then "worth",
      whether it was worth it, with notes on what was left out.
    """
    task = job.config["task"]
    labels, found = np.asarray(job.data.test_labels), fitted(job)
    answers = {NETWORK: outputs, **found.outputs}
    of_each = {
        name: figures.of(task, labels, each, names_of(job)) for name, each in answers.items()
    }
    scored: dict[str, Any] = {"scores": of_each}
    if found.outputs:
        scored["worth"] = worth.verdict(task, labels, answers) | {"notes": found.notes}
    elif found.notes:
        scored["worth"] = {"notes": found.notes}
    return scored


def names_of(job: Job) -> Sequence[str]:
    """What the questions are called, or the values; () where nothing is known of that."""
    return job.data.class_names or tuple(job.config.get("table", {}).get("target", ()))


def fitted(job: Job, num_parts: int = 1) -> baselines.Baselines:
    """The baselines' answers to the test set, where they are asked for.

    Args:
      job: what was done.
      num_parts: how many such jobs there are, which share the time of one.
    """
    data = job.data
    if with_baselines(job) and job.window is not None:
        return baselines.Baselines({}, [WINDOWED])
    if not with_baselines(job):
        return baselines.Baselines({}, [])
    examples = data.train_inputs, np.asarray(data.train_labels), data.test_inputs
    task, num_outputs = job.config["task"], job.config["sizes"][-1]
    return baselines.fit(task, *examples, num_outputs, weights(job), num_parts)


def weights(job: Job) -> np.ndarray | None:
    """(N,) what the training rows weigh, by themselves and by their classes; None for all alike."""
    own, by_class = job.data.train_weights, job.config.get("class_weights")
    if not by_class:
        return own
    labels = np.asarray(job.data.train_labels)
    if labels.ndim == 2 and labels.shape[1] > 1:
        of_each = labels @ np.asarray(by_class)
    else:
        of_each = np.asarray(by_class)[labels.reshape(-1).astype(int)]
    return of_each if own is None else of_each * own


def show_together(console: Console, summary: Mapping[str, Any]) -> None:
    """Shows what a sweep's networks say together, beside one of them; nothing of one alone."""
    found = summary.get("ensemble")
    if not found:
        return
    first, *others = ensemble.said(found)
    console.print(f"\n{first}", markup=False, soft_wrap=True)
    grid = Table(*ensemble.HEADS, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in grid.columns[1:]:
        column.justify = "right"
    for row in ensemble.rows(found):
        grid.add_row(*row)
    console.print(grid)
    for line in others:
        console.print(line, markup=False, soft_wrap=True)


def show(console: Console, summary: Mapping[str, Any], class_names: Sequence[str] = ()) -> None:
    """Shows the scores, in a line or beside the baselines', and whether it was worth it."""
    scores, verdict = summary.get("scores", {}), summary.get("worth", {})
    where = verdict.get("over", "on the test set")
    if len(scores) > 1:
        console.print()
        console.print(screen.table(scores, where))
    elif scores.get(NETWORK):
        text = f"{where.removeprefix('on the ')}: {screen.line(scores[NETWORK])}"
        console.print(text, markup=False, soft_wrap=True)
    if "text" in verdict:
        console.print(verdict["text"], style="bold", markup=False, soft_wrap=True)
    for note in verdict.get("notes", []):
        console.print(note, markup=False, soft_wrap=True)
    if said := screen.whose_f1(scores.get(NETWORK, {}), class_names):
        console.print(said, markup=False, soft_wrap=True)
