"""The saved networks of a sweep in its page, so that all of them answer what its reader asks.

Where seeds disagree is what no single network shows.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import jaxmlp
from experiments.app import points
from experiments.app.job import Job
from experiments.app.sweep_report import file_name
from experiments.app.sweep_report import members as members_of
from experiments.folder import arrays
from experiments.report import network, trial
from experiments.report.network import Harm
from experiments.report.subject import SweepSubject
from experiments.report.sweep_settings import name_of, order_of
from jaxmlp.statistics import SEEDS
from jaxmlp.types import Dataset, PyTree

__all__ = ["MOST", "Member", "chosen", "notes_on", "of", "saved"]

MOST = 32  # networks in a page
MOST_EXAMPLES = 1000  # of the test set, on which each network's rounding is measured


class Member(NamedTuple):
    """A saved network of a sweep."""

    setting: str  # what it shares with those of other seeds, in words
    name: str  # and its seeds
    fold: int  # of a cross validation, else 0
    recipe: jaxmlp.Recipe
    params: PyTree


def of(subject: SweepSubject) -> dict[str, Any] | None:
    """The networks with what they may be asked, those of the best settings first; None of none."""
    names = names_of_files(subject)
    finite: list[Member] = []
    num_diverged = 0
    for member in saved(subject):
        if len(finite) == MOST:  # the others are counted, and not read
            break
        if network.is_finite(member.params):
            finite.append(member)
        else:
            num_diverged += 1
    if not finite:
        return None
    members, dtype = chosen(finite)
    if not members:
        return None
    harms = [
        network.harm(each.recipe, each.params, examples_of(subject.job, each.fold), dtype)
        for each in members
    ]
    num_saved = sum(name in names for name in map(file_of, members_of(subject.runs)))
    num_more = num_saved - num_diverged - len(members)
    num_unsaved = subject.runs.stopped_at.size - num_saved
    return {
        "kind": subject.job.recipe.task.kind,
        "names": trial.names_of(subject),
        "span": trial.span_of(subject),
        "networks": [
            {
                "name": each.name,
                "setting": each.setting,
                "fold": each.fold,
                "network": network.encode(each.recipe, each.params, dtype),
            }
            for each in members
        ],
        "input": trial.input_of(subject),
        "notes": [
            notes_on(dtype, harms, subject.job.recipe.task.kind),
            *left_out(num_more, num_diverged, num_unsaved),
        ],
    }


def data_of(job: Job, fold: int) -> Dataset:
    """What a network was trained and tested on: a fold's own data, where there are folds."""
    return job.folds[fold] if job.folds else job.data


def examples_of(job: Job, fold: int) -> Any:
    """The first of the inputs that a fold's networks were tested on, as they are prepared there."""
    sets = data_of(job, fold).sets()
    inputs = sets.get("test", sets["train"])[0]
    return inputs[np.arange(min(len(inputs), MOST_EXAMPLES))]


def saved(subject: SweepSubject) -> Iterator[Member]:
    """The networks in a sweep's folder: setting by setting, the best first, and seed by seed."""
    job, folder = subject.job, subject.job.path / "networks"
    there = names_of_files(subject)
    if not there:
        return
    by_setting: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    names = list(subject.rows[0].setting)
    for member in members_of(subject.runs):
        by_setting.setdefault(tuple(member[name] for name in names), []).append(member)
    for place in order_of(subject):
        setting = subject.rows[place].setting
        for member in by_setting[tuple(setting[name] for name in names)]:
            if (file := file_of(member)) in there:
                yield _read(job, member, name_of(setting), folder / file)


def names_of_files(subject: SweepSubject) -> set[str]:
    """Those in the folder of a sweep's networks, asked for at once: members are thousands."""
    return {path.name for path in (subject.job.path / "networks").glob("*.npz")}


def file_of(member: Mapping[str, Any]) -> str:
    """The name of a member's file."""
    return f"{file_name(points.as_text(member))}.npz"


def _read(job: Job, member: Mapping[str, Any], setting: str, path: Path) -> Member:
    fold = int(member.get("fold", 0))
    recipe = points.recipe_at(
        data_of(job, fold), points.given(job.config), points.setting_of(member)
    )
    own = name_of({name: value for name, value in member.items() if name in (*SEEDS, "fold")})
    name = ", ".join(filter(None, [setting, own]))
    return Member(setting, name, fold, recipe, arrays.read_params(path, recipe.model))


def chosen(
    members: list[Member], most: int = MOST, limit: int = network.LIMIT
) -> tuple[list[Member], str]:
    """As many of the first as a page has room for, and the dtype of their weights.

    It is float16 where that leaves none of them out, else int8.
    """
    members = members[:most]
    for dtype in ("float16", "int8"):
        sizes = [network.num_bytes(each.params, dtype) for each in members]
        if sum(sizes) <= limit:
            return members, dtype
    while sum(sizes) > limit:
        sizes.pop()
    return members[: len(sizes)], "int8"


def notes_on(dtype: str, harms: list[Harm], kind: str) -> str:
    """What a reader is to know of the rounding of the networks' weights."""
    difference = max(each.difference for each in harms)
    if kind == "regression":
        most = f"no answer by more than {difference:.2g} of the values' standard deviation"
        return f"The weights are in this page as {dtype} instead of float32: that changes {most}."
    answers = sum(each.num_examples for each in harms)
    changed = sum(each.num_changed for each in harms)
    return (
        f"The weights are in this page as {dtype} instead of float32: that changes {changed:,} of "
        f"{answers:,} answers to test examples, and no probability by more than {difference:.2g}."
    )


def left_out(num_more: int, num_diverged: int, num_unsaved: int) -> list[str]:
    """A line for each reason why networks are missing from a page."""
    reasons = {
        f"that a page has no room for: it holds {MOST} networks, or "
        f"{network.LIMIT // 2**20} MiB of them, those of the best settings": num_more,
        "whose training diverged": num_diverged,
        "that are not in the folder's networks/": num_unsaved,
    }
    return [
        f"Left out: {number:,} network{'s' * (number > 1)} {why}."
        for why, number in reasons.items()
        if number
    ]
