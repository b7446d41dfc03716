import functools

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import (
    Dataset,
    Recipe,
    classification,
    mlp,
    optimizers,
    schedules,
)
from jaxmlp.objectives.metrics import accuracy
from jaxmlp.training.checks import check
from jaxmlp.training.recipe import build_optimizer, split

TASK = classification(3)
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


@pytest.mark.parametrize(
    ("name", "optimizer", "schedule", "is_traced"),
    [
        ("learning_rate", optax.adam, None, True),
        ("b1", optax.adam, None, True),
        ("init_scale", optax.adam, None, True),
        ("l2", optimizers.with_decay(optax.adam), None, True),
        ("end", optax.adam, schedules.exponential, True),
        ("drops", optax.adam, schedules.step_decay, False),
        ("memory_size", optax.lbfgs, None, False),
        ("num_steps", optax.adam, schedules.cosine, False),
    ],
)
def test_whole_numbers_stand_for_floats_where_the_default_is_one(
    name, optimizer, schedule, is_traced
):
    recipe = RECIPE._replace(optimizer=optimizer, schedule=schedule, hyperparameters={name: 1})
    static, numbers = split(recipe)
    assert (name in numbers) == is_traced
    assert (name in dict(static.hyperparameters)) != is_traced
    assert not split(recipe._replace(hyperparameters={name: True}))[1]


def test_equal_recipes_of_partials_are_the_same_program():
    def make():
        optimizer = functools.partial(optax.adam, b1=0.8)
        schedule = functools.partial(schedules.warmup_cosine, warmup=0.2)
        task = TASK._replace(metrics=(functools.partial(accuracy),))
        return RECIPE._replace(optimizer=optimizer, schedule=schedule, task=task)

    first, second = (check(make(), DATA)[0] for _ in range(2))
    assert make() != make()
    assert first == second
    assert hash(split(first)[0]) == hash(split(second)[0])


def test_a_recipe_is_shown_in_two_lines():
    shown = repr(RECIPE._replace(schedule=schedules.cosine, eval_params=len))
    assert len(shown.splitlines()) == 2
    for piece in ("Model(4-3)", "adam(learning_rate=0.1)", "schedule=cosine", "eval_params=len"):
        assert piece in shown
