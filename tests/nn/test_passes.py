"""Whole networks in training, against modules of Flax with the same parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import Context, mlp

SIZES = (5, 8, 6, 3)
INPUTS = np.random.default_rng(0).normal(1.0, 2.0, (9, 5)).astype(np.float32)


def everyone(inputs):
    return Context(jax.random.key(1), jnp.ones(len(inputs), bool))


def test_where_there_is_a_norm_a_hidden_layer_has_a_scale_and_a_bias_after_it():
    trained, running = mlp(SIZES, norm="batch").init(jax.random.key(0))
    assert [type(layer).__name__ for layer in trained] == ["Normed", "Normed", "Dense"]
    assert [m["mean"].tolist() for m in running] == [[0.0] * 8, [0.0] * 6]
    assert [m["var"].tolist() for m in running] == [[1.0] * 8, [1.0] * 6]
    plain = mlp(SIZES).init(jax.random.key(0))
    for ours, theirs in zip(trained, plain, strict=True):
        np.testing.assert_array_equal(ours.kernel, theirs.kernel)
    by_layer = mlp(SIZES, norm="layer").init(jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, by_layer, trained)


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_dropout_and_noise_of_none_are_the_network_without(norm):
    off = mlp(SIZES, norm=norm, dropout=0.0, input_dropout=0.0, input_noise=0.0)
    params = off.init(jax.random.key(0))
    outputs, _ = off.train(params, INPUTS, everyone(INPUTS))
    if norm == "batch":
        expected, _ = mlp(SIZES, norm=norm).train(params, INPUTS, everyone(INPUTS))
    else:
        expected = jax.vmap(off.apply, (None, 0))(params, INPUTS)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6, atol=1e-6)
