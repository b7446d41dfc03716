"""The columns that a network is to answer with: what they are for, and as it takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.data import targets
from experiments.data.idx import DataError
from experiments.data.tables import cells, columns
from experiments.data.tables.columns import Column
from experiments.data.tables.naming import printable, several, shown

__all__ = ["Answers", "known", "of"]


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
    elif len(found) == 1 and found[0].words not in ((), ("0", "1")):
        class_names, said = found[0].words, (f"no is {found[0].words[0]}, yes {found[0].words[1]}",)
    if task == "multilabel" or (task == "classification" and len(found) > 1):
        class_names = tuple(column.name for column in found)
    _refuse_alike(labels, task, f"{where}: {names}")
    return Answers(
        rows, labels, task, class_names, (*notes, *(f"{names}: {printable(each)}" for each in said))
    )


def known(preparation: dict[str, Any], table: Any) -> tuple[np.ndarray | None, list[str]]:
    """The labels of a table that a network is shown later, where all rows have them.

    Args:
      preparation: of the network.
      table: as `reading.read` returns it.

    Returns:
      Labels as of `Answers`, or None; and what there is to say of it.
    """
    target = preparation["target"]
    names, task = target["names"], target["task"]
    if any(name not in table.column_names for name in names):
        return None, []
    texts = [cells.texts_of(table.column(name)) for name in names]
    lost = np.any([each.is_null().to_numpy(zero_copy_only=False) for each in texts], axis=0)
    if lost.any():
        verb = "has" if lost.sum() == 1 else "have"
        said = f"{lost.sum():,} of {len(lost):,} rows {verb} no target"
        said = "no row has a target" if lost.all() else said
        return None, [f"{said}, so that no figures can be given"]
    if task == "classification" and len(names) == 1:
        return _known_classes(texts[0].to_pylist(), target["class_names"], names[0])
    kind = "number" if task == "regression" else "boolean"
    if task == "binary":
        return _known_classes(texts[0].to_pylist(), target["class_names"], names[0])
    try:
        decimal = columns.decimal_of(table)
        found = [columns.of_kind(table, name, kind, "", decimal) for name in names]
    except DataError as error:
        return None, [str(error)]
    values = np.stack([column.values for column in found], axis=1)
    if np.isnan(values).any():
        return None, [note for column in found for note in column.notes]
    if task == "regression":
        return values.astype(np.float32)[:, 0 if len(names) == 1 else slice(None)], []
    if task == "multilabel":
        return values.astype(np.int32), []
    return values.argmax(axis=1).astype(np.int32), []


def _known_classes(
    texts: Sequence[str], class_names: Sequence[str], name: str
) -> tuple[np.ndarray | None, list[str]]:
    """Classes by their names, or by their numbers where they have none."""
    places = {text: place for place, text in enumerate(class_names)}
    found = []
    for row, text in enumerate(texts):
        plain = _whole(text)
        place = places.get(text, places.get(plain, -1)) if places else _place(plain)
        if place < 0:
            return None, [
                f"{shown(name)}: {shown(text)} in row {row + 1:,} is no class of training"
            ]
        found.append(place)
    return np.array(found, np.int32), []


def _place(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else -1


def _whole(text: str) -> str:
    """A whole number as Python writes it, where a text is one; else the text."""
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value.is_integer() else text


def _values(column: Column, table: Any, where: str) -> np.ndarray:
    """What a column says, (N,): whole numbers, floats or texts; what is missing is anything."""
    name = f"{where}: {shown(column.name)}"
    if column.kind in ("number", "boolean"):
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
        if each.dtype.kind not in "if":
            raise DataError(
                f"{where}: expected several targets to be numbers, or all yes or no, got texts in "
                f"{shown(column.name)}"
            )
    return list(values)


def _refuse_other(values: np.ndarray, task: str, where: str) -> None:
    """Raises DataError for texts where a task needs numbers, or one column where it needs more."""
    if task == "multilabel" and values.ndim == 1:
        raise DataError(f"{where}: expected several columns for --task=multilabel, got one")
    if task == "regression" and values.dtype.kind not in "buif":
        got = shown(str(values[0])) if len(values) else "none"
        raise DataError(f"{where}: expected numbers for --task=regression, got texts such as {got}")


def _refuse_alike(labels: np.ndarray, task: str, where: str) -> None:
    columns_of = labels.reshape(len(labels), -1)
    if not len(labels):
        raise DataError(f"{where}: expected rows with a target, got none")
    if (columns_of == columns_of[0]).all():
        what = "values" if task == "regression" else "classes"
        raise DataError(
            f"{where}: expected different {what}, got the same in all {len(labels):,} rows"
        )
    if task == "classification" and len(np.unique(labels)) == len(labels):
        raise DataError(f"{where}: expected classes that come again, got one for each row")
