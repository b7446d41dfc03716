import numpy as np
import pyarrow
import pytest

from experiments.data.idx import DataError
from experiments.data.tables.answers import known, of, record
from experiments.data.tables.columns import describe

FLOATS = [i / 4 for i in range(12)]


def answered(task=None, **columns):
    table = pyarrow.table(columns)
    return of(describe(table), table, task, "a.csv")


@pytest.mark.parametrize(
    ("values", "task", "labels", "names"),
    [
        (["b", "a", "b"], "classification", [1, 0, 1], ("a", "b")),
        (["no", "yes", "no"], "classification", [0, 1, 0], ("no", "yes")),
        (["nein", "ja", "nein"], "classification", [0, 1, 0], ("nein", "ja")),
        ([True, False, True], "classification", [1, 0, 1], ("false", "true")),
        (["0", "1", "1"], "classification", [0, 1, 1], ()),
        (["1", "2", "1"], "classification", [0, 1, 0], ("1", "2")),
        ([-1, 1, 1], "classification", [0, 1, 1], ("-1", "1")),
        ([1.0, 3.0, 1.0], "classification", [0, 1, 0], ("1", "3")),
        (["1,5", "2,5", "1,5"], "regression", [1.5, 2.5, 1.5], ()),
        (FLOATS, "regression", FLOATS, ()),
        (["9" * 30, "5", "9" * 30], "classification", [1, 0, 1], ("5", str(int(1e30)))),
    ],
)
def test_the_target_says_what_it_is_for(values, task, labels, names):
    table = pyarrow.table({"y": values}).replace_schema_metadata({"reading": '{"delimiter":";"}'})
    answer = of(describe(table), table, None, "a.csv")
    assert answer.task == task
    assert answer.labels.tolist() == labels
    assert answer.labels.dtype == (np.float32 if task == "regression" else np.int32)
    assert answer.class_names == names
    assert answer.notes[0].startswith("y: ")
    assert answer.notes[0].endswith(f": {task}")


@pytest.mark.parametrize(
    ("values", "task", "said"),
    [
        (["yes", "no", "no"], None, "yes-or-no target with 2 values: classification"),
        (["ja", "nein", "ja"], None, "yes-or-no target with 2 values: classification"),
        ([True, False, True], None, "yes-or-no target with 2 values: classification"),
        (["ja", "nein", "ja"], "regression", "yes-or-no target with 2 values: regression, as"),
        (["0", "1", "1"], None, "whole-number target with 2 values: classification"),
        (["p", "q", "q"], None, "text target with 2 values: classification"),
    ],
)
def test_a_target_is_called_what_it_is(values, task, said):
    assert answered(task, y=values).notes[0].startswith(f"y: {said}")


def test_yes_or_no_beside_numbers_is_0_or_1():
    answer = answered("regression", a=["yes", "no", "no"], b=[1.5, 2, 3])
    assert answer.labels.tolist() == [[1, 1.5], [0, 2], [0, 3]]


def test_what_is_said_is_one_line_each():
    notes = answered(y=["a\nb", "c", "c"]).notes
    assert notes[-1] == "y: labels a?b, c are the classes 0 to 1"


def test_targets_that_no_row_has_are_refused():
    with pytest.raises(DataError, match=r"^a.csv: a, b: expected rows with a target, got none$"):
        answered(a=[1.5, 2.5, None, None], b=[None, None, 3.5, 4.5])


def test_values_far_from_0_and_near_together_are_refused():
    said = r"^a.csv: b: expected values that float32 tells apart, .*: subtract 1600000000 from all$"
    for size in (300.0, 10.0):
        with pytest.raises(DataError, match=said):
            answered(b=[1.6e9 + size * i for i in range(60)])
    with pytest.raises(DataError, match=r"^a.csv: a, b: expected values that float32 tells apart"):
        answered(a=FLOATS, b=[1.6e9 + each for each in FLOATS])


def test_several_targets():
    many = answered(a=[1, 0, 1], b=["yes", "yes", "no"])
    assert (many.task, many.class_names) == ("multilabel", ("a", "b"))
    assert many.labels.tolist() == [[1, 1], [0, 1], [1, 0]]
    hot = answered(a=[1, 0, 1], b=[0, 1, 0])
    assert (hot.task, hot.class_names) == ("classification", ("a", "b"))
    assert hot.labels.tolist() == [0, 1, 0]
    values = answered(a=[1.5, 2, 3], b=[1, 5, 7])
    assert values.task == "regression"
    assert values.labels.tolist() == [[1.5, 1], [2, 5], [3, 7]]


def test_rows_without_a_target_are_left_out_and_said():
    answer = answered(y=["a", None, "b", "a", "?", "b", "", "", "a"])
    assert answer.rows.tolist() == [0, 2, 3, 5, 8]
    assert answer.labels.tolist() == [0, 1, 0, 1, 0]
    assert answer.notes[1] == "4 rows have no y and are left out: 2, 5, 7, ..."


def test_what_was_asked_is_not_inferred():
    answer = answered("regression", y=[1, 2, 3, 1])
    assert answer.labels.tolist() == [1, 2, 3, 1]
    said = "y: whole-number target with 3 values: regression, as --task says"
    assert answer.notes == (said,)
    binary = answered("binary", y=["p", "q", "p"])
    assert (binary.labels.tolist(), binary.class_names) == ([0, 1, 0], ("p", "q"))


@pytest.mark.parametrize(
    ("task", "values", "expected"),
    [
        (None, ["a", "a"], "a target of different values, got the same in all rows"),
        (None, ["a", "a", None], "different classes, got the same in all 2 rows"),
        ("regression", [1.5, 1.5, None], "different values, got the same in all 2 rows"),
        (None, [None, None], "a target, got no value in any row"),
        (None, [f"t{i}" for i in range(9)], "classes that come again, got 9 different texts"),
        ("classification", list(range(9)), "classes that come again, got one for each row"),
        (None, ["2024-01-02", "2024-01-03"], "a target of numbers or classes, got dates"),
        (None, [[1], [2]], "a target of numbers or texts, got list"),
        ("regression", ["a", "b", "a"], "numbers for --task=regression, got texts such as a"),
        ("multilabel", [0, 1, 1], "several columns for --task=multilabel, got one"),
        ("binary", ["a", "b", "c", "c"], "two classes for --task=binary, got 3"),
        ("classification", [1.5, 2.5, 2.5], "classes as texts or whole numbers, got 1.5"),
    ],
)
def test_what_is_no_target_is_refused(task, values, expected):
    with pytest.raises(DataError, match=f"a.csv: y: expected {expected}".replace("(", r"\(")):
        answered(task, y=values)


def test_texts_are_no_value_beside_another():
    with pytest.raises(DataError, match="a.csv: expected several targets .* got texts in b"):
        answered(a=[1.5, 2, 3], b=["x", "y", "x"])


def shown(target, **columns):
    return known({"target": target}, pyarrow.table(columns))


@pytest.mark.parametrize(
    ("task", "class_names", "values", "expected"),
    [
        ("classification", ["a", "b"], ["b", "a"], [1, 0]),
        ("classification", ["1", "2"], ["2.0", "1"], [1, 0]),
        ("classification", ["1", "2"], [2, 1], [1, 0]),
        ("classification", ["1", "2"], [2.0, 1.0], [1, 0]),
        ("classification", [], ["3", "0.0"], [3, 0]),
        ("classification", ["false", "true"], [True, False], [1, 0]),
        ("binary", ["no", "yes"], ["yes", "no"], [1, 0]),
        ("regression", [], ["1.5", "2"], [1.5, 2]),
    ],
)
def test_labels_that_come_later_are_those_of_training(task, class_names, values, expected):
    target = {"names": ["y"], "task": task, "class_names": class_names}
    labels, notes = shown(target, y=values)
    assert labels.tolist() == expected
    assert labels.dtype == (np.float32 if task == "regression" else np.int32)
    assert notes == []


def test_several_targets_that_come_later():
    target = {"names": ["a", "b"], "class_names": ["a", "b"]}
    columns = {"b": ["1", "0"], "a": ["0", "1"]}
    assert shown({**target, "task": "multilabel"}, **columns)[0].tolist() == [[0, 1], [1, 0]]
    assert shown({**target, "task": "classification"}, **columns)[0].tolist() == [1, 0]
    assert shown({**target, "task": "regression"}, **columns)[0].tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("task", "columns", "note"),
    [
        ("classification", {}, None),
        ("classification", {"y": ["", "?"]}, "no row has y"),
        ("classification", {"y": ["a", "z"]}, "y: z in row 2 is no class of training"),
        ("regression", {"y": ["z", "z"]}, "y: expected numbers"),
    ],
)
def test_what_cannot_be_compared_is_said(task, columns, note):
    target = {"names": ["y"], "task": task, "class_names": ["a", "b"]}
    labels, notes = shown(target, **columns)
    assert labels is None
    assert len(notes) == (note is not None) + (columns.get("y") == ["1", "z"])
    assert not notes or "expected" in notes[0] or "training" in notes[0] or "figures" in notes[-1]
    assert note is None or notes[0].startswith(note)


TEXTS = '{"delimiter": ","}'


def again(task, later=None, **columns):
    """The labels of a table, and those that are read of it, or of another, when it comes later."""
    table = pyarrow.table(columns).replace_schema_metadata({"reading": TEXTS})
    found = describe(table)
    answer = of(found, table, task, "a.csv")
    return answer, *known({"target": record(found, answer)}, table if later is None else later)


@pytest.mark.parametrize(
    ("task", "columns", "labels"),
    [
        (None, {"y": ["Yes", "yes", "NO", "no"]}, [1, 1, 0, 0]),
        (None, {"y": ["1,000", "2,000", "1,000"]}, [0, 1, 0]),
        (None, {"y": ["2 €", "3 €", "2 €"]}, [0, 1, 0]),
        ("regression", {"y": ["2.5 €", "1,000 €", "7 €"]}, [2.5, 1000, 7]),
        ("regression", {"y": ["ja", "nein", "ja"]}, [1, 0, 1]),
        ("regression", {"y": ["1.00", "0", "1"]}, [1, 0, 1]),
        ("binary", {"a": ["1", "0", "1"], "b": ["0", "1", "0"]}, [0, 1, 0]),
        (None, {"a": ["yes", "no", "no"], "b": ["No", "YES", "no"]}, [[1, 0], [0, 1], [0, 0]]),
    ],
)
def test_the_same_table_has_the_same_labels_when_it_comes_later(task, columns, labels):
    answer, found, notes = again(task, **columns)
    assert answer.labels.tolist() == labels
    assert (found.tolist(), found.dtype, notes) == (labels, answer.labels.dtype, [])


def test_two_one_hot_columns_of_a_binary_task_are_called_by_their_names():
    answer, *_ = again("binary", a=[1, 0, 1], b=[0, 1, 0])
    assert answer.class_names == ("a", "b")
    with pytest.raises(DataError, match="one column or two for --task=binary, got 3"):
        answered("binary", a=[1, 0, 0], b=[0, 1, None], c=[0, 0, 1])


@pytest.mark.parametrize(
    ("trained", "later", "said"),
    [
        ({"y": ["yes", "no", "no"]}, {"y": ["?", "", "?"]}, "no row has y, so that no figures"),
        ({"y": ["3", "5", "3"]}, {"y": ["3", "4"]}, "y: 4 in row 2 is no class of training"),
        ({"y": ["0", "1", "2", "0"]}, {"y": ["1", "-1"]}, "y: -1 in row 2 is no class"),
        ({"y": ["0", "1", "2", "0"]}, {"y": ["1", "1.5"]}, "y: 1.5 in row 2 is no class"),
        (
            {"a": ["1", "0", "1"], "b": ["0", "1", "0"]},
            {"a": ["1", "1"], "b": ["0", "1"]},
            "a, b: 1, 1 in row 2 is no class of training",
        ),
        ({"a": ["1", "0"], "b": ["1", "0"]}, {"a": ["1"], "b": ["7"]}, "b: expected yes or no"),
    ],
)
def test_labels_that_are_none_of_training_are_named(trained, later, said):
    table = pyarrow.table(later)
    _, labels, notes = again(None, table, **trained)
    assert labels is None
    assert notes[0].startswith(said)


@pytest.mark.parametrize(
    ("task", "trained", "later", "labels"),
    [
        (None, {"y": ["yes", "no", "no"]}, {"y": ["?", "yes", "no"]}, [-1, 1, 0]),
        (None, {"y": ["yes", "no", "no"]}, {"y": ["yes", "x", "no"]}, [1, -1, 0]),
        ("regression", {"y": ["1", "3", "2"]}, {"y": ["1", "x"]}, [1, np.nan]),
        (None, {"y": ["c", "a", "c", "a"]}, {"y": ["c", "", "a"]}, [1, -1, 0]),
        ("regression", {"y": ["1.5", "2", "4"]}, {"y": ["", "2.5"]}, [np.nan, 2.5]),
        (
            *(None, {"a": ["yes", "no", "no"], "b": ["no", "yes", "no"]}),
            *({"a": ["yes", "no"], "b": ["", "yes"]}, [[-1, -1], [0, 1]]),
        ),
    ],
)
def test_rows_without_a_label_leave_the_others_theirs(task, trained, later, labels):
    _, found, (*said, last) = again(task, pyarrow.table(later), **trained)
    np.testing.assert_array_equal(found, labels)
    row = f"1 of {len(labels)} rows has no {', '.join(trained)}"
    assert last == f"{row}: the figures are of the others"
    assert len(said) == ("x" in str(later))


def test_a_class_is_the_same_as_a_whole_number_and_with_a_point():
    table = pyarrow.table({"y": ["1", "2", "1"]})
    found = describe(table, ["y"])
    target = record(found, of(found, table, None, "a.csv"))
    assert target["columns"] == [{"kind": "category"}]
    assert known({"target": target}, pyarrow.table({"y": [2.0, 1.0]}))[0].tolist() == [1, 0]
    assert known({"target": target}, pyarrow.table({"y": ["2.0", "1"]}))[0].tolist() == [1, 0]


def test_a_record_keeps_no_and_yes_as_the_column_says_them():
    table = pyarrow.table({"a": ["ja", "nein", "ja"], "b": ["1", "0", "0"]})
    found = describe(table, [])
    target = record(found, of(found, table, None, "a.csv"))
    assert target["columns"] == [{"kind": "boolean", "words": ["nein", "ja"]}, {"kind": "boolean"}]


def test_an_older_record_has_a_guess_for_its_form():
    target = {"names": ["y"], "task": "classification", "class_names": ["no", "yes"]}
    assert known({"target": target}, pyarrow.table({"y": ["yes", "no"]}))[0].tolist() == [1, 0]


def test_the_decimal_sign_of_training_reads_labels_that_allow_both():
    target = {"names": ["y"], "task": "regression", "class_names": []}
    table = pyarrow.table({"y": ["1,234"]}).replace_schema_metadata({"reading": TEXTS})
    for sign, value in ((",", 1.234), (".", 1234.0)):
        labels, _ = known({"target": target, "decimal": sign}, table)
        assert labels.tolist() == [np.float32(value)]
