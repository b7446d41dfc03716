"""The features of one column, by what its record says.

- Numbers, and yes or no: (x - mean) / scale, of the logarithm where that was asked for.
- Dates: the same of the days, and where in the year, in the week and on the clock they are.
- Categories: one each, which is 1 or 0, and one for all others where there are rare ones.
- Where a value is missing in training: one more that is 1 there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.data.tables.columns import Column

__all__ = ["logarithm", "names", "of"]

YEAR, WEEK, DAY = 365.2425, 7.0, 1.0  # days


def of(about: Mapping[str, Any], column: Column, values: np.ndarray) -> np.ndarray:
    """The features of some values of a column.

    Args:
      about: the column's record in a preparation.
      column: where they are from.
      values: (n,) of its values.

    Returns:
      (n, features) float64.
    """
    if about["kind"] == "category":
        return _of_categories(about, column, values)
    return _of_dates(about, values) if about["kind"] == "date" else _of_numbers(about, values)


def names(about: Mapping[str, Any]) -> list[str]:
    """What the features of a column are, in their order."""
    name = about["name"]
    found = [name]
    if about["kind"] == "category":
        found = [f"{name} = {category}" for category in about["categories"]]
        found += [f"{name} is another"] * about["has_other"]
    elif about["kind"] == "date":
        circles = ["of the year", "of the week", *["of the day"] * about["has_time"]]
        found += [f"{name}: {part} {circle}" for circle in circles for part in ("sin", "cos")]
    return found + [f"{name} is missing"] * about["has_missing"]


def logarithm(values: np.ndarray) -> np.ndarray:
    """The logarithm of 1 and a number's size, with its sign.

    >>> logarithm(np.array([0.0, np.e - 1, 1 - np.e])).tolist()
    [0.0, 1.0, -1.0]
    """
    return np.sign(values) * np.log1p(np.abs(values))


def _scaled(about: Mapping[str, Any], values: np.ndarray) -> np.ndarray:
    return (np.where(np.isnan(values), about["fill"], values) - about["mean"]) / about["scale"]


def _flags(about: Mapping[str, Any], is_missing: np.ndarray) -> list[np.ndarray]:
    return [is_missing.astype(np.float64)] if about["has_missing"] else []


def _of_numbers(about: Mapping[str, Any], values: np.ndarray) -> np.ndarray:
    seen = logarithm(values) if about.get("log") else values
    return np.stack([_scaled(about, seen), *_flags(about, np.isnan(values))], axis=1)


def _of_dates(about: Mapping[str, Any], values: np.ndarray) -> np.ndarray:
    days = np.where(np.isnan(values), about["fill"], values)
    periods = [YEAR, WEEK, *[DAY] * about["has_time"]]
    angles = [2 * np.pi * days / period for period in periods]
    circles = [turn(angle) for angle in angles for turn in (np.sin, np.cos)]
    return np.stack([_scaled(about, values), *circles, *_flags(about, np.isnan(values))], axis=1)


def _of_categories(about: Mapping[str, Any], column: Column, values: np.ndarray) -> np.ndarray:
    names, unseen = about["categories"], set(about.get("unseen", ()))
    width, other = len(names) + about["has_other"], len(names)
    places = {name: place for place, name in enumerate(names) if name not in unseen}
    unknown = other if about["has_other"] else -1
    known = np.array([*(places.get(name, unknown) for name in column.categories), -1])
    hot = np.zeros((len(values), width))
    at = known[values]  # -1, of what is missing, is the last
    hot[at >= 0, at[at >= 0]] = 1.0
    return np.column_stack([hot, *_flags(about, values < 0)])
