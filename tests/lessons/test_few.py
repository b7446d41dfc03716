import jax
import jax.numpy as jnp
import numpy as np

import jaxmlp
from experiments.data import sources
from experiments.lessons import few
from jaxmlp.populations.runs import Runs


def test_labels_are_wrong_where_one_learns_and_nowhere_else():
    noisy, clean = few.examples(50, 0.2), few.examples(50, 0.0)
    assert noisy.train_inputs.shape == (50 * few.OFTEN, 64)
    assert noisy.validation_inputs.shape == (50, 64)
    np.testing.assert_array_equal(noisy.test_labels, clean.test_labels)
    assert (noisy.train_labels != clean.train_labels).mean() == 0.2
    assert (noisy.validation_labels != clean.validation_labels).mean() == 0.2
    assert len(noisy.test_labels) == 1797 - 2 * 50
    assert (noisy.train_labels >= 0).all()
    assert (noisy.train_labels < 10).all()


def test_no_digit_is_in_two_sets_and_each_has_its_label():
    clean = few.examples(50, 0.0)
    whole = sources.load("digits").sets().values()
    label = {
        row.tobytes(): y for rows, labels in whole for row, y in zip(rows, labels, strict=True)
    }
    seen = [{row.tobytes() for row in rows} for rows, _ in clean.sets().values()]
    assert sum(map(len, seen)) == len(set.union(*seen))
    for rows, labels in clean.sets().values():
        assert [label[row.tobytes()] for row in rows] == labels.tolist()


def test_all_that_is_not_for_the_test_can_be_to_train_on():
    apart = few.examples(50, 0.2)
    data = few.together(apart)
    assert data.validation_labels is None
    np.testing.assert_array_equal(data.test_labels, apart.test_labels)
    for found, first, second in (
        (data.train_inputs, apart.train_inputs, apart.validation_inputs),
        (data.train_labels, apart.train_labels, apart.validation_labels),
    ):
        assert len(found) == 100 * few.OFTEN
        np.testing.assert_array_equal(found[: 50 * few.OFTEN], first)
        np.testing.assert_array_equal(found[-100:], np.concatenate([second, second]))


def test_one_stops_where_the_validation_loss_is_least():
    history = {
        "validation_loss": np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]]),
        "test_accuracy": np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]),
    }
    runs = Runs({"seed": (0, 1)}, history, np.full(2, 3), (), np.zeros((2, 2)), {})
    assert few.stopped(runs).tolist() == [0.2, 0.4]


def test_in_evaluation_an_answer_is_of_the_example_and_in_training_of_its_batch_too():
    model = jaxmlp.mlp((4, 3), norm=None)

    def train(params, inputs, context):
        noise = jax.random.normal(context.key, (len(inputs), 3))
        return 1e3 * noise + 0 * inputs[:, :1], ()

    model = model._replace(train=train)
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 2))
    params = jax.tree.map(lambda leaf: leaf.at[:, ..., 1].set(5.0), params)
    inputs = np.random.default_rng(0).uniform(0, 1, (2 * few.BATCH, 4)).astype(np.float32)
    labels = np.ones(len(inputs), np.int32)
    data = jaxmlp.Dataset(inputs, labels, inputs, labels)
    errors, changed = few.side_by_side(model, params, data)
    assert errors.shape == changed.shape == (2, 2)
    assert errors[0].tolist() == changed[0].tolist() == [0, 0]
    assert (abs(errors[1] - 2 / 3) < 0.25).all()
    assert (abs(changed[1] - 2 / 3) < 0.25).all()


def test_the_last_batch_is_filled_up_with_what_does_not_count():
    def train(params, inputs, context):
        return jnp.tile(jax.nn.one_hot(context.mask.sum(), few.BATCH + 1), (len(inputs), 1)), ()

    model = jaxmlp.Model(lambda key: (), lambda params, x: x, train)
    inputs, keys = jnp.ones((2 * few.BATCH + 5, few.BATCH + 1)), jax.random.key(0)[None]
    trained = few.modes(model, jnp.zeros(1), inputs, keys)[0, 1]
    assert sorted(trained.tolist()) == [5] * 5 + [few.BATCH] * 2 * few.BATCH


def test_the_classes_are_in_the_order_of_the_inputs():
    def apply(params, inputs):
        return jax.nn.one_hot(inputs[0].astype(int), 5)

    def train(params, inputs, context):
        return jax.vmap(apply, (None, 0))(params, inputs + 1), ()

    model = jaxmlp.Model(lambda key: (), apply, train)
    inputs = jnp.arange(2.0 * few.BATCH)[:, None] % 4
    keys = jax.random.split(jax.random.key(0), 1)
    evaluated, trained = few.modes(model, jnp.zeros(1), inputs, keys)[0]
    assert evaluated.tolist() == inputs[:, 0].tolist()
    assert trained.tolist() == (inputs[:, 0] + 1).tolist()
