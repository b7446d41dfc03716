import numpy as np
import pyarrow

from experiments.data.tables.remarks import bare, odd

NAN = np.nan


def test_values_of_another_kind_are_named_the_first_of_many():
    texts = pyarrow.array(["a", "1", None, "b", "c", "d"])
    values = np.array([NAN, 1, NAN, NAN, NAN, NAN])
    said = "x: 4 values are no dates, taken as missing: a in row 1, b in row 4, c in row 5, ..."
    assert odd("x", texts, values, "dates") == (said,)
    assert odd("x", pyarrow.array(["1", None]), np.array([1, NAN]), "numbers") == ()


def test_numbers_without_a_unit_are_named_where_training_had_one():
    texts, values = pyarrow.array(["1 €", "2", None, "x"]), np.array([1, 2, NAN, NAN])
    assert bare("x", texts, values, "€") == ("x: 1 number without €, taken as €: 2 in row 2",)
    assert bare("x", texts, values, "") == ()
    assert bare("x", None, values, "€") == ("x: numbers without €, taken as €",)
    assert bare("x", None, values[2:], "€") == ()
