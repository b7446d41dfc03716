import numpy as np
import pytest

from experiments.data import own
from experiments.data.idx import DataError

GOOD = {
    "x_train": np.arange(12.0).reshape(4, 3),
    "y_train": np.array([0, 1, 2, 1]),
    "x_test": np.ones((2, 3)),
    "y_test": np.array([2, 0]),
}


def save(tmp_path, **arrays):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    return path


def test_reads_the_four_arrays(tmp_path):
    (x, y, x_test, y_test), image_shape, *_ = own.read(
        save(tmp_path, **GOOD, other=np.array(["x"]))
    )
    assert (x.dtype, y.dtype, x_test.dtype, y_test.dtype) == (
        "float32",
        "int32",
        "float32",
        "int32",
    )
    np.testing.assert_array_equal(x, GOOD["x_train"])
    np.testing.assert_array_equal(y, [0, 1, 2, 1])
    np.testing.assert_array_equal(x_test, np.ones((2, 3)))
    np.testing.assert_array_equal(y_test, [2, 0])
    assert image_shape is None


@pytest.mark.parametrize(
    ("shape", "dtype", "image_shape", "kept"),
    [
        ((10,), "int64", None, "float32"),
        ((10, 4), "float64", None, "float32"),
        ((10, 4), "uint8", None, "uint8"),
        ((10, 4), "bool", None, "float32"),
        ((10, 2, 3), "uint8", (2, 3), "uint8"),
        ((10, 2, 3, 1), "float16", (2, 3), "float32"),
        ((10, 2, 3, 3), "uint8", (2, 3, 3), "uint8"),
        ((10, 2, 3, 3), "float32", (2, 3, 3), "float32"),
        ((10, 3, 5, 6), "uint8", None, "uint8"),
        ((10, 2, 3, 2), "uint8", None, "uint8"),
    ],
)
def test_x_of_any_shape_becomes_rows(tmp_path, shape, dtype, image_shape, kept):
    x = np.ones(shape, dtype)
    arrays, got, *_ = own.read(save(tmp_path, x=x, y=np.arange(10.0)))
    assert arrays[0].shape == (8, x[0].size)
    assert arrays[2].shape == (2, x[0].size)
    assert {arrays[0].dtype, arrays[2].dtype} == {np.dtype(kept)}
    assert got == image_shape


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"x_test": None},
            "expected the arrays x_train, y_train, x_test, y_test or x, y, got x_t",
        ),
        ({"y_test": np.array([1])}, "expected as many rows in x_test as in y_test, got 2 and 1"),
        (
            {"x_test": np.ones((2, 4))},
            r"expected examples alike in x_train and x_test, got \(3,\) float32 and \(4,\) float32",
        ),
        ({"x_test": np.ones((2, 3), np.uint8)}, r"got \(3,\) float32 and \(3,\) uint8"),
        ({"x_train": np.zeros((0, 3))}, r"x_train: expected examples \(N, ...\), got .* \(0, 3\)"),
        ({"x_train": np.zeros((4, 0))}, r"x_train: expected examples .*, got .* \(4, 0\)"),
        ({"x_train": np.float32(1)}, r"x_train: expected examples .*, got .* \(\)"),
        ({"x_train": np.ones((4, 3), complex)}, "x_train: expected numbers, got complex128"),
        ({"x_train": np.full((4, 3), "a")}, "x_train: expected numbers, got <U1"),
        (
            {"x_train": np.array([[0, 1, 2], [0, np.nan, np.inf], [0, 1, -np.inf], [0, 1, 2]])},
            "x_train: expected finite float32 numbers, got 3 NaN or infinite, the first in row 1",
        ),
        ({"x_test": np.full((2, 3), 1e39)}, "x_test: expected finite float32 numbers, got 6"),
        ({"y_train": np.eye(4)}, r"in y_train and y_test, got float64 \(4, 4\) and int64 \(2,\)"),
        (
            {"y_train": np.array([0, 1, 2.5, 1])},
            "y_train: expected classes as texts or whole numbers, got 2.5 in row 2",
        ),
        ({"y_train": np.array([0, np.nan, 2, 1])}, "expected finite labels, got nan in row 1"),
        ({"y_test": np.array([0, -1])}, "classes in y_test that y_train has, got -1$"),
        ({"y_test": np.array([2**31, 0])}, "in y_test that y_train has, got 2147483648$"),
        ({"y_test": np.array(["a", "b"])}, "in y_train and y_test, got int64 .4,. and <U1"),
        (
            {"x_train": np.full((4, 3), "2020", "M8[D]")},
            "x_train: expected numbers, got datetime64",
        ),
        ({"x_train": np.zeros((4, 3), "f4,i4")}, r"x_train: expected numbers, got \[\('f0'"),
        ({"y_train": np.int64(1)}, r"y_train: expected numbers or texts \(N,\), .* \(\)"),
        ({"y_test": np.array([3, 7])}, "y_test that y_train has, got 3, 7$"),
        ({"y_test": np.array([10**5, 0])}, "y_test that y_train has, got 100000$"),
        ({"y_test": np.array([10**9, 0])}, "y_test that y_train has, got 1000000000$"),
        ({"y_test": np.array([{}, {}])}, "expected arrays of numbers, got pickled Python objects"),
    ],
)
def test_refuses(tmp_path, changes, message):
    arrays = {key: array for key, array in (GOOD | changes).items() if array is not None}
    with pytest.raises(DataError, match=message) as caught:
        own.read(save(tmp_path, **arrays))
    assert str(caught.value).startswith(f"{tmp_path / 'data.npz'}: ")
    assert "\n" not in str(caught.value)


def test_the_check_for_nan_can_be_switched_off(tmp_path):
    x = np.full((5, 2), np.nan)
    arrays, *_ = own.read(save(tmp_path, x=x, y=np.arange(5)), check_finite=False)
    assert np.isnan(arrays[0]).all()


@pytest.mark.parametrize(
    ("dtype", "order"),
    [(">f8", "C"), ("<f8", "F"), (">i2", "F"), ("float16", "C"), (np.longdouble, "C"), ("?", "F")],
)
def test_any_layout_of_numbers_is_read(tmp_path, dtype, order):
    x = np.array([[0, 1], [1, 0], [1, 1], [0, 0]]).astype(dtype, order=order)
    arrays, *_ = own.read(save(tmp_path, **GOOD | {"x_train": x, "x_test": x[:2]}))
    np.testing.assert_array_equal(arrays[0], [[0, 1], [1, 0], [1, 1], [0, 0]])
    assert arrays[0].dtype == np.float32
    assert arrays[0].dtype.isnative


VALUES = {**GOOD, "y_train": np.array([0.5, 1, 2, 1]), "y_test": np.array([2.0, 7])}


@pytest.mark.parametrize("task", [None, "regression"])
def test_labels_that_are_no_whole_numbers_are_values(tmp_path, task):
    (_, y, _, y_test), *_ = own.read(save(tmp_path, **VALUES), task=task)
    assert (y.dtype, y_test.dtype) == ("float32", "float32")
    assert (y.tolist(), y_test.tolist()) == ([0.5, 1, 2, 1], [2, 7])
    with pytest.raises(DataError, match="y_train: expected classes as .* numbers, got 0.5"):
        own.read(tmp_path / "data.npz", task="classification")


def test_whole_numbers_are_classes_unless_somebody_says_otherwise(tmp_path):
    path = save(tmp_path, **GOOD)
    assert own.read(path, task=None)[0][1].dtype == "int32"
    assert own.read(path, task="regression")[0][1].dtype == "float32"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"y_test": np.array([np.nan, 1])},
            "expected finite labels, got nan in row 0",
        ),
        (
            {"y_test": np.array([1, 1e300])},
            "y_test: expected finite float32 .*, got 1e.300 in row 1",
        ),
        (
            {"y_test": np.ones((2, 2))},
            r"labels alike in y_train and y_test, got float64 \(4,\) and float64 \(2, 2\)",
        ),
        ({"y_train": np.ones((4, 1, 1))}, "expected numbers or texts .* of numbers, got float64"),
        ({"y_train": np.array(["a"] * 4)}, "in y_train and y_test, got <U1"),
        ({"y_train": np.ones(3) / 2}, "as many rows in x_train as in y_train, got 4 and 3"),
    ],
)
def test_other_values_are_refused(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        own.read(save(tmp_path, **{**VALUES, **change}), task="regression")


def test_several_values_an_example_are_divided_by_the_first(tmp_path):
    y = np.stack([np.arange(10.0) % 5, np.arange(10.0) + 0.5], axis=1)
    (x, y_train, _, y_test), *_ = own.read(
        save(tmp_path, x=np.arange(10.0)[:, None], y=y), task=None
    )
    assert (y_train.shape, y_test.shape) == ((8, 2), (2, 2))
    np.testing.assert_array_equal(y_train, y[x[:, 0].astype(int)])


def test_pictures_with_a_fourth_number_are_rows_of_a_run_that_knew_no_colours(tmp_path):
    path = save(tmp_path, x=np.zeros((10, 2, 3, 4), np.uint8), y=np.arange(10) % 2)
    with pytest.raises(DataError, match="x: expected pictures .*, got a fourth number a pixel"):
        own.read(path)
    found = own.read(path, is_known=True)
    assert (found.arrays[0].shape, found.image_shape) == ((8, 24), None)
