import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import losses, metrics, one_hot, top_k


def test_one_hot_vectors_are_rows_of_the_identity():
    labels = np.array([[2, 0], [1, 1]])
    vectors = one_hot(labels, 3)
    assert vectors.dtype == jnp.float32
    np.testing.assert_array_equal(vectors, np.eye(3)[labels])
    np.testing.assert_array_equal(jax.jit(one_hot, static_argnums=1)(labels, 3), vectors)
    np.testing.assert_array_equal(one_hot([1], 2), [[0, 1]])
    assert one_hot(np.uint8(2), 4).tolist() == [0, 0, 1, 0]


def test_what_is_no_class_is_nan_in_compiled_code():
    vectors = jax.jit(one_hot, static_argnums=1)(jnp.array([-1, 1, 3]), 3)
    assert np.isnan(vectors).all(axis=1).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("labels", "num_classes", "message"),
    [
        ([0, 3], 3, "labels need to be from 0 to 2, got 3 at 1"),
        ([[0, 1], [-1, 3]], 3, "labels need to be from 0 to 2, got -1 at 1, 0"),
        (np.int32(5), 3, "labels need to be from 0 to 2, got 5"),
        ([0.0, 1.0], 3, r"labels need to be whole numbers, got float64 \(2,\)"),
        (jnp.array([True]), 3, r"labels need to be whole numbers, got bool \(1,\)"),
        ([0], 0, "num_classes needs to be a whole number of at least 1, got 0"),
        ([0], 2.0, "num_classes needs to be a whole number of at least 1, got 2.0"),
    ],
)
def test_what_is_no_class_is_refused_in_a_line(labels, num_classes, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        one_hot(labels, num_classes)


def test_a_class_has_the_loss_and_the_accuracy_of_its_vector():
    """Categorical and sparse cross-entropy, and binary for two classes, are one."""
    logits = jnp.array([[2.0, -1.0, 0.5], [-300.0, 1e4, 0.0]])
    labels = jnp.array([2, 0])
    for of in (losses.softmax_cross_entropy, metrics.accuracy, metrics.top_k(2)):
        sparse = jax.vmap(of)(logits, labels)
        np.testing.assert_allclose(jax.vmap(of)(logits, one_hot(labels, 3)), sparse, rtol=1e-6)
    for label in (0, 1):
        binary = losses.sigmoid_cross_entropy(jnp.array([0.7]), jnp.array(label))
        pair = losses.softmax_cross_entropy(jnp.array([0.0, 0.7]), jnp.array(label))
        np.testing.assert_allclose(binary, pair, rtol=1e-6)


def test_the_highest_come_first_and_of_equal_ones_the_first():
    found = top_k(np.float32([[0.1, 0.6, 0.3], [0.5, 0.0, 0.5]]), 2)
    assert found.classes.tolist() == [[1, 2], [0, 2]]
    np.testing.assert_array_equal(found.values, np.float32([[0.6, 0.3], [0.5, 0.5]]))
    assert top_k(jnp.array([1.0, 3.0]), 1).classes.tolist() == [1]


def test_the_metric_is_whether_the_label_is_among_them():
    outputs = jax.random.normal(jax.random.key(0), (50, 7))
    labels = jnp.arange(50) % 7
    is_among = (top_k(outputs, 3).classes == labels[:, None]).any(axis=1)
    np.testing.assert_array_equal(jax.vmap(metrics.top_k(3))(outputs, labels), is_among)


@pytest.mark.parametrize(
    ("outputs", "k", "message"),
    [
        (np.zeros((4, 3)), 4, r"top_k needs 4 classes or more, got outputs \(4, 3\)"),
        (np.float32(1), 1, r"top_k needs 1 classes or more, got outputs \(\)"),
        (np.zeros(3), 0, "k needs to be a whole number of at least 1, got 0"),
        (np.zeros(3), "2", "k needs to be a whole number of at least 1, got '2'"),
    ],
)
def test_more_than_there_are_is_refused_in_a_line(outputs, k, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        top_k(outputs, k)
