"""What a user says of a table: what is to be learned, and how rows are divided; and its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from experiments.data.idx import DataError
from experiments.data.tables.naming import shown
from experiments.folder import schema
from experiments.folder.schema import TEXT, Fields, one_of, whole

__all__ = ["MOST_FOLDS", "SCHEMA", "TASKS", "Options", "check", "from_record", "record_of"]

TASKS = ("classification", "binary", "multilabel", "regression")
MOST_FOLDS = 1000


class Options(NamedTuple):
    """What a table needs to be told; columns are called by their names."""

    target: tuple[str, ...] = ()  # what is to be predicted; several for several outputs
    task: str | None = None  # of TASKS; None to infer it
    ignore: tuple[str, ...] = ()  # columns that are no inputs
    include: tuple[str, ...] = ()  # columns that are inputs though they would be left out
    log: tuple[str, ...] = ()  # numbers of which the logarithm is the input
    category: tuple[str, ...] = ()  # numbers that are names of categories
    group: str | None = None  # rows of one group stay in one set
    time: str | None = None  # the latest rows test
    test_fraction: float = 0.2
    validation_fraction: float = 0.0
    folds: int = 0  # 0 for one test set


LISTS = ("target", "ignore", "include", "log", "category")
SCHEMA = Fields(
    {"target": [TEXT]},
    {
        **{name: [TEXT] for name in LISTS[1:]},
        "task": one_of(TASKS).optional,
        "group": TEXT.optional,
        "time": TEXT.optional,
        "test_fraction": schema.number(0, 1),
        "validation_fraction": schema.number(0, 1),
        "folds": whole(0, MOST_FOLDS),
    },
)


def check(options: Options) -> None:
    """Sees whether options agree with each other.

    Raises:
      DataError: if they do not.
    """
    if not 0 < options.test_fraction < 1:
        got = options.test_fraction
        raise DataError(f"--test_fraction needs a number between 0 and 1, got {got}")
    if not 0 <= options.validation_fraction < 1:
        got = options.validation_fraction
        raise DataError(f"--validation_fraction needs a number from 0 to below 1, got {got}")
    if options.folds < 0 or options.folds == 1 or options.folds > MOST_FOLDS:
        got = options.folds
        raise DataError(f"--folds needs a whole number from 2 to {MOST_FOLDS}, or 0, got {got}")
    if options.task is not None and options.task not in TASKS:
        raise DataError(f"--task needs to be one of {', '.join(TASKS)}, got {options.task}")
    if options.group is not None and options.time is not None:
        raise DataError(
            f"a table needs to be divided by --group or by --time, got {shown(options.group)} and "
            f"{shown(options.time)}"
        )
    if options.folds and options.time is not None:
        raise DataError(
            "--folds needs rows without an order, got --time: networks that have seen later rows "
            "would be tested on earlier ones; --test_fraction holds the latest out"
        )
    single = [name for name in (options.group, options.time) if name is not None]
    for name in options.target:
        others = [*options.ignore, *options.include, *options.log, *single]
        if name in others or options.target.count(name) > 1:
            raise DataError(f"--target needs columns of its own, got {shown(name)} twice")
    for name in options.ignore:
        if name in (*options.include, *options.log):
            raise DataError(f"--ignore needs columns that are no inputs, got {shown(name)} as both")


def record_of(options: Options) -> dict[str, Any]:
    """Options as JSON has them.

    >>> from_record(record_of(Options(("species",), folds=5))) == Options(("species",), folds=5)
    True
    """
    record = options._asdict()
    return record | {name: list(record[name]) for name in LISTS}


def from_record(record: Mapping[str, Any], where: object = "the options of a table") -> Options:
    """Options by their record; those that are younger than it have their defaults.

    Raises:
      ValueError: if it is no such record: in one line.
    """
    schema.check(record, SCHEMA, where)
    known = {name: value for name, value in record.items() if name in Options._fields}
    lists = {name: tuple(known[name]) for name in LISTS if name in known}
    return Options(**{**known, **lists})
