"""What a reader should know beside the final figures: a leak, and a loss that had been lower."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from rich.console import Console

import jaxmlp
from experiments.app.job import Job
from experiments.data.tables.findings import LEAK
from experiments.scores.numerals import plain

__all__ = ["leaks", "of_run", "of_sweep", "risen", "show"]

CLEARLY = 1.05  # times the lowest loss
LAST = 10  # one in so many epochs, of which the lowest loss counts as that at the end


def leaks(findings: Iterable[str]) -> list[str]:
    """Of what was found in a table those lines that put its figures into doubt."""
    return [finding for finding in findings if finding.startswith(LEAK)]


def risen(losses: Sequence[float | None] | np.ndarray) -> int:
    """After how many epochs a loss was lowest, if it is clearly above that at the end; else 0.

    Args:
      losses: after each epoch; None or NaN where nobody looked.

    >>> risen([0.9, 0.5, None, 0.7]), risen([0.9, 0.5, 0.51])
    (2, 0)
    """
    values = np.array([math.nan if each is None else each for each in losses], float)
    if np.isnan(values).all():
        return 0
    lowest = int(np.nanargmin(values))
    seen = values[~np.isnan(values)]
    end = seen[-max(1, len(seen) // LAST) :].min()
    return lowest + 1 if end > CLEARLY * values[lowest] >= 0 else 0


def of_run(job: Job, losses: Sequence[float | None]) -> str:
    """That a run went on for too long, where it did.

    Args:
      job: what was done; with patience its parameters are not the last.
      losses: on the test set, after each epoch.
    """
    if job.config.get("patience") or not (best := risen(losses)):
        return ""
    low, end = losses[best - 1], [each for each in losses if each is not None][-1]
    assert low is not None
    return (
        f"the test loss was lowest after epoch {best:,} of {len(losses):,}, {plain(low)}, and rose "
        f"to {plain(end)}: {_advice(job)}"
    )


def of_sweep(job: Job, runs: jaxmlp.Runs) -> str:
    """That a sweep's networks went on for too long, where any did."""
    if job.config.get("patience") or "test_loss" not in runs.history:
        return ""
    each = runs.history["test_loss"].reshape(-1, runs.history["test_loss"].shape[-1])
    count = sum(bool(risen(losses)) for losses in each)
    if not count:
        return ""
    return (
        f"the test loss of {count:,} of {len(each):,} networks rose before the end: {_advice(job)}"
    )


def _advice(job: Job) -> str:
    """Which flags stop in time."""
    has_set = job.data.validation_inputs is not None
    needed = "" if has_set else "--validation_fraction=0.2 "
    return f"longer training makes it worse, and {needed}--patience=10 stops in time"


def show(console: Console, job: Job, risen: str) -> None:
    """Repeats the leaks as loudly as a verdict, and says what `of_run` or `of_sweep` found."""
    for line in leaks(job.findings):
        console.print(line, style="bold red", markup=False, soft_wrap=True)
    if risen:
        console.print(risen, style="yellow", markup=False, soft_wrap=True)
