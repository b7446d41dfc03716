import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data.division import split
from experiments.data.idx import DataError


@given(st.lists(st.integers(0, 3), min_size=5, max_size=60))
def test_split_is_fixed_stratified_and_complete(labels):
    labels, index = np.array(labels), np.arange(len(labels))[:, None]
    parts = split(index, labels, "data")
    again = split(index, labels, "data")
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
    test = split(np.arange(20)[:, None], np.zeros(20, int), "data")[2]
    assert test[:, 0].tolist() == [2, 10, 12, 16]


def test_split_of_one_class_is_the_frozen_shuffle():
    test = split(np.arange(1000)[:, None], np.zeros(1000, int), "data")[2]
    expected = np.sort(np.random.RandomState(0).permutation(1000)[4::5])
    np.testing.assert_array_equal(test[:, 0], expected)


def test_split_refuses_too_few():
    with pytest.raises(DataError, match=r"data: expected at least 5 examples .*, got 4"):
        split(np.zeros((4, 1)), np.zeros(4, int), "data")
