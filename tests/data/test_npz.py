import tracemalloc
import zipfile

import npz_files
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data import npz
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
        (
            {"x_train": np.full((4, 3), "2020", "M8[D]")},
            "x_train: expected numbers, got datetime64",
        ),
        ({"x_train": np.zeros((4, 3), "f4,i4")}, r"x_train: expected numbers, got \[\('f0'"),
        ({"y_train": np.int64(1)}, r"y_train: expected class numbers \(N,\), got .* \(\)"),
        (
            {"y_train": np.array([0, 1, 3, 5])},
            "0, 1, ... to 5 each to .* y_train, got none of 2, 4$",
        ),
        (
            {"y_train": np.array([0, 0, 0, 10**9])},
            "to 1000000000 each to have an example in y_train, got none of 1, 2, 3, 4, 5, ...$",
        ),
        ({"y_test": np.array([3, 7])}, "y_test that y_train has, from 0 to 2, got 3, 7$"),
        ({"y_test": np.array([10**5, 0])}, "y_test that y_train has, from 0 to 2, got 100000$"),
        ({"y_test": np.array([10**9, 0])}, "y_test that y_train has, from 0 to 2, got 1000000000$"),
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


@pytest.mark.parametrize(
    ("dtype", "order"),
    [(">f8", "C"), ("<f8", "F"), (">i2", "F"), ("float16", "C"), (np.longdouble, "C"), ("?", "F")],
)
def test_any_layout_of_numbers_is_read(tmp_path, dtype, order):
    x = np.array([[0, 1], [1, 0], [1, 1], [0, 0]]).astype(dtype, order=order)
    arrays, _ = npz.read(save(tmp_path, **GOOD | {"x_train": x, "x_test": x[:2]}))
    np.testing.assert_array_equal(arrays[0], [[0, 1], [1, 0], [1, 1], [0, 0]])
    assert arrays[0].dtype == np.float32
    assert arrays[0].dtype.isnative


X = np.arange(20.0).reshape(10, 2)
Y = ("y", np.arange(10) % 2)
BROKEN = {
    "10^18 rows": ([("x", npz_files.claiming((10**18, 2)))], "whose header says 8,000,000,000,000"),
    "2^70 rows": ([("x", npz_files.claiming((2**70, 2)))], "whose header says "),
    "fewer rows": ([("x", npz_files.claiming((1, 2), content=bytes(16)))], "header says"),
    "more rows": ([("x", npz_files.claiming((3, 2), content=bytes(16)))], "header says"),
    "negative rows": ([("x", npz_files.claiming((-1, 2)))], "header says|shape"),
    "no header": ([("x", b"")], "magic string; expected 6 bytes|EOF"),
    "no array": ([("x", b"plain text, and enough of it")], "magic string is not correct"),
    "header cut": ([("x", npz_files.npy(X)[:40])], "EOF"),
    "header of 1 GB": ([("x", b"\x93NUMPY\x02\x00\x00\x00\x00\x40{}")], "EOF"),
    "header of nonsense": ([("x", npz_files.with_header(b"nonsense"))], "malformed"),
    "header of parentheses": ([("x", npz_files.with_header(b"(" * 9000))], ""),
    "header of code": ([("x", npz_files.with_header(b"__import__('os').getcwd()"))], "malformed"),
    "header of no type": ([("x", npz_files.claiming((1,), "zz"))], "descr|type"),
    "objects": ([("x", npz_files.claiming((2,), "|O", bytes(16)))], "pickled Python objects"),
    "version 3": ([("x", npz_files.claiming((2,), "<f4", bytes(8), 3))], "format 3.0 of x"),
    "version 9": ([("x", npz_files.claiming((2,), "<f4", bytes(8), 9))], "9"),
    "twice": ([("x", X), ("x", X)], "x twice"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_a_file_says_of_itself_is_checked_before_memory_is_taken(kind, tmp_path):
    members, message = BROKEN[kind]
    path = npz_files.write(tmp_path / "data.npz", [*members, Y])
    tracemalloc.start()
    with pytest.raises(DataError, match=f"expected arrays of numbers, got .*({message})") as caught:
        npz.read(path)
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()
    assert "\n" not in str(caught.value)


def test_only_archives_that_numpy_writes_are_read(tmp_path):
    def refusal(change, *arguments):
        path = npz_files.write(tmp_path / "data.npz", [("x", X), Y])
        npz.read(path)
        change(path, *arguments)
        with pytest.raises(DataError, match="expected arrays of numbers, got ") as caught:
            npz.read(path)
        return str(caught.value)

    assert "encrypted" in refusal(npz_files.encrypted)
    assert "compression" in refusal(npz_files.packed_by, 99)
    npz.read(npz_files.write(tmp_path / "data.npz", [("x", X), Y], zipfile.ZIP_STORED))


def test_a_file_that_says_it_has_more_than_it_can_is_refused(tmp_path, monkeypatch):
    zeros = np.zeros((1000, 1000))  # 8 MB in 8 KB
    path = npz_files.write(tmp_path / "data.npz", [("x", zeros), ("y", np.arange(1000) % 2)])
    npz.read(path)
    monkeypatch.setattr(npz.memory, "available", lambda device: 16_000_000)
    with pytest.raises(
        DataError, match=r"got arrays that need 0.0149 GiB of memory, of 0.0149 GiB"
    ):
        npz.read(path)
    size = len(npz_files.npy(zeros))
    npz_files.patch(path, 22, 24, (10**9).to_bytes(4, "little"))
    with pytest.raises(DataError, match=f"1,000,000,000 bytes in x, whose header says {size:,}"):
        npz.read(path)
    monkeypatch.setattr(npz, "DEFLATED", 10)
    with pytest.raises(DataError, match=f"{size:,} bytes in x, said to be from "):
        npz.read(npz_files.write(path, [("x", zeros), Y]))


def test_without_choices_all_arrays_are_read(tmp_path):
    arrays = npz.open_arrays(save(tmp_path, a=X, b=np.array(["text"])))
    assert arrays.keys() == {"a", "b"}
    np.testing.assert_array_equal(arrays["a"], X)
