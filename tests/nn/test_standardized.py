"""Networks that scale their data: against a plain network on data that were scaled before."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

import jaxmlp
from jaxmlp import Dataset, Recipe, Scaling, mlp, scaling_of, standardized
from jaxmlp.interop.flax import flax_module
from jaxmlp.nn.mlp import architecture_of, rates, variant, with_rates

RNG = np.random.default_rng(0)
INPUTS = RNG.normal([100.0, -3.0, 0.0], [20.0, 0.01, 1.0], (40, 3)).astype(np.float32)
LABELS = (500 + 80 * RNG.normal(size=40)).astype(np.float32)
INPUT, LABEL = scaling_of(INPUTS[:30]), scaling_of(LABELS[:30])
DATA = Dataset(INPUTS[:30], LABELS[:30], INPUTS[30:], LABELS[30:])
PLAIN = mlp((3, 8, 1), jnp.tanh)
BOTH = standardized(PLAIN, INPUT, LABEL)


def by_hand(inputs):
    return (inputs - np.float32(INPUT.mean)) / np.float32(INPUT.scale)


def recipe_of(model, **task):
    return Recipe(
        model,
        jaxmlp.regression(**task),
        optax.sgd,
        {"learning_rate": 0.05},
        batch_size=8,
        num_epochs=3,
    )


def test_it_is_the_plain_network_of_scaled_inputs_in_the_labels_units():
    params = PLAIN.init(jax.random.key(0))
    assert jaxmlp.digest(BOTH.init(jax.random.key(0))) == jaxmlp.digest(params)
    ours = jax.vmap(BOTH.apply, (None, 0))(params, INPUTS)
    plain = jax.vmap(PLAIN.apply, (None, 0))(params, jnp.array(by_hand(INPUTS)))
    np.testing.assert_allclose(ours, plain * LABEL.scale[0] + LABEL.mean[0], rtol=1e-6)


def test_it_trains_as_a_plain_network_does_on_data_that_were_scaled_before():
    run = jaxmlp.train(recipe_of(BOTH, unit=LABEL.scale), DATA, seed=1)
    labels = (LABELS - LABEL.mean[0]) / LABEL.scale[0]
    scaled = Dataset(by_hand(DATA.train_inputs), labels[:30], by_hand(INPUTS[30:]), labels[30:])
    plain = jaxmlp.train(recipe_of(PLAIN), scaled, seed=1)
    jax.tree.map(
        lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=1e-5),
        run.params,
        plain.params,
    )
    theirs = plain.history["test_loss"] * LABEL.scale[0] ** 2  # in the labels' units
    np.testing.assert_allclose(run.history["test_loss"], theirs, rtol=1e-3)
    predicted = jaxmlp.predict(recipe_of(BOTH), run.params, INPUTS)
    there = jaxmlp.predict(recipe_of(PLAIN), plain.params, by_hand(INPUTS))
    np.testing.assert_allclose(predicted, there * LABEL.scale[0] + LABEL.mean[0], rtol=1e-4)
    found = jaxmlp.evaluate(recipe_of(BOTH), run.params, INPUTS[30:], LABELS[30:])
    np.testing.assert_allclose(found["loss"], run.history["test_loss"][-1], rtol=1e-6)


def test_a_population_has_it_too_whatever_its_widths_and_rates():
    model = standardized(mlp((3, 8, 1), dropout=0.5), INPUT, LABEL)
    sweep = {"hidden_sizes": [(4,)], "dropout": [0.5, 0.25]}
    recipe = recipe_of(model, unit=LABEL.scale)._replace(num_epochs=1)
    runs = jaxmlp.train_many(recipe, DATA, seeds=[0], sweep=sweep)
    narrow = standardized(mlp((3, 4, 1), dropout=0.25), INPUT, LABEL)
    alone = jaxmlp.train(recipe._replace(model=narrow), DATA, seed=0)
    member = runs.history["test_loss"][0, 1, 0]
    assert member.tobytes() == alone.history["test_loss"].tobytes()


def test_pixels_are_scaled_as_floats_from_0_to_1():
    pixels = RNG.integers(0, 256, (20, 3)).astype(np.uint8)
    model = standardized(mlp((3, 4)), scaling_of(pixels))
    recipe = Recipe(model, jaxmlp.classification(4), optax.sgd, {"learning_rate": 0.1}, 5, 1)
    params = model.init(jax.random.key(0))
    theirs = jaxmlp.predict(recipe, params, pixels / np.float32(255))
    np.testing.assert_allclose(jaxmlp.predict(recipe, params, pixels), theirs, rtol=1e-5)
    update = jaxmlp.make_update(model, jaxmlp.losses.softmax_cross_entropy, optax.sgd(0.1))
    state = jaxmlp.init_state(params, optax.sgd(0.1))
    floats = (pixels / np.float32(255), pixels)
    steps = [update(state, jaxmlp.Batch(inputs, np.arange(20) % 4))[1] for inputs in floats]
    np.testing.assert_allclose(steps[0].grad_norm, steps[1].grad_norm, rtol=1e-5)


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_noise_and_dropout_come_after_it_and_norms_know_nothing_of_it(norm):
    plain = mlp((3, 5, 2), input_dropout=0.3, input_noise=0.1, dropout=0.2, norm=norm)
    outputs = Scaling((1.0, 2.0), (3.0, 4.0))
    model = standardized(plain, INPUT, outputs)
    params = plain.init(jax.random.key(0))
    context = jaxmlp.Context(jax.random.key(1), jnp.ones(40, bool))
    ours, running = model.train(params, INPUTS, context)
    theirs, followed = plain.train(params, jnp.array(by_hand(INPUTS)), context)
    expected = np.array(theirs) * np.float32(outputs.scale) + np.float32(outputs.mean)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), running, followed)
    assert model.least_batch == plain.least_batch


def test_it_is_part_of_the_description():
    assert architecture_of(BOTH).input_scaling == INPUT
    assert repr(BOTH) == "Model(3-8-1, tanh, standardized inputs and outputs)"
    assert repr(standardized(PLAIN, outputs=LABEL)) == "Model(3-8-1, tanh, standardized outputs)"
    assert standardized(standardized(PLAIN, INPUT), outputs=LABEL) == BOTH
    assert standardized(PLAIN, (list(INPUT.mean), np.array(INPUT.scale)), LABEL) == BOTH
    assert standardized(PLAIN, INPUT) not in (PLAIN, standardized(PLAIN, Scaling([0] * 3, [1] * 3)))
    assert variant(BOTH, hidden_sizes=(4, 4)).architecture.input_scaling == INPUT
    dropped = with_rates(standardized(mlp((3, 8, 1), dropout=0.5), INPUT), {"dropout": 0.1})
    assert dropped == standardized(mlp((3, 8, 1), dropout=0.1), INPUT)
    assert rates(dropped) == {"dropout": 0.1}
    kinds = [line.kind for line in jaxmlp.summary(BOTH).layers]
    assert kinds == ["standardized", "dense, tanh", "dense, back in units"]
    assert standardized(PLAIN) is PLAIN


def test_flax_has_it_as_layers():
    model = standardized(mlp((3, 5, 1), input_dropout=0.5, norm="batch"), INPUT, LABEL)
    params = model.init(jax.random.key(0))
    theirs = flax_module(model).apply(jaxmlp.to_flax(model, params), INPUTS)
    ours = jax.vmap(model.apply, (None, 0))(params, INPUTS)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_anothers_network_that_trains_as_it_is_evaluated_still_does():
    theirs = jaxmlp.Model(PLAIN.init, PLAIN.apply)
    model = standardized(theirs, (list(INPUT.mean), np.array(INPUT.scale)))
    assert model.train is None
    assert model == standardized(theirs, INPUT)
    with pytest.raises(ValueError, match=r"^input_scaling needs a Scaling\(.*\), got 2.0$"):
        standardized(theirs, 2.0)


def test_anothers_network_is_scaled_around():
    layers = [linen.Dense(4, use_bias=False), linen.BatchNorm(), linen.relu, linen.Dense(1)]
    theirs = jaxmlp.from_flax(linen.Sequential(layers), jnp.zeros(3))
    model = standardized(standardized(theirs, inputs=INPUT), outputs=LABEL)
    params = theirs.init(jax.random.key(0))
    ours = jax.vmap(model.apply, (None, 0))(params, INPUTS)
    plain = jax.vmap(theirs.apply, (None, 0))(params, jnp.array(by_hand(INPUTS)))
    np.testing.assert_allclose(ours, plain * LABEL.scale[0] + LABEL.mean[0], rtol=1e-6)
    context = jaxmlp.Context(jax.random.key(1), jnp.ones(40, bool))
    ours, running = model.train(params, INPUTS, context)
    plain, followed = theirs.train(params, jnp.array(by_hand(INPUTS)), context)
    np.testing.assert_allclose(ours, plain * LABEL.scale[0] + LABEL.mean[0], rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), running, followed)
    assert model.architecture is None  # what Flax knows of is another function
    assert standardized(theirs, INPUT) == standardized(theirs, INPUT)  # compiled once
    for side, scaling in (("input", INPUT), ("output", LABEL)):
        message = f"^{side}_scaling needs a network without one, got Model"
        with pytest.raises(ValueError, match=message):
            standardized(model, **{f"{side}s": scaling})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: standardized("mlp", INPUT), "standardized needs a Model, .*, got 'mlp'"),
        (lambda: standardized(BOTH, INPUT), "input_scaling needs a network without one, got Mod.*"),
        (
            lambda: standardized(PLAIN, LABEL),
            r"input_scaling needs a mean of the shape \(3,\), got \(1,\)",
        ),
        (
            lambda: standardized(PLAIN, outputs=INPUT),
            r"output_scaling needs a mean of the shape \(1,\), got \(3,\)",
        ),
        (lambda: standardized(PLAIN, 2.0), r"input_scaling needs a Scaling\(.*\), got 2.0"),
        (
            lambda: BOTH.apply(BOTH.init(jax.random.key(0)), np.zeros(4)),
            r"inputs needs the shape \(3,\), got \(4,\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(make, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        make()
