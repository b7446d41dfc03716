"""Examples that lie elsewhere: what may be one, and that each label is looked at."""

import numpy as np
import optax
import pytest

from jaxmlp import Dataset, Recipe, classification, mlp, regression, train
from jaxmlp.training import sources
from jaxmlp.training.checks import check, check_set
from jaxmlp.training.sources import Source, as_source, is_streamed, row_bytes

RECIPE = Recipe(mlp((4, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 8, 1)
X, Y = np.zeros((3000, 4), np.float32), np.arange(3000) % 3


def test_a_source_has_its_rows_as_they_are_wanted():
    values = np.arange(12.0).reshape(3, 4)
    rows = np.array([0, 2])
    assert Source(values, np.float32)[rows].dtype == np.float32
    assert Source(values, np.float64)[rows].tolist() == values[rows].tolist()
    column = Source(values[:, :1], np.int32, ())
    assert (column.shape, len(column), column[rows].tolist()) == ((3,), 3, [0, 8])


def test_what_has_rows_is_a_source_and_the_rest_becomes_an_array():
    source = Source(X, np.float32)
    assert as_source("inputs", X) is X
    assert as_source("inputs", source) is source
    assert as_source("inputs", [[1, 2]]).shape == (1, 2)


def test_a_set_is_streamed_from_a_byte_more_than_a_window():
    assert row_bytes(X, Y) == 16 + 8
    total = 3000 * 24
    found = [is_streamed(window, X, Y) for window in (None, total, total - 1)]
    assert found == [False, False, True]


def test_sets_that_fit_stay_arrays():
    data = Dataset(X, Y, X[:10], Y[:10])
    _, checked = check(RECIPE, data, window=3000)
    assert isinstance(checked.train_inputs, Source)
    assert isinstance(checked.test_inputs, np.ndarray)
    _, again = check(RECIPE, checked, window=3000)
    assert again.train_labels.shape == (3000,)
    assert again.train_labels.dtype == np.int32


def test_each_label_is_looked_at_and_the_row_is_told(monkeypatch):
    monkeypatch.setattr(sources, "CHUNK", 800)  # 100 labels
    labels = Y.copy()
    labels[2345] = 3
    with pytest.raises(ValueError, match="from 0 to 2, got 3 at 45, counted from row 2300 on"):
        check_set(RECIPE, X, labels, 1)
    labels[45] = 5
    with pytest.raises(ValueError, match="from 0 to 2, got 5 at 45$"):
        check_set(RECIPE, X, labels, 1)


def test_a_row_in_the_first_piece_is_told_as_it_is():
    labels = Y.copy()
    labels[1500] = 3  # beyond those that show what the others are like
    with pytest.raises(ValueError, match="from 0 to 2, got 3 at 1500$"):
        check_set(RECIPE, X, labels, 1)


def test_labels_beyond_what_jax_holds_become_floats(monkeypatch):
    monkeypatch.setattr(sources, "CHUNK", 8000)
    recipe = RECIPE._replace(model=mlp((4, 1)), task=regression())
    far = Y.copy()
    far[2500] = 2**40
    for labels, dtype in ((Y, np.int32), (far, np.float32)):
        assert check_set(recipe, X, labels, 1)[1].dtype == dtype


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"train_labels": Y[:-1]}, "the same length"),
        ({"train_inputs": X[:, :3]}, "the model cannot take"),
        ({"train_inputs": X.astype(str)}, "an array of numbers"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_read(changed, said):
    with pytest.raises(ValueError, match=said):
        train(RECIPE, Dataset(X, Y)._replace(**changed), 0, window=100)


@pytest.mark.parametrize("window", [0, -1, 1.5, "8", True])
def test_a_window_is_a_number_of_bytes(window):
    with pytest.raises(ValueError, match="window needs to be bytes, a whole number from 1, got"):
        train(RECIPE, Dataset(X, Y), 0, window=window)


def test_more_than_the_memory_has_is_taken_in_windows_alone(monkeypatch):
    monkeypatch.setattr("jaxmlp.training.limits.available", lambda device: 20_000)
    with pytest.raises(ValueError, match="training needs at least"):
        check(RECIPE, Dataset(X, Y))
    check(RECIPE, Dataset(X, Y), window=10_000)


def test_only_what_is_needed_is_read_by_a_check():
    read = []

    class Counting:
        shape, dtype = X.shape, X.dtype

        def __len__(self):
            return len(X)

        def __getitem__(self, rows):
            read.extend(rows)
            return X[rows]

    check_set(RECIPE, Counting(), Y, 100)
    assert read == list(range(1000))
