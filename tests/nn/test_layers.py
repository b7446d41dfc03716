"""Against Flax's layers, and formulas in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxmlp import Normed
from jaxmlp.nn import layers
from jaxmlp.nn.lift import AXIS
from jaxmlp.nn.noise import bits16, normal

KEY = jax.random.key(3)
LAYER = Normed(
    jnp.zeros((1, 3)), scale=jnp.array([1.0, 2.0, -1.0]), bias=jnp.array([0.0, 1.0, 5.0])
)
INPUTS = np.random.default_rng(0).normal(2.0, 3.0, (7, 3)).astype(np.float32)


def test_layer_norm_is_that_of_flax():
    ours = jax.vmap(lambda x: layers.layer_norm(LAYER, x, 1e-3))(INPUTS)
    params = {"params": {"scale": LAYER.scale, "bias": LAYER.bias}}
    theirs = linen.LayerNorm(epsilon=1e-3).apply(params, INPUTS)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def batch_norm(inputs, weights, momentum=0.75):
    running = {"mean": jnp.array([1.0, 2.0, 3.0]), "var": jnp.array([4.0, 5.0, 6.0])}

    def one(inputs, weight):
        return layers.batch_norm(LAYER, running, inputs, weight, momentum, 1e-3)

    return jax.vmap(one, out_axes=(0, None), axis_name=AXIS)(inputs, weights)


def test_batch_norm_is_the_equation_and_follows_the_batch():
    inputs = np.float64(INPUTS)
    outputs, running = batch_norm(INPUTS, np.ones(7, np.float32))
    mean, var = inputs.mean(axis=0), inputs.var(axis=0)
    expected = (inputs - mean) / np.sqrt(var + 1e-3) * np.asarray(LAYER.scale) + np.asarray(
        LAYER.bias
    )
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(running["mean"], 0.75 * np.array([1, 2, 3]) + 0.25 * mean, rtol=1e-6)
    np.testing.assert_allclose(running["var"], 0.75 * np.array([4, 5, 6]) + 0.25 * var, rtol=1e-6)


def test_pytorchs_running_statistics_follow_from_ours():
    """Its momentum is one less ours, and its variance n / (n - 1) times that of the batch."""
    momentum, n = 0.25, len(INPUTS)
    mean, var = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    torch_mean = (1 - momentum) * mean + momentum * INPUTS.mean(axis=0)
    torch_var = (1 - momentum) * var + momentum * INPUTS.var(axis=0, ddof=1)
    _, ours = batch_norm(INPUTS, np.ones(n, np.float32), 1 - momentum)
    np.testing.assert_allclose(ours["mean"], torch_mean, rtol=1e-6)
    ours_as_theirs = (ours["var"] - (1 - momentum) * var) * n / (n - 1) + (1 - momentum) * var
    np.testing.assert_allclose(ours_as_theirs, torch_var, rtol=1e-6)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.99999, 0.999999, 1 / 65536])
def test_dropout_drops_and_scales(rate):
    inputs = jnp.arange(1.0, 1001.0)
    outputs = np.asarray(layers.dropout(inputs, rate, KEY))
    steps = min(round(rate * 65536), 65535)
    is_kept = np.asarray(bits16(KEY, 1000)) >= steps
    np.testing.assert_array_equal(outputs != 0, is_kept)
    np.testing.assert_allclose(
        outputs, np.where(is_kept, inputs / (1 - steps / 65536), 0), rtol=1e-6
    )


def test_a_rate_is_the_share_of_numbers_below_it(monkeypatch):
    monkeypatch.setattr(layers, "bits16", lambda key, count: jnp.array([0, 16383, 16384, 65535]))
    assert layers.dropout(jnp.full(4, 3.0), 0.25, KEY).tolist() == [0, 0, 4, 4]


def test_a_rate_of_zero_changes_no_bit():
    np.testing.assert_array_equal(layers.dropout(INPUTS[0], 0.0, KEY), INPUTS[0])


def test_noise_is_added_with_its_deviation():
    noise = layers.gaussian_noise(jnp.full(1000, 2.0), 0.5, KEY) - 2
    np.testing.assert_allclose(noise, 0.5 * normal(KEY, 1000), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layers.gaussian_noise(INPUTS[0], 0.0, KEY), INPUTS[0])
