import math

import numpy as np
import pytest

from jaxmlp.statistics import intervals


def test_moments_are_exact_of_equal_values_and_missing_of_too_few():
    assert intervals.moments(np.array([1.0, 2.0, 6.0])) == (3, math.sqrt(7))
    assert intervals.moments(np.full(7, 0.1)) == (0.1, 0)
    mean, std = intervals.moments(np.array([7.0]))
    assert mean == 7
    assert math.isnan(std)
    assert np.isnan(intervals.moments(np.array([]))).all()


def test_students_interval_is_that_of_the_tables():
    # At 0.95 and one degree of freedom 12.706205, times a standard error of 1.
    assert intervals.t_interval(np.array([4.0, 6.0]), 0.95) == pytest.approx((-7.706205, 17.706205))
    assert np.isnan(intervals.t_interval(np.array([4.0]), 0.95)).all()


def test_the_bootstrap_s_batches_change_nothing_but_its_memory(monkeypatch):
    values = np.array([1.0, 2.0, 4.0, 8.0])
    whole = intervals.bootstrap_interval(values, 0.9, 500, 0)
    assert 1 < whole[0] < values.mean() < whole[1] < 8
    monkeypatch.setattr(intervals, "batch_size", lambda values: 7)
    assert intervals.bootstrap_interval(values, 0.9, 500, 0) == whole


@pytest.mark.parametrize(("count", "size"), [(4, 500_001), (3_000_000, 1)])
def test_batches_hold_two_million_numbers_or_one_resample(count, size):
    assert intervals.batch_size(np.zeros(count)) == size


@pytest.mark.parametrize("level", [0, 1, -0.5, math.nan])
def test_a_level_is_between_0_and_1(level):
    intervals.check_level("power", 0.5)
    with pytest.raises(ValueError, match=f"^power needs to be between 0 and 1, got {level}$"):
        intervals.check_level("power", level)
