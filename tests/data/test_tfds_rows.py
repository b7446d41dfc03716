import sys

import idx_files
import numpy as np
import pytest
import tfds_files

from experiments.data import own, tfds_prepared
from experiments.data.idx import DataError
from experiments.data.tfds_rows import open_arrays

X, Y = np.arange(36, dtype=np.float32).reshape(12, 3), np.arange(12) % 2


def numbers(features):
    return {
        "x": features.Tensor(shape=(3,), dtype=np.float32),
        "y": features.Scalar(dtype=np.int64),
        "other": features.Text(),
    }


def examples(xs=X):
    return [{"x": x, "y": y, "other": "more"} for x, y in zip(xs, Y, strict=True)]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return tfds_files.prepare(tmp_path_factory.mktemp("tfds"), "mnist", idx_files.arrays())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return tfds_files.prepare_own(tmp_path_factory.mktemp("own"), numbers, train=examples())


def test_pictures_are_read_by_their_rows_in_the_order_of_the_files(digits, capfd):
    arrays, whole = open_arrays(digits), tfds_prepared.read_prepared(digits)
    assert [*arrays] == ["x_train", "y_train", "x_test", "y_test"]
    for name, expected in zip(arrays, whole, strict=True):
        got = np.asarray(arrays[name])
        np.testing.assert_array_equal(got.reshape(expected.shape), expected)
    rows = arrays["x_train"]
    assert (rows.shape[1:], rows.dtype) == ((28, 28, 1), np.uint8)
    np.testing.assert_array_equal(rows[np.array([2, 9])][..., 0], whole[0][[2, 9]])
    assert "tensorflow" not in sys.modules
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("folder", ["version", "name"])
def test_one_split_is_divided_as_a_file_is(prepared, folder):
    path = prepared if folder == "version" else prepared.parent
    (x, y, x_test, y_test), image_shape, *_ = own.read(path, task="classification")
    assert (x.shape, x_test.shape, image_shape) == ((10, 3), (2, 3), None)
    found = np.concatenate([np.asarray(x), np.asarray(x_test)])
    assert sorted(found[:, 0].tolist()) == X[:, 0].tolist()
    np.testing.assert_array_equal(np.concatenate([y, y_test]), found[:, 0] / 3 % 2)


def test_what_is_not_finite_is_refused_when_it_is_read(tmp_path):
    bad = X.copy()
    bad[5, 1] = np.nan
    folder = tfds_files.prepare_own(tmp_path, numbers, train=examples(bad))
    rows = np.asarray(open_arrays(folder, check_finite=False)["x"])
    (row,) = np.flatnonzero(np.isnan(rows[:, 1]))  # TFDS writes in an order of its own
    with pytest.raises(DataError, match=f"1.0.0: expected finite .* NaN or infinity in row {row}"):
        np.asarray(open_arrays(folder)["x"])


@pytest.mark.parametrize(
    ("features", "example", "said"),
    [
        (
            lambda f: {"a": f.Tensor(shape=(2,), dtype=np.float32), "y": f.Scalar(dtype=np.int64)},
            {"a": np.ones(2, np.float32), "y": 1},
            "expected features x or inputs or .*, and y or .*, got a, y",
        ),
        (
            lambda f: {"x": f.Tensor(shape=(None,), dtype=np.float32), "y": f.Scalar(np.int64)},
            {"x": np.ones(2, np.float32), "y": 1},
            r"expected numbers of one shape in x, got float32 \(None,\)",
        ),
        (
            lambda f: {"x": f.Text(), "y": f.Scalar(dtype=np.int64)},
            {"x": "a", "y": 1},
            "expected numbers of one shape in x, got object",
        ),
    ],
)
def test_other_features_are_refused_in_one_line(features, example, said, tmp_path):
    folder = tfds_files.prepare_own(tmp_path, features, train=[example])
    with pytest.raises(DataError, match=said) as error:
        open_arrays(folder)
    assert "\n" not in str(error.value)


def test_other_formats_are_refused_with_what_to_do(digits, tmp_path):
    import shutil

    folder = shutil.copytree(digits, tmp_path / "mnist" / "3.0.1")
    tfds_files.to_tfrecord(folder)
    with pytest.raises(DataError, match="got tfrecord: prepare it with file_format='array_record'"):
        open_arrays(folder)
    (folder / "dataset_info.json").write_text("{")
    with pytest.raises(DataError, match="expected data prepared by TFDS, got ParseError"):
        open_arrays(folder)
