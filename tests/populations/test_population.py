"""A population on the host: its shapes, its beginning, and how far it is."""

import jax
import numpy as np
import optax
import pytest

from jaxmlp import Recipe, classification, mlp
from jaxmlp.populations import planning, population
from jaxmlp.populations.grid import make_grid
from jaxmlp.randomness import keys
from jaxmlp.runtime.keydata import plain


def test_the_shapes_of_a_population(blobs):
    recipe = Recipe(mlp((4, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 5)
    grid = make_grid(recipe, range(2), {"hidden_sizes": [(), (8,)], "num_epochs": [2, 5]})
    like = population.population_of(grid, blobs)
    assert [states.params[0].kernel.shape for states in like.states] == [
        *((2, 4, 3), (2, 4, 3), (2, 4, 8), (2, 4, 8)),
    ]
    assert {line.shape for line in like.history.values()} == {(8, 5)}
    assert like.history.keys() == {
        *("train_loss", "train_accuracy", "test_loss", "test_accuracy", "learning_rate"),
    }
    assert like.epochs.shape == like.ended_by.shape == (8,)


def test_members_begin_as_alone_and_without_a_history(blobs):
    recipe = Recipe(mlp((4, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 5)
    grid = make_grid(recipe, [7, 2], {"hidden_sizes": [(), (8,)]})
    crew, _ = planning.prepare(grid, blobs, None, None, None, False)
    begun = population.beginning(grid, blobs, crew)
    for row, seed in enumerate([7, 2]):
        params = recipe.model.init(keys(seed).init)
        # Compiled as a whole, the last digit differs from that of one operation after another.
        assert begun.states[0].params[0].kernel[row] == pytest.approx(
            np.array(params[0].kernel), abs=1e-6
        )
    assert np.isnan(begun.history["test_loss"]).all()
    assert begun.epochs.tolist() == begun.ended_by.tolist() == [0] * 4
    assert begun.faults == {}


def by_hand(epochs, ended_by):
    return population.Population(
        (), {"m": np.zeros((len(epochs), 4))}, np.int32(epochs), np.int8(ended_by), {}
    )


@pytest.mark.parametrize(
    ("epochs", "ended_by", "live", "epoch"),
    [([3, 2, 1], [0, 0, 4], [0, 1], 2), ([3, 2, 1], [1, 1, 4], [], 3)],
)
def test_an_epoch_is_over_when_all_that_train_have_finished_it(epochs, ended_by, live, epoch):
    given = by_hand(epochs, ended_by)
    assert population.live_in(given).tolist() == live
    assert population.epoch_of(given) == epoch


def test_a_copy_shares_nothing():
    given = by_hand([1, 2], [0, 0])._replace(states=({"a": np.zeros(2)},))
    copy = population.copied(given)
    for array in (copy.states[0]["a"], copy.history["m"], copy.epochs, copy.ended_by):
        array[:] = 9
    copy.faults[0] = None
    assert not given.states[0]["a"].any()
    assert not given.history["m"].any()
    assert (given.epochs.tolist(), given.ended_by.tolist(), given.faults) == ([1, 2], [0, 0], {})


def test_a_member_is_written_in_its_row():
    keys_of_three = jax.random.split(jax.random.key(0), 3)
    store = {"a": np.zeros((3, 2)), "key": jax.tree.map(np.array, plain(keys_of_three))}
    population.write(store, 1, {"a": np.ones(2), "key": jax.random.key(5)})
    assert store["a"].tolist() == [[0, 0], [1, 1], [0, 0]]
    assert store["key"].bits[1].tolist() == [0, 5]
    assert np.array_equal(store["key"].bits[::2], jax.random.key_data(keys_of_three)[::2])
