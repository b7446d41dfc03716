import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from noisy_models import BOTH, CENTRED, NOISY, PLAIN

from jaxmlp import Dataset, Model, Recipe, Variables, classification, train, train_many

INPUTS = np.random.default_rng(0).normal(size=(33, 4)).astype(np.float32)
DATA = Dataset(INPUTS, np.arange(33) % 3)
RECIPE = Recipe(CENTRED, classification(3), optax.adam, {"learning_rate": 0.1}, 11, 1)


def replacing(**pieces):
    return RECIPE._replace(model=CENTRED._replace(**pieces))


def one_output_less(params, inputs, context):
    outputs, running = CENTRED.train(params, inputs, context)
    return outputs[:, :2], running


BAD = [
    (
        RECIPE._replace(batch_size=1),
        "the network needs batches of at least 2 examples to train on, got batch_size 1: 33 .*",
    ),
    (
        RECIPE._replace(batch_size=16),
        "the network needs .*, got a last batch of 1: 33 examples in batches of 16",
    ),
    (
        replacing(train=lambda params, inputs, context: (inputs[:, :3], {"mean": jnp.zeros(3)})),
        "train needs to return the running statistics that it is given, .*",
    ),
    (
        replacing(train=lambda params, inputs, context: (inputs[0, :3], params.running)),
        r"train needs to return outputs \(11, ...\) for a batch, got \(3,\)",
    ),
    (replacing(train=one_output_less), r"train needs to return outputs \(11, 3\), got \(11, 2\)"),
    (
        replacing(train=lambda params, inputs, context: inputs @ jnp.zeros((5, 3))),
        r"train cannot take a batch float32 \(11, 4\): .*",
    ),
]


@pytest.mark.parametrize(("recipe", "message"), BAD)
def test_a_training_pass_that_does_not_fit_is_refused_before_training(recipe, message):
    for call in (lambda: train(recipe, DATA, 0), lambda: train_many(recipe, DATA, [0])):
        with pytest.raises(ValueError, match=f"^{message}$") as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", [PLAIN, NOISY])
def test_batches_of_one_are_for_networks_that_take_them(model):
    recipe = RECIPE._replace(model=model, batch_size=16)
    assert np.isfinite(train(recipe, DATA, 0).history["train_loss"]).all()


def test_the_optimizer_sees_what_is_trained_alone():
    seen = []

    def init(params):
        seen.append(jax.tree.structure(params))
        return optax.adam(0.1).init(params)

    def optimizer(learning_rate):
        return optax.GradientTransformation(init, optax.adam(learning_rate).update)

    train(RECIPE._replace(model=BOTH, optimizer=optimizer), DATA, 0)
    assert set(seen) == {jax.tree.structure(PLAIN.init(jax.random.key(0)))}


def test_scales_of_the_initial_weights_leave_running_statistics_alone():
    def init(key):
        return Variables({"kernel": jnp.ones((4, 3)), "scale": jnp.ones(3)}, {"mean": jnp.ones(3)})

    def apply(params, inputs):
        return inputs @ params.trained["kernel"]

    def pass_through(params, inputs, context):
        return inputs @ params.trained["kernel"], params.running

    scales = {"learning_rate": 0.0, "init_scale": 0.5, "bias_scale": 0.25}
    recipe = RECIPE._replace(
        model=Model(init, apply, pass_through), optimizer=optax.sgd, hyperparameters=scales
    )
    params = train(recipe, DATA, 0).params
    assert params.trained["kernel"][0, 0] == 0.5
    assert params.trained["scale"].tolist() == params.running["mean"].tolist() == [1, 1, 1]
