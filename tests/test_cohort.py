"""How a population lies on host and devices, and when its members end."""

import threading

import jax
import numpy as np
import optax
import pytest

from jaxmlp import Halving, Recipe, classification, cohort, mlp
from jaxmlp.grid import make_grid


@pytest.mark.parametrize(("count", "size", "lengths"), [(7, 3, [3, 2, 2]), (3, 3, [3]), (0, 3, [])])
def test_chunks_are_few_and_alike(count, size, lengths):
    parts = cohort._split(np.arange(count), size)
    assert [len(part) for part in parts] == lengths
    assert np.array_equal(np.concatenate([*parts, np.zeros(0, int)]), np.arange(count))


def test_members_come_back_from_their_devices():
    store = {"a": np.arange(12.0).reshape(6, 2)}
    rows, seeds = np.array([4, 1, 5]), np.arange(6, dtype=np.uint32)
    (share,) = cohort._deal(rows, 4, (jax.devices()[0],), ({}, seeds), store)
    assert (share.device, share.num, share.rows.tolist()) == (0, 3, [4, 1, 5])
    assert share.given[1].tolist() == [4, 1, 5, 4]  # what is not in use repeats the first
    assert share.states["a"].tolist() == [[8, 9], [2, 3], [10, 11], [8, 9]]
    cohort._keep(store, share.rows, {"a": share.states["a"] + 1})
    assert store["a"].tolist() == [[0, 1], [3, 4], [4, 5], [6, 7], [9, 10], [11, 12]]


def test_members_are_dealt_out_evenly():
    devices = (jax.devices()[0],) * 4
    for count, expected in ((6, [[0, 1], [2, 3], [4], [5]]), (2, [[0], [1]])):
        seeds = np.arange(count, dtype=np.uint32)
        shares = cohort._deal(np.arange(count), 2, devices, ({}, seeds), None)
        assert [share.rows.tolist() for share in shares] == expected
        assert [share.device for share in shares] == list(range(len(expected)))


def test_devices_work_at_the_same_time():
    seeds = np.arange(3, dtype=np.uint32)
    shares = cohort._deal(np.arange(3), 1, (jax.devices()[0],) * 3, ({}, seeds), None)
    together = threading.Barrier(3)

    def meet(share):
        together.wait(timeout=10)
        return share.device

    assert cohort._on_all(meet, shares) == [0, 1, 2]


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
    assert like.epochs.shape == like.ended_by.shape == (8,)
