import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.nn import activations

AT = [-2.0, -0.5, 0.0, 0.5, 2.0]

EXPECTED = {
    "elu": [-0.864665, -0.393469, 0.0, 0.5, 2.0],
    "gelu": [-0.045402, -0.154286, 0.0, 0.345714, 1.954598],
    "identity": [-2.0, -0.5, 0.0, 0.5, 2.0],
    "leaky_relu": [-0.02, -0.005, 0.0, 0.5, 2.0],
    "relu": [0.0, 0.0, 0.0, 0.5, 2.0],
    "selu": [-1.520167, -0.691758, 0.0, 0.525350, 2.101402],
    "sigmoid": [0.119203, 0.377541, 0.5, 0.622459, 0.880797],
    "sign": [-1.0, -1.0, 0.0, 1.0, 1.0],
    "silu": [-0.238406, -0.188770, 0.0, 0.311230, 1.761594],
    "softplus": [0.126928, 0.474077, 0.693147, 0.974077, 2.126928],
    "step": [0.0, 0.0, 0.0, 1.0, 1.0],
    "tanh": [-0.964028, -0.462117, 0.0, 0.462117, 0.964028],
}


def test_every_activation_has_an_expected_value_here():
    assert sorted(EXPECTED) == sorted(activations.__all__)


@pytest.mark.parametrize("name", EXPECTED)
def test_values_are_the_textbook_ones(name):
    values = getattr(activations, name)(jnp.array(AT))
    np.testing.assert_allclose(values, EXPECTED[name], atol=1e-6)


@pytest.mark.parametrize("name", EXPECTED)
def test_takes_any_shape_and_keeps_it_and_the_dtype(name):
    function = getattr(activations, name)
    values = function(jnp.array([AT, AT[::-1]]))
    np.testing.assert_allclose(values, [EXPECTED[name], EXPECTED[name][::-1]], atol=1e-6)
    for dtype in [jnp.float32, jnp.bfloat16]:
        for shape in [(), (2, 3)]:
            out = jax.eval_shape(function, jax.ShapeDtypeStruct(shape, dtype))
            assert (out.shape, out.dtype) == (shape, dtype)


@pytest.mark.parametrize("name", EXPECTED)
def test_gradients_are_finite_far_out_and_at_zero(name):
    slopes = jax.vmap(jax.grad(getattr(activations, name)))(jnp.array([-1e4, 0.0, 1e4]))
    assert jnp.isfinite(slopes).all()


@pytest.mark.parametrize("name", ["step", "sign"])
def test_threshold_units_have_no_gradient(name):
    slopes = jax.vmap(jax.grad(getattr(activations, name)))(jnp.array(AT))
    assert slopes.tolist() == [0.0] * len(AT)
