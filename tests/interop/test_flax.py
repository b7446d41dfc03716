import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

from jaxmlp import Recipe, classification, digest, from_flax, train


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
    params = model.init(jax.random.key(0))
    variables = module.init(jax.random.key(0), batch)
    assert digest(params) == digest(variables["params"])
    np.testing.assert_allclose(
        jax.vmap(model.apply, (None, 0))(params, batch),
        module.apply(variables, batch),
        rtol=1e-6,
        atol=1e-6,
    )


def test_a_flax_module_trains_through_the_same_loop(blobs):
    module = linen.Sequential([linen.Dense(8), linen.tanh, linen.Dense(3)])
    model = from_flax(module, blobs.train_inputs[0])
    recipe = Recipe(model, classification(3), optax.adam, {"learning_rate": 0.05}, 16, 20)
    run = train(recipe, blobs, seed=0)
    assert run.history["train_loss"][-1] < 0.2 * run.history["train_loss"][0]
    assert run.history["test_accuracy"][-1] > 0.9
    assert set(run.params) == {"layers_0", "layers_2"}


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            linen.Sequential([linen.Dense(2), linen.BatchNorm(use_running_average=True)]),
            r"^from_flax needs a module with params only, got \['batch_stats', 'params'\]$",
        ),
        (linen.Sequential([linen.relu]), r"^from_flax needs a module with params only, got \[\]$"),
        (Pair(), r"^module needs to return \(1, \.\.\.\) for a batch of one, got "),
        (
            linen.Sequential([linen.Dense(2), jnp.sum]),
            r"^module needs to return \(1, \.\.\.\) for a batch of one, got ",
        ),
    ],
)
def test_a_module_with_state_or_without_a_batch_is_refused(module, message):
    with pytest.raises(ValueError, match=message):
        from_flax(module, jnp.zeros(4))
