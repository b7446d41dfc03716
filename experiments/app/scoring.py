"""A run's scores: the network's figures on the test set, and the baselines' beside them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console

from experiments.app.job import Job
from experiments.scores import baselines, figures, screen, worth
from experiments.scores.worth import NETWORK

__all__ = ["announce", "is_asked", "of_run", "show", "weights"]

WINDOWED = "no baselines: they are fitted in memory, and the data are read in windows"


def is_asked(job: Job) -> bool:
    """Whether a run has scores: it has a test set, and is not from before there were any."""
    return _with_baselines(job) is not None and job.data.test_labels is not None


def _with_baselines(job: Job) -> bool | None:
    """Whether baselines are asked for; None in a record from before there were any."""
    found: bool | None = job.config.get("outputs", {}).get("baselines")
    return found


def announce(console: Console, job: Job) -> None:
    """Says what takes a while."""
    if _with_baselines(job) and job.window is None:
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
    task, data = job.config["task"], job.data
    labels = np.asarray(data.test_labels)
    found = baselines.Baselines({}, [])
    if _with_baselines(job) and job.window is not None:
        found.notes.append(WINDOWED)
    elif _with_baselines(job):
        examples = data.train_inputs, np.asarray(data.train_labels), data.test_inputs
        found = baselines.fit(task, *examples, job.config["sizes"][-1], weights(job))
    answers = {NETWORK: outputs, **found.outputs}
    names = data.class_names or tuple(job.config.get("table", {}).get("target", ()))
    of_each = {name: figures.of(task, labels, each, names) for name, each in answers.items()}
    scored: dict[str, Any] = {"scores": of_each}
    if found.outputs:
        scored["worth"] = worth.verdict(task, labels, answers) | {"notes": found.notes}
    elif found.notes:
        scored["worth"] = {"notes": found.notes}
    return scored


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


def show(console: Console, summary: Mapping[str, Any]) -> None:
    """Shows the scores, in a line or beside the baselines', and whether it was worth it."""
    scores, verdict = summary.get("scores", {}), summary.get("worth", {})
    if len(scores) > 1:
        console.print()
        console.print(screen.table(scores))
    elif scores.get(NETWORK):
        text = f"test set: {screen.line(scores[NETWORK])}"
        console.print(text, markup=False, soft_wrap=True)
    if "text" in verdict:
        console.print(verdict["text"], style="bold", markup=False, soft_wrap=True)
    for note in verdict.get("notes", []):
        console.print(note, markup=False, soft_wrap=True)
