"""Optimizers whose states or steps are out of the ordinary: alone, in populations, on the disk."""

import jax
import numpy as np
import optax
import pandas
import pytest

from jaxmlp import Progress, Recipe, classification, digest, evaluate, mlp, train, train_many
from jaxmlp.populations.join import join
from jaxmlp.runtime.keydata import is_key
from jaxmlp.storage import checkpoint

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


# --- steps that ask for more, or for something else


def sam(learning_rate, opaque_mode=False):
    return optax.contrib.sam(optax.sgd(learning_rate), optax.sgd(0.05), opaque_mode=opaque_mode)


@pytest.mark.parametrize("opaque_mode", [False, True])
def test_an_optimizer_that_looks_around_learns(blobs, opaque_mode):
    numbers = {"learning_rate": 0.3, "opaque_mode": opaque_mode}
    recipe = PLAIN._replace(optimizer=sam, hyperparameters=numbers, num_epochs=6)
    run = train(recipe, blobs, 0)
    assert run.history["train_loss"][-1] < 0.7 * run.history["train_loss"][0]
    assert_same(train_many(recipe, blobs, [0]).member(seed=0), run)


def lookahead(learning_rate):
    return optax.lookahead(optax.sgd(learning_rate), 5, 0.5)


def grown(learning_rate):
    del learning_rate
    return optax.GradientTransformation(
        lambda params: (), lambda updates, state, params=None: (updates, (state, state))
    )


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (lookahead, "optax.lookahead takes pairs of parameters, .*"),
        (grown, "grown needs a step to leave the shapes of parameters and state .*, got others"),
    ],
)
def test_an_optimizer_that_cannot_take_a_step_is_refused(blobs, optimizer, message):
    for fit in (train, lambda *arguments: train_many(arguments[0], arguments[1], [0])):
        with pytest.raises(ValueError, match=rf"^{message}$"):
            fit(PLAIN._replace(optimizer=optimizer), blobs, 0)


# --- parameters for evaluation that are not those that are trained


def averaging(learning_rate):
    """Adam that keeps a moving average of the parameters in its state."""

    def update(updates, average, params):
        new = optax.apply_updates(params, updates)
        return updates, jax.tree.map(lambda a, p: 0.9 * a + 0.1 * p, average, new)

    average = optax.GradientTransformation(lambda params: params, update)
    return optax.chain(optax.adam(learning_rate), average)


def average(state):
    return state.opt_state[-1]


def schedule_free(state):
    return optax.contrib.schedule_free_eval_params(state.opt_state, state.params)


AVERAGED = [
    PLAIN._replace(optimizer=averaging, eval_params=average),
    PLAIN._replace(optimizer=optax.contrib.schedule_free_adamw, eval_params=schedule_free),
]


@pytest.mark.parametrize("recipe", AVERAGED)
def test_networks_are_evaluated_with_what_the_recipe_makes_of_their_states(blobs, recipe):
    run = train(recipe, blobs, 3)
    assert digest(run.params) == digest(jax.jit(recipe.eval_params)(run.state))
    assert digest(run.params) != digest(run.state.params)
    figures = evaluate(recipe, run.params, blobs.test_inputs, blobs.test_labels)
    assert run.history["test_loss"][-1] == np.float32(figures["loss"])
    plain = train(recipe._replace(eval_params=None), blobs, 3)
    assert digest(plain.state) == digest(run.state)
    assert (plain.history["train_loss"] == run.history["train_loss"]).all()
    assert (plain.history["test_loss"] != run.history["test_loss"]).all()


@pytest.mark.parametrize("recipe", AVERAGED)
def test_members_are_evaluated_as_they_are_alone(blobs, recipe):
    runs = train_many(recipe, blobs, range(4), {"learning_rate": [0.05, 0.2]})
    for seed in (0, 3):
        assert_same(runs.member(learning_rate=0.05, seed=seed), train(recipe, blobs, seed))
    own = jax.tree.map(lambda leaf: leaf[1, 2], runs.params)
    assert digest(own) == digest(runs.member(learning_rate=0.2, seed=2).params)
    halves = [train_many(recipe, blobs, seeds) for seeds in (range(2), range(2, 4))]
    assert_same(join(halves).member(seed=3), train(recipe, blobs, 3))


@pytest.mark.parametrize("recipe", AVERAGED)
def test_members_side_by_side_are_evaluated_with_their_averages(blobs, recipe):
    runs, run = train_many(recipe, blobs, range(3), mode="fast"), train(recipe, blobs, 2)
    member = runs.member(seed=2)
    np.testing.assert_allclose(
        member.history["test_loss"], run.history["test_loss"], rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda state: state.opt_state, "eval_params needs to return parameters of the model, .*"),
        (lambda state: state.average, "eval_params cannot take the state: .*average.*"),
        ("average", "eval_params needs to be a function such as .*, got 'average'"),
    ],
)
def test_what_makes_no_parameters_is_refused(blobs, function, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        train(PLAIN._replace(eval_params=function), blobs, 0)


# --- examples as people bring them


def test_members_take_examples_as_a_run_does(blobs):
    as_tables = blobs._replace(
        train_inputs=pandas.DataFrame(blobs.train_inputs.astype(np.float64)),
        train_labels=blobs.train_labels.astype(float).tolist(),
        test_labels=pandas.Series(blobs.test_labels),
    )
    expected = train(PLAIN, blobs, 1)
    assert_same(train(PLAIN, as_tables, 1), expected)
    assert_same(train_many(PLAIN, as_tables, [0, 1]).member(seed=1), expected)
