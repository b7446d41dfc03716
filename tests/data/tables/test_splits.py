import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data.division import split
from experiments.data.idx import DataError
from experiments.data.tables.splits import divide, folds

MANY = np.arange(1000) % 3


def complete(rows, count, spare=0):
    together = np.concatenate(rows)
    assert len(np.unique(together)) == len(together) == count - spare
    assert all((np.diff(part) > 0).all() for part in rows)


@given(st.lists(st.integers(0, 3), min_size=5, max_size=60))
def test_the_test_set_is_that_of_the_house(labels):
    labels = np.array(labels)
    rows = divide(labels, 0.2)
    complete(rows, len(labels))
    test = split(np.arange(len(labels))[:, None], labels, "")[2][:, 0]
    trained = np.setdiff1d(np.arange(len(labels)), test)
    kept = test[np.isin(labels[test], labels[trained])]  # but for classes that would not be learned
    assert rows.test.tolist() == kept.tolist() or (not len(kept) and len(rows.test) == 1)
    assert {*labels[rows.test]} <= {*labels[rows.train]}


def test_a_class_of_one_row_is_learned():
    rows = divide(np.array([0, 0, 0, 0, 1]), 0.2)
    assert (rows.train.tolist(), rows.test.tolist()) == ([0, 1, 2, 4], [3])


def test_validation_is_taken_from_the_rest():
    without, rows = divide(MANY, 0.2), divide(MANY, 0.2, 0.1)
    np.testing.assert_array_equal(rows.test, without.test)
    complete(rows, 1000)
    assert [len(part) for part in rows] == [720, 80, 200]
    assert np.bincount(MANY[rows.validation]).tolist() == [26, 27, 27]


def test_values_and_answers_are_divided_alike():
    values = np.linspace(0, 1, 100)
    test = divide(values, 0.2).test
    assert np.histogram(values[test], 4)[0].tolist() == [5, 5, 5, 5]
    answers = np.stack([np.arange(80) % 2, np.arange(80) // 2 % 2], axis=1)
    test = divide(answers, 0.25).test
    assert np.unique(answers[test], axis=0, return_counts=True)[1].tolist() == [5] * 4
    several = np.stack([values, -values], axis=1)
    np.testing.assert_array_equal(divide(several, 0.2).test, divide(values, 0.2).test)


@given(
    st.lists(st.integers(0, 5), min_size=8, max_size=60).filter(lambda each: len(set(each)) > 2),
    st.floats(0.05, 0.6),
)
def test_no_group_is_in_two_sets(groups, fraction):
    groups = np.array(groups)
    rows = divide(np.zeros(len(groups), int), fraction, 0.3, groups=groups)
    complete(rows, len(groups))
    sets = [{*groups[part]} for part in rows]
    assert all(sets)
    assert len(set.union(*sets)) == sum(map(len, sets))


def test_groups_come_near_to_the_fraction():
    groups = np.arange(1000) // 10
    assert len(divide(MANY, 0.2, groups=groups).test) == 200


@given(
    st.lists(st.integers(0, 9), min_size=10, max_size=60).filter(lambda each: len(set(each)) > 4)
)
def test_the_latest_rows_test(times):
    times = np.array(times)
    try:
        rows = divide(np.zeros(len(times), int), 0.2, 0.2, times=times)
    except DataError:
        return  # most rows are of one time
    complete(rows, len(times))
    assert times[rows.train].max() < times[rows.validation].min()
    assert times[rows.validation].max() < times[rows.test].min()
    assert len(rows.test) >= int(0.2 * len(times))


def test_exactly_the_latest_fifth_where_times_differ():
    rows = divide(np.zeros(10), 0.2, times=np.arange(10)[::-1])
    assert rows.test.tolist() == [0, 1]


@given(st.lists(st.integers(0, 3), min_size=10, max_size=60), st.integers(2, 6))
def test_each_row_tests_once_and_all_folds_train_on_as_many(labels, count):
    labels = np.array(labels)
    found = folds(labels, count)
    tested = np.concatenate([rows.test for rows in found])
    assert sorted(tested) == list(range(len(labels)))
    assert len({len(rows.train) for rows in found}) == 1
    sizes = [len(rows.test) for rows in found]
    assert max(sizes) - min(sizes) <= 1
    for rows in found:
        complete(rows, len(labels), spare=max(sizes) - len(rows.test))
        for label in range(4):
            share = np.sum(labels == label) / count
            assert abs(np.sum(labels[rows.test] == label) - share) < 1


def test_the_row_left_out_is_of_the_commonest_class():
    labels = np.array([0] * 8 + [1] * 3)
    for rows in folds(labels, 3):
        left_out = np.setdiff1d(np.arange(11), np.concatenate(rows))
        assert labels[left_out].tolist() == [0] * (4 - len(rows.test))


def test_of_values_any_row_is_left_out():
    values = np.linspace(0, 1, 52)
    left_out = [
        int(each)
        for rows in folds(values, 5)
        for each in np.setdiff1d(np.arange(52), np.concatenate(rows))
    ]
    assert left_out == [34, 2, 30]
    assert len({*left_out}) == 3
    assert {*left_out}.isdisjoint({0, 51})


def test_folds_are_the_same_for_ever():
    assert folds(np.arange(10) % 2, 5)[0].test.tolist() == [2, 9]
    assert [rows.test.tolist() for rows in folds(np.zeros(5, int), 2)] == [[1, 2, 4], [0, 3]]


def test_folds_hold_a_validation_set_out():
    for rows in folds(MANY, 7, 0.1):
        complete(rows, 1000, spare=143 - len(rows.test))
        assert len(rows.validation) == 85
        assert len(rows.train) == 772


def test_folds_of_groups_keep_them_whole():
    groups = np.repeat([3, 1, 4, 0, 5], [9, 2, 6, 5, 3])
    found = folds(np.zeros(25, int), 3, 0.3, groups)
    assert sorted(len(rows.test) for rows in found) == [8, 8, 9]
    for rows in found:
        complete(rows, 25)
        assert not {*groups[rows.test]} & {*groups[rows.train]}
        assert not {*groups[rows.validation]} & {*groups[rows.train]}


@pytest.mark.parametrize(
    ("divided", "expected"),
    [
        (lambda: divide(np.zeros(4, int), 0.2, where="a.csv"), "a.csv: expected at least 5"),
        (lambda: divide(np.arange(9), 0.2), "expected rows for 20 % and for the rest"),
        (lambda: divide(MANY, 0.2, groups=np.zeros(1000)), "expected at least 2 groups"),
        (lambda: divide(MANY, 0.2, times=np.zeros(1000)), "expected earlier rows than the latest"),
        (lambda: folds(MANY[:3], 4), "expected at least 4 rows for 4 folds, got 3"),
        (lambda: folds(MANY, 3, groups=MANY % 2), "at least 3 groups for 3 folds, got 2"),
    ],
)
def test_what_cannot_be_divided_is_said(divided, expected):
    with pytest.raises(DataError, match=expected):
        divided()


@pytest.mark.parametrize("sizes", [(1, 9), (9, 1)])
def test_a_group_is_left_to_train_on(sizes):
    rows = divide(np.zeros(10, int), 0.9, groups=np.repeat([0, 1], sizes))
    assert len(rows.train)
    assert len(rows.test)
