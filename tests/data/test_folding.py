import numpy as np
import pytest

from experiments.data.folding import folded
from experiments.data.idx import DataError
from experiments.data.rows import Rows
from jaxmlp.types import Dataset


def numbered(count, classes=3, **fields):
    """Examples whose one feature is their number, and a test set of one that no fold may have."""
    inputs = np.arange(count, dtype=np.float32)[:, None]
    labels = (np.arange(count) % classes).astype(np.int32)
    return Dataset(inputs, labels, np.float32([[-1]]), np.int32([0]), name="them", **fields)


@pytest.mark.parametrize(("count", "k"), [(50, 5), (53, 5), (54, 5), (7, 2), (6, 6), (100, 3)])
def test_each_example_is_tested_once_and_all_folds_train_on_as_many(count, k):
    data = numbered(count, sha256="ab", num_classes=3)
    folds = folded(data, k)
    assert len(folds) == k
    tested = np.concatenate([fold.test_inputs[:, 0] for fold in folds])
    assert sorted(tested) == list(range(count))
    sizes = {len(fold.train_inputs) for fold in folds}
    assert sizes == {count - -(-count // k)}
    for fold in folds:
        own, others = fold.test_inputs[:, 0], fold.train_inputs[:, 0]
        assert not set(own) & set(others)
        assert len(own) + len(others) in (count, count - 1)
        assert (fold.train_labels == others % 3).all()
        assert (fold.test_labels == own % 3).all()
        assert (fold.name, fold.sha256, fold.num_classes) == ("them", "ab", 3)
        assert fold.validation_inputs is None
        counts = np.bincount(fold.test_labels, minlength=3)
        if count >= 3 * k:
            assert counts.max() - counts.min() <= 1
    again = folded(data, k)
    assert all((a.train_inputs == b.train_inputs).all() for a, b in zip(folds, again, strict=True))


def test_a_validation_set_is_of_the_examples_that_a_fold_is_not_tested_on():
    weights = np.arange(60, dtype=np.float32)
    folds = folded(numbered(60, train_weights=weights), 3, 0.25)
    for fold in folds:
        sets = [fold.train_inputs, fold.validation_inputs, fold.test_inputs]
        assert [len(each) for each in sets] == [30, 10, 20]
        assert sorted(np.concatenate(sets)[:, 0]) == list(range(60))
        assert (fold.validation_labels == fold.validation_inputs[:, 0] % 3).all()
        assert (fold.train_weights == fold.train_inputs[:, 0]).all()


def test_values_are_divided_alike_by_their_size():
    data = numbered(40)._replace(train_labels=np.arange(40, dtype=np.float32) ** 2)
    for fold in folded(data, 4):
        assert sorted(fold.test_inputs[:, 0] // 4) == list(range(10))


def test_what_cannot_be_folded_is_refused():
    with pytest.raises(DataError, match=r"^them: expected at least 5 rows for 5 folds, got 4$"):
        folded(numbered(4), 5)
    read = Rows(lambda rows: rows[:, None], (6, 1), np.float32)
    with pytest.raises(DataError, match="^them: expected examples in memory for folds, got files"):
        folded(numbered(6)._replace(train_inputs=read), 2)
