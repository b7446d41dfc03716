"""A table's rows as their owner knows them, from the inputs that a network gets of them."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.data.tables import features

__all__ = ["plain", "undone"]

EPOCH = datetime.datetime(1970, 1, 1)
MISSING, OTHER = "missing", "another"


def plain(inputs: np.ndarray, most: int) -> tuple[list[str], list[list[str]]]:
    """The names and the values of inputs that no table is known of, the first of them alone.

    >>> plain(np.array([[0.5, 1234567]]), 5)
    (['input 0', 'input 1'], [['0.5', '1.235e+06']])
    """
    shown = np.asarray(inputs)[:, :most]
    names = [f"input {number}" for number in range(shown.shape[1])]
    return names, [[f"{value:.4g}" for value in row] for row in shown]


def undone(
    preparation: Mapping[str, Any], inputs: np.ndarray, most: int
) -> tuple[list[str], list[list[str]]]:
    """The names and the values of a table's columns, as exactly as float32 keeps them.

    Args:
      preparation: which made the inputs of a table's rows.
      inputs: (num_rows, features) float32.
      most: columns, of which the first are taken.
    """
    columns, start = [], 0
    for about in preparation["columns"][:most]:
        width = len(features.names(about))
        columns.append(_column(about, np.asarray(inputs[:, start : start + width], np.float64)))
        start += width
    names = [about["name"] for about in preparation["columns"][:most]]
    return names, [list(row) for row in zip(*columns, strict=True)]


def _column(about: Mapping[str, Any], part: np.ndarray) -> list[str]:
    """A column's values as texts, by its features (num_rows, features of it)."""
    if about["kind"] == "category":
        names = [
            *about["categories"],
            *[OTHER] * about["has_other"],
            *[MISSING] * about["has_missing"],
        ]
        return [names[row.argmax()] if row.max() > 0.5 else OTHER for row in part]
    values = part[:, 0] * about["scale"] + about["mean"]
    if about.get("log"):
        values = np.sign(values) * np.expm1(np.abs(values))
    is_missing = part[:, -1] > 0.5 if about["has_missing"] else np.zeros(len(part), bool)
    pairs = zip(values, is_missing, strict=True)
    return [MISSING if is_gone else _text(about, value) for value, is_gone in pairs]


def _text(about: Mapping[str, Any], value: float) -> str:
    if about["kind"] == "boolean":
        words: Sequence[str] = about.get("words") or ("no", "yes")
        return words[int(value > 0.5)]
    if about["kind"] == "date":
        return _date(value, about["has_time"])
    return f"{value:.0f}" if 1e5 <= abs(value) < 1e12 else f"{value:.5g}"


def _date(days: float, has_time: bool) -> str:
    """A day, or a minute.

    >>> _date(0.0, False), _date(1.5, True)
    ('1970-01-01', '1970-01-02 12:00')
    """
    try:
        moment = EPOCH + datetime.timedelta(minutes=round(days * 1440))
    except OverflowError:  # before the year 1, or after 9999
        return f"{days:.5g} days after 1970"
    return (
        f"{moment:%Y-%m-%d %H:%M}"
        if has_time
        else f"{moment + datetime.timedelta(hours=12):%Y-%m-%d}"
    )
