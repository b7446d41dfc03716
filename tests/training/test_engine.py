"""The programs that one network and the members of many share."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import (
    Dataset,
    Recipe,
    classification,
    digest,
    evaluate,
    mlp,
    regression,
    schedules,
    train,
    train_many,
)
from jaxmlp.randomness import Seeds
from jaxmlp.runtime.compilation import default_device
from jaxmlp.training import engine
from jaxmlp.training.engine import Engine
from jaxmlp.training.recipe import split

ADAM = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.05}, 16, 3)


def beginning(own, recipe, seed=3):
    numbers = own.put(split(recipe)[1])
    return (
        numbers,
        own.init(numbers, own.put(np.uint32(seed))),
        engine.no_totals(recipe, own.sets["train"][1]),
    )


@pytest.mark.parametrize("batch_size", [1, 16, 256])
def test_bits_do_not_depend_on_where_the_steps_are_cut(batch_size, digits):
    num_examples = {1: 30, 16: 200, 256: 1437}[batch_size]
    data = digits._replace(
        train_inputs=digits.train_inputs[:num_examples],
        train_labels=digits.train_labels[:num_examples],
    )
    recipe = Recipe(
        mlp((64, 32, 10)), classification(10), optax.adam, {"learning_rate": 0.01}, batch_size
    )
    own = Engine.of(recipe, data, default_device())
    numbers, *start = beginning(own, recipe)
    steps, seeds = -(-num_examples // batch_size), own.put(Seeds(*np.uint32([3, 3])))

    def after(stops):
        carried = start
        for stop in stops:
            carried = own.run(numbers, seeds, *carried, own.put(np.int32(stop)))
        return digest(tuple(carried))

    whole = after([steps])
    assert after(range(1, steps + 1)) == whole
    assert after([1, steps - 1, steps]) == whole
    assert after([steps // 2, steps // 2, steps]) == whole  # a block of no steps too
    assert after([steps - 1]) != whole


@pytest.mark.parametrize(("is_due", "rate"), [(True, 0.025), (False, 0.025), (True, None)])
def test_a_line_has_means_of_the_epoch_and_looks_at_the_other_sets(is_due, rate, blobs):
    data = blobs._replace(
        validation_inputs=blobs.test_inputs[:7], validation_labels=blobs.test_labels[:7]
    )
    recipe = ADAM._replace(num_epochs=2, schedule=schedules.cosine)
    if rate is None:
        recipe = recipe._replace(
            optimizer=lambda: optax.sgd(0.1), hyperparameters={}, schedule=None
        )
    own = Engine.of(recipe, data, default_device())
    numbers, state, _ = beginning(own, recipe)
    state = state._replace(step=jnp.int32(5))  # the last was the fifth of eight, half way down
    totals = {"loss": jnp.float32(20), "accuracy": jnp.float32(40), "num_examples": jnp.float32(50)}
    line = own.line(numbers, state, totals, is_due)
    sets = ["train", "validation", "test"]
    names = [f"{kind}_{name}" for kind in sets for name in ("loss", "accuracy")]
    assert list(line) == names + ["learning_rate"] * (rate is not None)
    assert line["train_loss"] == np.float32(0.4)
    assert line["train_accuracy"] == np.float32(0.8)
    for kind in sets[1:]:
        found = evaluate(recipe, state.params, *data.sets()[kind])
        for name, value in found.items():
            np.testing.assert_equal(line[f"{kind}_{name}"], value if is_due else np.nan)
    if rate is not None:
        assert line["learning_rate"] == pytest.approx(rate)


@pytest.mark.parametrize("leaf", ["state", "totals"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_seen(leaf, value, blobs):
    own = Engine.of(ADAM, blobs, default_device())
    _, state, totals = beginning(own, ADAM)
    assert own.is_healthy(state, totals)
    if leaf == "state":
        first, *rest = state.params
        bias = first.bias.at[3].set(value)
        state = state._replace(params=(first._replace(bias=bias), *rest))
    else:
        totals["loss"] = jnp.float32(value)
    assert not own.is_healthy(state, totals)


SIZES = [1, 2, 3, 999, 1000, 1001]  # about one row, and about one batch of an evaluation


@pytest.mark.parametrize("sizes", [(20, 32, 5), (7, 1)])
def test_members_have_the_history_of_their_solo_runs_for_sets_of_any_size(sizes):
    """XLA may sum a batch in another order in another program; one row was one such case."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(1040, sizes[0])).astype(np.float32)
    labels = random.normal(size=1040).astype(np.float32)
    task = regression()
    if sizes[-1] > 1:
        labels, task = random.integers(0, sizes[-1], 1040).astype(np.int32), classification(5)
    recipe = Recipe(mlp(sizes), task, optax.adam, {"learning_rate": 0.01}, 8, 2)
    for size in SIZES:
        data = Dataset(inputs[:40], labels[:40], inputs[40:][:size], labels[40:][:size])
        runs = train_many(recipe, data, seeds=range(3))
        for seed in range(3):
            alone, member = train(recipe, data, seed), runs.member(seed=seed)
            assert digest(member.history) == digest(alone.history)
            assert digest(member.state) == digest(alone.state)


@pytest.mark.parametrize("num_examples", [1, 2])
def test_members_have_their_solo_bits_in_batches_of_one(num_examples, blobs):
    data = blobs._replace(
        train_inputs=blobs.train_inputs[:num_examples],
        train_labels=blobs.train_labels[:num_examples],
    )
    recipe = ADAM._replace(batch_size=1)
    runs = train_many(recipe, data, seeds=range(3))
    for seed in range(3):
        alone = train(recipe, data, seed)
        assert digest(runs.member(seed=seed).history) == digest(alone.history)
        assert digest(runs.member(seed=seed).state) == digest(alone.state)
