import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data.tables.numbers import decimal_of, is_code, parse, unit_of


def array(*texts):
    return pyarrow.array(texts, pyarrow.string())


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("1", 1, 1),
        ("-1.5", -1.5, None),
        ("1,5", None, 1.5),
        ("−2", -2, -2),  # a typesetter's minus
        ("+3e2", 300, 300),
        (".5", 0.5, None),
        ("5.", 5, None),
        (",5", None, 0.5),
        ("1,234", 1234, 1.234),
        ("1.234", 1.234, 1234),
        ("0,123", None, 0.123),
        ("1,234,567.5", 1234567.5, None),
        ("1.234.567,5", None, 1234567.5),
        ("12 345", 12345, 12345),
        ("12\u202f345,5", None, 12345.5),
        ("12'345.5", 12345.5, None),
        ("12,34", None, 12.34),
        ("1,23,456", None, None),
        ("inf", np.inf, np.inf),
        ("1e999", np.inf, np.inf),
        ("0x10", None, None),
        ("1_000", None, None),
        ("1-2", None, None),
        ("one", None, None),
        ("", None, None),
    ],
)
def test_numbers_are_read_by_their_decimal_sign(text, point, comma):
    for decimal, expected in ((".", point), (",", comma)):
        for others in ((), ("x",)):  # with what is no number beside it, and without
            found = parse(array(text, *others), decimal)[0]
            assert found == expected if expected is not None else np.isnan(found), decimal


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_what_python_writes_is_read_to_the_bit(values):
    texts = [repr(value) for value in values]
    np.testing.assert_array_equal(parse(array(*texts)), values)
    np.testing.assert_array_equal(parse(array(*texts, "x"))[:-1], values)
    commas = array(*(text.replace(".", ",") for text in texts))
    np.testing.assert_array_equal(parse(commas, ","), values)


@pytest.mark.parametrize(
    ("texts", "unit", "values"),
    [
        (["5%", "7 %"], "%", [5, 7]),
        (["€5", "-€7"], "€", [5, -7]),
        (["5 EUR", "7 EUR"], "EUR", [5, 7]),
        (["$1,234", "$7"], "$", [1234, 7]),
        (["5%", "7"], "", [np.nan, 7]),
        (["5%", "$7"], "", [np.nan, np.nan]),
        (["5%5", "7%"], "", [np.nan, np.nan]),
    ],
)
def test_a_unit_is_left_out_where_all_have_it(texts, unit, values):
    found = unit_of(array(*texts, None))
    assert found == unit
    np.testing.assert_array_equal(parse(array(*texts), ".", found), values)
    assert unit_of(array(None)) == ""


@pytest.mark.parametrize(
    ("columns", "delimiter", "expected"),
    [
        ([["1.5", "2"]], ";", "."),
        ([["1,5", "2"]], ";", ","),
        ([["1,5", "2"]], "\t", ","),
        ([["1,234"], ["2.5"]], ";", "."),  # another column decides
        ([["1,234"], ["2,5"]], ",", ","),
        ([["1.234"], ["2,5"]], ";", ","),
        ([["1,234"]], ";", ","),  # where semicolons are, the comma is taken
        ([["1,234"]], ",", "."),
        ([["1.234"]], ";", "."),
        ([["a,b"], ["1"]], ";", "."),
        ([["1,5", "1,5"], ["1.5", "2.5"]], ";", "."),
        ([], ";", "."),
    ],
)
def test_the_decimal_sign_is_that_of_the_whole_table(columns, delimiter, expected):
    assert decimal_of([array(*texts) for texts in columns], delimiter) == expected


@pytest.mark.parametrize(
    ("texts", "trained", "expected"),
    [
        (["1,234"], ",", ","),
        (["1,234"], ".", "."),
        (["1.234"], ",", ","),
        (["1,5"], ".", ","),
        (["1.5"], ",", "."),
        (["7"], ",", ","),
    ],
)
def test_what_was_trained_on_decides_where_both_signs_may_be(texts, trained, expected):
    assert decimal_of([array(*texts)], ";", trained) == expected
    assert decimal_of([array(*texts)], "\t", trained) == expected


def test_codes_begin_with_zeros():
    assert is_code(array("01234", "99999"))
    assert not is_code(array("0", "0.5", "10", None))
