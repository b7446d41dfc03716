import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmlp
from experiments.lessons import forms


@pytest.fixture(scope="module")
def five():
    return forms.five()


def test_all_five_keep_the_same_numbers_in_their_own_trees_and_compute_the_same(five):
    key, pixels = jax.random.key(3), jnp.linspace(0, 1, 64)
    (w1, b1), (w2, b2) = layers = five["layers"].init(key)
    expected = np.maximum(pixels @ w1 + b1, 0) @ w2 + b2
    named = {"hidden": layers[0]._asdict(), "output": layers[1]._asdict()}
    trees = {
        "layers": layers,
        "functions": named,
        "Sequential": {"layers_0": named["hidden"], "layers_2": named["output"]},
        "linen class": named,
        "nnx class": named,
    }
    assert list(five) == list(trees)
    for name, model in five.items():
        params = model.init(key)
        assert jaxmlp.digest(params) == jaxmlp.digest(trees[name])
        np.testing.assert_allclose(model.apply(params, pixels), expected, atol=1e-5)
    assert abs(expected).max() > 0.1


def test_a_cast_rounds_and_scales():
    params = {"kernel": jnp.array([0.3, -0.9, 1.7])}
    assert forms.cast(params, "int8")["kernel"].tolist() == [0, 0, 1]
    assert forms.cast(params, "int8", 10.0)["kernel"] == pytest.approx([0.3, -0.9, 1.7], 1e-6)
    assert forms.cast(params, "bfloat16")["kernel"][0] == 0.30078125


def test_a_network_in_a_file_needs_to_be_the_same(monkeypatch, five):
    params = five["layers"].init(jax.random.key(0))
    assert forms.returns(five["layers"], params)
    load = jaxmlp.load
    monkeypatch.setattr(jaxmlp, "load", lambda path: load(path)._replace(model=jaxmlp.mlp((1, 1))))
    assert not forms.returns(five["layers"], params)
