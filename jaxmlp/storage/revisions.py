"""The checkpoints in a folder by their names, and which of them are worth keeping.

A name is a step, "20", or "20.1" where that step was saved once more, so that the first need not go
before the second is in place.
"""

from __future__ import annotations

import math
import os
import re
import shutil
from pathlib import Path

from jaxmlp.storage.manifest import DamagedError, read_manifest

__all__ = [
    "clear_up",
    "names_in",
    "next_name",
    "rank",
    "scores_in",
    "step_and_revision",
    "worth_keeping",
]

NAME = r"(0|[1-9]\d*)(\.[1-9]\d*)?"
SCRATCH = rf"\.{NAME}\.saving|\.(saving|deleting)-.*"  # as `scratch_of` has it; as it was once


def clear_up(folder: Path) -> None:
    """Removes what a killed process left half-written, or half deleted."""
    for name in os.listdir(folder):
        if re.fullmatch(SCRATCH, name):
            shutil.rmtree(folder / name)


def names_in(folder: Path) -> list[str]:
    """The checkpoints in a folder, in the order of their steps."""
    found = os.listdir(folder) if folder.is_dir() else []
    names = [name for name in found if re.fullmatch(NAME, name)]
    return sorted(names, key=step_and_revision)


def step_and_revision(name: str) -> tuple[int, int]:
    """The step of a checkpoint, and how often that step was saved before."""
    step, _, revision = name.partition(".")
    return int(step), int(revision or 0)


def next_name(step: int, names: list[str]) -> str:
    """The name for another checkpoint of a step.

    >>> next_name(20, ["10", "10.1"]), next_name(10, ["10", "10.1"])
    ('20', '10.2')
    """
    revisions = [step_and_revision(name)[1] for name in names if name.split(".")[0] == str(step)]
    return f"{step}.{max(revisions) + 1}" if revisions else f"{step}"


def worth_keeping(scores: dict[str, float | None], keep: int) -> dict[str, float | None]:
    """Of the checkpoints in the order they were written in, the last few and the best.

    >>> list(worth_keeping({"1": 0.5, "2": 0.9, "3": 0.9, "4": None, "3.1": 0.7}, keep=2))
    ['2', '4', '3.1']
    """
    latest = {step_and_revision(name)[0]: name for name in scores}
    names = [name for name in scores if name in latest.values()]
    best = max(names, key=lambda name: rank(name, scores[name]))
    kept = {*names[-keep:], *([best] if scores[best] is not None else [])}
    return {name: scores[name] for name in names if name in kept}


def rank(name: str, score: float | None) -> tuple[float, int, int]:
    """Greater for a higher score; then for an earlier step; then for a later revision."""
    step, revision = step_and_revision(name)
    return -math.inf if score is None else score, -step, revision


def scores_in(folder: Path, damaged: float | None = None) -> dict[str, float | None]:
    """The checkpoints in a folder, in the order of their steps, with their scores.

    Args:
      folder: of checkpoints.
      damaged: for the score of one whose manifest is damaged.
    """
    return {name: _score(folder / name, damaged) for name in names_in(folder)}


def _score(path: Path, damaged: float | None) -> float | None:
    try:
        score: float | None = read_manifest(path)["score"]
    except DamagedError:
        return damaged
    return score
