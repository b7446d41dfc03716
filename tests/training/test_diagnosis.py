import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

from jaxmlp import Dataset, Model, Recipe, classification, from_flax, init_state, mlp
from jaxmlp.randomness import Seeds
from jaxmlp.training.diagnosis import diagnose, is_finite

INPUTS = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
DATA = Dataset(INPUTS, np.arange(12) % 3)
RECIPE = Recipe(mlp((4, 8, 6, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 4, 1)


def start(recipe, params=None):
    params = recipe.model.init(jax.random.key(0)) if params is None else params
    return init_state(params, recipe.optimizer(**recipe.hyperparameters))


def with_kernel(layer, value):
    """Parameters with one enormous weight."""
    params = list(RECIPE.model.init(jax.random.key(0)))
    kernel = params[layer].kernel.at[0, 0].set(value)
    params[layer] = params[layer]._replace(kernel=kernel)
    return tuple(params)


def found(recipe, params=None, data=DATA):
    fault = diagnose(recipe, data, Seeds(0, 0), start(recipe, params))
    return fault.kind, fault.layer


def test_trees_are_finite_or_not():
    assert is_finite({"a": jnp.ones(3), "count": jnp.int32(1)})
    assert not is_finite({"a": jnp.ones(3), "b": jnp.array([1, jnp.inf])})
    assert not is_finite((jnp.nan * jnp.ones(()),))


def test_a_healthy_step_has_no_fault():
    assert found(RECIPE) == ("none", "no layer")


def test_a_step_is_replayed_in_the_precision_of_the_training():
    seen = set()

    def apply(params, inputs):
        seen.add(jax.config.jax_default_matmul_precision)
        return inputs @ params

    model = Model(lambda key: jnp.ones((4, 3)), apply)
    assert found(RECIPE._replace(model=model)) == ("none", "no layer")
    assert seen == {"highest"}


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_forward_pass_that_overflows_is_found_in_its_layer(layer):
    params = with_kernel(layer, 3e38)
    data = DATA._replace(train_inputs=np.full_like(INPUTS, 100.0))
    params = jax.tree.map(jnp.abs, params)  # every unit is active, nothing cancels
    assert found(RECIPE, params, data) == ("forward pass", f"layer_{layer}")


def test_inputs_that_are_none_are_named():
    inputs = INPUTS.copy()
    inputs[:] = np.nan
    fault = diagnose(RECIPE, DATA._replace(train_inputs=inputs), Seeds(0, 0), start(RECIPE))
    assert (fault.kind, fault.layer) == ("forward pass", "layer_0")
    assert "the inputs in row" in fault.detail
    assert "step 0 (epoch 1), forward pass, layer_0: the inputs" in str(fault)


def test_a_loss_that_is_none_is_found():
    def log_loss(logits, label):
        return jnp.log(-jnp.abs(logits).sum())

    recipe = RECIPE._replace(task=classification(3, log_loss))
    assert found(recipe) == ("loss", "log_loss")


def test_a_gradient_that_is_none_is_found_where_it_came_in():
    def root(x):  # its slope at 0 is infinite, and of an inactive unit times 0
        return jnp.sqrt(jnp.abs(x) * 0.0)

    recipe = RECIPE._replace(model=mlp((4, 8, 6, 3), root))
    kind, layer = found(recipe)
    assert (kind, layer) == ("gradient", "layer_1/bias")


def test_an_update_that_overflows_is_found():
    recipe = RECIPE._replace(hyperparameters={"learning_rate": 3e38})
    params = jax.tree.map(lambda leaf: 1e3 * leaf, RECIPE.model.init(jax.random.key(0)))
    kind, layer = found(recipe, params)
    assert kind == "update"
    assert layer.startswith("layer_")


def test_the_layers_of_a_flax_module_go_by_their_own_names():
    layers = [linen.Dense(8), linen.relu, linen.Dense(3)]
    recipe = RECIPE._replace(model=from_flax(linen.Sequential(layers), INPUTS[0]))
    inputs = np.full_like(INPUTS, np.nan)
    assert found(recipe, None, DATA._replace(train_inputs=inputs)) == (
        "forward pass",
        "Sequential/layers_0",
    )


def test_a_network_without_named_layers_has_the_operation_named():
    model = Model(lambda key: jnp.zeros((4, 3)), lambda kernel, x: jnp.log(x) @ kernel)
    recipe = RECIPE._replace(model=model)
    assert found(recipe) == ("forward pass", "log")
