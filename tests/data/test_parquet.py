from pathlib import Path

import numpy as np
import parquet_files
import pyarrow as pa
import pytest

from experiments.data import parquet
from experiments.data.idx import DataError
from experiments.data.parquet import open_arrays, open_files

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (50, 2, 3)).astype(np.uint8)
LABELS = np.arange(50) % 3


def opened(path, **columns):
    return open_files([parquet_files.write(path, **columns)])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.parquet"


@pytest.mark.parametrize("name", ["x", "inputs"])
@pytest.mark.parametrize("label", ["y", "label", "labels", "target"])
def test_inputs_are_lists_of_pixels(path, name, label):
    rows, labels = opened(path, **{name: PIXELS, label: LABELS, "other": LABELS})
    assert (rows.shape, rows.dtype) == ((50, 2, 3), np.uint8)
    np.testing.assert_array_equal(np.asarray(rows), PIXELS)
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(list(PIXELS.reshape(50, 6))),  # lists of any length, which are alike
        pa.array(list(PIXELS.reshape(50, 6)), pa.large_list(pa.uint8())),
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(6), 50, [None, pa.py_buffer(PIXELS)]),
    ],
)
def test_lists_and_bytes_of_other_kinds(path, column):
    rows, labels = opened(path, x=column)
    assert (rows.shape, rows.dtype, labels) == ((50, 6), np.uint8, None)
    np.testing.assert_array_equal(np.asarray(rows), PIXELS.reshape(50, 6))


def test_bytes_of_a_part_of_an_array_are_its_own(path):
    column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(6), 50, [None, pa.py_buffer(PIXELS)])
    got = parquet._values(path, 0, "x", column.slice(20, 3))
    np.testing.assert_array_equal(got, PIXELS[20:23].reshape(3, 6))


def test_tensors_have_their_shape(path):
    column = pa.FixedShapeTensorArray.from_numpy_ndarray(PIXELS)
    rows, _ = opened(path, x=column)
    np.testing.assert_array_equal(np.asarray(rows), PIXELS)
    assert rows.shape == (50, 2, 3)


def test_columns_of_numbers_are_the_features_in_their_order(path):
    a, b = RANDOM.normal(size=50), np.arange(50)
    index = {"__index_level_0__": np.arange(50)}  # pandas' own
    rows, labels = opened(path, b=b, a=a, target=LABELS / 2, flag=b > 3, **index)
    assert (rows.shape, rows.dtype) == ((50, 3), np.float32)
    np.testing.assert_array_equal(np.asarray(rows), np.float32(np.stack([b, a, b > 3], axis=1)))
    np.testing.assert_array_equal(labels, LABELS / 2)


def test_one_column_x_of_numbers_is_one_feature(path):
    rows, _ = opened(path, x=np.arange(50.0), other=LABELS)
    np.testing.assert_array_equal(np.asarray(rows), np.arange(50.0)[:, None])


@pytest.mark.parametrize("batch", [1, 30, 10**6])
def test_any_rows_are_read_in_any_order_of_asking(path, batch, monkeypatch):
    monkeypatch.setattr(parquet, "BATCH", batch)  # bytes: one row at a time, five, or a group
    rows, _ = opened(path, x=PIXELS)
    for numbers in ([0, 49], [20, 21, 30], [3], [3], [0, 1, 2, 3, 48], [], [28, 29]):
        got = rows[np.array(numbers, int)]
        np.testing.assert_array_equal(got, PIXELS[numbers] if numbers else PIXELS[:0])


def test_rows_that_rise_are_decoded_once_and_groups_without_any_are_left_alone(path, monkeypatch):
    monkeypatch.setattr(parquet, "BATCH", 12)  # two rows
    rows, _ = opened(path, x=PIXELS)
    decoded, groups = [], []
    decode, begin = parquet._decoded, parquet._batches

    def decoding(path, start, *rest):
        decoded.append(start)
        return decode(path, start, *rest)

    def beginning(path, group, *rest):
        groups.append(group)
        return begin(path, group, *rest)

    monkeypatch.setattr(parquet, "_decoded", decoding)
    monkeypatch.setattr(parquet, "_batches", beginning)
    for numbers in (range(10, 20), range(20, 30), range(42, 45)):
        rows[np.array(numbers)]
    assert decoded == [9, 11, 13, 14, 16, 18, 20, 21, 23, 25, 27, 28, 42, 44]
    assert groups == [1, 2, 3, 4, 6]


def test_a_folder_of_two_parts_and_of_one(tmp_path):
    for part, each in (("train", slice(20)), ("train", slice(20, 40)), ("test", slice(40, 50))):
        name = f"data/{part}-{each.stop}.parquet"
        parquet_files.write(tmp_path / name, x=PIXELS[each], label=LABELS[each])
    arrays = open_arrays(tmp_path)
    assert [*arrays] == ["x_train", "y_train", "x_test", "y_test"]
    np.testing.assert_array_equal(np.asarray(arrays["x_train"]), PIXELS[:40])
    np.testing.assert_array_equal(arrays["x_train"][np.array([5, 25])], PIXELS[[5, 25]])
    np.testing.assert_array_equal(arrays["y_test"], LABELS[40:])
    whole = open_arrays(next(tmp_path.rglob("train-20.parquet")))
    assert [*whole] == ["x", "y"]
    for path in tmp_path.rglob("test-*"):
        path.unlink()
    with pytest.raises(DataError, match=r"train\*.parquet and test\*.parquet, got those of train"):
        open_arrays(tmp_path)
    for number, path in enumerate(sorted(tmp_path.rglob("train-*"))):
        path.rename(path.with_name(f"part-{number}.parquet"))
    np.testing.assert_array_equal(open_arrays(tmp_path)["y"], LABELS[:40])


def test_a_row_is_counted_within_its_file(tmp_path):
    good = parquet_files.write(tmp_path / "1.parquet", x=pa.array([[1.0, 2.0]] * 9), y=LABELS[:9])
    bad = parquet_files.write(
        tmp_path / "2.parquet", x=pa.array([[1.0, 2.0]] * 8 + [[3.0, None]]), y=LABELS[:9]
    )
    rows, _ = open_files([good, bad])
    with pytest.raises(DataError, match="2.parquet: expected numbers in x, got none in row 8"):
        np.asarray(rows)


def two(value):
    return pa.array([[1.0, 2.0]] * 9 + [value])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"x": two(None)}, "expected numbers in x, got none in row 9"),
        ({"x": two([1.0, None])}, "expected numbers in x, got none in row 9"),
        ({"x": two([1.0])}, r"expected 2 numbers in each list of x, got 1 in row 9"),
        ({"x": pa.array([[1.0]] * 7 + [[1.0, 2.0]] * 3)}, r"expected \(1,\) .* of x, got \(2,\)"),
        (
            {"x": two([1.0, np.inf])},
            "expected finite float32 numbers, got NaN or infinity in row 9",
        ),
        ({"x": pa.array(["a"] * 10)}, "in the column x, got string"),
        ({"x": pa.array([{"bytes": b"a"}] * 10)}, "lists of them, in the column x, got struct<"),
        ({"a": np.arange(10.0), "b": pa.array(["a"] * 10)}, "numbers in the column b, got string"),
        ({"a": PIXELS[:10]}, "expected numbers in the column a, got fixed_size_list"),
        ({"y": np.arange(10)}, "expected inputs in columns, got y"),
        ({"x": np.zeros((0, 3))}, "expected examples, got none"),
    ],
)
def test_other_inputs_are_refused_in_one_line(path, columns, said):
    with pytest.raises(DataError, match=f"some.parquet: .*{said}") as error:
        np.asarray(opened(path, **columns)[0])
    assert "\n" not in str(error.value)


def test_what_is_not_finite_may_be_let_pass(path):
    parquet_files.write(path, x=two([1.0, np.nan]))
    rows, _ = open_files([path], check_finite=False)
    assert np.isnan(np.asarray(rows)[9, 1])


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (pa.array([0, 1, None]), "expected numbers in y, got none in row 2"),
        (pa.array(["a", "b", None]), "expected texts in y, got none in row 2"),
        (pa.array([0, 1, 2], pa.date32()), "expected numbers or texts in the column y, got date32"),
    ],
)
def test_other_labels_are_refused_in_one_line(path, labels, said):
    with pytest.raises(DataError, match=f"some.parquet: {said}"):
        opened(path, x=np.zeros((3, 2)), y=labels)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), None])
def test_labels_may_be_texts(path, kind):
    texts = pa.array(["b", "a", "bcd"] * 5)
    labels = texts.dictionary_encode() if kind is None else texts.cast(kind)
    _, found = opened(path, x=np.zeros((15, 2)), y=labels)
    assert found.tolist() == ["b", "a", "bcd"] * 5


def test_files_that_are_none_are_refused_in_one_line(path):
    with pytest.raises(DataError, match="some.parquet: expected a Parquet file, got no such file"):
        open_files([path])
    path.write_bytes(b"PAR1 and more")
    with pytest.raises(DataError, match="some.parquet: expected a Parquet file, got ") as error:
        open_files([path])
    assert "\n" not in str(error.value)
    parquet_files.write(path, x=PIXELS)
    with pytest.raises(DataError, match="expected a column of labels, y, label, .*, got none"):
        open_arrays(path)
    other = parquet_files.write(Path(path.parent, "z.parquet"), x=np.zeros((3, 2)))
    with pytest.raises(DataError, match=r"z.parquet: expected the columns of .*some.parquet, got"):
        open_files([path, other])


def test_damaged_pages_are_refused_in_one_line(path):
    parquet_files.write(path, x=RANDOM.normal(size=(500, 8)), group=500)
    data = bytearray(path.read_bytes())
    data[4:20_000] = b"\xff" * 19_996
    path.write_bytes(data)
    with pytest.raises(DataError, match="some.parquet: expected ") as error:
        np.asarray(open_files([path])[0])
    assert "\n" not in str(error.value)
