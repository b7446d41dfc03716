"""Moments of 200,000 draws, within five standard errors of those of the distribution named."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmlp import initializers, mlp

FAN_IN, FAN_OUT = 800, 250
DRAWS = FAN_IN * FAN_OUT

VARIANCES = {
    "he": 2 / FAN_IN,
    "he_uniform": 2 / FAN_IN,
    "xavier": 2 / (FAN_IN + FAN_OUT),
    "xavier_uniform": 2 / (FAN_IN + FAN_OUT),
    "lecun": 1 / FAN_IN,
    "lecun_uniform": 1 / FAN_IN,
}
GAUSSIANS = ["he", "xavier", "lecun"]
UNIFORMS = ["he_uniform", "xavier_uniform", "lecun_uniform"]


def draw(initializer, shape=(FAN_IN, FAN_OUT), seed=0):
    return np.asarray(initializer(jax.random.key(seed), shape, jnp.float32), np.float64)


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_is_zero_and_variance_is_the_papers(name):
    values, variance = draw(getattr(initializers, name)), VARIANCES[name]
    kurtosis = 3.0 if name in GAUSSIANS else 1.8
    assert abs(values.mean()) < 5 * math.sqrt(variance / DRAWS)
    assert abs(values.var() / variance - 1) < 5 * math.sqrt((kurtosis - 1) / DRAWS)


@pytest.mark.parametrize("name", GAUSSIANS)
def test_named_gaussians_have_their_tails(name):
    values = draw(getattr(initializers, name))
    # 3 for a Gaussian; 2.06 for one that is cut off at two standard deviations
    assert abs(stats.kurtosis(values, axis=None, fisher=False) - 3) < 5 * math.sqrt(24 / DRAWS)
    assert abs(stats.skew(values, axis=None)) < 5 * math.sqrt(6 / DRAWS)
    assert np.abs(values).max() > 4 * values.std()


@pytest.mark.parametrize("name", UNIFORMS)
def test_named_uniforms_are_flat_between_their_bounds(name):
    values, bound = draw(getattr(initializers, name)), math.sqrt(3 * VARIANCES[name])
    counts, _ = np.histogram(values, bins=20, range=(-bound, bound))
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("stddev", [0.01, 1.0, 3.0])
def test_gaussian_has_its_stddev_whatever_the_width(stddev):
    for shape in [(FAN_IN, FAN_OUT), (20, 10_000), (DRAWS,)]:
        values = draw(initializers.gaussian(stddev), shape)
        assert abs(values.mean()) < 5 * stddev / math.sqrt(DRAWS)
        assert abs(values.std() / stddev - 1) < 5 / math.sqrt(2 * DRAWS)
        assert abs(stats.kurtosis(values, axis=None)) < 5 * math.sqrt(24 / DRAWS)


def test_gaussian_takes_a_traced_stddev():
    values = jax.jit(lambda stddev: initializers.gaussian(stddev)(jax.random.key(0), (5,)))(2.0)
    np.testing.assert_allclose(values, draw(initializers.gaussian(2.0), (5,)), rtol=1e-6)


@pytest.mark.parametrize("stddev", [-1.0, -1, math.inf, math.nan])
def test_gaussian_refuses_what_is_no_stddev(stddev):
    with pytest.raises(ValueError, match=rf"^stddev needs .*, got {stddev}$"):
        initializers.gaussian(stddev)


def test_orthogonal_keeps_lengths():
    kernel = draw(initializers.orthogonal, (30, 20))
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(20), atol=1e-6)


def test_zeros_and_ones_are_what_they_say():
    assert (draw(initializers.zeros, (3, 2)) == 0).all()
    assert (draw(initializers.ones, (3, 2)) == 1).all()


def test_a_network_has_he_kernels_and_zero_biases_by_default():
    first, last = mlp((FAN_IN, FAN_OUT, 10)).init(jax.random.key(0))
    assert abs(np.asarray(first.kernel).var() * FAN_IN / 2 - 1) < 5 * math.sqrt(2 / DRAWS)
    assert not first.bias.any()
    assert not last.bias.any()


def test_biases_are_gaussian_by_choice():
    params = mlp((1, 50_000, 1), bias_init=initializers.gaussian(1.0)).init(jax.random.key(0))
    bias = np.asarray(params[0].bias)
    assert abs(bias.mean()) < 5 / math.sqrt(bias.size)
    assert abs(bias.std() - 1) < 5 / math.sqrt(2 * bias.size)
    assert params[1].bias[0] != 0


def test_kernels_and_biases_of_all_layers_are_drawn_independently():
    gaussian = initializers.gaussian(1.0)
    params = mlp((100, 100, 100), kernel_init=gaussian, bias_init=gaussian).init(jax.random.key(0))
    rows = np.concatenate([*(p.kernel for p in params), *(p.bias[None] for p in params)])
    correlations = np.corrcoef(rows)[np.triu_indices(len(rows), k=1)]
    assert np.abs(correlations).max() < 6 / math.sqrt(100)


def test_another_seed_draws_other_parameters():
    model = mlp((3, 2))
    first, again, other = (model.init(jax.random.key(seed)) for seed in (0, 0, 1))
    assert (first[0].kernel == again[0].kernel).all()
    assert (first[0].kernel != other[0].kernel).all()
