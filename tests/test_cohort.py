"""How a population lies on host and devices, and when its members end."""

import jax
import numpy as np
import optax
import pytest
from jax.sharding import Mesh

from jaxmlp import Halving, Recipe, classification, cohort, mlp
from jaxmlp.grid import make_grid

MESH = Mesh(np.array(jax.devices()[:1]), ("member",))


@pytest.mark.parametrize(("count", "size", "lengths"), [(7, 3, [3, 2, 2]), (3, 3, [3]), (0, 3, [])])
def test_chunks_are_few_and_alike(count, size, lengths):
    parts = cohort._split(np.arange(count), size)
    assert [len(part) for part in parts] == lengths
    assert np.array_equal(np.concatenate([*parts, np.zeros(0, int)]), np.arange(count))


def test_members_come_back_from_their_slots():
    store = {"a": np.arange(12.0).reshape(6, 2)}
    rows = np.array([4, 1, 5])
    slots, counts = cohort._place(rows, 4, MESH)
    assert (slots.tolist(), counts.tolist()) == ([0, 1, 2], [3])
    placed = cohort._put(store, rows, slots, 4, MESH)
    assert placed["a"].tolist() == [[8, 9], [2, 3], [10, 11], [8, 9]]  # the empty slot as the first
    cohort._keep(store, rows, {"a": placed["a"] + 1}, slots)
    assert store["a"].tolist() == [[0, 1], [3, 4], [4, 5], [6, 7], [9, 10], [11, 12]]


def test_members_are_dealt_out_evenly():
    class Four:
        devices = np.zeros(4)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohort, "NamedSharding", lambda *_: None)
        slots, counts = cohort._place(np.arange(6), 2, Four)
    assert (slots.tolist(), counts.tolist()) == ([0, 1, 2, 3, 4, 6], [2, 2, 1, 1])


@pytest.mark.parametrize(
    ("halving", "rungs"),
    [
        (Halving("x"), [1, 3, 9, 27]),
        (Halving("x", 2), [1, 2, 4, 8, 16]),
        (Halving("x", 4, first=3), [3, 12]),
    ],
)
def test_rungs(halving, rungs):
    assert [epoch for epoch in range(1, 30) if cohort._is_rung(halving, epoch)] == rungs


def test_the_shapes_of_a_population(blobs):
    recipe = Recipe(mlp((4, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 5)
    grid = make_grid(recipe, range(2), {"hidden_sizes": [(), (8,)], "num_epochs": [2, 5]})
    like = cohort.population_of(grid, blobs)
    assert [states.params[0].kernel.shape for states in like.states] == [
        *((2, 4, 3), (2, 4, 3), (2, 4, 8), (2, 4, 8)),
    ]
    assert {line.shape for line in like.history.values()} == {(8, 5)}
    assert like.history.keys() == {
        *("train_loss", "train_accuracy", "test_loss", "test_accuracy", "learning_rate"),
    }
    assert like.epochs.shape == like.has_ended.shape == (8,)
