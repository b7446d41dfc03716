import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.app import recipes
from jaxmlp.training.recipe import build_optimizer, init_params, split

CONFIG = {
    "sizes": [6, 5, 3],
    "activation": "tanh",
    "kernel_init": "gaussian",
    "kernel_stddev": 0.5,
    "bias_init": "gaussian",
    "bias_stddev": 2.0,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "l2": 0.0,
    "weight_decay": 0.0,
    "schedule": "constant",
    "batch_size": 4,
    "num_epochs": 2,
}


def updates(config, params, gradient):
    """The first update of a config's optimizer."""
    recipe = recipes.recipe(config)
    optimizer, _ = build_optimizer(*split(recipe), num_steps=1)
    return optimizer.update(gradient, optimizer.init(params), params)[0]


@pytest.fixture
def params():
    return recipes.recipe(CONFIG).model.init(jax.random.key(1))


def test_names_become_the_functions_they_name(params):
    recipe = recipes.recipe(CONFIG)
    inputs = jnp.arange(6.0) / 10
    hidden = jnp.tanh(inputs @ params[0].kernel + params[0].bias)
    expected = hidden @ params[1].kernel + params[1].bias
    np.testing.assert_allclose(recipe.model.apply(params, inputs), expected, rtol=1e-6)
    assert recipe.task.num_outputs == 3
    assert (recipe.batch_size, recipe.num_epochs) == (4, 2)


def test_gaussian_takes_its_standard_deviation():
    config = {**CONFIG, "sizes": [300, 300]}
    (layer,) = init_params(*split(recipes.recipe(config)), jax.random.key(0))
    assert layer.kernel.std() == pytest.approx(0.5, rel=0.02)
    assert layer.bias.std() == pytest.approx(2.0, rel=0.15)


def test_adamw_decays_kernels_as_optax_does(params):
    gradient = jax.tree.map(jnp.ones_like, params)
    ours = updates({**CONFIG, "optimizer": "adamw", "weight_decay": 0.1}, params, gradient)
    adamw = optax.adamw(0.01, weight_decay=0.1)
    theirs = adamw.update(gradient, adamw.init(params), params)[0]
    plain = updates(CONFIG, params, gradient)
    for mine, other, undecayed in zip(ours, theirs, plain, strict=True):
        np.testing.assert_allclose(mine.kernel, other.kernel, rtol=1e-5)
        np.testing.assert_allclose(mine.bias, undecayed.bias, rtol=1e-6)


def test_l2_is_the_penalty_on_the_loss(params):
    config = {**CONFIG, "optimizer": "sgd", "l2": 0.3}
    gradient = jax.tree.map(jnp.zeros_like, params)
    for update, layer in zip(updates(config, params, gradient), params, strict=True):
        np.testing.assert_allclose(update.kernel, -0.01 * 0.3 * layer.kernel, rtol=1e-5)
        assert not update.bias.any()


@pytest.mark.parametrize("name", sorted(recipes.LEARNING_RATES))
def test_every_optimizer_can_be_named(params, name):
    changed = updates({**CONFIG, "optimizer": name}, params, jax.tree.map(jnp.ones_like, params))
    assert all((leaf < 0).all() for leaf in jax.tree.leaves(changed))


@pytest.mark.parametrize("kernel_init", recipes.KERNEL_INITS)
def test_every_initializer_can_be_named(kernel_init):
    model = recipes.recipe({**CONFIG, "kernel_init": kernel_init}).model
    assert model.init(jax.random.key(0))[0].kernel.shape == (6, 5)


@pytest.mark.parametrize("setting", recipes.CHOICES)
@pytest.mark.parametrize("name", ["__doc__", "__all__", "jax", "with_decay", "functools", 1, None])
def test_no_other_name_is_looked_for_in_a_module(setting, name):
    with pytest.raises(ValueError, match=f"^{setting} needs to be one of .*, got {name!r}$"):
        recipes.recipe({**CONFIG, setting: name})
