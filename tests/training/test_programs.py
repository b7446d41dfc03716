"""The functions that training compiles; test_engine.py has their bits."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import Batch, Recipe, classification, make_update, mlp, optimizers, schedules
from jaxmlp.randomness import keys
from jaxmlp.training import programs
from jaxmlp.training.batches import epoch_order
from jaxmlp.training.recipe import build_optimizer, split

ADAM = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.05}, 16, 3)


@pytest.mark.parametrize("name", optimizers.__all__)
def test_every_optimizer_starts_from_the_types_it_keeps(name):
    """Or the second block of steps would be compiled anew."""
    recipe = ADAM._replace(optimizer=getattr(optimizers, name))
    static, numbers = split(recipe)
    seed = jnp.uint32(0)
    state = jax.eval_shape(functools.partial(programs.init, static, 50), numbers, seed)
    batch = Batch(jnp.zeros((2, 4)), jnp.zeros(2, jnp.int32))
    optimizer, _ = build_optimizer(static, numbers, 12)
    update = make_update(recipe.model.apply, recipe.task.loss, optimizer)
    after, _ = jax.eval_shape(update, state, batch)
    kinds = [
        [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in jax.tree.leaves(tree)]
        for tree in (state, after)
    ]
    assert kinds[0] == kinds[1]


def test_the_rate_is_that_of_its_step_of_the_whole_training():
    halved = ADAM._replace(schedule=schedules.cosine)
    for recipe, step, expected in ((ADAM, 7, 0.05), (halved, 0, 0.05), (halved, 6, 0.025)):
        static, numbers = split(recipe)  # of 50 examples four steps an epoch, twelve in all
        rate = programs.learning_rate(static, 50, numbers, jnp.int32(step))
        assert rate == pytest.approx(expected)


def test_the_order_is_that_of_seed_and_epoch():
    found = programs.order_of(50, jnp.uint32(3), jnp.int32(2))
    expected = epoch_order(keys(jnp.uint32(3)).shuffle, jnp.int32(2), 50)
    np.testing.assert_array_equal(found, expected)
    assert sorted(found.tolist()) == list(range(50))
