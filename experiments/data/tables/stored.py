"""The preparations of a run as it keeps them: a list of them, one, or one for each fold.

A folder may come from anybody: what is not as `preparation.fit` makes it is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.data.tables import columns, dates
from experiments.data.tables.naming import several, shown
from experiments.data.tables.options import TASKS
from experiments.data.tables.preparation import Preparation, feature_names
from experiments.folder import schema
from experiments.folder.schema import FLAG, TEXT, Fields, Kind, number, one_of, whole

__all__ = ["SCHEMA", "VERSION", "check", "read"]

VERSION = 1
ANSWERS = ("number", "boolean", "category")  # kinds of columns that are targets


def _agree(about: dict[str, Any]) -> None:
    """Sees whether a column's record has what its kind needs."""
    if (kind := about["kind"]) == "category":
        schema.check(about, CATEGORY, about["name"])
        names, unseen = about["categories"], about.get("unseen", [])
        if "commonest" in about and about["commonest"] not in names:
            raise ValueError(f"a commonest category of {shown(about['name'])} that is one of them")
        if len({*names}) < len(names) or not {*unseen} <= {*names}:
            raise ValueError("categories that differ, with those unseen among them")
        return
    schema.check(about, DATE if kind == "date" else NUMBER, about["name"])
    if about["scale"] <= 0:
        raise ValueError(f"a scale above 0 of {shown(about['name'])}, got {about['scale']}")


def _one_each(target: dict[str, Any]) -> None:
    names, forms = target["names"], target.get("columns")
    if forms is not None and len(forms) != len(names):
        raise ValueError(f"a column for each of {several(names)}, got {len(forms)}")


def _differ(preparation: dict[str, Any]) -> None:
    names = [each["name"] for each in preparation["columns"]]
    if not names or len({*names}) < len(names):
        raise ValueError(f"columns whose names differ, got {several(names) or 'none'}")


RANGE = {name: number() for name in ("fill", "mean", "scale", "low", "high")}
NUMBER = Fields(RANGE, {"log": FLAG, "words": [TEXT]})
DATE = Fields({**RANGE, "has_time": FLAG, "form": one_of(dates.FORMS)})
CATEGORY = Fields({"categories": [TEXT], "has_other": FLAG}, {"unseen": [TEXT], "commonest": TEXT})
COLUMN = Fields(
    {"name": TEXT, "kind": one_of(columns.INPUT_KINDS), "has_missing": FLAG},
    {"form": TEXT},
    _agree,
)
PAIR = Kind(
    "two different texts, of no and of yes",
    lambda value: isinstance(value, list) and len({*map(str, value)}) == len(value) == 2,
)
ANSWER = Fields({"kind": one_of(ANSWERS)}, {"form": TEXT, "words": PAIR})
TARGET = Fields(
    {"names": [TEXT], "task": one_of(TASKS), "class_names": [TEXT]},
    {"columns": [ANSWER]},  # younger than other fields
    _one_each,
)
SCHEMA = Fields(
    {
        "version": whole(VERSION, VERSION),
        "target": TARGET,
        "columns": [COLUMN],
        "ignored": [Fields({"name": TEXT, "why": TEXT})],
    },
    {"decimal": one_of((".", ","))},  # of texts
    _differ,
)
LIST = Kind(
    "a list of preparations, one at least", lambda value: isinstance(value, list) and bool(value)
)


def check(value: Any, where: object) -> list[Preparation]:
    """Sees whether a value, as JSON has it, is a list of preparations with the same features.

    Raises:
      ValueError: if it is not, in one line.
    """
    schema.check(value, LIST, where)
    schema.check(value, [SCHEMA], where)
    found: list[Preparation] = value
    if any(feature_names(each) != feature_names(found[0]) for each in found):
        raise ValueError(f"{where} needs the same features in each fold, got others")
    return found


def read(path: Path) -> list[Preparation]:
    """Reads the preparations of a run, one or one for each fold.

    Raises:
      ValueError: if there are none: in one line.
    """
    try:
        if not path.is_file():
            raise ValueError("expected a file, got no such file")
        if (size := path.stat().st_size) > schema.LIMIT:
            raise ValueError(f"expected at most {schema.LIMIT:,} bytes, got {size:,}")
        value = schema.parse(path.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} needs to be how a table was prepared: {error}") from error
    return check(value, path)
