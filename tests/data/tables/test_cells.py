"""The cells of a column, whatever type it has."""

import datetime
import decimal

import numpy as np
import pyarrow
import pytest

from experiments.data.tables.cells import MISSING, is_date, is_text, texts_of, typed

DAY = datetime.date(1970, 1, 3)


@pytest.mark.parametrize("text", [*MISSING, " NaN ", "Missing", "\tn/A"])
def test_what_stands_for_nothing_is_missing(text):
    assert texts_of(pyarrow.array([text, " a "])).to_pylist() == [None, "a"]


@pytest.mark.parametrize("text", ["0", "no", "naN!", "---- ", "None of these"])
def test_other_texts_are_there(text):
    assert texts_of(pyarrow.array([text])).to_pylist() == [text.strip()]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None], ["1", None]),
        ([1.0, 0.5, float("nan")], ["1", "0.5", None]),
        ([2.0**53], ["9007199254740992.0"]),
        ([True, False, None], ["true", "false", None]),
        ([DAY], ["1970-01-03"]),
        ([[1], [2]], [None, None]),
        ([b"a"], [None]),
    ],
)
def test_values_of_a_type_are_written(values, expected):
    assert texts_of(pyarrow.array(values)).to_pylist() == expected


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pyarrow.array([1, None]), [1, np.nan]),
        (pyarrow.array([True, False, None]), [1, 0, np.nan]),
        (pyarrow.array([DAY, None]), [2, np.nan]),
        (pyarrow.array([datetime.datetime(1970, 1, 2, 12)]), [1.5]),
        (pyarrow.array([datetime.time(0, 0, 2)]), [2]),
        (pyarrow.array([datetime.timedelta(minutes=1)]), [60]),
        (pyarrow.array([decimal.Decimal("0.25")]), [0.25]),
        (pyarrow.nulls(2), [np.nan, np.nan]),
        (pyarrow.array([3, 3]).dictionary_encode(), [3, 3]),
        (pyarrow.chunked_array([[1], [2]]), [1, 2]),
    ],
)
def test_types_that_are_numbers_are_had_as_float64(column, expected):
    values = typed(column)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, expected)


def test_texts_and_lists_are_no_numbers():
    assert typed(pyarrow.array(["1"])) is None
    assert typed(pyarrow.array([[1]])) is None


def test_types_are_told_apart():
    assert is_text(pyarrow.array(["a"]).dictionary_encode().type)
    assert is_text(pyarrow.large_string())
    assert not is_text(pyarrow.binary())
    assert is_date(pyarrow.timestamp("s", "UTC"))
    assert is_date(pyarrow.date32())
    assert not is_date(pyarrow.time32("s"))
