import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import npz
from experiments.idx import DataError

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
    (x, y, x_test, y_test), image_shape = npz.read(save(tmp_path, **GOOD, other=np.array(["x"])))
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
        ((10, 2, 3, 3), "uint8", None, "uint8"),
    ],
)
def test_x_of_any_shape_becomes_rows(tmp_path, shape, dtype, image_shape, kept):
    x = np.ones(shape, dtype)
    arrays, got = npz.read(save(tmp_path, x=x, y=np.arange(10.0)))
    assert arrays[0].shape == (8, x[0].size)
    assert arrays[2].shape == (2, x[0].size)
    assert {arrays[0].dtype, arrays[2].dtype} == {np.dtype(kept)}
    assert got == image_shape


@given(st.lists(st.integers(0, 3), min_size=5, max_size=60))
def test_split_is_fixed_stratified_and_complete(labels):
    labels, index = np.array(labels), np.arange(len(labels))[:, None]
    parts = npz.split(index, labels, "data")
    again = npz.split(index, labels, "data")
    for part, same in zip(parts, again, strict=True):
        np.testing.assert_array_equal(part, same)
    train, train_labels, test, test_labels = parts
    assert len(test) == len(labels) // 5
    assert sorted([*train[:, 0], *test[:, 0]]) == list(range(len(labels)))
    assert (np.diff(train[:, 0]) > 0).all()
    assert (np.diff(test[:, 0]) > 0).all()
    np.testing.assert_array_equal(train_labels, labels[train[:, 0]])
    for label in range(4):
        share = np.sum(labels == label) / 5
        assert abs(np.sum(test_labels == label) - share) < 1


def test_split_is_the_same_for_ever():
    test = npz.split(np.arange(20)[:, None], np.zeros(20, int), "data")[2]
    assert test[:, 0].tolist() == [2, 10, 12, 16]


def test_split_of_one_class_is_the_frozen_shuffle():
    test = npz.split(np.arange(1000)[:, None], np.zeros(1000, int), "data")[2]
    expected = np.sort(np.random.RandomState(0).permutation(1000)[4::5])
    np.testing.assert_array_equal(test[:, 0], expected)


def test_split_refuses_too_few():
    with pytest.raises(DataError, match=r"data: expected at least 5 examples .*, got 4"):
        npz.split(np.zeros((4, 1)), np.zeros(4, int), "data")


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
        ({"y_train": np.eye(4)}, r"y_train: expected class numbers \(N,\), got .* \(4, 4\)"),
        (
            {"y_train": np.array([0, 1, 2.5, 1])},
            "y_train: expected classes 0, 1, ..., got 2.5 in row 2",
        ),
        ({"y_train": np.array([0, np.nan, 2, 1])}, "expected classes 0, 1, ..., got nan in row 1"),
        ({"y_test": np.array([0, -1])}, "y_test: expected classes 0, 1, ..., got -1 in row 1"),
        ({"y_test": np.array([2**31, 0])}, "expected classes 0, 1, ..., got 2147483648 in row 0"),
        ({"y_test": np.array(["a", "b"])}, "y_test: expected class numbers, got <U1"),
        ({"y_test": np.array([{}, {}])}, "expected arrays of numbers, got pickled Python objects"),
    ],
)
def test_refuses(tmp_path, changes, message):
    arrays = {key: array for key, array in (GOOD | changes).items() if array is not None}
    with pytest.raises(DataError, match=message) as caught:
        npz.read(save(tmp_path, **arrays))
    assert str(caught.value).startswith(f"{tmp_path / 'data.npz'}: ")
    assert "\n" not in str(caught.value)


def test_the_check_for_nan_can_be_switched_off(tmp_path):
    x = np.full((5, 2), np.nan)
    arrays, _ = npz.read(save(tmp_path, x=x, y=np.arange(5)), check_finite=False)
    assert np.isnan(arrays[0]).all()


def test_refuses_what_is_no_npz(tmp_path):
    path = tmp_path / "data.npz"
    with pytest.raises(DataError, match=r"data.npz: expected an .npz file, got no such file"):
        npz.read(path)
    with pytest.raises(DataError, match=r"expected an .npz file, got a directory"):
        npz.read(tmp_path)
    path.write_bytes(b"plain text")
    with pytest.raises(DataError, match=r"expected an .npz file \(.*\), got another kind"):
        npz.read(path)


def test_refuses_a_flipped_byte_and_a_cut_file(tmp_path):
    path = save(tmp_path, **GOOD)
    whole = bytearray(path.read_bytes())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="got another kind"):
        npz.read(path)
    whole[whole.index(np.float64(11).tobytes())] ^= 1  # the last number of x_train
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"expected arrays of numbers, got Bad CRC-32"):
        npz.read(path)
