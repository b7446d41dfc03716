"""How the columns of a table become the inputs of a network: pure data, as JSON has it.

A preparation is a dict whose schema `stored` has: what is learned of each column from the training
rows, in the order of the features. `fit` makes one, `apply` uses it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.data.idx import DataError
from experiments.data.tables import columns, features, spelling
from experiments.data.tables.columns import Column
from experiments.data.tables.naming import several, shown

__all__ = [
    "MOST",
    "Preparation",
    "apply",
    "encode",
    "feature_names",
    "fit",
    "understand",
]

Preparation = dict[str, Any]

MOST = 50  # categories that have a feature of their own; the rarer ones share one


def fit(
    found: Sequence[Column],
    rows: Sequence[np.ndarray],
    log: Sequence[str] = (),
) -> list[list[dict[str, Any]]]:
    """Learns from training rows alone what the columns' features need.

    Args:
      found: the columns that are inputs, as `columns.describe` returns them.
      rows: the places of the training rows, (n,), once or for each fold.
      log: numbers whose logarithm is the input.

    Returns:
      The "columns" of a preparation for each of `rows`. Their features are the same: the
      categories are those of all, and a value that is missing in the training rows of one has an
      indicator in all.
    """
    by_column = [_fitted(column, rows, column.name in log) for column in found]
    return [list(each) for each in zip(*by_column, strict=True)] or [[] for _ in rows]


def understand(preparation: Preparation, table: Any, where: object = "the table") -> list[Column]:
    """The columns of a table that a preparation needs, in its order, in whatever order they are.

    Args:
      preparation: as `fit` learned it.
      table: as `reading.read` returns it.
      where: its name, for messages.

    Raises:
      DataError: if one is missing, or has no value of its kind.
    """
    wanted = [each["name"] for each in preparation["columns"]]
    if absent := [name for name in wanted if name not in table.column_names]:
        raise DataError(
            f"{where}: the network needs the columns that it was trained on, got none called "
            f"{several(absent)}, of {several(table.column_names)}"
        )
    decimal = columns.decimal_of(table, preparation.get("decimal", ""))
    try:
        found = [
            columns.of_kind(table, each["name"], each["kind"], each.get("form", ""), decimal)
            for each in preparation["columns"]
        ]
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    return [
        column._replace(categories=spelling.alike(column.categories, about.get("categories", ())))
        for column, about in zip(found, preparation["columns"], strict=True)
    ]


def apply(preparation: Preparation, table: Any) -> np.ndarray:
    """The inputs that a preparation makes of a table's rows.

    Args:
      preparation: as `fit` learned it.
      table: as `reading.read` returns it, with these columns in any order, and perhaps others.

    Returns:
      (N, features) float32.

    Raises:
      DataError: a column is missing, or a value is infinite.
    """
    return encode(preparation, understand(preparation, table))


def encode(
    preparation: Preparation,
    found: Sequence[Column],
    rows: np.ndarray | None = None,
    check_finite: bool = True,
    where: object = "the table",
) -> np.ndarray:
    """The inputs that a preparation makes of columns.

    Args:
      preparation: as `fit` learned it.
      found: its columns, in its order.
      rows: the places of those wanted, (n,); None for all.
      check_finite: whether what is infinite, or beyond float32, is an error.
      where: the table's name, for messages.

    Returns:
      (n, features) float32.

    Raises:
      DataError: a value is infinite.
    """
    count = len(found[0].values) if rows is None else len(rows)
    inputs, start = np.zeros((count, len(feature_names(preparation))), np.float32), 0
    for about, column in zip(preparation["columns"], found, strict=True):
        values = column.values if rows is None else column.values[rows]
        with np.errstate(over="ignore", invalid="ignore"):
            made = features.of(about, column, values)
            part = inputs[:, start : start + made.shape[1]]
            part[:] = made
        if check_finite and not np.isfinite(part).all():
            at = int((~np.isfinite(part)).any(axis=1).argmax())
            row = at if rows is None else int(rows[at])
            got = f"{values[at]} of {shown(column.name)} in row {row + 1:,}"
            raise DataError(f"{where}: expected finite float32 numbers, got {got}")
        start += made.shape[1]
    return inputs


def feature_names(preparation: Preparation) -> list[str]:
    """What the columns of the inputs are, in their order.

    >>> age = {"name": "age", "kind": "number", "has_missing": True}
    >>> town = {"name": "town", "kind": "category", "categories": ["Ulm"], "has_missing": False}
    >>> feature_names({"columns": [age, {**town, "has_other": True}]})
    ['age', 'age is missing', 'town = Ulm', 'town is another']
    """
    return [name for about in preparation["columns"] for name in features.names(about)]


def _fitted(column: Column, rows: Sequence[np.ndarray], log: bool) -> list[dict[str, Any]]:
    """What is learned of a column, for each of `rows`."""
    has_missing = any(bool(column.is_missing[each].any()) for each in rows)
    about = {"name": column.name, "kind": column.kind, "has_missing": has_missing}
    if column.kind == "category":
        return _of_categories(about, column, rows)
    about |= {"form": column.form} if column.form else {}
    about |= {"words": list(column.words)} if column.words else {}
    if column.kind == "number":
        about["log"] = log
    if column.kind == "date":
        there = column.values[np.unique(np.concatenate(list(rows)))]
        about["has_time"] = bool((there[~np.isnan(there)] % 1).any())
    return [about | _scaling(column.values[each], log) for each in rows]


def _scaling(values: np.ndarray, log: bool) -> dict[str, float]:
    """The range of some values, and the median, the mean and the deviation as a network sees them.

    The deviation is that of scikit-learn's StandardScaler: divided by n, and 1 where all is alike.
    """
    there = values[np.isfinite(values)]
    if not len(there):
        return {"fill": 0.0, "mean": 0.0, "scale": 1.0, "low": 0.0, "high": 0.0}
    seen = features.logarithm(there) if log else there
    fill = float(np.median(seen))
    seen = np.concatenate([seen, np.full(int(np.isnan(values).sum()), fill)])
    with np.errstate(over="ignore", invalid="ignore"):
        mean, scale = float(seen.mean()), float(seen.std())
    if not (math.isfinite(mean) and math.isfinite(scale)):
        mean, scale = 0.0, float(np.abs(seen).max())  # where squares are too large for float64
    is_constant = scale <= 10 * np.finfo(np.float64).eps * abs(mean)
    return {
        "fill": fill,
        "mean": mean,
        "scale": 1.0 if is_constant else scale,
        "low": float(there.min()),
        "high": float(there.max()),
    }


def _of_categories(
    about: dict[str, Any], column: Column, rows: Sequence[np.ndarray]
) -> list[dict[str, Any]]:
    own, has_other, firsts = [], False, list[dict[str, str]]()
    for each in rows:
        places = column.values[each]
        counts = np.bincount(places[places >= 0], minlength=len(column.categories))
        common = np.argsort(-counts, kind="stable")[:MOST]
        own.append({int(place) for place in common if counts[place]})
        firsts.append({"commonest": column.categories[common[0]]} if own[-1] else {})
        has_other |= int(np.count_nonzero(counts)) > MOST
    together = sorted(set().union(*own))
    names = [column.categories[place] for place in together]
    about |= {"categories": names, "has_other": has_other}
    unseen = [[column.categories[i] for i in together if i not in each] for each in own]
    return [
        about | first | ({"unseen": each} if each else {})
        for first, each in zip(firsts, unseen, strict=True)
    ]
