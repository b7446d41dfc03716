import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import (
    Batch,
    Model,
    Recipe,
    binary_classification,
    classification,
    init_state,
    losses,
    make_update,
    mlp,
    regression,
    train,
    train_many,
    with_mixup,
)
from jaxmlp.training.goals import MIX, goal_of

KEY = jax.random.key(3)


def mixed(task, batch, key=KEY):
    """What training with a task sees of a batch."""
    return jax.jit(goal_of(task).mix)(batch, key)


def shares_of(alpha, count=4096):
    """What the first examples of pairs are of their mixtures, read off inputs of 1 and 0."""
    inputs = jnp.tile(jnp.array([[1.0], [0.0]]), (count // 2, 1))
    seen = mixed(with_mixup(regression(), alpha), Batch(inputs, inputs))
    return np.where(np.arange(count) % 2, 1 - seen.inputs[:, 0], seen.inputs[:, 0])


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_the_larger_share_is_drawn_from_a_beta_distribution(alpha):
    shares = shares_of(alpha)
    assert shares.min() >= 0.5
    assert shares.max() <= 1
    assert len(np.unique(shares)) > 1000  # each example has its own
    variance = 1 / (4 * (2 * alpha + 1))  # of Beta(alpha, alpha), around 1/2
    assert np.square(shares - 0.5).mean() == pytest.approx(variance, rel=0.08)


def test_inputs_and_labels_are_mixed_alike_with_the_next_example_that_counts():
    inputs = jnp.eye(6)
    batch = Batch(
        inputs,
        jnp.arange(6),
        jnp.array([True, False, True, True, True, False]),
        jnp.array([1.0, 1.0, 0.0, 2.0, 3.0, 1.0]),
    )
    seen = mixed(with_mixup(classification(6), 1.0), batch)
    assert np.allclose(seen.inputs, seen.labels)  # one-hot both
    share = np.asarray(seen.inputs).max(axis=1)
    partners = {0: 3, 3: 4, 4: 0}  # those that are masked, or weigh nothing, are nobody's
    for row, partner in partners.items():
        expected = share[row] * inputs[row] + (1 - share[row]) * inputs[partner]
        assert np.allclose(seen.inputs[row], expected)
    assert np.array_equal(seen.mask, batch.mask)
    assert np.array_equal(seen.weights, batch.weights)


def test_one_example_is_mixed_with_itself():
    seen = mixed(with_mixup(regression(), 1.0), Batch(jnp.full((1, 2), 3.0), jnp.ones(1)))
    assert np.allclose(seen.inputs, 3.0)
    assert np.allclose(seen.labels, 1.0)


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        (binary_classification(), jnp.array([0, 1, 1, 0])),
        (regression(2), jnp.array([[1.0, 5.0], [2.0, 6.0], [3.0, 7.0], [4.0, 8.0]])),
        (classification(2), jnp.array([[0.25, 0.75], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])),
    ],
)
def test_labels_of_each_kind_are_mixed(task, labels):
    inputs = jnp.arange(4.0)[:, None] ** 2
    seen = mixed(with_mixup(task, 1.0), Batch(inputs, labels))
    after = np.roll(inputs, -1, axis=0)
    share = ((np.asarray(seen.inputs) - after) / (inputs - after)).reshape(
        4, *[1] * (labels.ndim - 1)
    )
    assert np.allclose(
        seen.labels, share * labels + (1 - share) * np.roll(labels, -1, axis=0), atol=1e-5
    )


def test_the_loss_is_that_of_both_labels_by_their_shares(blobs):
    model, task = mlp((4, 3)), with_mixup(classification(3), 1.0)
    batch = Batch(blobs.train_inputs[:8], blobs.train_labels[:8])
    optimizer = optax.sgd(1.0)
    params = model.init(KEY)
    update = make_update(model, task.loss, optimizer, task.metrics, goal_of(task))
    state, info = update(init_state(params, optimizer), batch, KEY)
    seen = mixed(task, batch, jax.random.fold_in(jax.random.fold_in(KEY, 0), MIX))

    def loss(params):
        outputs = jax.vmap(model.apply, (None, 0))(params, seen.inputs)
        return -(seen.labels * jax.nn.log_softmax(outputs)).sum(1).mean(), outputs

    (_, outputs), gradient = jax.value_and_grad(loss, has_aux=True)(params)
    assert np.allclose(params[0].kernel - state.params[0].kernel, gradient[0].kernel, atol=1e-6)
    own = optax.softmax_cross_entropy_with_integer_labels(outputs, batch.labels).mean()
    assert info.loss == pytest.approx(float(own), rel=1e-5)  # reported: of the larger parts
    right = (np.asarray(outputs).argmax(1) == batch.labels).mean()
    assert info.metrics["accuracy"] == pytest.approx(right)


def test_pixels_are_scaled_first(blobs):
    task, optimizer = with_mixup(regression(), 1.0), optax.sgd(0.1)
    update = make_update(mlp((1, 1)), task.loss, optimizer, (), goal_of(task))
    start = init_state(mlp((1, 1)).init(KEY), optimizer)
    pixels, floats = (
        update(start, Batch(inputs, jnp.zeros(4)), KEY)[0].params
        for inputs in (
            np.array([[0], [255], [51], [0]], np.uint8),
            jnp.array([[0.0], [1.0], [0.2], [0.0]]),
        )
    )
    assert np.allclose(pixels[0].kernel, floats[0].kernel)


def test_a_sweep_over_alpha_has_the_bits_of_single_runs_and_zero_mixes_nothing(blobs):
    recipe = Recipe(
        mlp((4, 3)), with_mixup(classification(3)), optax.sgd, {"learning_rate": 0.1}, 16, 2
    )
    runs = train_many(recipe, blobs, seeds=[0], sweep={"mixup": [0.0, 1.0]})
    one = train(recipe._replace(hyperparameters={"learning_rate": 0.1, "mixup": 1.0}), blobs, 0)
    here = runs.select(mixup=1.0, seed=0).params
    assert jax.tree.all(jax.tree.map(np.array_equal, here, one.params))
    plain = train(recipe._replace(task=classification(3)), blobs, 0)
    off = runs.select(mixup=0.0, seed=0).params
    assert np.allclose(off[0].kernel, plain.params[0].kernel, atol=1e-5)
    assert not np.allclose(here[0].kernel, plain.params[0].kernel, atol=1e-3)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: with_mixup(with_mixup(classification(3))), "does not mix already, got Task"),
        (
            lambda: with_mixup(classification(3), -0.1),
            "mixup needs to be a number from 0 on, got -",
        ),
        (lambda: with_mixup(classification(3), None), "mixup needs to be a number, got None"),
        (lambda: with_mixup(3), "with_mixup needs a Task such as classification.10., got 3"),
        (lambda: with_mixup(classification(3), float("nan")), "mixup needs to be a number .* nan"),
        (
            lambda: with_mixup(classification(3, losses.hinge)),
            "mixup needs a loss of distributions",
        ),
    ],
)
def test_what_cannot_be_mixed_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_whole_numbers_are_refused_before_any_work(blobs):
    words = blobs._replace(train_inputs=np.full((50, 4), 1000), test_inputs=None, test_labels=None)
    embedding = Model(lambda key: jnp.ones((2000, 3)), lambda params, row: params[row].sum(0))
    recipe = Recipe(
        embedding, with_mixup(classification(3)), optax.sgd, {"learning_rate": 0.1}, 16, 1
    )
    with pytest.raises(ValueError, match="mixup needs inputs that are floats or pixels, got int32"):
        train(recipe, words, 0)


def test_the_same_arguments_make_the_same_task():
    assert with_mixup(classification(3), 0.5) == with_mixup(classification(3), 0.5)
