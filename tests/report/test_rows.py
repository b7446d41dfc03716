import datetime

import numpy as np
import pyarrow as pa
import pytest

from experiments.data.tables import columns, preparation
from experiments.report import rows


def test_a_table_s_rows_come_back():
    days = [datetime.date(2020, 1, day) for day in (1, 2, 29, 30)]
    times = [datetime.datetime(2021, 5, 1, hour, 30) for hour in (0, 6, 12, 23)]
    table = pa.table(
        {
            "age": [20.5, None, 40.0, 31.0],
            "income": [10.0, 100.0, 1000.0, -50.0],
            "member": [True, False, False, True],
            "town": ["Bonn", "Ulm", None, "Bonn"],
            "since": days,
            "at": times,
        }
    )
    found = columns.describe(table, categories=["town"])
    (made,) = preparation.fit(found, [np.arange(4)], log=["income"])
    fitted = {"columns": made}
    names, values = rows.undone(fitted, preparation.apply(fitted, table), 40)
    assert names == table.column_names
    first, second, third, last = values
    assert first == ["20.5", "10", "true", "Bonn", "2020-01-01", "2021-05-01 00:30"]
    assert second == ["missing", "100", "false", "Ulm", "2020-01-02", "2021-05-01 06:30"]
    assert third[3:] == ["missing", "2020-01-29", "2021-05-01 12:30"]
    assert last[:2] == ["31", "-50"]
    assert rows.undone(fitted, preparation.apply(fitted, table), 2)[0] == ["age", "income"]


@pytest.mark.parametrize(
    ("features", "text"),
    [([1, 0, 0], "a"), ([0, 1, 0], "b"), ([0, 0, 1], "another"), ([0, 0, 0], "another")],
)
def test_a_category_that_was_rare_is_another(features, text):
    about = {"name": "c", "kind": "category", "categories": ["a", "b"]}
    made = {"columns": [{**about, "has_missing": False, "has_other": True}]}
    assert rows.undone(made, np.float32([features]), 1)[1] == [[text]]


def test_days_beyond_the_calendar_are_numbers():
    about = {"name": "d", "kind": "date", "has_missing": False, "has_time": False}
    made = {"columns": [{**about, "mean": 0.0, "scale": 1.0}]}
    assert rows.undone(made, np.float32([[1e9, 0, 0, 0, 0]]), 1)[1] == [["1e+09 days after 1970"]]
