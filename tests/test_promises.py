"""What is promised of plain networks, of those that differ in training: bits, resume, members."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from flax import linen, nnx
from noisy_models import BOTH

from jaxmlp import (
    Progress,
    Recipe,
    TrainingFault,
    classification,
    digest,
    evaluate,
    from_flax,
    mlp,
    schedules,
    train,
    train_many,
    with_precision,
)
from jaxmlp.populations import planning


# Without a bias before the norm: its gradient is rounding alone, which Adam makes whole steps of.
class Linen(linen.Module):
    @linen.compact
    def __call__(self, inputs, train):
        hidden = linen.Dense(6, use_bias=False)(inputs)
        hidden = linen.BatchNorm(use_running_average=not train)(hidden)
        return linen.Dense(3)(linen.Dropout(0.2, deterministic=not train)(linen.relu(hidden)))


class Nnx(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(4, 6, use_bias=False, rngs=rngs)
        self.last = nnx.Linear(6, 3, rngs=rngs)
        self.norm, self.drop = nnx.BatchNorm(6, rngs=rngs), nnx.Dropout(0.2, rngs=rngs)

    def __call__(self, inputs):
        return self.last(self.drop(nnx.relu(self.norm(self.first(inputs)))))


MODELS = {
    "dropout": mlp((4, 6, 3), dropout=0.5, input_dropout=0.2),
    "batch norm": mlp((4, 6, 3), norm="batch"),
    "both": mlp((4, 6, 3), norm="batch", dropout=0.1, input_noise=0.1),
    "bfloat16": with_precision(mlp((4, 6, 3), norm="layer", dropout=0.1), "bfloat16"),
    "own": BOTH,
    "linen": from_flax(Linen(), np.zeros(4, np.float32)),
    "nnx": from_flax(Nnx, np.zeros(4, np.float32)),
}
SLOW = ("dropout", "own")  # "both" has their parts
NAMES = [
    name if name not in SLOW else pytest.param(name, marks=pytest.mark.slow) for name in MODELS
]
ON_DEVICES = ("both",)
SEEDS = [5, 0, 2]
STEPS = 4  # of an epoch: 50 examples in batches of 16, the last of 2


def recipe_of(name, optimizer="adam", schedule=None):
    return Recipe(
        MODELS[name],
        classification(3),
        getattr(optax, optimizer),
        {"learning_rate": 0.02},
        16,
        3,
        schedule,
    )


def all_bits(run):
    return digest((run.params, run.state, dict(run.history)))


@pytest.fixture(scope="module")
def solo(blobs):
    """A run of each network by its name and seed."""

    @functools.cache
    def run(name, seed, **changes):
        return train(recipe_of(name), blobs, seed, **changes)

    return run


@pytest.mark.parametrize("name", NAMES)
def test_seed_order_and_noise_each_decide_their_own_part(name, solo, blobs):
    run = solo(name, 0)
    assert all_bits(train(recipe_of(name), blobs, 0)) == all_bits(run)
    assert all_bits(solo(name, 0, shuffle_seed=0, noise_seed=0)) == all_bits(run)
    others = [solo(name, 0, shuffle_seed=1), solo(name, 1), solo(name, 0, noise_seed=1)]
    different = [all_bits(other) != all_bits(run) for other in others]
    assert different == [True, True, name != "batch norm"]  # which draws nothing


@pytest.mark.parametrize("cut", range(1, 3 * STEPS))
@pytest.mark.parametrize("name", NAMES)
def test_a_training_that_was_cut_anywhere_goes_on_with_the_same_bits(name, cut, solo, blobs):
    kept = []
    train(
        recipe_of(name),
        blobs,
        0,
        block_every=1,
        on_block=lambda progress: kept.append(progress) or len(kept) == cut,
    )
    start = jax.tree.map(np.asarray, kept[-1])
    assert int(start.state.step) == cut
    assert all_bits(train(recipe_of(name), blobs, 0, start=Progress(*start))) == all_bits(
        solo(name, 0)
    )


@pytest.mark.parametrize("chunk", [1, 3])
@pytest.mark.parametrize("seeds", [SEEDS, SEEDS[::-1]])
@pytest.mark.parametrize("order", ["own", "shared"])
@pytest.mark.parametrize("name", NAMES)
def test_a_member_is_its_solo_run(name, order, seeds, chunk, solo, blobs, monkeypatch):
    monkeypatch.setattr(planning, "FEWEST", chunk)
    monkeypatch.setattr(planning, "MOST", chunk)
    runs = train_many(recipe_of(name), blobs, seeds, mode="exact", shuffle=order)
    changes = {"shuffle_seed": 0} if order == "shared" else {}
    for seed in seeds:
        assert all_bits(runs.member(seed=seed)) == all_bits(solo(name, seed, **changes))


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_crossed_with_order_and_seed(name, solo, blobs):
    recipe, seeds = recipe_of(name), [0, 5]
    runs = train_many(recipe, blobs, seeds, shuffle_seeds=[1, 3], noise_seeds=[4, 0], mode="exact")
    assert list(runs.axes) == ["shuffle_seed", "noise_seed", "seed"]
    for order, noise, seed in ((1, 4, 5), (3, 0, 0), (3, 4, 5)):
        member = runs.member(shuffle_seed=order, noise_seed=noise, seed=seed)
        alone = solo(name, seed, shuffle_seed=order, noise_seed=noise)
        assert all_bits(member) == all_bits(alone)


@pytest.mark.parametrize("name", ["both", "linen"])
def test_members_side_by_side_are_near_their_solo_runs(name, solo, blobs):
    runs = train_many(recipe_of(name), blobs, SEEDS, noise_seeds=[7, 1], mode="fast")
    shared = train_many(
        recipe_of(name), blobs, SEEDS, noise_seeds=[7, 1], mode="fast", shuffle="shared"
    )
    for noise, seed in ((7, 5), (1, 2)):
        for members, order in ((runs, seed), (shared, 0)):
            member = members.member(noise_seed=noise, seed=seed)
            alone = solo(name, seed, noise_seed=noise, shuffle_seed=order)
            for ours, theirs in zip(
                jax.tree.leaves(member.params), jax.tree.leaves(alone.params), strict=True
            ):
                np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_evaluated_is_the_network_as_it_is_used(name, solo, blobs):
    run = solo(name, 0)
    found = evaluate(recipe_of(name), run.params, blobs.test_inputs, blobs.test_labels)
    assert np.float32(found["loss"]) == run.history["test_loss"][-1]


def test_a_step_with_a_fault_is_located_with_its_own_noise(blobs):
    """The learning rate grows until numbers overflow; the step is replayed in parts."""
    recipe = recipe_of("both", "sgd")._replace(
        hyperparameters={"learning_rate": 1e30}, num_epochs=2
    )
    with pytest.raises(TrainingFault) as raised:
        train(recipe, blobs, 0)
    assert raised.value.fault.kind != "none"
    runs = train_many(recipe, blobs, [0], mode="exact")
    assert runs.faults[(0,)] == raised.value.fault


def test_a_schedule_and_running_statistics_go_together(blobs):
    recipe = recipe_of("both", schedule=schedules.cosine)
    assert np.isfinite(train(recipe, blobs, 0).history["test_loss"]).all()


PROGRAM = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
sys.path.insert(0, "tests")
import numpy as np
import jaxmlp, test_promises as promises
random = np.random.default_rng(0)
inputs, labels = random.normal(size=(50, 4)).astype(np.float32), random.integers(0, 3, 50)
data = jaxmlp.Dataset(inputs, labels, inputs[:30], labels[:30])
for name in promises.ON_DEVICES:
    recipe = promises.recipe_of(name)
    runs = jaxmlp.train_many(recipe, data, range(4))
    members = [promises.all_bits(runs.member(seed=seed)) for seed in range(4)]
    assert members[2] == promises.all_bits(jaxmlp.train(recipe, data, 2))
    print(name, *members)
"""


@pytest.mark.parametrize("counts", [(1, 2), pytest.param((1, 2, 4), marks=pytest.mark.slow)])
def test_bits_do_not_depend_on_the_number_of_devices(counts):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(count)],
            cwd=Path(__file__).parents[1],
            env={**os.environ, "NPROC": "4"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for count in counts
    ]
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert len(outputs[0].splitlines()) == len(ON_DEVICES)
    assert len(set(outputs)) == 1
