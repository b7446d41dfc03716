"""Modules of linen in training, against loops as Flax's own guides have them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen
from flax_modules import Told, batches, inputs_of, losses_of, padded

from jaxmlp import (
    Context,
    Variables,
    digest,
    from_flax,
    init_state,
    losses,
    make_update,
    to_flax,
)

KEY = jax.random.key(5)


class Field(linen.Module):
    """Says in a field whether it trains."""

    train: bool = True

    @linen.compact
    def __call__(self, x):
        x = linen.BatchNorm(use_running_average=not self.train)(linen.Dense(8)(x))
        return linen.Dense(3)(linen.Dropout(0.5, deterministic=not self.train)(x))


class Merging(linen.Module):
    """Says it in a field, or is told, as Flax's own layers."""

    deterministic: bool | None = None

    @linen.compact
    def __call__(self, x, deterministic: bool | None = None):
        field = self.deterministic
        deterministic = linen.merge_param("deterministic", field, deterministic)
        return linen.Dropout(0.5)(linen.Dense(3)(x), deterministic=deterministic)


class Averaging(linen.Module):
    @linen.compact
    def __call__(self, x, use_running_average):
        return linen.BatchNorm()(linen.Dense(3)(x), use_running_average)


class Training(linen.Module):
    @linen.compact
    def __call__(self, x, training=False):
        return linen.Dense(3)(linen.Dropout(0.5)(x, not training))


class IsTraining(linen.Module):
    @linen.compact
    def __call__(self, x, is_training=False):
        return linen.Dense(3)(linen.Dropout(0.5, deterministic=not is_training)(x))


class Noisy(linen.Module):
    """Draws under a name of its own."""

    @linen.compact
    def __call__(self, x, train=False):
        if train:
            x += jax.random.normal(self.make_rng("noise"), x.shape)
        return linen.Dense(3)(x)


class Scaled(linen.BatchNorm):
    """A norm that inherits, and takes no mask."""

    @linen.compact
    def __call__(self, x, use_running_average=None):
        return 2.0 * super().__call__(x, use_running_average)


class Masking(linen.Module):
    """Has a mask of its own: the norm counts what is small."""

    @linen.compact
    def __call__(self, x, train):
        return linen.Dense(3)(linen.BatchNorm(not train)(x, mask=x < 4.0))


def sequence(*between):
    return linen.Sequential([linen.Dense(8), *between, linen.Dense(3)])


class Case(NamedTuple):
    """A module, and how Flax has it in both modes."""

    module: Any
    training: Any
    evaluation: Any
    told: dict = {}  # noqa: RUF012
    told_to_evaluate: dict = {}  # noqa: RUF012


def told(module, **training):
    return Case(module, module, module, training, {name: not on for name, on in training.items()})


drop, norm = linen.Dropout, linen.BatchNorm
CASES = {
    "train": told(Told(), train=True),
    "training": told(Training(), training=True),
    "is_training": told(IsTraining(), is_training=True),
    "deterministic": told(Merging(), deterministic=False),
    "use_running_average": told(Averaging(), use_running_average=False),
    "another name to draw from": told(Noisy(), train=True),
    "a mask of its own": told(Masking(), train=True),
    "a field": Case(Field(True), Field(True), Field(False)),
    "a field, off": Case(Field(False), Field(True), Field(False)),
    "a field that an argument may be": Case(Merging(True), Merging(False), Merging(True)),
    "layers without a mode": Case(
        sequence(norm(), linen.relu, drop(0.5)),
        sequence(norm(False), linen.relu, drop(0.5, deterministic=False)),
        sequence(norm(True), linen.relu, drop(0.5, deterministic=True)),
    ),
    "a layer that keeps its mode": Case(
        sequence(norm(True), drop(0.5)),
        sequence(norm(True), drop(0.5, deterministic=False)),
        sequence(norm(True), drop(0.5, deterministic=True)),
    ),
    "a norm that inherits": Case(
        sequence(Scaled()), sequence(Scaled(False)), sequence(Scaled(True))
    ),
}


@pytest.fixture(params=CASES, ids=list(CASES))
def case(request):
    return CASES[request.param]


def everyone(inputs, key=KEY):
    return Context(key, jnp.ones(len(inputs), bool))


def near(got, expected):
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), got, expected)


def by_flax(case, variables, inputs, key=KEY):
    """What Flax itself makes of a batch in training: the outputs, and all the variables."""
    rngs = {"dropout": key, "noise": jax.random.fold_in(key, 1)}
    outputs, changed = case.training.apply(
        variables, inputs, rngs=rngs, mutable=["batch_stats"], **case.told
    )
    return outputs, {**variables, **changed}


def test_both_modes_are_those_of_flax_and_what_fills_a_batch_changes_nothing(case):
    model = from_flax(case.module, jnp.zeros(4))

    @jax.jit
    def both():
        inputs = inputs_of(9)
        more, mask = padded(inputs)
        params = model.init(jax.random.key(0))
        ours, running = model.train(params, inputs, everyone(inputs))
        fuller, same = model.train(params, more, Context(KEY, mask))
        trained = Variables(params.trained, running) if running else params
        evaluated = jax.vmap(model.apply, (None, 0))(trained, inputs)

        variables = case.evaluation.init(jax.random.key(0), inputs[:1], **case.told_to_evaluate)
        theirs, changed = by_flax(case, variables, inputs)
        expected = case.evaluation.apply(changed, inputs, **case.told_to_evaluate)
        before, after = (params, variables), (trained, changed)
        return before, after, (ours, theirs), (evaluated, expected), (fuller, same, running)

    (params, variables), (trained, changed), training, evaluation, (fuller, same, running) = both()
    assert digest(to_flax(model, params)) == digest(variables)
    near(to_flax(model, trained), changed)
    near(*training)
    near(*evaluation)
    near((fuller[:9], same), (training[0], running))
    assert np.isfinite(fuller).all()
    assert np.abs(training[0] - evaluation[0]).max() > 0.1

    has_statistics = "batch_stats" in variables
    assert isinstance(params, Variables) == has_statistics
    assert (running == ()) == (not has_statistics)
    assert model.least_batch == 1 + has_statistics


def test_steps_are_those_of_a_loop_in_flax():
    """Six batches, the last of them ragged.

    By the gradient's length: Adam would make steps of full length of the rounding errors that are
    the gradient of a bias before a norm.
    """
    case, optimizer = CASES["train"], optax.sgd(0.1, momentum=0.9)
    model = from_flax(case.module, jnp.zeros(4))
    params = jax.jit(model.init)(jax.random.key(0))
    update = make_update(model, losses.softmax_cross_entropy, optimizer)
    state = init_state(params, optimizer)
    variables, their_state = to_flax(model, params), optimizer.init(params.trained)

    @jax.jit
    def step(variables, state, inputs, key):
        def loss(trained):
            outputs, changed = by_flax(case, {**variables, "params": trained}, inputs, key)
            return losses_of(outputs, inputs).mean(), changed["batch_stats"]

        gradient, statistics = jax.grad(loss, has_aux=True)(variables["params"])
        updates, state = optimizer.update(gradient, state)
        trained = optax.apply_updates(variables["params"], updates)
        return {"params": trained, "batch_stats": statistics}, state

    for number, (batch, inputs) in enumerate(batches()):
        state, _ = update(state, batch, KEY)
        key = jax.random.fold_in(KEY, number)
        variables, their_state = step(variables, their_state, inputs, key)
    near(to_flax(model, state.params), variables)
    moved = jax.tree.map(lambda a, b: float(abs(a - b).max()), state.params, params)
    assert moved.trained["Dense_0"].pop("bias") < 1e-6
    assert min(jax.tree.leaves(moved)) > 0.01


def test_another_key_draws_other_numbers_and_the_same_key_the_same():
    inputs = inputs_of(6)
    model = from_flax(sequence(drop(0.5)), inputs[0])
    params = jax.jit(model.init)(jax.random.key(0))
    train = jax.jit(model.train)
    outputs = [
        train(params, inputs, everyone(inputs, jax.random.key(seed)))[0] for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[0] - outputs[2]).max() > 0.1


def test_whole_numbers_are_taken_as_they_are():
    words = linen.Sequential([linen.Embed(9, 5), lambda x: x.sum(1), drop(0.5), linen.Dense(2)])
    model = from_flax(words, np.zeros(4, int))
    inputs = jnp.arange(8).reshape(2, 4)
    params = jax.eval_shape(model.init, jax.random.key(0))
    assert jax.eval_shape(model.train, params, inputs, everyone(inputs))[0].shape == (2, 2)
    assert jax.eval_shape(model.apply, params, inputs[0]).shape == (2,)


class Always(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.Dense(3)(x + jax.random.normal(self.make_rng("noise"), x.shape))


class Two(linen.Module):
    @linen.compact
    def __call__(self, x, labels):
        return linen.Dense(3)(x)


class Turned(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.Dense(3)(norm()(x.T).T)


class Positions(linen.Module):
    """Normalizes over examples and positions, as one axis."""

    @linen.compact
    def __call__(self, x):
        return linen.Dense(3)(norm()(x.reshape(-1, 2)).reshape(len(x), -1))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Always(), 'module needs to draw nothing in evaluation, got a draw of "noise"'),
        (
            sequence(drop(0.5, deterministic=False)),
            'module needs to draw nothing in evaluation, got a draw of "dropout"',
        ),
        (Two(), r"from_flax needs a module that is called with a batch alone, got \(x, labels\)"),
        (
            Turned(),
            "module needs the batch as the first axis of what it normalizes, got the shape "
            r"\(4, 2\) for a batch of 2",
        ),
        (
            Positions(),
            "module needs the batch as the first axis of what it normalizes, got the shape "
            r"\(4, 2\) for a batch of 2",
        ),
    ],
)
def test_what_cannot_be_trained_here_is_refused(module, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        from_flax(module, jnp.zeros(4))


def test_a_norm_that_is_frozen_may_have_the_batch_where_it_likes():
    class Frozen(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Dense(3)(norm(True, axis=0)(x.T).T)

    model = from_flax(Frozen(), jnp.zeros(4))
    params = jax.eval_shape(model.init, jax.random.key(0))
    assert params.running["batch_stats"]["BatchNorm_0"]["mean"].shape == (4,)
