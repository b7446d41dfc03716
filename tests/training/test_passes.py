import jax
import jax.numpy as jnp
import numpy as np
import pytest
from noisy_models import BOTH, CENTRED, NOISY, PLAIN

from jaxmlp import Batch, Model, Variables
from jaxmlp.training.passes import training_pass

KEY = jax.random.key(0)
INPUTS = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


def test_a_network_without_a_pass_of_its_own_is_applied_to_each_example():
    params = PLAIN.init(KEY)
    outputs, after, cost = training_pass(PLAIN, params, Batch(INPUTS, None), None)
    np.testing.assert_array_equal(outputs, jax.vmap(PLAIN.apply, (None, 0))(params, INPUTS))
    assert after is params
    assert cost is None


def test_pixels_are_scaled_for_both():
    pixels = np.arange(20, dtype=np.uint8).reshape(5, 4)
    for model in (PLAIN, NOISY):
        params = model.init(KEY)
        given, scaled = (
            training_pass(model, params, Batch(inputs, None), KEY)[0]
            for inputs in (pixels, pixels.astype(np.float32) / 255)
        )
        np.testing.assert_allclose(given, scaled, rtol=1e-6)


@pytest.mark.parametrize("model", [NOISY, CENTRED, BOTH])
def test_a_padded_batch_has_the_numbers_of_the_examples_that_count(model):
    params = model.init(KEY)
    padded = np.concatenate([INPUTS, np.full((3, 4), 7, np.float32)])
    mask = np.arange(8) < 5
    alone, running, _ = training_pass(model, params, Batch(INPUTS, None), KEY)
    filled, also_running, _ = training_pass(model, params, Batch(padded, None, mask), KEY)
    np.testing.assert_allclose(filled[:5], alone, rtol=1e-6, atol=1e-6)
    for ours, theirs in zip(jax.tree.leaves(running), jax.tree.leaves(also_running), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_running_statistics_are_what_the_pass_makes_of_them():
    params = CENTRED.init(KEY)
    _, after, _ = training_pass(CENTRED, params, Batch(INPUTS, None), KEY)
    np.testing.assert_allclose(after.running["mean"], 0.1 * INPUTS.mean(axis=0), rtol=1e-5)
    assert after.trained is params.trained


def returning(what):
    return Model(CENTRED.init, CENTRED.apply, lambda params, inputs, context: what)


OUTPUTS = jnp.zeros((5, 3))
BAD = [
    (
        returning(OUTPUTS),
        "train needs to return outputs, running statistics and perhaps a cost, got an array .*",
    ),
    (
        returning((OUTPUTS[0], {})),
        r"train needs to return outputs \(5, ...\) for a batch, got \(3,\)",
    ),
    (returning((None, {})), r"train needs to return outputs \(5, ...\) for a batch, got None"),
    (
        returning((OUTPUTS, {"mean": jnp.zeros(3)})),
        r"train needs to return the running statistics that it is given, {mean: float32\[4\]}; got "
        r"{mean: float32\[3\]}",
    ),
    (returning((OUTPUTS, {})), "train needs to return the running statistics .*; got {}"),
    (
        returning((OUTPUTS, {"mean": jnp.zeros(4, jnp.int32)})),
        r"train needs to return the running .*; got {mean: int32\[4\]}",
    ),
    (
        returning((OUTPUTS, {"mean": jnp.zeros(4)}, jnp.zeros(()))),
        r"train needs to return a cost \(5,\) for a batch, got \(\)",
    ),
    (
        returning((OUTPUTS, {"mean": jnp.zeros(4)}, None)),
        r"train needs to return a cost \(5,\) for a batch, got None",
    ),
]


@pytest.mark.parametrize(("model", "message"), BAD)
def test_a_pass_that_returns_something_else_is_refused(model, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        training_pass(model, model.init(KEY), Batch(INPUTS, None), KEY)


def test_running_statistics_without_a_place_are_refused():
    model = Model(PLAIN.init, PLAIN.apply, returning((OUTPUTS, {"mean": OUTPUTS})).train)
    with pytest.raises(ValueError, match=r"^train returns .*: init needs to return Variables\(.*"):
        training_pass(model, model.init(KEY), Batch(INPUTS, None), KEY)


def test_a_batch_that_is_too_small_and_a_missing_key_are_refused():
    params = CENTRED.init(KEY)
    with pytest.raises(ValueError, match="^the network needs batches of at least 2 .*, got 1$"):
        training_pass(CENTRED, params, Batch(INPUTS[:1], None), KEY)
    with pytest.raises(ValueError, match=r"^the network draws .* needs a key, .*; got none$"):
        training_pass(CENTRED, params, Batch(INPUTS, None), None)


def test_variables_are_told_from_parameters():
    assert isinstance(CENTRED.init(KEY), Variables)
