"""A table as data sets to train, validate and test on, with how its rows were prepared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.data.digest import sha256_of
from experiments.data.idx import DataError
from experiments.data.tables import (
    answers,
    cells,
    columns,
    findings,
    inputs,
    preparation,
    reading,
    splits,
    stored,
)
from experiments.data.tables.answers import Answers
from experiments.data.tables.columns import Column
from experiments.data.tables.naming import several, shown
from experiments.data.tables.options import Options
from experiments.data.tables.options import check as check_options
from experiments.data.tables.preparation import Preparation
from jaxmlp.runtime import memory
from jaxmlp.types import Dataset

__all__ = ["Loaded", "Options", "Prepared", "load", "prepare_rows"]


class Loaded(NamedTuple):
    """A table, ready for training."""

    datasets: list[Dataset]  # one, or one for each fold
    preparations: list[Preparation]  # of the same
    findings: list[str]  # lines for the screen
    rows: list[splits.Rows]  # of each data set the places of its rows in the file, from 0
    task: str  # the one that was asked for, or inferred
    sha256: str  # of all data sets


class Prepared(NamedTuple):
    """A table, as a trained network takes it."""

    inputs: np.ndarray  # (N, features) float32
    labels: np.ndarray | None  # as of the data set; -1, or NaN of values, in rows without
    notes: list[str]  # lines for the screen
    columns: list[Column]  # what the rows say, in the order of the preparation


def load(path: str | Path, options: Options, check_finite: bool = True) -> Loaded:
    """Loads a table for training.

    Args:
      path: of a file, as `reading.read` takes it.
      options: what is to be learned, and how rows are divided.
      check_finite: whether an infinite input is an error.

    Returns:
      A data set, or one for each fold, with the rest of what is known.

    Raises:
      DataError: if there is no such table, or it does not serve: in one line.
    """
    path = Path(path)
    check_options(options)
    table = reading.read(path)
    inputs.check_names(options, table.column_names, path.name)
    found = {each.name: each for each in columns.describe(table, options.category)}
    answer = answers.of([found[name] for name in options.target], table, options.task, str(path))
    chosen = inputs.choose(found, table, options, answer.rows, path)
    divided = _divided(found, table, answer, options, path)
    rows = [splits.Rows(*(answer.rows[part] for part in each)) for each in divided]
    learned = preparation.fit(chosen.columns, [each.train for each in rows], options.log)
    target = answers.record([found[name] for name in options.target], answer)
    about = {"version": stored.VERSION, "target": target}
    if reading.delimiter_of(table):
        about["decimal"] = columns.decimal_of(table)
    prepared = [{**about, "columns": each, "ignored": chosen.ignored} for each in learned]
    _refuse_too_large(len(answer.rows) * len(prepared), prepared[0], path)
    datasets = []
    for one, each, places in zip(prepared, divided, rows, strict=True):
        made = [
            preparation.encode(one, chosen.columns, part, check_finite, path) for part in places
        ]
        datasets.append(_dataset(path, made, answer, each))
    digests = [data.sha256 for data in datasets]
    together = hashlib.sha256("".join(digests).encode()).hexdigest()
    said = [*answer.notes, *reading.notes_of(table), *_decimal(about), *chosen.notes]
    said += findings.of(chosen.columns, answer, options, datasets)
    sha256 = digests[0] if len(digests) == 1 else together
    return Loaded(datasets, prepared, said, rows, answer.task, sha256)


def prepare_rows(path: str | Path, prepared: Preparation) -> Prepared:
    """Prepares a table for a network that was trained on another.

    Args:
      path: of a file with the same columns, in any order, and perhaps others; the target may be
        there or not.
      prepared: how the training rows were prepared.

    Raises:
      DataError: if there is no such table, or it lacks a column.
    """
    path = Path(path)
    table = reading.read(path, least=1)
    found = preparation.understand(prepared, table, path)
    made = preparation.encode(prepared, found, where=path)
    labels, notes = answers.known(prepared, table)
    news = [
        note
        for about, column in zip(prepared["columns"], found, strict=True)
        for note in _news(about, column)
    ]
    said = [*reading.notes_of(table), *_decimal(prepared, table), *news, *notes]
    return Prepared(made, labels, said, found)


def _decimal(prepared: Preparation, table: Any = None) -> list[str]:
    """What is to be said of the decimal sign of a table, or of the one that was trained on."""
    trained = prepared.get("decimal", "")
    sign = trained if table is None else columns.decimal_of(table, trained)
    if sign == (trained or "."):
        return ["numbers are read with a decimal comma"] if sign == "," else []
    unlike = ", unlike those of training" if trained else ""
    return [f"numbers are read with a decimal {'comma' if sign == ',' else 'point'}{unlike}"]


def _divided(
    found: dict[str, Column], table: Any, answer: Answers, options: Options, path: Path
) -> list[splits.Rows]:
    """Which of the rows with a target are in which set."""
    groups = _of_rows(found, table, options.group, "group", answer.rows, path)
    times = _of_rows(found, table, options.time, "time", answer.rows, path)
    fractions = options.test_fraction, options.validation_fraction
    if options.folds:
        return splits.folds(answer.labels, options.folds, fractions[1], groups, path)
    return [splits.divide(answer.labels, *fractions, groups, times, path)]


def _of_rows(
    found: dict[str, Column],
    table: Any,
    name: str | None,
    flag: str,
    rows: np.ndarray,
    path: Path,
) -> np.ndarray | None:
    """The values of a column that divides the rows, which has one for each."""
    if name is None:
        return None
    column = found[name]
    if flag == "time" and column.kind not in ("date", "number", "boolean"):
        kinds = {"constant": "the same in all rows", "missing": "no value in any row"}
        expected = f"{path}: expected dates or numbers in the --time {shown(name)}"
        raise DataError(f"{expected}, got {kinds.get(column.kind, 'texts')}")
    if flag == "group" and column.is_missing[rows].any():  # a name among numbers is one too
        column = columns.of_kind(table, name, "category")
    if (is_missing := column.is_missing[rows]).any():
        row = int(rows[is_missing.argmax()])
        text = cells.texts_of(table.column(name))[row]
        got = f", got {shown(str(text))}" if text.is_valid else ""
        raise DataError(
            f"{path}: expected a value of the --{flag} {shown(name)} in row {row + 1:,}{got}"
        )
    return column.values[rows]


def _dataset(path: Path, made: Sequence[np.ndarray], answer: Answers, rows: splits.Rows) -> Dataset:
    train, validation, test = made
    train_labels, validation_labels, test_labels = (answer.labels[part] for part in rows)
    arrays = [train, train_labels, test, test_labels]
    held_out = [validation, validation_labels] if len(validation) else []
    count = 0 if answer.task == "regression" else 1 + int(answer.labels.max())
    return Dataset(
        train_inputs=train,
        train_labels=train_labels,
        test_inputs=test,
        test_labels=test_labels,
        validation_inputs=validation if held_out else None,
        validation_labels=validation_labels if held_out else None,
        name=str(path.absolute()),
        source=f"the table {path}, {len(answer.rows):,} rows, {train.shape[1]:,} inputs",
        sha256=sha256_of([*arrays, *held_out]),
        num_classes=count,
        class_names=answer.class_names,
    )


def _refuse_too_large(rows: int, prepared: Preparation, path: Path) -> None:
    needed = 8 * rows * len(preparation.feature_names(prepared))  # and as training needs them
    if needed > (limit := memory.available(None)):
        got = f"{memory.gib(needed)}, of {memory.gib(limit)}"
        raise DataError(f"{path}: expected inputs for the memory, got some that need {got}")


def _news(about: Preparation, column: Column) -> list[str]:
    """What a column says that it did not say in training."""
    name, notes = shown(about["name"]), list(column.notes)
    missing = int(column.is_missing.sum())
    if about["kind"] == "category":
        known = {*about["categories"]} - {*about.get("unseen", ())}
        places = np.unique(column.values[column.values >= 0])
        new = [
            column.categories[place] for place in places if column.categories[place] not in known
        ]
        if new:
            how = "as the rare ones of training" if about["has_other"] else "as none of those known"
            notes.append(f"{name}: new to the network, and taken {how}: {several(new)}")
    if missing and not about["has_missing"]:
        rows = f"{missing:,} row" + "s" * (missing > 1)
        filled = "none" if about["kind"] == "category" else "the median of training"
        notes.append(f"{name}: missing in {rows}, as never in training: taken as {filled}")
    return notes
