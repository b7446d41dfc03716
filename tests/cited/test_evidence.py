"""Means, intervals and pairs, against SciPy's own and by hand."""

import numpy as np
import pytest
from scipy import stats

from experiments.cited import evidence

FIRST = {
    "seeds": [3, 4, 5],
    "num_test": 1000,
    "data_sha256": "data",
    "errors": [6, 9, 7],
    "wrong": [[*range(6)], [*range(9)], [*range(7)]],
}
SECOND = {
    **FIRST,
    "errors": [8, 10, 12],
    "wrong": [[*range(2, 10)], [*range(10)], [*range(20, 32)]],
}


def test_the_mean_and_its_interval_are_students():
    values = 1 - np.array(FIRST["errors"]) / 1000
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    found = evidence.summary(FIRST)
    assert (found.mean, found.low, found.high) == pytest.approx((values.mean(), low, high))
    assert evidence.accuracies(FIRST) == [0.994, 0.991, 0.993]
    alone = evidence.summary({**FIRST, "seeds": [3], "errors": [6]})
    assert (alone.num_seeds, alone.mean) == (1, 0.994)


def test_a_difference_is_paired_by_seed():
    gains = np.array([2, 1, 5]) / 1000
    expected = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    found = evidence.compare(FIRST, SECOND)
    assert found.effect == pytest.approx(gains.mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert evidence.is_luck(found)  # the interval has 0 in it
    steady = {**FIRST, "errors": [16, 19, 18]}
    assert not evidence.is_luck(evidence.compare(FIRST, steady))
    assert not evidence.is_luck(evidence.compare(steady, FIRST))
    alone = {**FIRST, "seeds": [0], "errors": [6]}
    assert evidence.is_luck(evidence.compare(alone, {**alone, "errors": [60]}))


def test_the_images_that_decide_are_counted_seed_by_seed():
    found = evidence.deciding(FIRST, SECOND)
    assert (found.first, found.second) == ([4, 1, 12], [2, 0, 7])
    assert found.counts == [6, 1, 19]
    expected = [stats.binomtest(a, a + b).pvalue for a, b in ((4, 2), (1, 0), (12, 7))]
    assert found.p_values == pytest.approx(expected)


@pytest.mark.parametrize("name", ["seeds", "num_test", "data_sha256"])
def test_a_pair_needs_the_same_seeds_and_images(name):
    other = {**SECOND, name: [0, 1, 2] if name == "seeds" else 7}
    for pair in (evidence.compare, evidence.deciding):
        with pytest.raises(ValueError, match=f"needs the same {name}, got"):
            pair(FIRST, other)


def test_the_best_two_are_by_their_means():
    worst = {**FIRST, "errors": [50, 50, 50]}
    assert evidence.best_two([worst, SECOND, FIRST]) == (2, 1)
    assert evidence.best_two([FIRST, worst, FIRST]) == (2, 0)


def test_what_was_left_out_was_not_run():
    assert evidence.was_run(FIRST)
    assert not evidence.was_run(None)
    assert not evidence.was_run({"left_out": "why"})
