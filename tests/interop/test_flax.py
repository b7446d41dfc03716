import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx
from flax_modules import Net, Told

import jaxmlp
from jaxmlp import Recipe, classification, digest, from_flax, mlp, predict, to_flax, train
from jaxmlp.interop.flax import flax_module
from jaxmlp.runtime.recompilation import MANY, RecompilationWarning


class Convolutional(linen.Module):
    """A subclass with a compact call, for pictures."""

    @linen.compact
    def __call__(self, x):
        x = linen.relu(linen.Conv(2, (3, 3))(x))
        return linen.Dense(4)(x.reshape(len(x), -1))


class Pair(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.Dense(2)(x), x


class Without(linen.Module):
    """Cannot be called."""


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (linen.Sequential([linen.Dense(7), linen.relu, linen.Dense(4)]), (5,)),
        (Convolutional(), (6, 6, 1)),
    ],
)
def test_parameters_and_logits_are_the_modules_own(module, shape):
    batch = jax.random.normal(jax.random.key(1), (3, *shape))
    model = from_flax(module, batch[0])
    assert (model.train, model.least_batch) == (None, 1)
    params = model.init(jax.random.key(0))
    variables = module.init(jax.random.key(0), batch)
    assert digest(params) == digest(variables["params"])
    assert digest(to_flax(model, params)) == digest(variables)
    np.testing.assert_allclose(
        jax.vmap(model.apply, (None, 0))(params, batch),
        module.apply(variables, batch),
        rtol=1e-6,
        atol=1e-6,
    )


PLAIN = linen.Sequential([linen.Dense(8), linen.tanh, linen.Dense(3)])


@pytest.mark.parametrize("module", [PLAIN, Told(), Net], ids=["plain", "linen", "nnx"])
def test_a_flax_module_trains_through_the_same_loop_and_moves_out_again(module, blobs):
    model = from_flax(module, blobs.train_inputs[0])
    recipe = Recipe(model, classification(3), optax.adam, {"learning_rate": 0.05}, 16, 20)
    run = train(recipe, blobs, seed=0)
    assert run.history["train_loss"][-1] < 0.7 * run.history["train_loss"][0]
    assert run.history["test_accuracy"][-1] > 0.9
    tree, made = to_flax(model, run.params), flax_module(model)
    if module is PLAIN:
        assert set(run.params) == {"layers_0", "layers_2"}
        outputs = made.apply(tree, blobs.test_inputs)
    elif module is Net:
        nnx.update(made, tree)
        outputs = made(blobs.test_inputs)
    else:
        outputs = made.apply(tree, blobs.test_inputs, train=False)
    expected = predict(recipe, run.params, blobs.test_inputs)
    np.testing.assert_allclose(jax.nn.softmax(outputs), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (linen.Sequential([linen.relu]), "from_flax needs a module with parameters, got none$"),
        (Pair(), r"module needs to return \(1, \.\.\.\) for a batch of one, got "),
        (
            linen.Sequential([linen.Dense(2), jnp.sum]),
            r"module needs to return \(1, \.\.\.\) for a batch of one, got ",
        ),
        (Without(), "from_flax needs a module of linen, or a function of rngs .*, got a Without$"),
        (Told, "from_flax needs a module of linen, or a function .*, got the class Told$"),
        (Net(rngs=nnx.Rngs(0)), "from_flax needs a module of linen, or a function .*, got a Net$"),
        (3, "from_flax needs a module of linen, or a function of rngs .*, got 3$"),
    ],
)
def test_what_is_no_module_or_returns_no_batch_is_refused(module, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        from_flax(module, jnp.zeros(4))


def test_models_of_equal_modules_made_in_a_loop_are_told_of():
    """Each is compiled anew."""
    from jaxmlp.runtime.recompilation import warn_of_lookalikes

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(MANY):
            warn_of_lookalikes("model", from_flax(linen.Dense(11), jnp.zeros(4)).apply)
    assert [warning.category for warning in caught] == [RecompilationWarning]


def test_what_a_model_is_shows():
    assert str(from_flax(Told(), jnp.zeros(4))) == "Model(linen Told)"
    assert str(from_flax(linen.Dense(3, name="last"), jnp.zeros(4))) == "Model(linen last)"
    assert str(from_flax(Net, jnp.zeros(4))) == "Model(nnx Net)"


def test_a_module_of_linen_is_the_one_that_was_given():
    told = from_flax(Told(), jnp.zeros(4))
    variables = to_flax(told, jax.eval_shape(told.init, jax.random.key(0)))
    assert sorted(variables) == ["batch_stats", "params"]
    assert flax_module(told) == flax_module(told, training=True) == Told()


def test_a_module_of_nnx_is_made_in_either_mode():
    model = from_flax(Net, jnp.zeros(4))
    for training in (False, True):
        module = flax_module(model, training=training)
        assert module.drops[0].deterministic is not training
        assert module.norm.use_running_average is not training


def test_the_fields_of_a_module_say_its_mode():
    module = linen.BatchNorm(use_running_average=True)
    model = from_flax(module, jnp.zeros(4))
    assert flax_module(model) == module
    assert flax_module(model, training=True) == linen.BatchNorm(use_running_average=False)


@pytest.mark.parametrize(
    ("model", "params", "message"),
    [
        (
            jaxmlp.Model(jnp.zeros, jnp.zeros),
            (),
            r"to_flax needs a model from mlp or from_flax, got Model\(init=zeros, apply=zeros\)$",
        ),
        (mlp((4, 2)), mlp((4, 3)).init(jax.random.key(0)), r"params needs .*\(4, 2\).*\(4, 3\)"),
        (mlp((4, 2)), (), r"params needs \(Dense\(kernel=\(4, 2\), bias=\(2,\)\),\), got \(\)$"),
    ],
)
def test_what_is_not_the_models_is_refused(model, params, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        to_flax(model, params)


def test_a_module_of_another_model_is_none():
    with pytest.raises(ValueError, match=r"^flax_module needs a model from mlp or from_flax, got"):
        flax_module(jaxmlp.Model(jnp.zeros, jnp.zeros))


def test_earlier_paths_lead_here():
    assert sys.modules["jaxmlp.adapters"].from_flax is from_flax
    assert jaxmlp.to_flax is sys.modules["jaxmlp.interop.flax"].to_flax
