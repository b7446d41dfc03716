import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from jaxmlp.sklearn.scaling import scaled, unscaled, weighted_scaling


def test_it_is_the_standard_scaler_s_with_weights():
    random = np.random.default_rng(0)
    values, weights = random.normal(5, 3, size=(20, 3)), random.uniform(0, 2, 20)
    scaling = weighted_scaling("X", values, weights)
    scaler = StandardScaler().fit(values, sample_weight=weights)
    np.testing.assert_allclose(scaling.mean, scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(scaling.scale, scaler.scale_, rtol=1e-6)
    np.testing.assert_allclose(scaled(scaling, values), scaler.transform(values), atol=1e-5)
    np.testing.assert_allclose(unscaled(scaling, scaled(scaling, values)), values, rtol=1e-12)


def test_a_constant_column_is_scaled_by_1():
    values = np.array([[0.1, 7.0], [0.1, 7.0], [0.1, 9.0]])
    scaling = weighted_scaling("X", values, np.array([1.0, 1.0, 0.0]))
    assert scaling.scale == (1.0, 1.0)  # what weighs nothing does not count
    assert weighted_scaling("X", values, np.ones(3)).scale[1] > 0.5


def test_a_large_offset_loses_no_digit():
    values = np.array([[1e7], [1e7 + 1], [1e7 + 2]])
    scaling = weighted_scaling("X", values, np.ones(3))
    spread = np.diff(scaled(scaling, values), axis=0)
    np.testing.assert_allclose(spread, np.sqrt(1.5), rtol=1e-6)


def test_without_a_scaling_values_stay_as_they_are():
    values = np.ones((2, 1))
    assert scaled(None, values) is values
    assert unscaled(None, values) is values


def test_a_deviation_out_of_range_is_refused():
    with pytest.raises(ValueError, match="^y needs a mean that is finite, got inf at 0$"):
        weighted_scaling("y", np.array([[1e300], [2e300]]), np.ones(2))
