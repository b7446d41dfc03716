"""Which rows of a table are unlike those that networks were trained on, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.data.tables.columns import Column
from experiments.data.tables.naming import shown
from experiments.data.tables.preparation import Preparation

__all__ = ["marks"]

DAYS = {"D": 1, "m": 24 * 60, "s": 24 * 3600}  # units of a date: how many are a day


def marks(preparations: Sequence[Preparation], found: Sequence[Column]) -> list[str]:
    """Why each row is unlike all training rows of some networks; "" where it is not.

    Args:
      preparations: of the networks, which differ by the folds' training rows.
      found: the rows' columns, as `preparation.understand` returns them.

    >>> age = {"name": "age", "kind": "number", "has_missing": False, "low": 18.0, "high": 80.0}
    >>> marks([{"columns": [age]}], [Column("age", "number", np.array([130, 40, np.nan]))])
    ['age 130, above 80', '', 'age missing']
    """
    texts: list[list[str]] = [[] for _ in found[0].values]
    by_column = zip(*(each["columns"] for each in preparations), strict=True)
    for about, column in zip(by_column, found, strict=True):
        of_column = _categories if column.kind == "category" else _numbers
        for row, text in (*_missing(about, column), *of_column(about, column)):
            texts[row].append(f"{shown(column.name)} {text}")
    return ["; ".join(each) for each in texts]


def _missing(about: Sequence[Mapping[str, Any]], column: Column) -> Iterator[tuple[int, str]]:
    if not any(each["has_missing"] for each in about):
        yield from ((int(row), "missing") for row in np.flatnonzero(column.is_missing))


def _categories(about: Sequence[Mapping[str, Any]], column: Column) -> Iterator[tuple[int, str]]:
    known = {name for each in about for name in {*each["categories"]} - {*each.get("unseen", ())}}
    why = "new or rare" if about[0]["has_other"] else "new"
    is_new = np.array([*(name not in known for name in column.categories), False])
    for row in np.flatnonzero(is_new[column.values]):  # -1, of what is missing, is the last
        yield int(row), f"{shown(column.categories[column.values[row]])}, {why}"


def _numbers(about: Sequence[Mapping[str, Any]], column: Column) -> Iterator[tuple[int, str]]:
    low, high = min(each["low"] for each in about), max(each["high"] for each in about)
    write = _dates if column.kind == "date" else _decimals
    for row in np.flatnonzero((column.values < low) | (column.values > high)):
        value = float(column.values[row])
        side, bound = ("below", low) if value < low else ("above", high)
        texts = zip(write(value), write(bound), strict=True)
        text, end = next((pair for pair in texts if pair[0] != pair[1]), (repr(value), repr(bound)))
        yield int(row), f"{text}, {side} {end}"


def _decimals(value: float) -> list[str]:
    """A number, ever more exactly."""
    return [f"{value:.{digits}g}" for digits in (6, 9, 17)]


def _dates(days: float) -> list[str]:
    """Days since 1970, ever more exactly.

    >>> _dates(0.5)
    ['1970-01-01', '1970-01-01T12:00', '1970-01-01T12:00:00']
    """
    counts = {unit: int(np.floor(days * count + 1e-6)) for unit, count in DAYS.items()}
    return [str(np.array(count).astype(f"datetime64[{unit}]")) for unit, count in counts.items()]
