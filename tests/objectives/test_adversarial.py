import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import (
    Batch,
    Recipe,
    binary_classification,
    classification,
    init_state,
    make_mesh,
    make_update,
    mlp,
    regression,
    train,
    train_many,
    with_mixup,
    with_precision,
    with_vat,
)
from jaxmlp.nn.noise import normal
from jaxmlp.objectives.adversarial import DIVERGENCES, direction
from jaxmlp.training.goals import PENALTY, goal_of, seen

KEY = jax.random.key(5)
MODEL = mlp((4, 6, 3), activation=jnp.tanh)
PARAMS = MODEL.init(KEY)
INPUTS = jax.random.normal(jax.random.key(6), (5, 4))
KEYS = jax.random.split(KEY, 5)
ALL = jnp.ones(5, bool)


directed = jax.jit(direction, static_argnums=(0, 1))  # compiled as one, as all in here


@jax.jit
def network(inputs, params=PARAMS):
    return jax.vmap(MODEL.apply, (None, 0))(params, inputs)


def bernoulli(p, q):
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))


def test_divergences_are_those_of_the_answers_distributions():
    one, other = np.array([0.3, -1.2, 2.0]), np.array([1.0, 0.5, -0.7])
    p, q = (np.exp(z) / np.exp(z).sum() for z in (one, other))
    assert DIVERGENCES["classification"](one, other) == pytest.approx((p * np.log(p / q)).sum())
    p, q = (1 / (1 + np.exp(-z)) for z in (one, other))
    assert DIVERGENCES["binary"](one, other) == pytest.approx(bernoulli(p, q).sum(), rel=1e-5)
    assert DIVERGENCES["regression"](one, other) == pytest.approx(((one - other) ** 2).sum() / 2)


@pytest.mark.parametrize("kind", DIVERGENCES)
def test_the_direction_is_what_a_finite_difference_comes_to(kind):
    found = directed(network, DIVERGENCES[kind], INPUTS, network(INPUTS), KEYS, ALL)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    still, start = network(INPUTS), np.stack([normal(key, 4) for key in KEYS])
    start /= np.linalg.norm(start, axis=1, keepdims=True)

    def moved(inputs, output):
        return DIVERGENCES[kind](output, network(inputs[None])[0])

    second = jax.jit(jax.vmap(jax.hessian(moved)))(INPUTS, still)
    expected = np.einsum("bij,bj->bi", second, start)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(found, expected, atol=1e-4)
    near = jax.jit(jax.vmap(jax.grad(moved)))(INPUTS + 0.05 * start, still)  # the source's
    cosine = (near * found).sum(1) / np.linalg.norm(near, axis=1)
    assert cosine.min() > 0.97


def test_the_penalty_is_the_divergence_at_the_end_of_the_step_and_slopes_go_through_it_alone():
    penalty = goal_of(with_vat(classification(3), 3.0, 0.5)).penalty
    still = network(INPUTS)
    there = directed(network, DIVERGENCES["classification"], INPUTS, still, KEYS, ALL)

    @jax.jit
    def expected(params):
        p, q = jax.nn.softmax(still), jax.nn.softmax(network(INPUTS + 0.5 * there, params))
        return 3.0 * (p * jnp.log(p / q)).sum(1)

    @jax.jit
    def found(params):
        forward = lambda inputs: network(inputs, params)  # noqa: E731
        return penalty(forward, INPUTS, forward(INPUTS), KEYS, ALL)

    assert np.allclose(found(PARAMS), expected(PARAMS), atol=1e-6)
    assert expected(PARAMS).min() > 1e-3
    slopes, wanted = (
        jax.jit(jax.grad(lambda p, f=f: f(p).sum()))(PARAMS) for f in (found, expected)
    )
    assert jax.tree.all(jax.tree.map(lambda a, b: np.allclose(a, b, atol=1e-6), slopes, wanted))


@pytest.mark.parametrize("mixes", [False, True])
def test_a_step_goes_down_on_the_loss_and_the_penalty_and_reports_the_loss(mixes, blobs):
    task, optimizer = with_vat(classification(3), 2.0, 0.5), optax.sgd(1.0)
    task = with_mixup(task, 1.0) if mixes else task
    goal, mask = goal_of(task), jnp.arange(8) < 6
    batch = Batch(jnp.asarray(blobs.train_inputs[:8]), jnp.asarray(blobs.train_labels[:8]), mask)
    update = make_update(MODEL, task.loss, optimizer, task.metrics, goal)
    state, info = update(init_state(PARAMS, optimizer), batch, KEY)
    own = jax.random.fold_in(KEY, 0)
    places = jnp.arange(8, dtype=jnp.uint32)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.fold_in(own, PENALTY), places)
    mixed = seen(goal, batch, own)  # which is what is moved, too
    given = mixed.labels if mixes else jax.nn.one_hot(batch.labels, 3)

    def loss(params, labels):
        losses = -(labels * jax.nn.log_softmax(network(mixed.inputs, params))).sum(1)
        return losses[:6].mean()

    def whole(params):
        forward = lambda inputs: network(inputs, params)  # noqa: E731
        added = goal.penalty(forward, mixed.inputs, forward(mixed.inputs), keys, mask)
        return loss(params, given) + added[:6].mean()

    gradient = jax.jit(jax.grad(whole))(PARAMS)
    moved = jax.tree.map(jnp.subtract, PARAMS, state.params)
    assert jax.tree.all(jax.tree.map(lambda a, b: np.allclose(a, b, atol=1e-6), moved, gradient))
    reported = loss(PARAMS, jax.nn.one_hot(batch.labels, 3))
    assert info.loss == pytest.approx(float(reported), rel=1e-5)


def test_examples_that_do_not_count_move_nothing_through_the_statistics_of_a_batch():
    model, task = mlp((4, 6, 3), norm="batch"), with_vat(classification(3), 2.0, 0.5)
    update = make_update(model, task.loss, optax.sgd(1.0), (), goal_of(task))
    state = init_state(model.init(KEY), optax.sgd(1.0))
    inputs, labels, mask = jax.random.normal(KEY, (8, 4)), jnp.arange(8) % 3, jnp.arange(8) < 5
    after, other = (
        update(state, Batch(rows, labels, mask), KEY)[0].params.trained
        for rows in (inputs, inputs.at[5:].multiply(-3.0))
    )
    assert jax.tree.all(jax.tree.map(lambda a, b: np.allclose(a, b, atol=1e-6), after, other))


def test_pixels_are_moved_in_the_unit_of_the_network():
    model, task = mlp((2, 6, 3), activation=jnp.tanh), with_vat(classification(3), 2.0, 0.5)
    update = make_update(model, task.loss, optax.sgd(1.0), (), goal_of(task))
    state = init_state(model.init(KEY), optax.sgd(1.0))
    pixels = np.array([[0, 255], [51, 0], [102, 204]], np.uint8)
    one, other = (
        update(state, Batch(rows, jnp.arange(3)), KEY)[0].params
        for rows in (pixels, np.float32(pixels) / 255)
    )
    assert np.allclose(one[0].kernel, other[0].kernel, atol=1e-6)


def test_values_are_held_still_in_the_unit_of_training():
    """So that metres and miles come to the same."""
    divergences = []
    for unit in (1.0, 1000.0):
        task = with_vat(regression(3, unit=[unit] * 3), 1.0, 0.5)
        forward = lambda inputs, unit=unit: unit * network(inputs)  # noqa: E731
        penalty = goal_of(task).penalty
        divergences.append(penalty(forward, INPUTS, forward(INPUTS), KEYS, ALL))
    assert np.allclose(*divergences, rtol=1e-4)
    assert divergences[0].min() > 1e-4


@pytest.mark.parametrize("size", [1e-18, 1.0, 1e15])
def test_directions_have_a_length_of_one_however_small_the_slopes(size):
    kernel = jnp.array([[3.0, 0.0], [0.0, 0.1]]) * size
    inputs = jnp.ones((2, 2)) / size
    given = inputs, inputs @ kernel, KEYS[:2], ALL[:2]
    found = directed(lambda x: x @ kernel, DIVERGENCES["regression"], *given)
    assert np.allclose(np.abs(found), [[1, 0], [1, 0]], atol=0.2)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_where_nothing_changes_nothing_is_added():
    penalty = goal_of(with_vat(classification(3))).penalty

    def added(bias):
        forward = lambda inputs: jnp.tile(bias, (len(inputs), 1))  # noqa: E731
        return penalty(forward, INPUTS, forward(INPUTS), KEYS, ALL).sum()

    value, slope = jax.value_and_grad(added)(jnp.array([1.0, 0.0, -1.0]))
    assert value == pytest.approx(0, abs=1e-6)
    assert np.allclose(slope, 0, atol=1e-6)


def recipe_of(task, model=MODEL, **hyperparameters):
    return Recipe(model, task, optax.sgd, {"learning_rate": 0.1, **hyperparameters}, 16, 2)


def test_a_sweep_has_the_bits_of_single_runs_and_a_weight_of_zero_adds_nothing(blobs):
    recipe = recipe_of(with_vat(classification(3), epsilon=0.5))
    runs = train_many(recipe, blobs, seeds=[0], sweep={"vat": [0.0, 2.0]})
    one = train(recipe_of(recipe.task, vat=2.0), blobs, 0)
    here = runs.select(vat=2.0, seed=0).params
    assert jax.tree.all(jax.tree.map(np.array_equal, here, one.params))
    plain = train(recipe_of(classification(3)), blobs, 0)
    off = runs.select(vat=0.0, seed=0).params
    assert np.allclose(off[0].kernel, plain.params[0].kernel, atol=1e-5)
    assert not np.allclose(here[0].kernel, plain.params[0].kernel, atol=1e-3)
    far = train(recipe_of(recipe.task, vat=2.0, vat_epsilon=1.0), blobs, 0)
    assert not np.allclose(far.params[0].kernel, one.params[0].kernel, atol=1e-3)


@pytest.mark.parametrize("task", [binary_classification(3), regression(3)])
def test_tasks_of_other_kinds_train_in_any_arithmetic(task, blobs):
    answers = np.eye(3, dtype=np.float32)[blobs.train_labels]
    data = blobs._replace(train_labels=answers, test_inputs=None, test_labels=None)
    network = with_precision(mlp((4, 6, 3), norm="batch", dropout=0.2), "bfloat16")
    run = train(recipe_of(with_vat(task), network), data, 0)
    assert np.isfinite(run.history["train_loss"]).all()


def test_the_bits_are_the_same_divided_and_whole_batches_are_for_fast_mode(blobs):
    mesh = make_mesh("data:1")
    recipe = recipe_of(with_vat(classification(3), epsilon=0.5))
    alone, exact = train(recipe, blobs, 0), train(recipe, blobs, 0, mesh=mesh)
    pairs = zip(jax.tree.leaves(alone.params), jax.tree.leaves(exact.params), strict=True)
    assert all(np.allclose(*pair, atol=1e-5) for pair in pairs)  # shards know their places
    normed = recipe._replace(model=mlp((4, 6, 3), norm="batch"))
    with pytest.raises(ValueError, match="exact mode cannot find .* fast mode has no such need"):
        train(normed, blobs, 0, mesh=mesh)
    together = train(normed, blobs, 0, mesh=mesh, mode="fast")
    assert np.isfinite(together.history["train_loss"]).all()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: with_vat(with_vat(classification(3))), "with_vat needs a task without a penalty"),
        (lambda: with_vat(classification(3), -1.0), "vat needs to be a number from 0 on, got -1"),
        (lambda: with_vat(classification(3), "1"), "vat needs to be a number, got '1'"),
        (lambda: with_vat(classification(3), True), "vat needs to be a number, got True"),
        (lambda: with_vat("task"), "with_vat needs a Task such as classification.10., got 'task'"),
        (lambda: with_vat(classification(3), 1.0, float("inf")), "vat_epsilon needs .* got inf"),
        (
            lambda: with_vat(classification(3)._replace(kind="")),
            "one of the kinds classification, ",
        ),
    ],
)
def test_what_cannot_be_penalized_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_the_same_arguments_make_the_same_task():
    assert with_vat(classification(3), 0.5) == with_vat(classification(3), 0.5)
