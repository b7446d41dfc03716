"""Which columns of a table a network learns from, and why not from the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from experiments.data.idx import DataError
from experiments.data.tables import columns, dates, findings
from experiments.data.tables.columns import Column
from experiments.data.tables.naming import find, listed, several, shown
from experiments.data.tables.options import Options

__all__ = ["IDENTIFIES", "Chosen", "check_names", "choose"]

WHY = {
    "constant": "the same in all rows",
    "missing": "no value in any row",
    "text": "texts of their own in each row, or nearly so",
    "strange": "neither numbers nor texts",
}
IDENTIFIES = "identifies rows"
ASKED = "as asked"
KEPT = "; --include=NAME takes it all the same"


class Chosen(NamedTuple):
    """Which columns are inputs."""

    columns: list[Column]
    ignored: list[dict[str, str]]  # name and why
    notes: list[str]


def check_names(options: Options, names: list[str], where: object) -> None:
    """Sees whether the columns that options name are there.

    Raises:
      DataError: if one is not, or no target is named.
    """
    if not options.target:
        raise DataError(f"--target needs one of {where}'s columns, {listed(names)}, got nothing")
    for flag in ("target", "ignore", "include", "log", "category"):
        find(getattr(options, flag), names, f"--{flag}")
    for flag, name in (("group", options.group), ("time", options.time)):
        find([name] if name is not None else [], names, f"--{flag}")


def choose(
    found: Mapping[str, Column], table: Any, options: Options, rows: np.ndarray, where: object
) -> Chosen:
    """Chooses the inputs.

    Args:
      found: all columns by their names, in the table's order.
      table: they are of.
      options: of the user.
      rows: the places of the rows that have a target.
      where: the table's name, for messages.

    Raises:
      DataError: if none is left, or one that is to be kept or taken as a logarithm cannot be.
    """
    chosen: list[Column] = []
    ignored: list[dict[str, str]] = []
    notes: list[str] = []
    for column in found.values():
        if column.name in options.target:
            continue
        why = _why_not(column, table, options, rows)
        if why is None:
            chosen.append(_as_input(column))
            notes += column.notes
        else:
            ignored.append({"name": column.name, "why": why})
    if not chosen:
        got = "; ".join(f"{shown(each['name'])}: {each['why']}" for each in ignored[:5])
        if any(each["why"] == WHY["text"] for each in ignored):
            got += "; free texts are no inputs here: bring them as numbers or categories"
        raise DataError(f"{where}: expected columns to learn from, got none ({got or 'a target'})")
    for name in options.log:
        if name not in [column.name for column in chosen if column.kind == "number"]:
            raise DataError(f"--log needs columns of numbers that are inputs, got {shown(name)}")
    doubtful = [column for column in chosen if column.name not in options.include]
    notes += findings.different(doubtful, table)
    return Chosen(chosen, ignored, [*_said(ignored, options), *notes])


def _why_not(column: Column, table: Any, options: Options, rows: np.ndarray) -> str | None:
    """Why a column is no input; None if it is one."""
    if column.name in options.ignore:
        return ASKED
    if column.name in options.include:
        if column.kind in ("missing", "strange"):
            raise DataError(f"--include needs columns with values, got {shown(column.name)}")
        return None
    if column.name in (options.group, options.time):
        return "divides the rows"
    if column.kind not in columns.INPUT_KINDS:
        return WHY[column.kind]
    if column.is_missing[rows].all():
        return WHY["missing"]
    if _is_constant(column.values[rows]):
        return WHY["constant"]
    return IDENTIFIES if findings.identifies(column, table) else None


def _is_constant(values: np.ndarray) -> bool:
    return bool((values == values[0]).all())


def _as_input(column: Column) -> Column:
    """A column that is kept though it is a constant or of texts, as what its values are."""
    if column.kind not in ("constant", "text"):
        return column
    if column.categories:
        return column._replace(kind="category")
    if column.form in dates.FORMS:
        return column._replace(kind="date")
    return column._replace(kind="boolean" if column.words else "number")


def _said(ignored: list[dict[str, str]], options: Options) -> list[str]:
    """A line for each reason, but for what the user asked."""
    by_why: dict[str, list[str]] = {}
    for each in ignored:
        if each["why"] != ASKED:
            by_why.setdefault(each["why"], []).append(each["name"])
    return [
        f"ignored, {why}: {several(names)}" + (KEPT if why in (IDENTIFIES, WHY["text"]) else "")
        for why, names in by_why.items()
    ]
