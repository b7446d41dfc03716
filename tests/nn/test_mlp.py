"""Against NumPy in double precision, Flax's Dense with copied weights, and finite differences."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from jaxmlp import Dense, initializers, losses, mlp
from jaxmlp.nn.mlp import NARROW, architecture_of, linear, rates, variant

SIZES = [(5, 3), (8, NARROW, 2), (8, NARROW + 1, 2), (7, 100, 33, 70)]


def flax_twin(sizes, params, activation):
    """The same network as a Flax module, with copies of the parameters."""
    layers = [linen.Dense(sizes[1])]
    for size in sizes[2:]:
        layers += [activation, linen.Dense(size)]
    variables = {
        f"layers_{2 * i}": {"kernel": jnp.copy(layer.kernel), "bias": jnp.copy(layer.bias)}
        for i, layer in enumerate(params)
    }
    return linen.Sequential(layers), {"params": variables}


@pytest.mark.parametrize("sizes", SIZES)
def test_logits_loss_and_gradient_equal_those_of_flax_and_optax(sizes):
    model = mlp(sizes, linen.relu, bias_init=initializers.gaussian(0.1))
    params = model.init(jax.random.key(1))
    module, variables = flax_twin(sizes, params, linen.relu)
    inputs = jax.random.normal(jax.random.key(2), (9, sizes[0]))
    labels = jnp.arange(9) % sizes[-1]

    def our_loss(params):
        logits = jax.vmap(model.apply, (None, 0))(params, inputs)
        return jax.vmap(losses.softmax_cross_entropy)(logits, labels).mean(), logits

    def flax_loss(variables):
        logits = module.apply(variables, inputs)
        values = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return values.mean(), logits

    (loss, logits), gradient = jax.jit(jax.value_and_grad(our_loss, has_aux=True))(params)
    (flax_value, flax_logits), flax_gradient = jax.jit(jax.value_and_grad(flax_loss, has_aux=True))(
        variables
    )

    np.testing.assert_allclose(logits, flax_logits, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(loss, flax_value, rtol=1e-6, atol=1e-6)
    for i, layer in enumerate(gradient):
        twin = flax_gradient["params"][f"layers_{2 * i}"]
        np.testing.assert_allclose(layer.kernel, twin["kernel"], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(layer.bias, twin["bias"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sizes", [(4, NARROW, 3), (4, NARROW + 1, 3)])
def test_gradient_agrees_with_finite_differences(sizes):
    with jax.enable_x64(True):
        model = mlp(sizes, jnp.tanh)
        params = jax.tree.map(jnp.float64, model.init(jax.random.key(0)))
        inputs = jnp.linspace(-1.0, 1.0, 4)

        @jax.jit
        def loss(params, inputs):
            return losses.softmax_cross_entropy(model.apply(params, inputs), jnp.array(1))

        check_grads(loss, (params, inputs), order=1, modes=["rev"], atol=1e-7, rtol=1e-7)


@settings(max_examples=10)
@given(st.integers(1, 40), st.integers(1, 2 * NARROW))
@example(1, NARROW)
@example(1, NARROW + 1)
def test_linear_is_the_affine_map_for_narrow_and_wide_layers(num_inputs, num_outputs):
    random = np.random.default_rng([num_inputs, num_outputs])
    kernel, bias = random.normal(size=(num_inputs, num_outputs)), random.normal(size=num_outputs)
    inputs = random.normal(size=num_inputs)
    outputs = jax.jit(linear)(Dense(jnp.float32(kernel), jnp.float32(bias)), jnp.float32(inputs))
    assert outputs.shape == (num_outputs,)
    np.testing.assert_allclose(outputs, inputs @ kernel + bias, rtol=1e-5, atol=1e-5)


def test_apply_is_the_equation():
    params = (
        Dense(jnp.array([[1.0, -1.0], [2.0, 0.5]]), jnp.array([0.0, 1.0])),
        Dense(jnp.array([[3.0], [-4.0]]), jnp.array([0.5])),
    )
    # hidden = relu([1 + 2·3, -1 + 0.5·3 + 1]) = [7, 1.5]; output = 3·7 - 4·1.5 + 0.5
    assert mlp((2, 2, 1)).apply(params, jnp.array([1.0, 3.0])).tolist() == [15.5]


def test_activation_comes_between_layers_and_not_after_the_last():
    params = (Dense(-jnp.eye(2), jnp.zeros(2)), Dense(-jnp.eye(2), jnp.zeros(2)))
    inputs = jnp.array([1.0, -2.0])
    assert mlp((2, 2, 2)).apply(params, inputs).tolist() == [0.0, -2.0]
    assert mlp((2, 2, 2), lambda x: x + 1).apply(params, inputs).tolist() == [0.0, -3.0]


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5))
def test_shapes_follow_the_sizes(sizes):
    model = mlp(sizes)
    params = jax.eval_shape(model.init, jax.random.key(0))
    assert [layer.kernel.shape for layer in params] == list(itertools.pairwise(sizes))
    assert [layer.bias.shape for layer in params] == [(size,) for size in sizes[1:]]
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype("float32")}
    outputs = jax.eval_shape(model.apply, params, jnp.zeros(sizes[0]))
    assert outputs.shape == (sizes[-1],)
    assert outputs.dtype == jnp.float32


@pytest.mark.parametrize("sizes", [(), (784,)])
def test_fewer_than_two_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match=r"^sizes needs an input and an output width, got sizes="):
        mlp(sizes)


@pytest.mark.parametrize("sizes", [(4, 0), (-1, 4), (4, 2.0, 1), (4, "3")])
def test_a_size_that_is_no_positive_whole_number_is_refused(sizes):
    with pytest.raises(ValueError, match=r"^sizes needs positive whole numbers, got sizes=.*$"):
        mlp(sizes)


@pytest.mark.parametrize("shape", [(3,), (5,), (1, 4), ()])
def test_an_example_of_another_shape_is_refused(shape):
    model = mlp((4, 2))
    with pytest.raises(ValueError, match=r"^inputs needs the shape \(4,\), got \(.*\)$"):
        model.apply(model.init(jax.random.key(0)), jnp.zeros(shape))


def test_equal_partials_make_the_same_network():
    def make(slope):
        return mlp((4, 8, 3), functools.partial(jax.nn.leaky_relu, negative_slope=slope))

    assert make(0.1) is make(0.1)
    assert make(0.1) != make(0.2)


@pytest.mark.parametrize(
    ("name", "such_as"),
    [
        ("activation", "jaxmlp.activations.relu"),
        ("kernel_init", "jaxmlp.initializers.he"),
        ("bias_init", "jaxmlp.initializers.zeros"),
    ],
)
def test_a_name_is_no_function(name, such_as):
    with pytest.raises(
        ValueError, match=f"^{name} needs to be a function such as {such_as}, got 'relu'$"
    ):
        mlp((4, 8, 3), **{name: "relu"})


def test_a_number_is_no_list_of_sizes():
    with pytest.raises(ValueError, match=r"^sizes needs an input and an .*, got sizes=\(784,\)$"):
        mlp(784)


@pytest.mark.parametrize("piece", ["init", "apply", "train"])
def test_a_network_with_a_function_of_ones_own_is_no_longer_what_mlp_made(piece):
    own = mlp((4, 8, 3), dropout=0.1)._replace(**{piece: lambda *given: given})
    assert architecture_of(own) is None
    assert rates(own) == {}
    with pytest.raises(ValueError, match="^hidden_sizes and the like need a model made by mlp"):
        variant(own, hidden_sizes=(16,))
    whole = mlp((4, 8, 3), dropout=0.1)
    assert architecture_of(whole) == whole.architecture
