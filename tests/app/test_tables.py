"""What the settings say of a table, and the record of it."""

import io

import numpy as np
import pytest
from programs import command_line
from rich.console import Console

from experiments import sweep
from experiments.app import config, tables
from experiments.app.fields import TABLE
from experiments.app.settings import DEFAULTS, names_of
from experiments.data.tables.options import Options

assert sweep  # which has the flags of many networks


def read(*arguments, of_table=False, earlier=None):
    with command_line(*arguments):
        return config.read(earlier, of_table)


@pytest.mark.parametrize(
    ("arguments", "columns", "score"),
    [
        (("--dataset=a.csv", "--target=price"), ["price"], None),
        (("--dataset=a.csv", "--target=5"), ["5"], None),
        (("--dataset=a.TSV", '--target="a, b",c'), ["a, b", "c"], None),
        (("--dataset=a.parquet", "--target=price"), ["price"], None),
        (("--dataset=a.parquet", "--target=0.9"), [], 0.9),
        (("--dataset=a.npz", "--target=0.9"), [], 0.9),
        (("--dataset=a.csv", "--target_column=price", "--target=0.9"), ["price"], 0.9),
        (("--dataset=a.csv", "--target_column=a", "--target_column=b,c"), ["a", "b", "c"], None),
    ],
)
def test_a_target_is_a_column_of_a_table_or_a_score(arguments, columns, score):
    got = read(*arguments)
    assert (got.target_column, got.target) == (columns, score)


def test_of_a_table_alone_a_number_is_a_column():
    got = read("--dataset=a.parquet", "--target=0.9", of_table=True)
    assert (got.target_column, got.target) == (["0.9"], None)


def test_a_table_is_not_read_in_windows():
    refused = pytest.raises(ValueError, match=r"^--window needs arrays, got a table, .*: a\.csv$")
    for flags in (("--target=b",), ("--target_column=b",)):
        with refused:
            read("--dataset=a.csv", *flags, "--window=1")
    with refused:
        read(earlier={"dataset": "a.csv", "table": {"target": ["b"]}, "outputs": {"window": 1}})
    assert read("--dataset=a.parquet", "--window=1").window == 1  # of arrays


def test_the_record_stands_for_the_settings():
    flags = ("--target=a", "--ignore=b", "--ignore=c", "--log=d", "--include=e", "--category=f")
    given = read("--dataset=a.csv", *flags, "--group=g", "--test_fraction=0.5")
    record = tables.record(given)
    assert record == {
        **{"target": ["a"], "ignore": ["b", "c"], "log": ["d"], "include": ["e"]},
        **{"category": ["f"], "group": "g", "time": None, "test_fraction": 0.5},
    }
    again = read(earlier={"dataset": "a.csv", "table": record})
    assert tables.record(again) == record
    made = {"table": record, "task": "regression", "validation_fraction": 0.25, "folds": 3}
    options = tables.options(made)
    assert (options.task, options.validation_fraction, options.folds) == ("regression", 0.25, 3)
    assert (options.target, options.include, options.log) == (("a",), ("e",), ("d",))
    assert (options.category, options.group) == (("f",), "g")


def test_an_earlier_runs_column_gives_way_to_another():
    earlier = {"dataset": "a.csv", "table": {"target": ["a"]}, "target": 0.5}
    assert read(earlier=earlier).target_column == ["a"]
    assert read("--target=b", earlier=earlier).target_column == ["b"]


def test_values_are_scaled_by_powers_of_two():
    labels = np.float32([[1.0, -30.0], [3.0, 10.0]])
    assert tables.output_scaling(labels) == {"mean": [2.0, -16.0], "scale": [1.0, 16.0]}
    assert tables.output_scaling(np.float32([7.0, 7.0])) == {"mean": [7.0], "scale": [1.0]}


def test_what_columns_are_taken_as_is_shown_as_it_is_called():
    console = Console(file=io.StringIO(), width=100)
    common = {"has_missing": False, "log": False}
    numbers = [{"name": f"[bold]{i}", "kind": "number", **common} for i in range(14)]
    towns = {"name": "town", "kind": "category", "categories": ["a", "b"], "has_other": True}
    tables.show(console, {"columns": [*numbers, {**towns, "has_missing": True}]})
    out = " ".join(console.file.getvalue().split())
    assert "14 numbers [bold]0, [bold]1, " in out
    assert "[bold]11, and 2 more" in out.replace(" 14 ", " ")
    assert "1 category town (2 and others, some missing) 4" in out


@pytest.mark.parametrize("change", ["fill", "order", "version"])
def test_preparations_differ_by_their_columns_names(change):
    one = {"version": 1, "columns": [{"name": "a", "fill": 0.0}, {"name": "b", "fill": 1.0}]}
    other = {"version": 1, "columns": [dict(column) for column in one["columns"]]}
    if change == "fill":
        other["columns"][1]["fill"] = 2.0
    elif change == "order":
        other["columns"].reverse()
    else:
        other["version"] = 2
    assert tables.by_name([one]) != tables.by_name([other])
    assert tables.by_name([one])["0"]["columns"]["b"] == {"name": "b", "fill": 1.0}


def test_every_setting_of_a_table_is_one_of_its_options():
    record = {tables.NAMES.get(name, name): DEFAULTS[name] for name in names_of(TABLE)}
    assert {*record} <= {*Options._fields}
    assert tables.options(
        {"task": "regression", "validation_fraction": 0.5, "table": record | {"target": ["y"]}}
    ) == Options(("y",), "regression", validation_fraction=0.5)


def test_each_kind_of_column_has_a_line_with_what_is_special_of_it():
    console = Console(file=io.StringIO(), width=100)
    rest = {"has_missing": False}
    prepared = [
        {"name": "born", "kind": "date", "has_time": True, **rest},
        {"name": "age", "kind": "number", "log": True, "has_missing": True},
        {"name": "quiet", "kind": "boolean", **rest},
    ]
    tables.show(console, {"columns": prepared})
    head, *lines = [line.split() for line in console.file.getvalue().splitlines() if line.split()]
    assert head == ["taken", "as", "columns", "inputs"]
    assert [" ".join(line) for line in lines if not line[0].startswith("─")] == [
        "1 number age (logarithm, some missing) 2",
        "1 yes or no quiet 1",
        "1 date born (with the time) 7",
    ]
