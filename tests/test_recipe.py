import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import Dataset, Recipe, classification, mlp, optimizers, regression, schedules
from jaxmlp.recipe import build_optimizer, check, check_examples, split

RECIPE = Recipe(mlp((4, 3)), classification(3), optax.adam, {"learning_rate": 0.1}, 16, 2)
INPUTS = np.zeros((20, 4), np.float32)
LABELS = np.arange(20) % 3
DATA = Dataset(INPUTS, LABELS, INPUTS[:7], LABELS[:7])


def test_floats_become_arrays_and_all_else_stays():
    hyperparameters = {
        "learning_rate": 0.1,
        "b1": np.float64(0.8),
        "b2": jnp.float32(0.9),
        "eps": np.array(1e-8),
        "nesterov": True,
        "steps": 3,
    }
    static, numbers = split(RECIPE._replace(hyperparameters=hyperparameters))
    assert static.hyperparameters == (("nesterov", True), ("steps", 3))
    assert list(numbers) == ["learning_rate", "b1", "b2", "eps"]
    assert {(n.shape, n.dtype) for n in numbers.values()} == {((), np.dtype("float32"))}
    assert numbers["b1"] == jnp.float32(0.8)


def test_recipes_that_differ_in_floats_only_have_the_same_program():
    recipes = [RECIPE._replace(hyperparameters={"learning_rate": rate}) for rate in (0.1, 0.2)]
    first, second = (split(recipe)[0] for recipe in recipes)
    assert first == second
    assert hash(first) == hash(second)
    assert first == split(RECIPE._replace(hyperparameters={"learning_rate": 1}))[0]


def updates_of(optimizer, gradients):
    state, params = optimizer.init(jnp.zeros(2)), jnp.zeros(2)
    for gradient in gradients:
        updates, state = optimizer.update(gradient, state, params)
        yield updates


@pytest.mark.parametrize("schedule", [None, schedules.cosine])
def test_the_optimizer_gets_the_hyperparameters_and_the_schedule(schedule):
    hyperparameters = {"learning_rate": 0.5, "momentum": 0.5}
    recipe = RECIPE._replace(
        optimizer=optimizers.momentum, hyperparameters=hyperparameters, schedule=schedule
    )
    optimizer, rate = build_optimizer(*split(recipe), num_steps=4)
    expected = [0.5 * (1 + np.cos(np.pi * t / 4)) / 2 if schedule else 0.5 for t in range(4)]
    np.testing.assert_allclose([rate(t) for t in range(4)], expected, rtol=1e-6)
    traces = [1.0, 1.5, 1.75, 1.875]  # of a constant gradient of 1
    updates = list(updates_of(optimizer, [jnp.ones(2)] * 4))
    np.testing.assert_allclose(
        [update[0] for update in updates], -np.multiply(expected, traces), rtol=1e-6
    )


def test_an_optimizer_without_a_learning_rate_has_no_schedule():
    recipe = RECIPE._replace(optimizer=lambda: optax.sgd(0.1), hyperparameters={})
    optimizer, rate = build_optimizer(*split(recipe), num_steps=4)
    assert rate is None
    np.testing.assert_allclose(next(updates_of(optimizer, [jnp.ones(2)])), -0.1)


def test_a_recipe_and_data_that_fit_pass():
    check(RECIPE, DATA)
    check(RECIPE._replace(batch_size=20), DATA._replace(test_inputs=None, test_labels=None))
    check(RECIPE, DATA._replace(train_inputs=INPUTS.astype(np.uint8)))
    check(RECIPE, DATA._replace(train_labels=np.eye(3)[LABELS]))


BAD_RECIPES = [
    ({"num_epochs": 0}, "num_epochs needs .* at least 1, got 0"),
    ({"num_epochs": 1.5}, "num_epochs needs to be a whole number .*, got 1.5"),
    ({"batch_size": 0}, "batch_size needs .* at least 1, got 0"),
    ({"batch_size": -3}, "batch_size needs .*, got -3"),
    ({"batch_size": 21}, "batch_size needs to be at most the 20 training examples, got 21"),
    ({"model": mlp((5, 3))}, r"inputs needs the shape \(5,\), got \(4,\)"),
    ({"model": mlp((4, 2))}, r"the task needs 3 outputs, the model returns \(2,\)"),
    ({"task": regression()}, "the task needs 1 outputs, .*"),
    (
        {"schedule": schedules.cosine, "hyperparameters": {"rate": 0.1}},
        r"a schedule needs the hyperparameter learning_rate, got \['rate'\]",
    ),
    (
        {"hyperparameters": {"rate": 0.1}},
        "hyperparameters need to be the optimizer's, got .*'rate'",
    ),
]

BAD_DATA = [
    ({"train_inputs": INPUTS[:0], "train_labels": LABELS[:0]}, "at least 1, got 0 inputs .*"),
    ({"train_labels": LABELS[:19]}, "same length, .*, got 20 inputs and 19 labels"),
    ({"train_labels": LABELS + 1}, "labels need to be from 0 to 2, got 3 at 2"),
    ({"train_inputs": INPUTS[:, :2]}, r"inputs needs the shape \(4,\), got \(2,\)"),
    ({"train_inputs": INPUTS[:, :, None]}, r"inputs needs the shape \(4,\), got \(4, 1\)"),
    ({"test_labels": None}, "a test set needs inputs and labels, got one without the other"),
    ({"test_inputs": None}, "a test set needs inputs and labels, got one without the other"),
    ({"test_labels": LABELS[:6]}, "same length, .*, got 7 inputs and 6 labels"),
    ({"test_labels": LABELS[:7] - 1}, "labels need to be from 0 to 2, got -1 at 0"),
    ({"test_inputs": INPUTS[:7, :3]}, r"inputs needs the shape \(4,\), got \(3,\)"),
]


def assert_refused(message, recipe, data):
    with pytest.raises(ValueError, match=message) as refusal:
        check(recipe, data)
    assert re.fullmatch(f".*{message}", str(refusal.value))  # all of it, in one line


@pytest.mark.parametrize(("change", "message"), BAD_RECIPES)
def test_a_bad_recipe_is_refused_in_one_line(change, message):
    assert_refused(message, RECIPE._replace(**change), DATA)


@pytest.mark.parametrize(("change", "message"), BAD_DATA)
def test_bad_data_are_refused_in_one_line(change, message):
    assert_refused(message, RECIPE, DATA._replace(**change))


def test_checking_computes_nothing():
    def refuse(*_):
        raise AssertionError("computed")

    model = RECIPE.model
    concrete_only = model._replace(
        init=lambda key: model.init(key) if isinstance(key, jax.core.Tracer) else refuse()
    )
    check_examples(RECIPE._replace(model=concrete_only), INPUTS, LABELS)
