"""Files of examples as a network is asked about them."""

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

import jaxmlp
from experiments.app import answers
from experiments.data.rows import Rows

LINEAR = jaxmlp.Recipe(jaxmlp.mlp((2, 1)), jaxmlp.regression(1), None, {}, 1, 1)


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_inputs_are_rows_of_numbers_and_labels_are_as_they_are(tmp_path):
    path = saved(tmp_path / "a.npz", x=np.arange(12.0).reshape(3, 2, 2), y=["a", "b", "a"])
    inputs, labels = answers.read(path, 4)
    assert (inputs.shape, inputs.dtype, inputs[1].tolist()) == ((3, 4), np.float32, [4, 5, 6, 7])
    assert labels.tolist() == ["a", "b", "a"]
    pixels = saved(tmp_path / "b.npz", x_test=np.full((2, 4), 255, np.uint8))
    inputs, labels = answers.read(pixels, 4)
    assert (inputs.dtype, labels) == (np.uint8, None)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (np.zeros((3, 5)), "expected rows of 4, got 5"),
        (np.array(["a"]), r"expected inputs \(N, ...\) of numbers, got <U1 \(1,\)"),
        (np.zeros((0, 4)), r"expected inputs \(N, ...\) of numbers, got float64 \(0, 4\)"),
    ],
)
def test_other_inputs_are_one_line(inputs, said, tmp_path):
    with pytest.raises(ValueError, match=f"a.npz: {said}$"):
        answers.read(saved(tmp_path / "a.npz", x=inputs), 4)


def test_values_are_float32_in_the_answers_shape(tmp_path):
    path = tmp_path / "a.npz"
    assert answers.check_values(path, np.array([1, 2]), (2, 1)).tolist() == [[1.0], [2.0]]
    assert answers.check_values(path, np.zeros((2, 3)), (2, 3)).dtype == np.float32
    for labels, shape in ((np.zeros(2), (2, 3)), (np.zeros((3, 1)), (2, 1)), (["a", "b"], (2, 1))):
        with pytest.raises(ValueError, match=r"a.npz: expected labels \(2, [13]\) of numbers, got"):
            answers.check_values(path, np.array(labels), shape)


def test_rows_on_the_disk_are_answered_as_those_in_memory(tmp_path):
    path = tmp_path / "a.parquet"
    rows = np.float32([[1, 2], [3, 4], [5, 6]])
    parquet.write_table(pyarrow.table({"a": rows[:, 0], "b": rows[:, 1]}), path)
    inputs, labels = answers.read(path, 2)
    assert isinstance(inputs, Rows)
    assert labels is None
    params = (jaxmlp.types.Dense(np.float32([[2], [10]]), np.float32([1])),)
    for each in (inputs, rows):
        assert answers.predict(LINEAR, params, each).tolist() == [[23], [47], [71]]
