"""Learners are quiet, have their inputs scaled, and know classes that no row is of."""

import numpy as np
import pytest
import threadpoolctl
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from experiments.scores import learners


def test_kinds_are_of_values_or_of_classes():
    kinds = [learners.linear(True, 7), learners.linear(False, 7)]
    kinds += [learners.boosting(True), learners.boosting(False)]
    made = [learn.__self__ for learn in kinds]
    assert [type(each) for each in made] == [
        *(Ridge, LogisticRegression),
        *(HistGradientBoostingRegressor, HistGradientBoostingClassifier),
    ]
    assert made[1].max_iter == 7
    assert {each.max_iter for each in made[2:]} == {learners.NUM_TREES}
    assert {each.random_state for each in made[2:]} == {0}
    assert {each.early_stopping for each in made[2:]} == {False}


def test_inputs_are_scaled_by_the_training_rows_alone():
    train = np.array([[2, 0, 5], [6, 1, 5]], np.uint8)
    test = np.array([[8, 3, 9]], np.uint8)
    inputs, others = learners.scaled(train, test)
    assert inputs.tolist() == [[-1, 0, 0], [1, 1, 0]]
    assert others.tolist() == [[2, 3, 4]]  # less the mean alone where there is no deviation


def test_classes_without_a_row_have_no_probability():
    learn = learners.linear(False, 100)
    inputs = np.array([[0.0], [1.0], [2.0]])
    found = learners.probabilities(learn, inputs, np.array([1, 1, 3]), inputs, None, 4)
    assert (found[:, [0, 2]] == 0).all()
    assert found[2, 3] > found[0, 3] > 0
    alone = learners.probabilities(learn, inputs, np.array([2, 2, 2]), inputs, None, 3)
    assert alone.tolist() == [[0, 0, 1]] * 3


def test_values_are_learned_each_alone():
    inputs = np.array([[0.0], [1.0], [2.0]])
    labels = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]])
    found = learners.values(learners.linear(True, 1), inputs, labels, inputs, None)
    # of the slope 2 / (2 + 1), by the penalty 1
    np.testing.assert_allclose(found, [[1 / 3, 5], [1, 5], [5 / 3, 5]])


def test_what_did_not_converge_is_told_and_nothing_is_shown(recwarn):
    inputs, labels = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3
    with learners.quietly() as said:
        learners.linear(False, 1)(inputs, labels, None)
        np.log(np.zeros(1))
    assert len(said) == 1
    with learners.quietly() as said:
        learners.linear(False, 1000)(inputs, labels, None)
    assert said == []
    assert not recwarn


def test_one_thread_is_at_work():
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: F401, loads its own pool

    with learners.quietly():
        assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info()} == {1}


def test_an_error_goes_through():
    with pytest.raises(KeyError), learners.quietly():
        raise KeyError
