"""Optimizers whose states or steps are out of the ordinary: alone, in populations, on the disk."""

import jax
import numpy as np
import optax
import pytest

from jaxmlp import Progress, Recipe, checkpoint, classification, digest, mlp, train, train_many
from jaxmlp.keydata import is_key

PLAIN = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.05}, 16, 3)
NOISY = PLAIN._replace(optimizer=optax.noisy_sgd, hyperparameters={"learning_rate": 0.1, "key": 0})


def assert_same(member, run):
    assert digest(member.params) == digest(run.params)
    assert digest(member.state) == digest(run.state)
    assert member.history.keys() == run.history.keys()
    assert all((member.history[name] == run.history[name]).all() for name in run.history)


def keys_of(run):
    return [leaf for leaf in jax.tree.leaves(run.state) if is_key(leaf)]


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_members_keep_the_random_key_of_their_optimizer(blobs, mode):
    runs = train_many(NOISY, blobs, range(3), {"learning_rate": [0.1, 0.2]}, mode=mode)
    recipe = NOISY._replace(hyperparameters={"learning_rate": 0.2, "key": 0})
    member, run = runs.member(learning_rate=0.2, seed=2), train(recipe, blobs, 2)
    assert jax.tree.structure(member.state) == jax.tree.structure(run.state)
    assert digest(keys_of(member)) == digest(keys_of(run)) != digest([])
    if mode == "exact":
        assert_same(member, run)


def test_a_population_with_random_keys_goes_on_where_it_was(blobs):
    whole, parts = train_many(NOISY, blobs, range(2)), []
    train_many(NOISY, blobs, range(2), callback=lambda r: parts.append(r.snapshot()) or True)
    rest = train_many(NOISY, blobs, range(2), start=parts[0])
    for seed in range(2):
        assert_same(rest.member(seed=seed), whole.member(seed=seed))


def test_a_member_with_a_random_key_ends_at_its_fault(blobs):
    inputs = blobs.train_inputs.copy()
    inputs[7] = np.nan
    runs = train_many(NOISY, blobs._replace(train_inputs=inputs), [0])
    assert runs.faults[(0,)].kind == "forward pass"


def test_a_run_with_a_random_key_goes_on_from_its_checkpoint(blobs, tmp_path):
    whole, cut = train(NOISY, blobs, 1), []
    train(NOISY, blobs, 1, block_every=1, on_block=lambda p: cut.append(p) or len(cut) == 6)
    with checkpoint.Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(6, cut[-1][:2])
    found = checkpoint.restore(tmp_path, like=cut[-1][:2])
    assert_same(train(NOISY, blobs, 1, start=Progress(*found.tree, cut[-1].history)), whole)
