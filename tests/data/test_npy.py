import numpy as np
import pytest

from experiments.data import own, sources
from experiments.data.idx import DataError
from experiments.data.npy import map_arrays

PIXELS = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
GOOD = {
    "x_train": PIXELS,
    "y_train": np.array([0, 1, 2, 0, 1, 2]),
    "x_test": PIXELS[:2],
    "y_test": np.array([2, 0]),
}


def save(folder, **arrays):
    for name, array in {**GOOD, **arrays}.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def test_a_folders_inputs_are_mapped_and_the_rest_is_as_of_a_file(tmp_path):
    np.savez(tmp_path / "data.npz", **GOOD)
    (tmp_path / "data").mkdir()
    folder = save(tmp_path / "data")
    data, file = sources.load(str(folder)), sources.load(str(tmp_path / "data.npz"))
    assert isinstance(data.train_inputs, np.memmap)
    assert isinstance(data.test_inputs, np.memmap)
    assert data.train_inputs.tolist() == PIXELS.reshape(6, 4).tolist()
    assert data.train_labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert (data.name, data.source) == (f"{folder}/", f"the folder {folder}")
    assert sources.load(data.name).sha256 == file.sha256
    assert (data.sha256, data.num_classes, data.image_shape) == (file.sha256, 3, (2, 2))


def test_float32_is_mapped_as_it_is(tmp_path):
    floats = {name: np.float32(GOOD[name]) for name in ("x_train", "x_test")}
    assert isinstance(own.read(save(tmp_path, **floats))[0][0], np.memmap)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x_train": PIXELS.astype(float)}, "uint8 or float32 in x_train.npy, got float64"),
        ({"x_test": np.asfortranarray(PIXELS[:2])}, "x_test.npy: expected rows one after another"),
        ({"y_train": np.array([None] * 6)}, "y_train.npy: expected an array of numbers, got"),
        ({"y_train": np.array([0, 1, 2])}, "as many rows in x_train as in y_train, got 6 and 3"),
    ],
)
def test_what_is_no_data_is_refused(tmp_path, arrays, said):
    with pytest.raises(DataError, match=said):
        own.read(save(tmp_path, **arrays), task=None)


def test_a_file_that_is_missing_is_named(tmp_path):
    (save(tmp_path) / "y_test.npy").unlink()
    with pytest.raises(
        DataError, match=r"expected the files x_train.npy.* got none of y_test.npy$"
    ):
        sources.load(str(tmp_path))
    (tmp_path / "x_train.npy").write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(DataError, match=r"x_train.npy: expected an array of numbers, got"):
        map_arrays(tmp_path, ["x_train"])


def test_numbers_that_are_not_finite_are_counted_over_all_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(own, "CHUNK", 8)  # two rows
    x = np.float32(PIXELS)
    x[3, 0, 1], x[5] = np.nan, np.inf
    with pytest.raises(DataError, match="x_train: .* got 5 NaN or infinite, the first in row 3"):
        own.read(save(tmp_path, x_train=x, x_test=x[:2]))
    assert len(own.read(tmp_path, check_finite=False)[0][0]) == 6


def test_no_validation_set_is_copied_out_of_a_folder(tmp_path):
    data = sources.load(str(save(tmp_path)))
    assert sources.hold_out(data, 0) is data
    with pytest.raises(DataError, match="no validation fraction of a folder, got 0.5"):
        sources.hold_out(data, 0.5)
