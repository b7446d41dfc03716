"""What is said of a column's values, in one line each."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.data.tables.naming import shown

__all__ = ["bare", "odd"]

SHOWN = 3  # values in a note


def odd(name: str, texts: Any, values: np.ndarray, what: str) -> tuple[str, ...]:
    """A note on texts that are there, but have no value of the column's kind.

    Args:
      name: of the column.
      texts: a `pyarrow` array, null where one is missing.
      values: (N,) float64 of the texts, NaN where one has none.
      what: the kind's values are called.

    >>> import pyarrow
    >>> odd("x", pyarrow.array(["1", "a", None]), np.array([1, np.nan, np.nan]), "numbers")
    ('x: 1 value is no number, taken as missing: a in row 2',)
    """
    is_there = texts.is_valid().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(is_there & np.isnan(values))
    if not len(rows):
        return ()
    verb = "value is no" if len(rows) == 1 else "values are no"
    what = what.removesuffix("s") if len(rows) == 1 else what
    said = f"{shown(name)}: {len(rows):,} {verb} {what}, taken as missing"
    return (f"{said}: {_some(texts, rows)}",)


def bare(name: str, texts: Any, values: np.ndarray, unit: str) -> tuple[str, ...]:
    """A note on numbers without the unit that all of training had, which may mean others.

    Args:
      name: of the column.
      texts: a `pyarrow` array; None of numbers that have a type, and so no unit.
      values: (N,) float64, NaN where there is no number.
      unit: of training; "" where it had none.
    """
    if not unit or np.isnan(values).all():
        return ()
    if texts is None:
        return (f"{shown(name)}: numbers without {unit}, taken as {unit}",)
    import pyarrow.compute as compute

    has_unit = compute.fill_null(compute.match_substring(texts, unit), False)
    rows = np.flatnonzero(~has_unit.to_numpy(zero_copy_only=False) & ~np.isnan(values))
    if not len(rows):
        return ()
    what = "number" if len(rows) == 1 else "numbers"
    said = f"{shown(name)}: {len(rows):,} {what} without {unit}, taken as {unit}"
    return (f"{said}: {_some(texts, rows)}",)


def _some(texts: Any, rows: np.ndarray) -> str:
    """The first texts of some rows, and where they are."""
    some = ", ".join(f"{shown(str(texts[int(row)]))} in row {row + 1:,}" for row in rows[:SHOWN])
    return some + (", ..." if len(rows) > SHOWN else "")
