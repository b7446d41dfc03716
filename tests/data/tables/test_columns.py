import datetime
import decimal

import numpy as np
import pyarrow
import pytest

from experiments.data.idx import DataError
from experiments.data.tables.cells import MISSING, texts_of, typed
from experiments.data.tables.columns import decimal_of, describe, of_kind, whole

NAN = float("nan")
MANY = [str(i) for i in range(20)]


def described(values, **options):
    table = pyarrow.table({"x": values})
    return describe(table, **options)[0], table


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["1", "2.5", ""], "number", [1, 2.5, NAN]),
        (["1", "1"], "constant", [0, 0]),
        (["1", "1.0"], "constant", [1, 1]),
        (["1", "1", "NA"], "number", [1, 1, NAN]),
        (["", "?", None], "missing", [NAN] * 3),
        (["0", "1", "1"], "boolean", [0, 1, 1]),
        (["0.0", "1.0"], "boolean", [0, 1]),
        (["0%", "1%"], "number", [0, 1]),
        ([*MANY[:18], "x", "y"], "number", [*range(18), NAN, NAN]),
        ([*MANY[:17], "x", "y"], "text", [*np.argsort(np.argsort(MANY[:17])), 17, 18]),
        (["no", "YES", "yes", ""], "boolean", [0, 1, 1, NAN]),
        (["FALSE", "TRUE"], "boolean", [0, 1]),
        (["falsch", "wahr"], "boolean", [0, 1]),
        (["yes", "yes", ""], "category", [0, 0, -1]),
        (["no", "yes", "perhaps"], "category", [0, 2, 1]),
        (["b", "a", "b", ""], "category", [1, 0, 1, -1]),
        (["01234", "99999", "01234"], "category", [0, 1, 0]),
        (["1970-01-02", "1970-01-03"], "date", [1, 2]),
        (["1", "2", "two"], "category", [0, 1, 2]),
        ([*MANY, "two"], "number", [*range(20), NAN]),
        (["u1", "u2", "u3", "u4", "u5"], "text", [0, 1, 2, 3, 4]),
        (["u1", "u2", "u3", "u4", "u4"], "category", [0, 1, 2, 3, 3]),
        ([1, None, 3], "number", [1, NAN, 3]),
        ([1.5, NAN], "number", [1.5, NAN]),
        ([0, 1, 1], "boolean", [0, 1, 1]),
        ([True, None, False], "boolean", [1, NAN, 0]),
        ([True, True], "constant", [1, 1]),
        ([decimal.Decimal("1.5"), decimal.Decimal(2)], "number", [1.5, 2]),
        ([datetime.date(1970, 1, 2), None], "date", [1, NAN]),
        ([datetime.datetime(1970, 1, 2, 6), datetime.datetime(1970, 1, 3)], "date", [1.25, 2]),
        ([datetime.time(0, 0, 2), datetime.time(0, 1)], "number", [2, 60]),
        ([datetime.timedelta(0, 2), datetime.timedelta(0, 0, 500_000)], "number", [2, 0.5]),
        (pyarrow.array(["b", "a", None]).dictionary_encode(), "category", [1, 0, -1]),
        (pyarrow.nulls(2), "missing", [NAN, NAN]),
        ([[1], [2]], "strange", [NAN, NAN]),
        ([b"1", b"2"], "strange", [NAN, NAN]),
        ([{"a": 1}], "strange", [NAN]),
    ],
)
def test_columns_are_what_their_values_say(values, kind, expected):
    column, _ = described(values)
    assert column.kind == kind
    np.testing.assert_array_equal(column.values, expected)
    missing = [NAN if each != each or each == -1 else each for each in expected]
    np.testing.assert_array_equal(column.is_missing, np.isnan(missing))


def test_many_different_texts_are_no_categories():
    texts = [f"t{i % 60}" for i in range(119)]  # 60 of 119, some of them twice
    assert described(texts)[0].kind == "text"
    assert described([*texts, *texts])[0].kind == "category"
    assert described([f"t{i % 50}" for i in range(51)])[0].kind == "category"


def test_categories_are_sorted_whatever_their_order():
    first, second = (described(texts)[0] for texts in (["b", "a", "c"], ["c", "b", "a"]))
    assert first.categories == second.categories == ("a", "b", "c")


def test_the_few_that_are_no_numbers_are_missing_and_said():
    column, _ = described([*MANY, *MANY, "x" * 99, "y"])
    assert column.notes == (
        f"x: 2 values are no numbers, taken as missing: {'x' * 40}... in row 41, y in row 42",
    )
    (note,) = described(["1970-01-02"] * 9 + ["1970-02-30"])[0].notes
    assert note == "x: 1 value is no date, taken as missing: 1970-02-30 in row 10"
    assert described(["03/04/2024", "05/06/2024"])[0].notes == (
        "x: dates such as 03/04/2024 are read month first",
    )


def test_forms_and_words_are_kept():
    percent = described(["5%", "7%"])[0]
    assert (percent.form, percent.notes) == ("%", ("x: numbers of %",))
    assert described(["2.1.1970", "3.1.1970"])[0].form == "day first"
    assert described(["No", "Yes"])[0].words == ("No", "Yes")
    assert described(["sí", "no"])[0].words == ("no", "sí")
    assert described([0, 1])[0].words == ("0", "1")


def test_numbers_may_be_names_of_categories():
    column, _ = described([10, 9, None], categories=["x"])
    assert (column.kind, column.categories) == ("category", ("10", "9"))
    assert described(["1", "1", "2"], categories=["x"])[0].categories == ("1", "2")


@pytest.mark.parametrize("text", MISSING)
def test_every_mark_of_a_missing_value_is_known(text):
    for written in (text, text.upper(), f" {text} "):
        assert texts_of(pyarrow.array(["a", written])).to_pylist() == ["a", None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.5, NAN, None], ["1", "2.5", None, None]),
        ([True, False], ["true", "false"]),
        ([datetime.date(1970, 1, 2)], ["1970-01-02"]),
        ([[1]], [None]),
        (pyarrow.array(["a", "a"]).dictionary_encode(), ["a", "a"]),
    ],
)
def test_cells_as_texts(values, expected):
    assert texts_of(pyarrow.chunked_array([pyarrow.array(values)])).to_pylist() == expected


def test_moments_with_a_zone_are_utc():
    zone = datetime.timezone(datetime.timedelta(hours=6))
    moment = datetime.datetime(1970, 1, 2, tzinfo=zone)
    assert typed(pyarrow.array([moment])).tolist() == [0.75]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("number", ["5", "x", ""], [5, NAN, NAN]),
        ("number", [5, None], [5, NAN]),
        ("number", pyarrow.nulls(1), [NAN]),
        ("boolean", ["yes", "0", "TRUE", "1.0", "x"], [1, 0, 1, 1, NAN]),
        ("boolean", [True, None], [1, NAN]),
        ("boolean", ["1.00", "+1", "0e0"], [1, 1, 0]),
        ("boolean", [1.0, 0.0, None], [1, 0, NAN]),
        ("boolean", [datetime.timedelta(seconds=1), None], [1, NAN]),
        ("date", ["1970-01-02", "2.1.1970"], [1, NAN]),
        ("date", [datetime.date(1970, 1, 2)], [1]),
        ("category", ["b", "a", ""], [1, 0, -1]),
        ("category", [2, 10], [1, 0]),
    ],
)
def test_a_column_whose_kind_is_known(kind, values, expected):
    column = of_kind(pyarrow.table({"x": values}), "x", kind)
    np.testing.assert_array_equal(column.values, expected)
    assert len(column.notes) == any(text in ("x", "2.1.1970") for text in values)


def test_a_known_column_keeps_its_unit_its_form_and_its_decimal_sign():
    table = pyarrow.table({"x": ["5%", "1,5"], "when": ["3.4.1970", "4.3.1970"]})
    assert of_kind(table, "x", "number", "%", ",").values.tolist() == [5, 1.5]
    assert of_kind(table, "when", "date", "day first").values.tolist() == [92, 62]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["5%", "0.5", "7 %", ""], ["x: 1 number without %, taken as %: 0.5 in row 2"]),
        (["5", "7%", "1"], ["x: 2 numbers without %, taken as %: 5 in row 1, 1 in row 3"]),
        (["5%", "-7 %", None], []),
        ([0.5, 0.7], ["x: numbers without %, taken as %"]),
        (["5%", "x"], ["x: 1 value is no number, taken as missing: x in row 2"]),
        ([None, None], []),
    ],
)
def test_numbers_without_the_unit_of_training_are_said(values, said):
    table = pyarrow.table({"x": values})
    assert list(of_kind(table, "x", "number", "%").notes) == said


@pytest.mark.parametrize(
    ("kind", "values", "got"),
    [
        ("number", ["a", "b"], "expected numbers, as it had in training, got a"),
        ("date", ["1", "b"], "expected dates, as it had in training, got 1"),
        ("boolean", ["a"], "expected yes or no, as it had in training, got a"),
        ("boolean", [datetime.date(1970, 1, 2)], "expected yes or no, .*got date32"),
        ("number", [datetime.date(1970, 1, 2)], "got date32"),
        ("date", [1, 2], "got int64"),
        ("number", [[1]], "got list<"),
    ],
)
def test_a_column_of_another_kind_is_refused(kind, values, got):
    with pytest.raises(DataError, match=f"x: .*{got}"):
        of_kind(pyarrow.table({"x": values}), "x", kind)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2"], True),
        (["1,234", "2"], True),
        (["1.0", "2.0"], False),
        (["1.5", "2"], False),
        (["1e3", "2"], False),
        ([1, 2], True),
        ([1.0, 2.0], False),
    ],
)
def test_whole_numbers_are_those_that_are_written_so(values, expected):
    column, table = described(values)
    assert whole(column, table) == expected


def test_a_yes_among_0_and_1_is_read_alike_again():
    table = pyarrow.table({"x": [*["0", "1"] * 10, "yes", "x"]})
    (found,) = describe(table)
    again = of_kind(table, "x", "boolean")
    assert (found.kind, found.values[-2], found.words) == ("boolean", 1.0, ("0", "1"))
    np.testing.assert_array_equal(found.values, again.values)
    assert found.notes == again.notes


def test_typed_texts_have_the_decimal_sign_of_training():
    table = pyarrow.table({"x": ["1,234"]})
    assert (decimal_of(table), decimal_of(table, ",")) == (".", ",")
