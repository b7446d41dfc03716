"""Against scikit-learn's StandardScaler."""

import jax
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from jaxmlp import scaling_of
from jaxmlp.training import spread


def test_means_and_deviations_are_those_of_sklearn(monkeypatch):
    monkeypatch.setattr(spread, "CHUNK", 7)  # which 23 is no multiple of
    values = np.random.default_rng(0).normal(1000.0, [0.1, 3.0, 1e-3], (23, 3)).astype(np.float32)
    values[:, 2] -= 1000
    theirs = StandardScaler().fit(values.astype(np.float64))
    for given in (values, values.astype(np.float64), jax.numpy.array(values), values.tolist()):
        scaling = scaling_of(given)
        np.testing.assert_allclose(scaling.mean, theirs.mean_, rtol=1e-7)
        np.testing.assert_allclose(scaling.scale, theirs.scale_, rtol=1e-7)


def test_a_column_of_one_value_becomes_zero():
    values = np.full((1000, 2), 0.1, np.float32)
    values[:, 1] = np.arange(1000)
    scaling = scaling_of(values)
    assert scaling.scale[0] == 1.0
    assert scaling.mean[0] == np.float32(0.1)
    with jax.enable_x64(True):
        assert scaling_of(np.full((1000, 1), 0.1)) == ((np.float32(0.1),), (1.0,))
    assert scaling_of(np.float32([[1e-44], [0], [0], [0]])).scale == (1.0,)
    assert scaling_of(np.float32([[5, 6]])) == ((5.0, 6.0), (1.0, 1.0))


def test_pixels_are_taken_as_the_network_takes_them():
    scaling = scaling_of(np.uint8([[0, 255], [255, 255]]))
    assert scaling == ((0.5, 1.0), (0.5, 1.0))


def test_labels_are_one_column():
    assert scaling_of(np.arange(4.0)) == ((1.5,), (np.float32(1.25**0.5),))
    assert scaling_of(np.array([100, 200])) == ((150.0,), (50.0,))  # whole numbers, no pixels
    assert scaling_of(np.uint8([0, 100])) == ((50.0,), (50.0,))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((0, 3)), r"scaling_of needs \(num_examples, features\), .*, got \(0, 3\)"),
        (np.zeros((2, 3, 3)), r"scaling_of needs \(num_examples, features\), .*, got \(2, 3, 3\)"),
        ([[1.0, np.nan]], r"scaling_of needs finite values, got nan at \(0, 1\)"),
        ([[1.0], [np.inf]], r"scaling_of needs finite values, got inf at \(1, 0\)"),
        ([1.0, -np.inf], r"scaling_of needs finite values, got -inf at \(1, 0\)"),
        (np.array([[0, 200]]), "inputs need to be uint8 if they are pixels, .*"),
        ([["a"]], "values need an array of numbers, .*"),
    ],
)
def test_what_has_no_spread_is_refused_in_a_line(values, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        scaling_of(values)
