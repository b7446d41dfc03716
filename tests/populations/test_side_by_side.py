"""A chunk of members under one program; what both ways have in common is in test_members."""

import jax
import numpy as np
import optax

from jaxmlp import Recipe, classification, mlp
from jaxmlp.populations.side_by_side import SideBySide
from jaxmlp.randomness import Seeds
from jaxmlp.runtime.compilation import compile_all, default_device
from jaxmlp.training.engine import hosted, place, shapes_of

RECIPE = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.02}, 16, 3)


def worker(blobs, is_shared=False):
    device = default_device()
    return SideBySide(
        RECIPE, shapes_of(blobs), device, {0: place(hosted(blobs), device)}, is_shared
    )


def test_a_chunk_side_by_side_has_programs_of_its_size(blobs):
    calls = worker(blobs).calls(7)
    assert list(calls) == ["run", "rate", "is_finite", "test"]
    assert calls["run"].arguments[1].noise.shape == (7,)
    assert compile_all(calls).keys() == calls.keys()


def test_places_without_a_member_repeat_the_first_and_are_never_seen(blobs):
    made, seeds = worker(blobs), np.array([7, 3], np.uint32)
    each = [made.init({"learning_rate": np.float32(0.1)}, seed) for seed in seeds]
    states = jax.tree.map(lambda *leaves: np.stack(leaves), *each)
    numbers = {"learning_rate": np.float32([0.1, 0.2])}
    carried = made.start_epoch(made.load(numbers, Seeds(seeds, seeds), states, np.zeros(2, int), 4))
    kernels = carried.states.params[0].kernel
    assert kernels.shape == (4, 4, 8)
    assert np.array_equal(kernels[0], kernels[2])
    assert np.array_equal(kernels[0], kernels[3])
    assert not np.array_equal(kernels[0], kernels[1])
    assert made.are_healthy(carried).shape == (2,)
    carried = made.run(carried, 4)
    lines = made.lines(carried, 4, False)
    assert {values.shape for values in lines.values()} == {(2,)}
    store = jax.tree.map(np.zeros_like, states)
    made.keep(store, np.array([1, 0]), carried)
    own = [made.member(carried, slot)[0].params[0].kernel for slot in (0, 1)]
    assert np.array_equal(store.params[0].kernel, np.stack(own)[::-1])
