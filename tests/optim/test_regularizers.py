"""Every part against hand-written NumPy, the order of all, and what a recipe makes of them."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from compilations import counted
from hypothesis import given
from hypothesis import strategies as st

from jaxmlp import Progress, Recipe, classification, digest, mlp, optimizers, train, train_many
from jaxmlp.optim.optimizers import averaged, regularized, with_decay
from jaxmlp.optim.regularizers import add_l1, bound_norms

PARAMS = {"kernel": jnp.array([[1.0, -2.0], [3.0, 0.5]]), "bias": jnp.array([1.0, -1.0])}
EXTRAS = {  # in the order in which a step takes them; all of them act on PARAMS
    "l1": 0.3,
    "l2": 0.2,
    "clip_value": 1.0,
    "clip_norm": 1.5,
    "weight_decay": 0.4,
    "max_norm": 2.0,
    "average": 0.9,
}


def descend(optimizer, gradients, params=PARAMS):
    """The parameters after a step along each gradient."""
    return steps(optimizer, gradients, params)[-1]


def steps(optimizer, gradients, params=PARAMS):
    """The parameters after every step."""
    state, seen = optimizer.init(params), []
    for gradient in gradients:
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        seen.append(params)
    return seen


def some_gradients(count, scale=1.0):
    random = np.random.default_rng(0)
    return [
        jax.tree.map(lambda p: jnp.float32(scale * random.normal(size=p.shape)), PARAMS)
        for _ in range(count)
    ]


def assert_close(left, right):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), left, right)


def kernel_of(columns):
    return {"kernel": jnp.float32(columns).T, "bias": jnp.float32([30.0, 40.0])}


# --- each part


def test_l1_adds_the_sign_of_kernels_to_their_gradients():
    params = {"kernel": jnp.array([[2.0, 0.0], [-0.1, -5.0]]), "bias": jnp.array([1.0, -1.0])}
    penalty, gradient = add_l1(0.5), jax.tree.map(jnp.ones_like, params)
    updates, _ = penalty.update(gradient, penalty.init(params), params)
    assert updates["kernel"].tolist() == [[1.5, 1.0], [0.5, 0.5]]
    assert updates["bias"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("extended", [regularized, with_decay])
@pytest.mark.parametrize("name", ["adam", "momentum", "lion"])
def test_l1_and_l2_are_penalties_on_kernels_in_the_loss(extended, name):
    optimizer, gradients = getattr(optimizers, name), some_gradients(5)
    plain, params = optimizer(0.1), PARAMS
    state = plain.init(params)
    for gradient in gradients:
        penalty = jax.grad(
            lambda p: 0.3 * abs(p["kernel"]).sum() + 0.4 / 2 * (p["kernel"] ** 2).sum()
        )(params)
        updates, state = plain.update(jax.tree.map(jnp.add, gradient, penalty), state, params)
        params = optax.apply_updates(params, updates)
    assert_close(descend(extended(optimizer)(0.1, l1=0.3, l2=0.4), gradients), params)


def test_l1_pulls_kernels_to_zero_at_the_learning_rate_and_holds_them_near():
    weights = jnp.array([[0.45], [-0.45]])
    still = {"kernel": jnp.zeros((2, 1))}
    seen = steps(regularized(optax.sgd)(0.5, l1=0.2), [still] * 20, {"kernel": weights})
    np.testing.assert_allclose(seen[3]["kernel"], [[0.05], [-0.05]], atol=1e-6)  # 4 times 0.1
    assert all((abs(params["kernel"]) <= 0.1).all() for params in seen[4:])


def test_a_gradient_within_its_bounds_is_left_alone_and_a_longer_one_keeps_its_direction():
    gradient = {"kernel": jnp.array([[3.0, 0.0], [0.0, 0.0]]), "bias": jnp.array([0.0, -4.0])}
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    clipped = descend(regularized(optax.sgd)(1.0, clip_norm=2.5), [gradient], zeros)
    assert clipped["kernel"].tolist() == [[-1.5, 0.0], [0.0, 0.0]]  # the biases' count, too
    assert clipped["bias"].tolist() == [0.0, 2.0]
    within = descend(regularized(optax.sgd)(1.0, clip_norm=5.01, clip_value=4.01), [gradient])
    assert digest(within) == digest(descend(optax.sgd(1.0), [gradient]))


def test_values_are_clipped_one_by_one():
    gradient = {"kernel": jnp.array([[3.0, -0.2], [0.1, -7.0]]), "bias": jnp.array([0.5, -4.0])}
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    clipped = descend(regularized(optax.sgd)(1.0, clip_value=0.5), [gradient], zeros)
    np.testing.assert_allclose(clipped["kernel"], [[-0.5, 0.2], [-0.1, 0.5]])
    assert clipped["bias"].tolist() == [-0.5, 0.5]


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=6, max_size=6),
    st.floats(0.125, 100, width=32),
    st.floats(0.125, 100, width=32),
)
def test_what_goes_down_is_within_both_bounds(numbers, clip_value, clip_norm):
    values = jnp.float32(numbers)
    gradient = {"kernel": values[:4].reshape(2, 2), "bias": values[4:]}
    optimizer = regularized(optax.sgd)(1.0, clip_value=clip_value, clip_norm=clip_norm)
    updates, _ = optimizer.update(gradient, optimizer.init(gradient), gradient)
    taken = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(updates)])
    assert np.linalg.norm(taken) <= clip_norm * 1.00001
    assert abs(taken).max() <= clip_value * 1.00001
    assert (taken * np.concatenate([values[4:], values[:4]]) <= 0).all()


def test_columns_longer_than_the_bound_are_scaled_to_it_after_the_step():
    params = kernel_of([[3.0, 4.0], [0.3, 0.4]])  # one row a unit here, one column there
    gradient = kernel_of([[0.0, 0.0], [-1.5, -2.0]])  # lets the second unit leave the bound
    seen = steps(regularized(optax.sgd)(1.0, max_norm=2.0), [gradient] * 2, params)
    np.testing.assert_allclose(seen[0]["kernel"].T, [[1.2, 1.6], [1.2, 1.6]], atol=1e-6)
    np.testing.assert_allclose(seen[1]["kernel"].T, [[1.2, 1.6], [1.2, 1.6]], atol=1e-6)
    assert seen[0]["bias"].tolist() == [0.0, 0.0]  # 30 and 40 were no weights that come in


def test_updates_within_the_bound_are_left_as_they_are_to_the_bit():
    bound = bound_norms(50.0)
    for update in some_gradients(3, scale=1e-3):
        assert digest(bound.update(update, bound.init(PARAMS), PARAMS)[0]) == digest(update)


def test_a_unit_without_weights_is_no_division_by_zero():
    zeros, bound = jax.tree.map(jnp.zeros_like, PARAMS), bound_norms(2.0)
    with jax.debug_nans(True):
        assert digest(bound.update(zeros, bound.init(zeros), zeros)[0]) == digest(zeros)


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=12, max_size=12),
    st.floats(0.125, 10, width=32),
)
def test_no_unit_leaves_the_bound(numbers, max_norm):
    params = {"kernel": jnp.float32(numbers[:6]).reshape(3, 2)}
    update = {"kernel": jnp.float32(numbers[6:]).reshape(3, 2)}
    bound = bound_norms(max_norm)
    updates, _ = bound.update(update, bound.init(params), params)
    norms = np.linalg.norm(params["kernel"] + updates["kernel"], axis=0)
    assert (norms <= max_norm * 1.00001 + 1e-4).all()  # 100 and 1e-4 apart is all float32 can tell
    before = np.linalg.norm(params["kernel"] + update["kernel"], axis=0)
    np.testing.assert_allclose(norms, np.minimum(before, max_norm), rtol=1e-4, atol=1e-4)


def test_a_kernel_of_many_axes_has_its_units_last():
    params = {"kernel": jnp.ones((2, 2, 1, 3)) * jnp.array([0.1, 1.0, 5.0])[None, None, None]}
    bound, still = bound_norms(1.0), jax.tree.map(jnp.zeros_like, params)
    updates, _ = bound.update(still, bound.init(params), params)
    norms = np.sqrt(((params["kernel"] + updates["kernel"]) ** 2).sum((0, 1, 2)))
    np.testing.assert_allclose(norms, [0.2, 1.0, 1.0], rtol=1e-6)


# --- all of them together


def by_hand(gradients, rate):
    """The seven in NumPy, over gradient descent: kernels, biases and averages after each step."""
    extras = EXTRAS
    kernel, bias = np.float64(PARAMS["kernel"]), np.float64(PARAMS["bias"])
    seen, average, total = [], 0.0, 0.0
    for step, gradient in enumerate(gradients):
        down = np.float64(gradient["kernel"]) + extras["l1"] * np.sign(kernel)
        down += extras["l2"] * kernel
        down = np.clip(np.append(down, gradient["bias"]), -extras["clip_value"], 1.0)
        down *= min(1.0, extras["clip_norm"] / np.linalg.norm(down))
        kernel = kernel - rate(step) * (down[:4].reshape(2, 2) + extras["weight_decay"] * kernel)
        bias = bias - rate(step) * down[4:]
        norms = np.linalg.norm(kernel, axis=0)
        kernel = kernel * np.minimum(1.0, extras["max_norm"] / norms)
        flat = np.append(kernel, bias)
        average, total = 0.9 * average + flat, 0.9 * total + 1
        seen.append((flat, average / total))
    return seen


def flat(params):
    return np.append(params["kernel"], params["bias"])


def test_a_step_takes_them_in_the_order_that_is_stated():
    gradients = some_gradients(5, scale=2.0)
    schedule = optax.piecewise_constant_schedule(0.3, {2: 0.5})
    optimizer, params = regularized(optax.sgd)(schedule, **EXTRAS), PARAMS
    state = optimizer.init(params)
    expected = by_hand(gradients, lambda step: 0.3 if step < 2 else 0.15)
    for gradient, (after, average) in zip(gradients, expected, strict=True):
        updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        np.testing.assert_allclose(flat(params), after, rtol=1e-5)
        np.testing.assert_allclose(flat(state[-1].params), average, rtol=1e-5)


@pytest.mark.parametrize("left_out", EXTRAS)
def test_each_one_acts(left_out):
    gradients, rest = some_gradients(3, scale=2.0), dict(EXTRAS)
    del rest[left_out]

    def after(extras):
        optimizer = regularized(optax.sgd)(0.3, **extras)
        state, params = optimizer.init(PARAMS), PARAMS
        for gradient in gradients:
            updates, state = optimizer.update(gradient, state, params)
            params = optax.apply_updates(params, updates)
        return params, state[-1]

    assert digest(after(rest)) != digest(after(EXTRAS))


@pytest.mark.parametrize("name", optimizers.__all__)
def test_what_is_not_given_is_no_part_of_the_program(name):
    optimizer, gradient = getattr(optimizers, name), some_gradients(1)[0]
    nothing = {"l1": 0.0, "clip_norm": math.inf, "max_norm": math.inf, "average": 0}
    plain = optimizer(0.1)

    def program(made):
        return str(jax.make_jaxpr(made.update)(gradient, made.init(PARAMS), PARAMS))

    for given_values in ({}, nothing):
        assert program(regularized(optimizer)(0.1, **given_values)) == program(plain)
    assert program(regularized(optimizer)(0.1, clip_norm=1.0)) != program(plain)


@pytest.mark.parametrize("extras", [{"l2": 0.3}, {"weight_decay": 0.3, "l2": 0.1}, {"l1": 0.1}])
def test_penalties_and_decay_alone_are_those_of_with_decay(extras):
    gradients = some_gradients(3)
    ours, theirs = (f(optimizers.adam)(0.1, **extras) for f in (regularized, with_decay))
    assert jax.tree.structure(ours.init(PARAMS)) == jax.tree.structure(theirs.init(PARAMS))
    assert digest(descend(ours, gradients)) == digest(descend(theirs, gradients))


def test_a_state_of_decay_is_laid_out_as_it_was():
    """Checkpoints know it by these places."""
    state = with_decay(optimizers.sgd)(0.1, l2=0.1).init(PARAMS)
    assert len(state) == 4
    assert len(regularized(optimizers.sgd)(0.1, weight_decay=0.1).init(PARAMS)) == 4


@pytest.mark.parametrize("name", optimizers.__all__)
def test_values_may_be_traced(name):
    optimizer, gradients = regularized(getattr(optimizers, name)), some_gradients(2, scale=2.0)

    @jax.jit
    def traced(extras):
        return descend(optimizer(0.1, **extras), gradients)

    assert_close(traced(EXTRAS), descend(optimizer(0.1, **EXTRAS), gradients))


def test_an_optimizer_without_a_learning_rate_can_be_bounded():
    bounded = regularized(optax.contrib.cocob)(clip_value=0.5)
    theirs = optax.chain(optax.clip(0.5), optax.contrib.cocob())
    gradients = some_gradients(3)
    assert digest(descend(bounded, gradients)) == digest(descend(theirs, gradients))


def test_it_goes_by_a_name_of_its_own_and_is_made_once():
    assert regularized(optax.adam) is regularized(optax.adam)
    assert regularized(optax.adam).__name__ == "regularized adam"
    assert regularized(functools.partial(optax.adam, b1=0.5)).__name__ == "regularized adam"
    assert with_decay(optax.adam).__name__ == "adam with decay"


@pytest.mark.parametrize(
    ("extras", "message"),
    [
        ({"clip_norm": -1.0}, "clip_norm needs to be above 0, got -1"),
        ({"clip_norm": 0}, "clip_norm needs to be above 0, got 0"),
        ({"clip_value": jnp.float32(-2)}, "clip_value needs to be above 0, got -2"),
        ({"max_norm": 0.0}, "max_norm needs to be above 0, got 0"),
        ({"max_norm": math.nan}, "max_norm needs to be above 0, got nan"),
        ({"l1": -0.1}, "l1 needs to be at least 0, got -0.1"),
        ({"average": 1.01}, "average needs to be from 0 to 1, got 1.01"),
        ({"average": -0.5}, "average needs to be from 0 to 1, got -0.5"),
    ],
)
def test_values_out_of_bounds_are_refused(extras, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        regularized(optax.adam)(0.1, **extras)


@pytest.mark.parametrize("extras", [{"l1": jnp.float32(0)}, {"average": 0.0}, {"average": 1}])
def test_values_at_their_bounds_are_taken(extras):
    gradients = some_gradients(3)
    assert_close(
        descend(regularized(optax.adam)(0.1, **extras), gradients),
        descend(optax.adam(0.1), gradients),
    )


def test_further_hyperparameters_reach_the_optimizer():
    gradients = some_gradients(3)
    for extras in ({}, {"l2": 1e-9}):
        ours = regularized(optimizers.momentum)(0.1, momentum=0.5, clip_norm=100.0, **extras)
        assert_close(descend(ours, gradients), descend(optax.sgd(0.1, momentum=0.5), gradients))


def test_decay_without_a_learning_rate_is_refused():
    with pytest.raises(ValueError, match=r"^l1, l2 and weight_decay need a learning_rate .*, got"):
        regularized(optax.contrib.cocob)(l2=0.1)


# --- in training


RECIPE = Recipe(
    mlp((4, 8, 3)),
    classification(3),
    regularized(optax.adam),
    {"learning_rate": 0.05, **EXTRAS, "l1": 0.01, "weight_decay": 0.01},
    batch_size=16,
    num_epochs=3,
    eval_params=averaged,
)


def assert_same(member, run):
    assert digest(member.params) == digest(run.params)
    assert digest(member.state) == digest(run.state)
    assert digest(dict(member.history)) == digest(dict(run.history))


@pytest.fixture(scope="module")
def run(blobs):
    return train(RECIPE, blobs, 3)


def test_a_run_is_evaluated_with_its_average(run):
    assert digest(run.params) == digest(averaged(run.state)) != digest(run.state.params)
    assert max(np.linalg.norm(layer.kernel, axis=0).max() for layer in run.params) <= 2.00001


def test_other_values_compile_nothing_and_act(run, blobs):
    for name, value in (("clip_norm", 0.01), ("average", 1.0), ("max_norm", 1), ("l1", 0.5)):
        others = {**dict(RECIPE.hyperparameters), name: value}
        with counted() as compiled:
            other = train(RECIPE._replace(hyperparameters=others), blobs, 3)
        assert not compiled, name
        assert digest(other.params) != digest(run.params)


@pytest.mark.parametrize("cut", [1, 5, 8])
def test_a_run_that_goes_on_ends_as_one_that_was_never_stopped(run, blobs, cut):
    seen = []
    train(RECIPE, blobs, 3, block_every=1, on_block=lambda p: seen.append(p) or len(seen) == cut)
    assert int(seen[-1].state.step) == cut
    progress = Progress(*jax.tree.map(np.asarray, seen[-1][:2]), seen[-1].history)
    assert_same(train(RECIPE, blobs, 3, start=progress), run)


def test_members_are_as_they_are_alone(run, blobs):
    sweep = {"clip_norm": [0.5, EXTRAS["clip_norm"]], "average": [EXTRAS["average"], 1.0]}
    runs = train_many(RECIPE, blobs, [3, 4], sweep)
    assert_same(runs.member(clip_norm=1.5, average=0.9, seed=3), run)
    assert digest(runs.member(clip_norm=0.5, average=1.0, seed=3).params) != digest(run.params)


@pytest.mark.parametrize(("name", "value"), [("clip_norm", -1.0), ("average", 2.0)])
def test_a_recipe_or_sweep_with_a_value_out_of_bounds_is_refused(blobs, name, value):
    numbers = {**dict(RECIPE.hyperparameters), name: value}
    with pytest.raises(ValueError, match=f"{name} needs to be .*, got {value:g}$"):
        train(RECIPE._replace(hyperparameters=numbers), blobs, 0)
    with pytest.raises(ValueError, match=f"{name} needs to be .*, got {value:g}$"):
        train_many(RECIPE, blobs, [0], {name: [0.5, value]})


def test_a_recipe_without_an_average_cannot_be_evaluated_with_it(blobs):
    recipe = RECIPE._replace(hyperparameters={"learning_rate": 0.05, "clip_norm": 1.0})
    message = r"^eval_params cannot take the state: averaged needs an optimizer .*, got 0$"
    with pytest.raises(ValueError, match=message):
        train(recipe, blobs, 0)
