"""What members do side by side is what each does."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import Metric, Recipe, classification, mlp
from jaxmlp.populations import vmapped
from jaxmlp.training.recipe import split
from jaxmlp.types import TrainState

RECIPE = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.02}, 16, 3)


@pytest.mark.parametrize("rate", [None, 0.25])
def test_the_rate_of_members_without_numbers_is_one_or_none(rate):
    recipe, _ = split(RECIPE._replace(hyperparameters={}))
    recipe = recipe._replace(optimizer=lambda: optax.sgd(0.1))
    if rate is not None:
        recipe = recipe._replace(
            optimizer=optax.sgd, hyperparameters=(("learning_rate", optax.constant_schedule(rate)),)
        )
    found = vmapped.rates(recipe, 50, {}, np.int32(6))
    assert (found is None) if rate is None else (found.tolist() == [rate])


def test_each_member_has_the_rate_of_its_number():
    recipe, _ = split(RECIPE)
    found = vmapped.rates(recipe, 50, {"learning_rate": jnp.float32([0.5, 0.25])}, np.int32(6))
    assert found.tolist() == [0.5, 0.25]


def test_members_are_finite_or_not_each_on_its_own():
    tree = {"a": jnp.array([[1.0, 2.0], [1.0, jnp.inf], [0.0, 0.0]]), "b": jnp.arange(3)}
    assert vmapped.are_finite(tree).tolist() == [True, False, True]


def test_the_weights_that_are_evaluated_are_each_member_s():
    states = TrainState(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0]), jnp.zeros(2, int))
    derived = vmapped.eval_params(lambda state: state.params * state.opt_state, states)
    assert derived.tolist() == [3.0, 8.0]


def test_sums_are_finished_each_for_its_member():
    total = Metric(
        "total", accumulate=lambda outputs, label: outputs, finish=lambda total: total[0] - total[1]
    )
    sums = (jnp.array([[5.0, 1.0], [7.0, 9.0]]),)
    assert [each.tolist() for each in vmapped.finish((total,), sums)] == [[4.0, -2.0]]
