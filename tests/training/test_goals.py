import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import (
    Batch,
    Recipe,
    TrainingFault,
    classification,
    init_state,
    make_mesh,
    make_update,
    mlp,
    train,
    train_many,
    with_mixup,
    with_vat,
)
from jaxmlp.training.checks import check
from jaxmlp.training.goals import Goal, draws, goal_of, key_of, penalties, seen

KEY = jax.random.key(2)
PLAIN, NOISY = mlp((4, 3)), mlp((4, 5, 3), dropout=0.5)


def noise_of(forward, inputs, outputs, keys, mask):
    """A penalty that is the number that each example draws."""
    return jax.vmap(jax.random.uniform)(keys)


def test_a_plain_task_has_no_goal_and_its_network_draws_nothing():
    assert goal_of(classification(3)) is None
    assert not draws(PLAIN, None)
    assert key_of(PLAIN, KEY, jnp.int32(0)) is None
    assert draws(NOISY, None)
    assert key_of(NOISY, KEY, jnp.int32(0)) is not None


@pytest.mark.parametrize("task", [with_mixup(classification(3)), with_vat(classification(3))])
def test_a_task_that_draws_needs_a_key_whatever_the_network(task):
    goal = goal_of(task)
    assert draws(PLAIN, goal)
    first, second = (key_of(PLAIN, KEY, jnp.int32(step), goal) for step in (0, 1))
    assert not np.array_equal(jax.random.key_data(first), jax.random.key_data(second))
    update = make_update(PLAIN, task.loss, optax.sgd(0.1), (), goal)
    batch, state = (
        Batch(jnp.ones((2, 4)), jnp.zeros(2, int)),
        init_state(PLAIN.init(KEY), optax.sgd(0.1)),
    )
    with pytest.raises(ValueError, match="the task draws in training and needs a key"):
        update(state, batch)


def test_rates_go_to_the_functions_that_take_them():
    task = with_vat(with_mixup(classification(3, label_smoothing=0.1), 0.3), 2.0, 0.5)
    goal = goal_of(task)
    assert goal.loss.keywords == {"label_smoothing": 0.1}
    assert goal.mix.keywords == {"mixup": 0.3}
    assert goal.penalty.keywords == {"vat": 2.0, "vat_epsilon": 0.5}


def test_examples_draw_by_their_places_in_the_whole_batch():
    goal = Goal(classification(3).loss, penalty=noise_of)
    examples = Batch(jnp.ones((6, 4)), jnp.zeros(6, int))
    whole = penalties(goal, None, examples, None, KEY)
    part = penalties(goal, None, Batch(jnp.ones((2, 4)), jnp.zeros(2, int)), None, KEY, first=4)
    assert np.array_equal(whole[4:], part)
    assert len(np.unique(whole)) == 6
    assert penalties(None, None, examples, None, KEY) is None


def test_a_penalty_counts_as_the_examples_do(blobs):
    """It is added before weights, of examples and of classes, and before the mask."""

    def penalty(forward, inputs, outputs, keys, mask):
        return jnp.where(mask, inputs[:, 0] * outputs[:, 0], jnp.nan)

    weight = jnp.array([1.0, 2.0, 4.0])
    task = classification(3, class_weights=weight.tolist())._replace(penalty=penalty)
    batch = Batch(
        jnp.asarray(blobs.train_inputs[:4]),
        jnp.array([0, 1, 2, 0]),
        jnp.array([True, True, True, False]),
        jnp.array([1.0, 0.5, 2.0, 9.0]),
    )
    optimizer, params = optax.sgd(1.0), PLAIN.init(KEY)
    update = make_update(PLAIN, task.loss, optimizer, (), goal_of(task))
    after = update(init_state(params, optimizer), batch, KEY)[0].params

    def expected(params):
        outputs = jax.vmap(PLAIN.apply, (None, 0))(params, batch.inputs)
        values = optax.softmax_cross_entropy_with_integer_labels(outputs, batch.labels)
        values += batch.inputs[:, 0] * outputs[:, 0]
        weights = jnp.array([1.0, 1.0, 8.0, 0.0])
        return (weights * values).sum() / weights.sum()

    slope = jax.grad(expected)(params)
    assert np.allclose(params[0].kernel - after[0].kernel, slope[0].kernel, atol=1e-5)


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_a_batch_is_mixed_as_a_whole_before_it_is_divided(mode, blobs):
    recipe = Recipe(
        PLAIN, with_mixup(classification(3), 1.0), optax.sgd, {"learning_rate": 0.1}, 16, 2
    )
    alone = train(recipe, blobs, 0)
    divided = train(recipe, blobs, 0, mesh=make_mesh("data:1"), mode=mode)
    assert np.allclose(alone.params[0].kernel, divided.params[0].kernel, atol=1e-5)
    assert np.allclose(alone.history["train_loss"], divided.history["train_loss"], atol=1e-5)


def test_a_batch_without_a_mix_is_the_same_one():
    batch = Batch(jnp.ones((2, 4)), jnp.zeros(2, int))
    assert seen(None, batch, KEY) is batch
    assert seen(Goal(classification(3).loss), batch, KEY) is batch


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (classification(3)._replace(mix=3), "mix needs to be a function such as lambda batch, key"),
        (classification(3)._replace(penalty=3), "penalty needs to be a function such as lambda f"),
        (
            classification(3)._replace(penalty=lambda f, x, y, k, m: y[:, :1]),
            r"a penalty needs to return a number for each example, got \(16, 1\)",
        ),
        (
            classification(3)._replace(penalty=lambda f, x, y, k, m: 0.5),
            "a penalty needs to return a number for each example, got 0.5",
        ),
        (
            classification(3)._replace(mix=lambda b, key: b._replace(inputs=b.inputs[:, 1:])),
            "Task.*, mix=<lambda>.* cannot take a batch",
        ),
    ],
)
def test_what_is_no_mix_or_penalty_is_refused_before_any_work(task, said, blobs):
    recipe = Recipe(PLAIN, task, optax.sgd, {"learning_rate": 0.1}, 16, 1)
    with pytest.raises(ValueError, match=said):
        check(recipe, blobs, 0)


def moved_by_itself(forward, inputs, outputs, keys, mask):
    """What the network makes of its own inputs a second time differs by nothing."""
    return 1e3 * jnp.square(forward(inputs) - outputs).sum(1)


@pytest.mark.parametrize("mesh", [None, make_mesh("data:1")])
def test_each_pass_of_a_step_sees_the_same_noise(mesh, blobs):
    task = classification(3)._replace(penalty=moved_by_itself)
    recipe = Recipe(NOISY, task, optax.sgd, {"learning_rate": 0.1}, 16, 1)
    penalized = train(recipe, blobs, 0, mesh=mesh)
    plain = train(recipe._replace(task=classification(3)), blobs, 0, mesh=mesh)
    assert np.allclose(penalized.params[0].kernel, plain.params[0].kernel, atol=1e-5)


def test_a_fault_of_the_penalty_is_told_from_the_losses_and_from_the_networks(blobs):
    def odd(forward, inputs, outputs, keys, mask):
        return jnp.nan * outputs.sum(1)

    def huge(batch, key):
        return batch._replace(inputs=batch.inputs * 1e38 * 1e38)

    recipe = Recipe(PLAIN, classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 1)
    for pieces, where in (
        ({"penalty": odd}, ("loss", "odd")),
        ({"mix": huge}, ("forward pass", "layer_0")),
    ):
        task = classification(3)._replace(**pieces)
        with pytest.raises(TrainingFault) as fault:
            train(recipe._replace(task=task), blobs, 0)
        assert (fault.value.fault.kind, fault.value.fault.layer) == where


def test_a_sweep_needs_the_task_to_have_what_it_varies(blobs):
    recipe = Recipe(PLAIN, classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 1)
    with pytest.raises(ValueError, match=r"to have vat, as with_vat\(task\) has it, got none"):
        train_many(recipe, blobs, seeds=[0], sweep={"vat": [1.0]})


def test_several_devices_refuse_what_they_cannot_find_for_populations_too(blobs):
    model, task = mlp((4, 6, 3), norm="batch"), with_vat(classification(3))
    recipe = Recipe(model, task, optax.sgd, {"learning_rate": 0.1}, 16, 1)
    with pytest.raises(ValueError, match="exact mode cannot find how a penalty changes"):
        train_many(recipe, blobs, seeds=[0], mode="exact", mesh=make_mesh("member:1,data:1"))
