import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmlp
from jaxmlp import Scaling, layer_outputs, mlp, standardized


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_layers_are_those_of_the_network(norm):
    plain = mlp((3, 5, 4, 2), jnp.tanh, jaxmlp.initializers.gaussian(), norm=norm, dropout=0.5)
    model = standardized(plain, Scaling((1.0,) * 3, (2.0,) * 3), Scaling((1.0,) * 2, (3.0,) * 2))
    params = model.init(jax.random.key(0))
    inputs = jnp.array([1.0, -2.0, 0.5])
    layers = layer_outputs(model, params, inputs)
    assert [layer.shape for layer in layers] == [(5,), (4,), (2,)]
    np.testing.assert_array_equal(layers[-1], model.apply(params, inputs))
    if norm is None:
        first, second, third = params
        hidden = np.tanh((inputs - 1) / 2 @ first.kernel)
        np.testing.assert_allclose(layers[0], hidden, rtol=1e-5)
        np.testing.assert_allclose(layers[1], np.tanh(hidden @ second.kernel), rtol=1e-5)
        np.testing.assert_allclose(layers[2], layers[1] @ third.kernel * 3 + 1, rtol=1e-5)


def test_a_batch_is_taken_by_vmap_and_jit():
    model = mlp((3, 5, 2))
    params, inputs = model.init(jax.random.key(0)), jnp.ones((7, 3))
    of_batch = jax.jit(jax.vmap(functools.partial(layer_outputs, model), (None, 0)))
    assert [layer.shape for layer in of_batch(params, inputs)] == [(7, 5), (7, 2)]


def test_anothers_network_is_refused_in_a_line():
    model = mlp((3, 2))._replace(init=print)
    with pytest.raises(ValueError, match=r"^layer_outputs needs a model made by mlp, got Model"):
        layer_outputs(model, (), jnp.zeros(3))
