"""The columns that a network is to answer with: what they are for, and as it takes them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.data import targets
from experiments.data.idx import DataError
from experiments.data.tables import cells, columns, spelling
from experiments.data.tables.columns import Column
from experiments.data.tables.naming import printable, several, shown

__all__ = ["Answers", "known", "of", "record"]

PLAIN = ("0", "1")  # as no and yes need not be said
NUMBER = re.compile(r"-?[0-9]+")  # as classes that were numbers are called


class Answers(NamedTuple):
    """What the target's columns say."""

    rows: np.ndarray  # (n,) places of the rows that have a target
    labels: np.ndarray  # (n,) int32 classes, (n, L) int32 of no and yes, or float32 (n,) or (n, V)
    task: str
    class_names: tuple[str, ...]  # of the classes, or of multilabel's outputs; () where numbers
    notes: tuple[str, ...]


def of(found: Sequence[Column], table: Any, task: str | None, where: str) -> Answers:
    """The labels of a table.

    Args:
      found: the target's columns.
      table: they are of.
      task: what they are for; None to infer it.
      where: the table's name, for messages.

    Raises:
      DataError: if they are no labels of such a task, all alike, or missing everywhere.
    """
    names = several([column.name for column in found])
    rows = np.flatnonzero(~np.any([column.is_missing for column in found], axis=0))
    values = [_values(column, table, where)[rows] for column in found]
    if not len(rows):
        raise DataError(f"{where}: {names}: expected rows with a target, got none")
    together = values[0] if len(values) == 1 else np.stack(_alike(values, found, where), axis=1)
    notes = [note for column in found for note in column.notes]
    if len(rows) < table.num_rows:
        lost = np.setdiff1d(np.arange(table.num_rows), rows)
        first = ", ".join(str(row + 1) for row in lost[:3]) + (", ..." if len(lost) > 3 else "")
        have, are = ("row has", "is") if len(lost) == 1 else ("rows have", "are")
        notes.append(f"{len(lost):,} {have} no {names} and {are} left out: {first}")
    task, why = targets.decided(together, task)
    notes.insert(0, f"{names}: {why}")
    _refuse_other(together, task, f"{where}: {names}")
    labels, class_names, said = targets.as_labels(together, task, f"{where}: {names}")
    if task == "regression":
        targets.refuse_coarse(together, f"{where}: {names}")
    elif len(found) == 1 and found[0].words not in ((), PLAIN):
        class_names, said = found[0].words, (f"no is {found[0].words[0]}, yes {found[0].words[1]}",)
    if task == "multilabel" or (task != "regression" and len(found) > 1):
        class_names = tuple(column.name for column in found)
    _refuse_alike(labels, task, f"{where}: {names}")
    return Answers(
        rows, labels, task, class_names, (*notes, *(f"{names}: {printable(each)}" for each in said))
    )


def record(found: Sequence[Column], answer: Answers) -> dict[str, Any]:
    """What a preparation keeps of the target, so that labels that come later are read alike.

    Args:
      found: the target's columns.
      answer: what they say.
    """
    forms = [
        {"kind": each.kind}
        | ({"form": each.form} if each.form else {})
        | ({"words": list(each.words)} if each.words not in ((), PLAIN) else {})
        for each in found
    ]
    names, classes = [column.name for column in found], list(answer.class_names)
    return {"names": names, "task": answer.task, "class_names": classes, "columns": forms}


def known(preparation: dict[str, Any], table: Any) -> tuple[np.ndarray | None, list[str]]:
    """The labels of a table that a network is shown later.

    Args:
      preparation: of the network.
      table: as `reading.read` returns it.

    Returns:
      Labels as of `Answers`, -1 or NaN in rows without; None where no row has any, or one has
      another than in training; and what there is to say of it.
    """
    target = preparation["target"]
    names, task = target["names"], target["task"]
    if any(name not in table.column_names for name in names):
        return None, []
    decimal = columns.decimal_of(table, preparation.get("decimal", ""))
    try:
        found = [
            columns.of_kind(table, name, about["kind"], about.get("form", ""), decimal)
            for name, about in zip(names, _forms(target), strict=True)
        ]
    except DataError as error:
        return None, [str(error)]
    notes = [note for column in found for note in column.notes]
    lost = np.any([column.is_missing for column in found], axis=0)
    if lost.all():
        return None, [*notes, f"no row has {several(names)}, so that no figures can be given"]
    if lost.any():
        verb = "has" if lost.sum() == 1 else "have"
        said = f"{lost.sum():,} of {len(lost):,} rows {verb} no {several(names)}"
        notes.append(f"{said}: the figures are of the others")
    rows = np.flatnonzero(~lost)
    found = [column._replace(values=column.values[rows]) for column in found]
    if task == "regression":
        made = np.stack([column.values for column in found], axis=1).astype(np.float32)
        return _among(made[:, 0] if len(names) == 1 else made, rows, len(lost)), notes
    labels = _class_of(found[0], target) if len(names) == 1 else _answers_of(found, task)
    if (odd := (labels < 0).reshape(len(labels), -1).any(axis=1)).any():
        row = int(rows[odd.argmax()])
        texts = [str(cells.texts_of(table.column(name))[row]) for name in names]
        said = f"{several(names)}: {several(texts)} in row {row + 1:,} is no class of training"
        return None, [*notes, said]
    return _among(labels, rows, len(lost)), notes


def _among(labels: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """Labels at their rows' places among all; -1, or NaN of values, where there is none."""
    none = math.nan if labels.dtype.kind == "f" else -1
    made = np.full((count, *labels.shape[1:]), none, labels.dtype)
    made[rows] = labels
    return made


def _forms(target: dict[str, Any]) -> list[dict[str, Any]]:
    """What kind each column of the target was; a guess by its classes in an older record."""
    if "columns" in target:
        forms: list[dict[str, Any]] = target["columns"]
        return forms
    kind = "boolean"
    if target["task"] == "regression":
        kind = "number"
    elif len(target["names"]) == 1:
        is_number = all(NUMBER.fullmatch(name) for name in target["class_names"])
        kind = "number" if is_number else "category"
    return [{"kind": kind} for _ in target["names"]]


def _class_of(column: Column, target: dict[str, Any]) -> np.ndarray:
    """The classes (N,) that one column says, -1 where it is none of training's."""
    names, values = target["class_names"], column.values
    if column.kind == "boolean":
        return values.astype(np.int32)
    if column.kind == "category":
        places = {name: place for place, name in enumerate(names)}
        said = spelling.alike(column.categories, names)
        return np.array([places.get(text, -1) for text in said], np.int32)[values]
    if names:
        by_value = {float(name): place for place, name in enumerate(names)}
        return np.array([by_value.get(value, -1) for value in values.tolist()], np.int32)
    is_class = (values == np.round(values)) & (values >= 0) & (values < 2**31)
    return np.where(is_class, values, -1).astype(np.int32)


def _answers_of(found: Sequence[Column], task: str) -> np.ndarray:
    """What several columns say, (N, L) of no and yes or (N,) classes, -1 where it is neither."""
    values = np.stack([column.values for column in found], axis=1)
    if task == "multilabel":
        return np.where(np.isin(values, (0, 1)), values, -1).astype(np.int32)
    is_hot = np.isin(values, (0, 1)).all(axis=1) & (values.sum(axis=1) == 1)
    return np.where(is_hot, values.argmax(axis=1), -1).astype(np.int32)


def _values(column: Column, table: Any, where: str) -> np.ndarray:
    """What a column says, (N,): bools, numbers or texts; what is missing is anything."""
    name = f"{where}: {shown(column.name)}"
    if column.kind in ("number", "boolean"):
        if column.kind == "boolean" and column.words != PLAIN:
            return column.values == 1
        if column.kind == "boolean" or columns.whole(column, table):
            return np.nan_to_num(column.values).astype(np.int64)
        return column.values
    if column.kind == "category":
        return np.array([*column.categories, ""], object)[column.values]
    what = {
        "constant": "a target of different values, got the same in all rows",
        "missing": "a target, got no value in any row",
        "date": "a target of numbers or classes, got dates",
        "text": f"classes that come again, got {len(column.categories):,} different texts",
    }.get(column.kind, f"a target of numbers or texts, got {column.form}")
    raise DataError(f"{name}: expected {what}")


def _alike(values: Sequence[np.ndarray], found: Sequence[Column], where: str) -> list[np.ndarray]:
    for column, each in zip(found, values, strict=True):
        if each.dtype.kind not in "bif":
            raise DataError(
                f"{where}: expected several targets to be numbers, or all yes or no, got texts in "
                f"{shown(column.name)}"
            )
    return list(values)


def _refuse_other(values: np.ndarray, task: str, where: str) -> None:
    """Raises DataError for texts where a task needs numbers, or one column where it needs more."""
    count = 1 if values.ndim == 1 else values.shape[1]
    if task == "binary" and count > 2:
        raise DataError(f"{where}: expected one column or two for --task=binary, got {count}")
    if task == "multilabel" and values.ndim == 1:
        raise DataError(f"{where}: expected several columns for --task=multilabel, got one")
    if task == "regression" and values.dtype.kind not in "buif":
        got = shown(str(values[0])) if len(values) else "none"
        raise DataError(f"{where}: expected numbers for --task=regression, got texts such as {got}")


def _refuse_alike(labels: np.ndarray, task: str, where: str) -> None:
    columns_of = labels.reshape(len(labels), -1)
    if (columns_of == columns_of[0]).all():
        what = "values" if task == "regression" else "classes"
        raise DataError(
            f"{where}: expected different {what}, got the same in all {len(labels):,} rows"
        )
    if task == "classification" and len(np.unique(labels)) == len(labels):
        raise DataError(f"{where}: expected classes that come again, got one for each row")
