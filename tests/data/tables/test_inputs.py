import numpy as np
import pyarrow
import pytest

from experiments.data.idx import DataError
from experiments.data.tables.columns import describe
from experiments.data.tables.inputs import check_names, choose
from experiments.data.tables.options import Options

TABLE = pyarrow.table(
    {
        "id": range(12),
        "age": [1.5, 2.5, 3.5] * 4,
        "same": ["x"] * 12,
        "empty": pyarrow.nulls(12),
        "name": [f"n{i}" for i in range(12)],
        "list": [[1]] * 12,
        "late": [None] * 11 + [1.0],
        "town": ["a", "b"] * 6,
        "y": [0, 1] * 6,
    }
)


def chosen(rows=12, **options):
    found = {each.name: each for each in describe(TABLE)}
    return choose(found, TABLE, Options(("y",), **options), np.arange(rows), "a.csv")


def test_what_there_is_nothing_to_learn_from_is_left_out_and_said():
    found = chosen()
    assert [column.name for column in found.columns] == ["age", "late", "town"]
    assert {each["name"]: each["why"] for each in found.ignored} == {
        "id": "identifies rows",
        "same": "the same in all rows",
        "empty": "no value in any row",
        "name": "texts of their own in each row, or nearly so",
        "list": "neither numbers nor texts",
    }
    assert found.notes[0] == "ignored, identifies rows: id; --include=NAME takes it all the same"
    assert found.notes[1] == "ignored, the same in all rows: same"
    assert len(found.notes) == 5


def test_rows_without_a_target_do_not_count():
    found = chosen(11)
    assert {"name": "late", "why": "no value in any row"} in found.ignored


def test_what_the_user_says_is_done():
    found = chosen(ignore=("age",), include=("id", "name", "same"), group="town")
    assert [(column.name, column.kind) for column in found.columns] == [
        ("id", "number"),
        ("same", "category"),
        ("name", "category"),
        ("late", "number"),
    ]
    assert {"name": "age", "why": "as asked"} in found.ignored
    assert {"name": "town", "why": "divides the rows"} in found.ignored
    assert not any("age" in note for note in found.notes)
    kept = chosen(time="age", include=("age",))
    assert kept.columns[0].name == "age"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include": ("empty",)}, "--include needs columns with values, got empty"),
        ({"log": ("town",)}, "--log needs columns of numbers that are inputs, got town"),
        ({"log": ("id",)}, "--log needs columns of numbers that are inputs, got id"),
        (
            {"ignore": ("age", "late", "town")},
            "; free texts are no inputs here: bring them as numbers or categories",
        ),
        (
            {"ignore": ("age", "late", "town")},
            r"a.csv: expected columns to learn from, got none \(id: identifies rows; age: as asked",
        ),
    ],
)
def test_what_cannot_be_is_said(options, expected):
    with pytest.raises(DataError, match=expected):
        chosen(**options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), "--target needs one of a.csv's columns, id, age, .* got nothing"),
        (Options(("Y",)), "--target needs columns of the table, got Y; did you mean y?"),
        (Options(("y",), ignore=("twon",)), "--ignore .* got twon; did you mean town?"),
        (Options(("y",), include=("q",)), "--include .* got q; it has id, age"),
        (Options(("y",), log=("q",)), "--log "),
        (Options(("y",), category=("q",)), "--category "),
        (Options(("y",), group="q"), "--group "),
        (Options(("y",), time="q"), "--time "),
        (Options(("y",), time="AGE"), "--time .* got AGE; did you mean age?"),
        (Options(("y",), group="twon"), "--group .* got twon; did you mean town?"),
    ],
)
def test_names_that_are_not_there_are_met_with_the_nearest(options, expected):
    with pytest.raises(DataError, match=expected):
        check_names(options, TABLE.column_names, "a.csv")


def test_whole_numbers_that_all_differ_are_inputs_with_a_note():
    table = pyarrow.table({"w": [i * i for i in range(12)], "y": [0, 1] * 6})
    found = {each.name: each for each in describe(table)}
    said = choose(found, table, Options(("y",)), np.arange(12), "a.csv").notes
    assert said == ["w is of whole numbers that all differ: if they only name the rows, --ignore=w"]
    asked = choose(found, table, Options(("y",), include=("w",)), np.arange(12), "a.csv")
    assert asked.notes == []
