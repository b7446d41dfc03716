"""Rows that are marked as unlike those of training."""

import numpy as np
import pytest

from experiments.data.tables.columns import Column
from experiments.data.tables.unlike import marks

DAY = {"name": "day", "kind": "date", "has_missing": False, "has_time": False}
TOWN = {"name": "town", "kind": "category", "has_missing": False, "has_other": False}


def number(low=18.0, high=80.0, has_missing=False):
    about = {"name": "age", "kind": "number", "has_missing": has_missing}
    return about | {"low": low, "high": high}


def marked(values, *abouts):
    column = Column("age", "number", np.float64(values))
    return marks([{"columns": [about]} for about in abouts], [column])


def test_a_number_out_of_the_range_is_marked_and_its_ends_are_not():
    assert marked([17, 18, 80, 130], number()) == ["age 17, below 18", "", "", "age 130, above 80"]


def test_what_is_missing_is_marked_where_none_was():
    assert marked([np.nan, 20], number()) == ["age missing", ""]
    assert marked([np.nan, 20], number(has_missing=True)) == ["", ""]


def test_numbers_are_as_exact_as_it_takes_to_tell_them_apart():
    assert marked([80.0000001], number()) == ["age 80.0000001, above 80"]
    assert marked([np.nextafter(80, 81)], number()) == ["age 80.000000000000014, above 80"]
    assert marked([2e9], number()) == ["age 2e+09, above 80"]


def test_several_folds_are_one_range():
    one, other = number(10, 50), number(20, 80)
    assert marked([9, 15, 60, 81], one, other) == ["age 9, below 10", "", "", "age 81, above 80"]
    assert marked([9, 15, 60, 81], other)[1] == "age 15, below 20"


@pytest.mark.parametrize(("has_other", "why"), [(False, "new"), (True, "new or rare")])
def test_categories_that_no_training_row_has_are_marked(has_other, why):
    towns = Column("town", "category", np.array([0, 1, 2, -1]), ("Bonn", "Trier", "Ulm"))
    about = TOWN | {"categories": ["Bonn", "Ulm"], "has_other": has_other}
    expected = ["", f"town Trier, {why}", "", "town missing"]
    assert marks([{"columns": [about]}], [towns]) == expected
    unseen = {"columns": [about | {"unseen": ["Ulm"]}]}
    assert marks([unseen], [towns])[2] == f"town Ulm, {why}"
    assert marks([unseen, {"columns": [about]}], [towns]) == expected  # one fold has seen it


def test_dates_are_written_as_such():
    days = Column("day", "date", np.array([-1.0, 0.0, 1.5, 10.0]))
    about = DAY | {"low": 0.0, "high": 1.0}
    assert marks([{"columns": [about]}], [days]) == [
        *("day 1969-12-31, below 1970-01-01", ""),
        *("day 1970-01-02T12:00, above 1970-01-02T00:00", "day 1970-01-11, above 1970-01-02"),
    ]


def test_a_row_has_all_its_marks_on_one_line():
    columns = [
        Column("a\nge", "number", np.array([99.0])),
        Column("town", "category", np.array([0]), ("a\nb" + 99 * "x",)),
    ]
    about = TOWN | {"categories": ["Ulm"]}
    (text,) = marks([{"columns": [number(), about]}], columns)
    assert text.startswith("a?ge 99, above 80; town a?bxxx")
    assert text.endswith("..., new")
    assert len(text) < 130
