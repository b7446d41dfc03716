import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp.optim import optimizers
from jaxmlp.optim.optimizers import with_decay

PARAMS = {"kernel": jnp.array([[1.0, -2.0], [3.0, 0.5]]), "bias": jnp.array([1.0, -1.0])}

# What two steps with the gradient 2 take off a parameter at a learning rate of 0.1.
TWO_STEPS = {
    "adagrad": [0.098773, 0.070273],  # 0.2 / sqrt(0.1 + 4), 0.2 / sqrt(0.1 + 8)
    "adam": [0.1, 0.1],
    "lion": [0.1, 0.1],
    "momentum": [0.2, 0.38],
    "nadam": [0.147368, 0.115730],
    "nesterov": [0.38, 0.542],
    "rmsprop": [0.316228, 0.229416],  # 0.2 / sqrt(0.4), 0.2 / sqrt(0.76)
    "sgd": [0.2, 0.2],
}


def descend(optimizer, gradients, params=PARAMS):
    """The parameters after a step along each gradient."""
    state = optimizer.init(params)
    for gradient in gradients:
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    return params


def some_gradients(count, seed=0):
    random = np.random.default_rng(seed)
    return [
        jax.tree.map(lambda p: jnp.float32(random.normal(size=p.shape)), PARAMS)
        for _ in range(count)
    ]


def assert_close(left, right):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), left, right)


def test_every_optimizer_has_its_steps_here():
    assert set(TWO_STEPS) == set(optimizers.__all__)


@pytest.mark.parametrize("name", TWO_STEPS)
def test_the_first_two_steps_are_those_of_the_papers(name):
    optimizer, twos = getattr(optimizers, name)(0.1), jax.tree.map(lambda p: 0 * p + 2, PARAMS)
    first = descend(optimizer, [twos])
    second = descend(optimizer, [twos, twos])
    taken = [PARAMS["bias"] - first["bias"], first["bias"] - second["bias"]]
    np.testing.assert_allclose(taken, [[step] * 2 for step in TWO_STEPS[name]], atol=2e-6)


@pytest.mark.parametrize("name", TWO_STEPS)
def test_no_optimizer_decays_weights_by_itself(name):
    still = descend(getattr(optimizers, name)(0.1), [jax.tree.map(jnp.zeros_like, PARAMS)] * 3)
    assert_close(still, PARAMS)


@pytest.mark.parametrize("name", TWO_STEPS)
def test_decay_of_nothing_changes_nothing(name):
    optimizer, gradients = getattr(optimizers, name), some_gradients(4)
    assert_close(descend(with_decay(optimizer)(0.1), gradients), descend(optimizer(0.1), gradients))


def test_adam_with_weight_decay_is_adamw():
    gradients = some_gradients(5)
    adamw = optax.adamw(0.1, weight_decay=0.3, mask={"kernel": True, "bias": False})
    ours = with_decay(optimizers.adam)(0.1, weight_decay=0.3)
    assert_close(descend(ours, gradients), descend(adamw, gradients))


@pytest.mark.parametrize("name", ["adam", "momentum"])
def test_l2_is_the_penalty_on_kernels_in_the_loss(name):
    optimizer, gradients = getattr(optimizers, name), some_gradients(5)
    state, params = optimizer(0.1).init(PARAMS), PARAMS
    plain = optimizer(0.1)
    for gradient in gradients:
        penalty = jax.grad(lambda p: 0.4 / 2 * (p["kernel"] ** 2).sum())(params)
        updates, state = plain.update(jax.tree.map(jnp.add, gradient, penalty), state, params)
        params = optax.apply_updates(params, updates)
    assert_close(descend(with_decay(optimizer)(0.1, l2=0.4), gradients), params)


def test_decay_follows_a_schedule_and_leaves_biases_alone():
    schedule = optax.piecewise_constant_schedule(0.5, {1: 0.1})
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    decayed = descend(with_decay(optimizers.sgd)(schedule, weight_decay=0.2), [zeros] * 2)
    assert_close(decayed["kernel"], PARAMS["kernel"] * (1 - 0.5 * 0.2) * (1 - 0.05 * 0.2))
    assert (decayed["bias"] == PARAMS["bias"]).all()


def test_further_hyperparameters_reach_the_optimizer():
    gradients = some_gradients(3)
    ours = descend(with_decay(optimizers.momentum)(0.1, momentum=0.5), gradients)
    assert_close(ours, descend(optax.sgd(0.1, momentum=0.5), gradients))


@pytest.mark.parametrize("name", TWO_STEPS)
def test_hyperparameters_may_be_traced(name):
    optimizer, gradients = with_decay(getattr(optimizers, name)), some_gradients(2)

    @jax.jit
    def traced(learning_rate, l2, weight_decay):
        return descend(optimizer(learning_rate, l2=l2, weight_decay=weight_decay), gradients)

    assert_close(
        traced(0.1, 0.2, 0.3), descend(optimizer(0.1, l2=0.2, weight_decay=0.3), gradients)
    )
