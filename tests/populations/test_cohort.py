"""How a population lies on host and devices, and when its members end."""

import threading

import numpy as np
import optax
import pytest

from jaxmlp import Halving, Recipe, classification, mlp
from jaxmlp.populations import cohort
from jaxmlp.populations.grid import make_grid


@pytest.mark.parametrize(("count", "size", "lengths"), [(7, 3, [3, 2, 2]), (3, 3, [3]), (0, 3, [])])
def test_chunks_are_few_and_alike(count, size, lengths):
    parts = cohort._split(np.arange(count), size)
    assert [len(part) for part in parts] == lengths
    assert np.array_equal(np.concatenate([*parts, np.zeros(0, int)]), np.arange(count))


class Worker:
    """Takes what it is given."""

    def load(self, *arguments):
        return arguments


def test_members_are_dealt_out_evenly():
    workers = [Worker() for _ in range(4)]
    store = {"a": np.arange(12.0).reshape(6, 2)}
    for rows, expected in (([4, 1, 5, 0, 2, 3], [[4, 1], [5, 0], [2], [3]]), ([4, 1], [[4], [1]])):
        given = ({"rate": np.arange(6)}, np.arange(6) + 10, store)
        shares = cohort._deal(np.array(rows), 2, workers, given)
        assert [share.rows.tolist() for share in shares] == expected
        assert [share.worker for share in shares] == workers[: len(expected)]
        numbers, seeds, states, size = shares[0].carried
        first = expected[0]
        assert (numbers["rate"].tolist(), size) == (first, 2)
        assert seeds.tolist() == [row + 10 for row in first]
        assert states["a"].tolist() == store["a"][first].tolist()


def test_devices_work_at_the_same_time():
    together = threading.Barrier(3)

    def meet(share):
        together.wait(timeout=60)
        return share

    assert cohort._on_all(meet, [0, 1, 2]) == [0, 1, 2]


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
