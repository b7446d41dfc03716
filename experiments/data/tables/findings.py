"""What a reader should know of a table before its figures are believed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from experiments.data.tables import columns
from experiments.data.tables.answers import Answers
from experiments.data.tables.columns import Column
from experiments.data.tables.naming import flag, several
from experiments.data.tables.options import Options
from jaxmlp.types import Dataset

__all__ = [
    "LEAK",
    "classes",
    "different",
    "differs",
    "duplicates",
    "few",
    "identifies",
    "leaks",
    "of",
    "tails",
]

NAMES = "id|nr|no|number|code|key"  # of what says which row it is, also behind another word
ID = re.compile(
    rf"(?i:{NAMES}|index|idx|uid|uuid|guid|row|unnamed.*|.*[ _.-]({NAMES}))"
    r"|.*[a-z](Id|Nr|No|Number|Code|Key)|column_1"
)
YEARS = 1500, 2100  # numbers that may count the rows and yet mean something
LEAK = "LEAK?"  # how a line begins that puts all figures into doubt
SURE = math.log(1e-4)  # the chance that any column does by accident what counts as a leak
LINEAR = 1e-6  # of the variance that a line may leave
MANY = 10  # rows, whose whole numbers do not count up, or all differ, by accident
FEW = 50  # rows, of which figures say little
FAR = 50.0  # times the distance of the quartiles


def of(
    found: Sequence[Column], answer: Answers, options: Options, datasets: Sequence[Dataset]
) -> list[str]:
    """All that is to be said of a table that is loaded.

    Args:
      found: the columns that are inputs.
      answer: the target's.
      options: of the user.
      datasets: one, or one for each fold.
    """
    at = [column._replace(values=column.values[answer.rows]) for column in found]
    lines = leaks(at, answer.labels, several(options.target), answer.task)
    lines += duplicates(datasets)
    if not options.folds:
        lines += few(len(answer.rows), len(np.asarray(datasets[0].test_labels)))
    lines += tails(at, options.log)
    if answer.task in ("classification", "binary"):
        lines += classes(answer.labels, answer.class_names, options.folds or 2)
    return lines


def identifies(column: Column, table: Any) -> bool:
    """Whether whole numbers, all different, only say which row it is.

    They do if they count up or down in the order of the rows, 10 at least that are no years, or if
    the column is called as such columns are.
    """
    values = column.values
    if not differs(column, table):
        return False
    steps = np.diff(values)
    are_years = YEARS[0] <= values.min() and values.max() <= YEARS[1]
    counts = len(values) >= MANY and not are_years and bool((np.abs(steps) == 1).all())
    return counts or ID.fullmatch(column.name) is not None


def differs(column: Column, table: Any) -> bool:
    """Whether a column is of whole numbers, all different."""
    values = column.values
    if column.kind != "number" or np.isnan(values).any() or not columns.whole(column, table):
        return False
    return len(np.unique(values)) == len(values)


def different(found: Sequence[Column], table: Any) -> list[str]:
    """Says which inputs are whole numbers that all differ, as those that name the rows do."""
    names = [each.name for each in found if len(each.values) >= MANY and differs(each, table)]
    if not names:
        return []
    verb = "are" if len(names) > 1 else "is"
    return [
        f"{several(names)} {verb} of whole numbers that all differ: if they only name the rows, "
        + " ".join(flag("ignore", name) for name in names[:3])
    ]


def leaks(found: Sequence[Column], labels: np.ndarray, target: str, task: str) -> list[str]:
    """Says which columns give the target away: one alone predicts it without an error.

    By each value's own class; by thresholds between classes; for values by a line, or because one
    rises or falls with the other. What accident may do in as few rows, of as many columns, is
    no leak.

    Args:
      found: the inputs' columns, at the rows that have labels.
      labels: (n,) or (n, outputs).
      target: its name.
      task: what they are for.
    """
    by_way: dict[str, list[str]] = {}
    outputs = labels.reshape(len(labels), -1).T
    sure = SURE - math.log(max(1, len(found) * len(outputs)))
    for column in found:
        ways = (way(column, each, sure) for each in outputs for way in _ways(task))
        if said := next((each for each in ways if each), ""):
            by_way.setdefault(said, []).append(column.name)
    return [
        f"{LEAK} {several(names)} alone {'gives' if len(names) == 1 else 'give'} {target} away, "
        f"{how}: if this is not known before the answer is, "
        + " ".join(flag("ignore", name) for name in names[:3])
        for how, names in by_way.items()
    ]


def duplicates(datasets: Sequence[Dataset]) -> list[str]:
    """Says how many test rows are training rows as well, to the last bit of inputs and labels."""
    count = tested = 0
    for data in datasets:
        trained = set(_keys(data.train_inputs, data.train_labels))
        keys = _keys(np.asarray(data.test_inputs), np.asarray(data.test_labels))
        count, tested = count + sum(key in trained for key in keys), tested + len(keys)
    if not count:
        return []
    are = "is" if count == 1 else "are"
    return [
        f"{count:,} of {tested:,} test rows {are} in training too, alike in all columns: the test "
        "flatters; --group=NAME keeps what belongs together in one set"
    ]


def tails(found: Sequence[Column], log: Sequence[str]) -> list[str]:
    """Says which numbers have some far from all others, whose logarithm may serve better."""
    far = [column.name for column in found if column.name not in log and _is_far(column)]
    if not far:
        return []
    return [
        f"some values of {several(far)} are far from the others; {flag('log', far[0])} takes "
        "the logarithm"
    ]


def classes(labels: np.ndarray, class_names: Sequence[str], least: int) -> list[str]:
    """Says which classes have fewer rows than they need, to be trained on and tested."""
    numbers, counts = np.unique(labels, return_counts=True)
    rare = [
        f"{class_names[number] if class_names else number}"
        for number, count in zip(numbers.tolist(), counts, strict=True)
        if count < least
    ]
    if not rare:
        return []
    rows = "only one row" if least == 2 else f"fewer than {least} rows"
    return [
        f"there {'is' if least == 2 else 'are'} {rows} of {several(rare)}: too little to tell "
        "how well it is learned"
    ]


def few(count: int, tested: int) -> list[str]:
    """Says that the rows are few."""
    if count >= FEW:
        return []
    return [f"{count} rows are few, and a test of {tested} says little; --folds=5 tests each"]


def _keys(inputs: np.ndarray, labels: np.ndarray) -> list[bytes]:
    rows = np.column_stack([inputs, labels.reshape(len(labels), -1).astype(np.float32)])
    return [row.tobytes() for row in rows + np.float32(0)]  # -0.0 is 0.0


def _is_far(column: Column) -> bool:
    if column.kind != "number":
        return False
    there = column.values[np.isfinite(column.values)]
    if len(there) < FEW:
        return False
    low, middle, high = np.quantile(there, [0.25, 0.5, 0.75])
    reach = max(there.max() - middle, middle - there.min())
    return bool(high > low and reach > FAR * (high - low))


Way = Callable[[Column, np.ndarray, float], str]


def _ways(task: str) -> tuple[Way, ...]:
    return (_by_line, _by_order, _by_value) if task == "regression" else (_by_value, _by_threshold)


def _arrangements(labels: np.ndarray) -> tuple[float, int]:
    """The logarithm of how many orders labels have, and how many different ones there are."""
    counts = np.unique(labels, return_counts=True)[1]
    orders = math.lgamma(len(labels) + 1) - sum(math.lgamma(count + 1) for count in counts)
    return orders, len(counts)


def _by_value(column: Column, labels: np.ndarray, sure: float) -> str:
    """Whether rows of one value are all of one label, which accident would hardly do."""
    values = np.where(column.is_missing, np.inf, column.values)
    codes = np.unique(values, return_inverse=True)[1].reshape(-1)
    known = np.unique(labels, return_inverse=True)[1].reshape(-1)
    different = int(codes.max()) + 1
    orders, count = _arrangements(labels)
    if different * math.log(count) - orders > sure:
        return ""
    first = np.zeros(different, np.int64)
    first[codes] = known
    if (first[codes] != known).any():
        return ""
    return "by whether it is missing" if _is_by_missing(column, known) else "value by value"


def _is_by_missing(column: Column, known: np.ndarray) -> bool:
    is_missing = column.is_missing
    return bool(
        is_missing.any() and np.ptp(known[is_missing]) == 0 and np.ptp(known[~is_missing]) == 0
    )


def _by_threshold(column: Column, labels: np.ndarray, sure: float) -> str:
    """Whether each class has numbers of its own range."""
    there = ~column.is_missing
    if column.kind not in ("number", "boolean", "date") or 2 * there.sum() < len(labels):
        return ""
    values, known = column.values[there], labels[there]
    orders, count = _arrangements(known)
    if count < 2 or math.lgamma(count + 1) - orders > sure:
        return ""
    order = np.lexsort([known, values])
    changes = np.flatnonzero(np.diff(known[order]))
    below, above = values[order][changes], values[order][changes + 1]
    if len(changes) >= count or (below == above).any():
        return ""
    return f"up to {below[0]:g} and from {above[0]:g} on" if count == 2 else "by thresholds"


def _by_line(column: Column, labels: np.ndarray, sure: float) -> str:
    there = np.isfinite(column.values) if column.kind in ("number", "boolean", "date") else None
    if there is None or there.sum() < max(10, len(labels) / 2):
        return ""
    x, y = column.values[there], labels[there].astype(np.float64)
    with np.errstate(all="ignore"):
        x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
        left = 1 - float((x * y).mean()) ** 2
    return "on a line" if left < LINEAR and len(np.unique(x)) > 2 else ""


def _by_order(column: Column, labels: np.ndarray, sure: float) -> str:
    """Whether one rises, or falls, with the other, and is the same where the other is."""
    there = ~column.is_missing
    if column.kind not in ("number", "date") or 2 * there.sum() < len(labels):
        return ""
    x, y = column.values[there], labels[there]
    order = np.lexsort([y, x])
    x, y = x[order], y[order]
    dy = np.diff(y)
    together = np.array_equal(x[1:] > x[:-1], dy != 0) and ((dy >= 0).all() or (dy <= 0).all())
    orders, _ = _arrangements(y)
    return (
        "since one rises or falls with the other"
        if together and math.log(2) - orders < sure
        else ""
    )
