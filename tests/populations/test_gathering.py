"""The states of members that other processes have trained; here they are threads."""

import numpy as np
import optax
import pytest
from ml_dtypes import bfloat16
from peers import Memory, together, trained

from jaxmlp import Halving, Recipe, classification, digest, gather, mlp, train_many
from jaxmlp.populations.gathering import gathered, merged, merged_by
from jaxmlp.populations.runs import Runs
from jaxmlp.runtime.exchange import Exchange
from jaxmlp.types import TrainState

RECIPE = Recipe(mlp((4, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 2)
RATES = {"learning_rate": [0.5, 0.001, 0.1]}
HALVED = Halving("test_loss", factor=2)


def test_all_states_can_be_had_by_all(blobs):
    halved = train_many(RECIPE, blobs, range(3), RATES, halving=HALVED)
    assert gather(halved) is halved  # one process has trained all
    spread = trained(3, RECIPE, blobs, range(3), RATES, halving=HALVED)
    store = Memory()

    def at(name, process):
        return Exchange(store, name, process, spread[process].processes)

    for runs in spread:
        with pytest.raises(ValueError, match="a member's state needs to be here, got one that"):
            _ = runs.params

    whole = together(lambda process: gathered(spread[process], at("all", process)), 3)
    for runs in whole:
        assert digest(runs.states) == digest(halved.states)
        assert digest(runs.params) == digest(halved.params)
        assert runs.places.tolist() == halved.places.tolist()
        assert runs.homes is None
    some = [runs.select(learning_rate=0.1) for runs in spread]
    part = together(lambda process: gathered(some[process], at("some", process)), 3)
    for runs in part:
        assert digest(runs.params) == digest(halved.select(learning_rate=0.1).params)
        assert len(runs.states[0].step) == 3
    assert store.contents == {}  # or the coordinator would have them to the end
    one = trained(2, RECIPE, blobs, [7])  # the second process has none, and may ask
    store = Memory()
    for runs in together(
        lambda process: gathered(one[process], Exchange(store, "one", process, (0, 1))), 2
    ):
        assert digest(runs.params) == digest(gather(train_many(RECIPE, blobs, [7])).params)


def test_states_of_any_dtype_and_of_none_come_as_they_are():
    """Of two programs, the second of which the first process has nothing of."""
    values = np.arange(6).reshape(2, 3).astype(bfloat16)
    homes, places = np.int32([0, 1, 1]), np.int32([[0, 0], [0, -1], [1, -1]])
    states = (TrainState(values[:1], (), np.int32([7])), TrainState(values[:0], (), np.int32([])))
    first = Runs({"seed": (0, 1, 2)}, {}, np.int32([1] * 3), states, places, {}, homes=homes)
    states = (TrainState(values[1:], (), np.int32([8])), TrainState(values[:1], (), np.int32([9])))
    second = first._replace(states=states, places=np.int32([[0, -1], [0, 0], [1, 0]]))
    assert (first.is_here.tolist(), second.is_here.tolist()) == ([1, 0, 0], [0, 1, 1])
    store = Memory()
    both = together(lambda n: gathered((first, second)[n], Exchange(store, "all", n, (0, 1))), 2)
    for runs in both:
        assert runs.states[0].params.dtype == bfloat16
        assert runs.states[0].params.tolist() == values.tolist()
        assert [each.step.tolist() for each in runs.states] == [[7, 8], [9]]
        assert runs.places.tolist() == [[0, 0], [0, 1], [1, 0]]


def test_values_of_members_are_those_of_the_processes_that_have_them():
    homes = np.int32([[3, 5], [5, 3]])
    places = np.zeros((2, 2, 2), np.int32)
    axes = {"learning_rate": (0.1, 0.2), "seed": (0, 1)}
    runs = Runs(axes, {}, np.ones((2, 2), int), (), places, {}, homes=homes)
    store, values = Memory(), np.array([["a", "b"], ["c", "d"]])

    def one(place):
        own = np.where(homes == (3, 5, 7)[place], values, "-")
        return merged_by(runs, own, Exchange(store, "all", (3, 5, 7)[place], (3, 5, 7))).tolist()

    assert together(one, 3) == [values.tolist()] * 3  # one of them has trained none
    assert store.contents == {}
    assert merged(runs._replace(homes=None), values) is values
