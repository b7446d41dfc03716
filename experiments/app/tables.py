"""What the settings say of a table of one's own, and the record of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.app.command_line import NamesParser, NumberParser
from experiments.app.fields import TABLE
from experiments.app.settings import DEFAULTS, Settings, names_of
from experiments.data import targets
from experiments.data.parquet import SUFFIX as PARQUET
from experiments.data.tables import reading
from experiments.data.tables.inputs import check_names
from experiments.data.tables.naming import shown
from experiments.data.tables.options import Options, from_record
from experiments.data.tables.preparation import feature_names
from experiments.data.tables.reading import SUFFIXES, is_table
from experiments.folder.workdir import user_path
from jaxmlp.nn.scaling import Scaling

PREPARATION = "preparation.json"  # in a folder: how a table's rows become inputs
KINDS = {  # of columns, and what one is called and several are
    "number": ("number", "numbers"),
    "boolean": ("yes or no", "yes or no"),
    "category": ("category", "categories"),
    "date": ("date", "dates"),
}
SHOWN = 12  # columns of a kind on the screen; preparation.json has them all
NAMES = {"target_column": "target"}  # setting -> its field in the record, where that is another


def told_apart(values: Mapping[str, Any], of_table: bool = False) -> dict[str, Any]:
    """Settings in which --target is a number or none, and a table's columns are target_column.

    Args:
      values: of all settings; target as it was given.
      of_table: whether the data are a table, whatever they are called.

    Raises:
      ValueError: if --target is neither, or a table's settings are given without a table.
    """
    values = dict(values)
    given, columns = values["target"], values["target_column"]
    if isinstance(given, str) and not columns and (of_table or _is_table(values["dataset"], given)):
        values |= {"target_column": NamesParser().parse(given), "target": None}
    elif isinstance(given, str):
        values["target"] = _score(given)
    if of_table and not is_table(values["dataset"]):
        got = "nothing" if values["dataset"] == DEFAULTS["dataset"] else values["dataset"]
        raise ValueError(f"--data needs a table, {', '.join(SUFFIXES)}, got {got}")
    if not values["target_column"]:
        _refuse_without_target(values, of_table)
    elif not is_table(values["dataset"]):
        raise ValueError(f"--target_column needs a table, got {values['dataset']}")
    elif values["window"] is not None:
        raise ValueError(
            f"--window needs arrays, got a table, which is read whole: {values['dataset']}"
        )
    return values


def _is_table(dataset: str, target: str) -> bool:
    """Whether data are read as a table: those of a Parquet file if --target is no number."""
    if not dataset.lower().endswith(PARQUET):
        return is_table(dataset)
    try:
        _score(target)
    except ValueError:
        return True
    return False


def _score(text: str) -> float:
    try:
        return NumberParser().parse(text)
    except ValueError as error:
        raise ValueError(f"flag --target={text}: {error}; or a column of a table") from None


def _refuse_without_target(values: Mapping[str, Any], of_table: bool) -> None:
    """Raises ValueError for a table without a target, and for what only a table has."""
    name = values["dataset"]
    if of_table or (is_table(name) and not name.lower().endswith(PARQUET)):
        path = user_path(name)
        check_names(Options(), reading.read(path).column_names, path)
    for name in names_of(TABLE):
        if values[name] != DEFAULTS[name]:
            raise ValueError(f"--{name} needs a table and its --target=COLUMN, got neither")


def record(given: Settings) -> dict[str, Any]:
    """The record `table` of config.json."""
    return {NAMES.get(name, name): getattr(given, name) for name in names_of(TABLE)}


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a config's record `table` stands for, if it has one."""
    table = config.get("table", {})
    fields = {name: NAMES.get(name, name) for name in names_of(TABLE)}
    return {name: table[field] for name, field in fields.items() if field in table}


def options(config: Mapping[str, Any]) -> Options:
    """How a table is to be read, by a config that has a record `table`."""
    others = {name: config[name] for name in ("task", "validation_fraction")}
    return from_record(config["table"] | others | {"folds": config.get("folds", 0)})


def by_name(preparations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Preparations by the folds' numbers and the columns' names, to say where two differ.

    >>> by_name([{"version": 1, "columns": [{"name": "age", "fill": 38.0}]}])
    {'0': {'version': 1, 'columns': {'age': {'name': 'age', 'fill': 38.0}}, 'order': ['age']}}
    """
    return {
        str(fold): {
            **preparation,
            "columns": {column["name"]: dict(column) for column in preparation["columns"]},
            "order": [column["name"] for column in preparation["columns"]],
        }
        for fold, preparation in enumerate(preparations)
    }


def show(console: Console, prepared: Mapping[str, Any]) -> None:
    """Prints what each column of a table is taken as, those of a kind together."""
    table = Table("taken as", "columns", "inputs", box=box.SIMPLE_HEAD)
    for kind, named in KINDS.items():
        of_kind = [column for column in prepared["columns"] if column["kind"] == kind]
        if of_kind:
            width = len(feature_names({"columns": of_kind}))
            texts = [escape(_described(column)) for column in of_kind[:SHOWN]]
            more = [f"and {len(of_kind) - SHOWN:,} more"] if len(of_kind) > SHOWN else []
            table.add_row(
                f"{len(of_kind)} {named[len(of_kind) > 1]}", ", ".join([*texts, *more]), str(width)
            )
    console.print(table)


def _described(column: Mapping[str, Any]) -> str:
    """A column's name, and what is special about it.

    >>> _described({"name": "age", "kind": "number", "log": True, "has_missing": True})
    'age (logarithm, some missing)'
    """
    said = ["logarithm"] if column.get("log") else []
    if column["kind"] == "category":
        others = " and others" if column["has_other"] else ""
        said.append(f"{len(column['categories'])}{others}")
    said += ["with the time"] if column.get("has_time") else []
    said += ["some missing"] if column["has_missing"] else []
    name = shown(column["name"])
    return f"{name} ({', '.join(said)})" if said else name


def output_scaling(labels: np.ndarray) -> dict[str, list[float]]:
    """The record of what brings values to one size: near their mean and their deviation.

    Args:
      labels: (num_examples,) or (num_examples, values), those that are trained on.

    >>> output_scaling(np.float32([100.0, 140.0, 180.0]))
    {'mean': [128.0], 'scale': [32.0]}
    """
    values = labels.reshape(len(labels), -1).astype(np.float64)
    deviation = values.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    found = targets.coarse(Scaling(values.mean(axis=0).tolist(), scale.tolist()))
    return {"mean": list(found.mean), "scale": list(found.scale)}
