import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import (
    Recipe,
    classification,
    digest,
    members,
    mlp,
    optimizers,
    schedules,
    train,
    training,
)
from jaxmlp.evaluation import evaluate
from jaxmlp.recipe import split

RECIPE = Recipe(
    mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.02}, 16, 3, schedules.cosine
)
STATIC, NUMBERS = split(RECIPE)
SEEDS = np.array([7, 3, 5, 9], np.uint32)
RATES = np.float32([0.02, 0.1, 0.5, 0.3])
GIVEN = ({"learning_rate": RATES}, SEEDS)


def counts(count):
    return jnp.int32(count)


def recipe_of(slot):
    return RECIPE._replace(hyperparameters={"learning_rate": float(RATES[slot])})


def row(tree, slot):
    return jax.tree.map(lambda leaf: leaf[slot], tree)


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_each_leaves_what_it_does_not_count_untouched(count):
    given = (jnp.arange(4.0), {"b": jnp.arange(8).reshape(4, 2)})
    into = {"sum": jnp.full(4, -1.0), "pair": jnp.full((4, 2), -2)}

    def function(a, b):
        return {"sum": 10 * a, "pair": b["b"] + 100}

    each = jax.jit(lambda count: members._each(count, function, given, into))
    made = each(count)
    sums, pairs = [0, 10, 20, 30], [[100, 101], [102, 103], [104, 105], [106, 107]]
    assert made["sum"].tolist() == sums[:count] + [-1] * (4 - count)
    assert made["pair"].tolist() == pairs[:count] + [[-2, -2]] * (4 - count)
    each(4 - count)
    assert each._cache_size() == 1


def test_initial_states_are_those_of_each_seed():
    made = members.init_members(STATIC, 50, counts(3), GIVEN)
    for slot in range(3):
        expected = training._init(STATIC, 50, {"learning_rate": RATES[slot]}, SEEDS[slot])
        assert digest(row(made, slot)) == digest(expected)
    assert digest(row(made, 3)) == digest(jax.tree.map(jnp.zeros_like, expected))


@pytest.fixture(scope="module")
def beginning():
    """Four members before training, their totals, and how to run them."""
    states = members.init_members(STATIC, 50, counts(4), GIVEN)
    totals = jax.tree.map(lambda leaf: jnp.zeros(4), training._no_totals(RECIPE))
    return states, totals


@pytest.mark.parametrize("count", [3, 4])
def test_exact_steps_are_those_of_train_and_of_the_counted_alone(count, beginning, blobs):
    states, totals = members.run_members(
        *(STATIC, "exact", False, counts(count), GIVEN, beginning),
        *(blobs.train_inputs, blobs.train_labels, jnp.int32(4)),
    )
    for slot in range(count):
        run = train(recipe_of(slot)._replace(num_epochs=3), blobs, int(SEEDS[slot]), callback=bool)
        assert digest(row(states, slot)) == digest(run.state)
        loss = totals["loss"][slot] / totals["num_examples"][slot]
        assert loss == run.history["train_loss"][0]
    for slot in range(count, 4):
        assert digest(row((states, totals), slot)) == digest(row(beginning, slot))
    assert totals["num_examples"].tolist() == [50] * count + [0] * (4 - count)


@pytest.mark.parametrize("is_shared", [False, True])
def test_fast_steps_are_those_of_train_within_rounding(is_shared, beginning, blobs):
    states, totals = members.run_members(
        *(STATIC, "fast", is_shared, counts(4), GIVEN, beginning),
        *(blobs.train_inputs, blobs.train_labels, jnp.int32(4)),
    )
    assert states.step.tolist() == [4] * 4
    for slot in range(4):
        order = int(SEEDS[0] if is_shared else SEEDS[slot])  # of the first, where all share it
        run = train(
            recipe_of(slot), blobs, int(SEEDS[slot]), shuffle_seed=order, callback=lambda _: True
        )
        jax.tree.map(
            lambda ours, its: np.testing.assert_allclose(ours, its, rtol=1e-4, atol=1e-5),
            row(states, slot),
            run.state,
        )
    assert totals["num_examples"].tolist() == [50] * 4


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_sums_over_examples_are_those_of_evaluate(mode, beginning, blobs):
    params = beginning[0].params
    sums = members.evaluate_members(
        *(STATIC, mode, counts(3), params, blobs.test_inputs, blobs.test_labels, 1)
    )
    assert sums.shape == (4, 2)
    for slot in range(3):
        alone = evaluate(RECIPE, row(params, slot), blobs.test_inputs, blobs.test_labels)
        means = [float(total) / 30 for total in sums[slot]]
        if mode == "exact":
            assert means == [alone["loss"], alone["accuracy"]]
        np.testing.assert_allclose(means, [alone["loss"], alone["accuracy"]], rtol=1e-5)
    if mode == "exact":
        assert sums[3].tolist() == [0, 0]


def test_rates_are_those_of_the_schedule_or_nan():
    rates = members.rates_of_members(STATIC, 50, counts(3), GIVEN, jnp.int32(6))
    np.testing.assert_allclose(rates, [*(RATES[:3] / 2), 0], rtol=1e-6)  # half way down
    without = STATIC._replace(optimizer=lambda: optimizers.sgd(0.1), schedule=None)
    rates = members.rates_of_members(without, 50, counts(4), ({}, SEEDS), jnp.int32(6))
    assert np.isnan(rates).all()


def test_each_members_numbers_are_looked_at_on_their_own():
    tree = {"a": jnp.array([[0.0, 1.0], [jnp.nan, 1.0], [0.0, 1.0]]), "n": jnp.arange(3)}
    tree["b"] = jnp.array([1.0, 1.0, jnp.inf])
    assert members.are_finite(tree).tolist() == [True, False, False]
