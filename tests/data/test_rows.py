import numpy as np
import pytest

from experiments.data import rows as module
from experiments.data.idx import DataError
from experiments.data.rows import Rows, finite, pieces

VALUES = np.arange(24.0).reshape(6, 2, 2)


def rows_of(values, dtype=np.float32):
    return Rows(lambda numbers: values[numbers], values.shape, dtype)


def test_rows_are_those_of_an_array():
    rows = rows_of(VALUES)
    assert (rows.shape, rows.dtype, len(rows), rows.nbytes) == ((6, 2, 2), "float32", 6, 96)
    got = rows[np.array([0, 3, 5])]
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, VALUES[[0, 3, 5]])
    np.testing.assert_array_equal(np.asarray(rows), VALUES)
    assert np.asarray(rows, np.float64).dtype == np.float64


def test_some_of_some_are_rows_of_the_file():
    mask = np.array([True, False, True, True, False, True])
    rows = rows_of(VALUES).only(mask).only(np.array([False, True, True, True])).flat()
    assert rows.shape == (3, 4)
    np.testing.assert_array_equal(np.asarray(rows), VALUES[[2, 3, 5]].reshape(3, 4))
    np.testing.assert_array_equal(rows[np.array([1, 2])], VALUES[[3, 5]].reshape(2, 4))


def test_little_is_read_at_once(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 40)  # of 16 bytes each: two
    assert [len(piece) for piece in pieces(rows_of(VALUES))] == [2, 2, 2]
    monkeypatch.setattr(module, "CHUNK", 1)
    assert [len(piece) for piece in pieces(rows_of(VALUES))] == [1] * 6


def test_what_is_not_finite_is_refused_by_its_row_in_the_file():
    values = VALUES.copy()
    values[4, 1, 0] = np.nan
    rows = Rows(finite(lambda numbers: values[numbers], "a file"), values.shape, np.float32)
    assert rows[np.arange(4)].shape == (4, 2, 2)
    with pytest.raises(DataError, match="a file: expected finite .*, got NaN or infinity in row 4"):
        rows.only(np.arange(6) > 2)[np.array([0, 1])]
    values[4, 1, 0] = 1e39  # which float32 has none of
    with pytest.raises(DataError, match="in row 4"):
        np.asarray(rows)
