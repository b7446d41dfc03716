import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jaxmlp import binary_classification, classification, losses, regression


def test_classification_turns_logits_into_probabilities():
    task = classification(3)
    np.testing.assert_allclose(
        task.link(jnp.array([1.0, 2.0, 3.0])), [0.090031, 0.244728, 0.665241], atol=1e-6
    )
    assert task.num_outputs == 3
    assert [metric.__name__ for metric in task.metrics] == ["accuracy"]


def test_binary_classification_turns_each_logit_into_a_probability():
    task = binary_classification(2)
    np.testing.assert_allclose(task.link(jnp.array([0.0, 2.0])), [0.5, 0.880797], atol=1e-6)
    assert task.loss(jnp.array([0.5, -1.0]), jnp.array([1, 0])) == pytest.approx(0.787339)
    assert [metric.__name__ for metric in task.metrics] == ["binary_accuracy"]


def test_regression_leaves_values_as_they_are():
    task = regression(2)
    assert task.link(jnp.array([-3.0, 2.0])).tolist() == [-3.0, 2.0]
    assert task.loss(jnp.array([1.0, 2.0]), jnp.array([3.0, 2.0])) == 4.0
    assert [metric.__name__ for metric in task.metrics] == ["absolute_error"]


def test_the_loss_is_the_callers_choice():
    assert classification(3, losses.hinge).loss is losses.hinge
    assert regression(loss=losses.huber).loss is losses.huber


GOOD = [
    (classification(3), np.array([0, 1, 2])),
    (classification(3), np.array([0, 2], np.uint8)),
    (classification(3), np.eye(3, dtype=np.float32)),
    (classification(3), np.eye(3, dtype=int)),
    (classification(3), np.full((2, 3), 1 / 3, np.float16)),
    (classification(3), np.array([0.0, 2.0])),
    (classification(3), np.array([[0], [2]])),
    (binary_classification(), np.array([0, 1])),
    (binary_classification(), np.array([True, False])),
    (binary_classification(), np.array([[0.0], [1.0]])),
    (binary_classification(2), np.array([[0, 1], [1, 1]])),
    (regression(), np.array([-5.5, 2.0])),
    (regression(), np.array([[-5.5], [2.0]])),
    (regression(2), np.zeros((4, 2))),
]

BAD = [
    (classification(3), np.array([0, 3]), "from 0 to 2, got 3 at 1"),
    (classification(3), np.array([0, 1, -1]), "from 0 to 2, got -1 at 2"),
    (classification(3), np.array([0.0, 0.5]), "whole numbers, got 0.5 at 1"),
    (classification(3), np.array([0.0, np.nan]), "from 0 to 2, got nan at 1"),
    (classification(3), np.array([[0.5, 0.6, -0.1]]), "from 0 to 1, got -0.1 at 0"),
    (classification(3), np.array([[1.0, 0, 0], [np.nan, 0, 1]]), "from 0 to 1, got nan at 1"),
    (classification(2), np.array([[0.5, 0.5], [0.5, 0.25]]), "sum to 1 .*, got 0.75 in row 1"),
    (classification(3), np.zeros((2, 3), int), "sum to 1 in each row, got 0 in row 0"),
    (classification(3), np.zeros((2, 2)), r"shape \(num_examples, 3\), got \(2, 2\)"),
    (classification(3), np.zeros((2, 3, 1), int), r"integers .* got int64 \(2, 3, 1\)"),
    (binary_classification(), np.array([0, 2]), "from 0 to 1, got 2 at 1"),
    (binary_classification(), np.array([0.0, np.nan]), "from 0 to 1, got nan at 1"),
    (binary_classification(), np.zeros((2, 2)), r"shape \(num_examples, 1\), got \(2, 2\)"),
    (binary_classification(2), np.array([0, 1]), r"shape \(num_examples, 2\), got \(2,\)"),
    (binary_classification(2), np.array([[0, 1], [1, -1]]), "from 0 to 1, got -1 at 1"),
    (regression(), np.zeros((3, 2)), r"shape \(num_examples, 1\), got \(3, 2\)"),
    (regression(), np.array([0.0, np.nan]), "finite, got nan at 1"),
    (regression(2), np.array([[0.0, np.inf]]), "finite, got inf at 0"),
    (regression(2), np.zeros(3), r"shape \(num_examples, 2\), got \(3,\)"),
]


@pytest.mark.parametrize(("task", "labels"), GOOD)
def test_labels_that_suit_the_task_pass(task, labels):
    task.check_labels(labels)
    task.check_labels(jnp.asarray(labels))


@pytest.mark.parametrize(("task", "labels", "message"), BAD)
def test_labels_that_do_not_are_refused_in_one_line(task, labels, message):
    with pytest.raises(ValueError, match=rf"^labels need .*{message}$"):
        task.check_labels(labels)


@pytest.mark.parametrize("labels", [[0.0, 2.0, 1.0], [[0], [2], [1]], [[0.0], [2.0], [1.0]]])
def test_classes_come_as_the_loss_takes_them(labels):
    made = classification(3).check_labels(np.array(labels))
    assert made.tolist() == [0, 2, 1]
    assert np.issubdtype(made.dtype, np.integer)


@given(hnp.arrays(np.int32, st.integers(1, 30), elements=st.integers(-3, 12)))
def test_the_first_label_that_is_no_class_is_named(labels):
    is_out = [not 0 <= label < 10 for label in labels]
    if not any(is_out):
        classification(10).check_labels(labels)
        return
    first = is_out.index(True)
    with pytest.raises(ValueError, match=rf"from 0 to 9, got {labels[first]} at {first}$"):
        classification(10).check_labels(labels)


@pytest.mark.parametrize("num_classes", [1, 0, -2])
def test_fewer_than_two_classes_are_refused(num_classes):
    with pytest.raises(ValueError, match=rf"^num_classes needs .* at least 2, got {num_classes}$"):
        classification(num_classes)
