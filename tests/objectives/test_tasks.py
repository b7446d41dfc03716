import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jaxmlp import Task, binary_classification, classification, losses, metrics, regression, tasks


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


def test_a_task_says_what_it_is_and_what_is_shown_of_it():
    tasks_made = [classification(3), binary_classification(2), regression()]
    assert [task.kind for task in tasks_made] == ["classification", "binary", "regression"]
    names = ["accuracy", "binary_accuracy", "absolute_error"]
    assert [tasks.primary(task).name for task in tasks_made] == names
    assert tasks.primary(regression()._replace(metrics=())).name == "loss"
    task = classification(3)._replace(metrics=(metrics.accuracy, metrics.f1(3)))
    assert [metric.name for metric in tasks.metrics_of(task)] == ["loss", "accuracy", "f1"]
    assert [m.higher_is_better for m in tasks.metrics_of(task)] == [False, True, True]
    assert tasks.metrics_of(task)[0].one is task.loss


def test_a_task_of_five_fields_is_one():
    task = Task(*classification(3)[:5])
    assert (task.train_loss, task.rates, task.weight, task.kind) == (None, (), None, "")
    assert tasks.objective_of(task) is losses.softmax_cross_entropy


@pytest.mark.parametrize("label", [1, [0.0, 1.0, 0.0]])
def test_label_smoothing_spreads_a_share_of_the_label(label):
    task = classification(3, label_smoothing=0.3)
    logits = jnp.array([1.0, 2.0, -1.0])
    log_shares = np.asarray(jax.nn.log_softmax(logits))
    expected = -(0.1 * log_shares[0] + 0.8 * log_shares[1] + 0.1 * log_shares[2])
    got = tasks.objective_of(task)(logits, jnp.array(label))
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert task.loss is losses.softmax_cross_entropy  # what is reported is the plain one
    assert jnp.isnan(tasks.objective_of(task)(logits, jnp.array(3)))


def test_label_smoothing_of_yes_and_no():
    task = binary_classification(2, label_smoothing=0.2)
    logits = jnp.array([2.0, -1.0])
    expected = losses.sigmoid_cross_entropy(logits, jnp.array([0.9, 0.1]))
    for label in (jnp.array([1, 0]), jnp.array([1.0, 0.0])):
        np.testing.assert_allclose(tasks.objective_of(task)(logits, label), expected, rtol=1e-6)
    one = binary_classification(label_smoothing=0.2)
    expected = losses.sigmoid_cross_entropy(logits[:1], jnp.array(0.9))
    np.testing.assert_allclose(tasks.objective_of(one)(logits[:1], jnp.array(1)), expected, 1e-6)


def test_another_smoothing_is_the_same_task_but_for_its_rate():
    some, other = (classification(3, label_smoothing=amount) for amount in (0.1, 0.2))
    assert tasks.with_rates(some, {"label_smoothing": 0.2}) == other
    assert tasks.rates(other) == {"label_smoothing": 0.2}
    traced = jax.jit(
        lambda amount: tasks.objective_of(tasks.with_rates(some, {"label_smoothing": amount}))(
            jnp.array([1.0, 2.0, -1.0]), jnp.array(1)
        )
    )
    expected = tasks.objective_of(other)(jnp.array([1.0, 2.0, -1.0]), jnp.array(1))
    np.testing.assert_allclose(traced(0.2), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: classification(3, label_smoothing=1.0), "label_smoothing needs .* less than 1, "),
        (lambda: classification(3, label_smoothing=-0.1), "label_smoothing needs to be from 0"),
        (lambda: binary_classification(label_smoothing=2), "label_smoothing needs .* got 2$"),
        (
            lambda: classification(3, losses.hinge, label_smoothing=0.1),
            "label_smoothing needs a loss of distributions, got hinge$",
        ),
        (
            lambda: tasks.with_rates(classification(3), {"label_smoothing": 0.1}),
            "the task needs to have label_smoothing, as .*, got none$",
        ),
        (
            lambda: tasks.with_rates(
                classification(3, label_smoothing=0.1), {"label_smoothing": 1.5}
            ),
            "label_smoothing needs .* got 1.5$",
        ),
        (
            lambda: classification(3, class_weights=(1, 2)),
            r"class_weights need 3 numbers, got \(2,",
        ),
        (lambda: classification(2, class_weights=(1, -2)), "class_weights need to be finite, none"),
        (lambda: classification(2, class_weights=(0, 0)), "class_weights .* one above 0, got"),
        (lambda: classification(2, class_weights=(1, np.nan)), "class_weights need to be finite"),
        (
            lambda: binary_classification(3, class_weights=(1, 2)),
            "class_weights need a task with one output, got 3$",
        ),
    ],
)
def test_rates_and_weights_that_are_none_are_refused_in_one_line(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_units_are_those_of_training_alone():
    task = regression(2, losses.huber, unit=[2.0, 10.0])
    outputs, label = jnp.array([3.0, 5.0]), jnp.array([2.0, 45.0])
    assert task.loss(outputs, label).item() == 0.5 + 39.5
    np.testing.assert_allclose(tasks.objective_of(task)(outputs, label), 0.5**2 / 2 + 3.5)
    alone = regression(unit=(4.0,))
    assert tasks.objective_of(alone)(jnp.array([3.0]), jnp.array(1.0)).item() == 0.25
    assert alone == regression(unit=np.float32([4]))  # so that it is compiled once
    assert alone != regression(unit=(5.0,))


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ((1.0, 1.0), r"unit needs 1 numbers, got \(2,\)"),
        ("a", "unit needs 1 numbers, one an output, got 'a'"),
        ((0.0,), r"unit needs to be finite and above 0, got \[0.0\]"),
        ((np.inf,), r"unit needs to be finite and above 0, got \[inf\]"),
    ],
)
def test_units_that_are_none_are_refused_in_one_line(unit, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        regression(unit=unit)


def test_an_example_weighs_what_its_class_does():
    weight = classification(3, class_weights=[1, 2.5, 0]).weight
    assert [weight(jnp.array(label)).item() for label in range(3)] == [1.0, 2.5, 0.0]
    assert weight(jnp.array([0.5, 0.5, 0.0])).item() == 1.75
    weight = binary_classification(class_weights=(1, 3)).weight
    assert [weight(jnp.array(label)).item() for label in (0, 1, 0.5)] == [1.0, 3.0, 2.0]
    assert weight(jnp.array([1.0])).item() == 3.0


def test_the_same_arguments_give_the_same_task():
    assert classification(3) == classification(num_classes=3)
    assert classification(3, class_weights=[1, 2, 3]) == classification(3, class_weights=(1, 2, 3))
    assert binary_classification(label_smoothing=0.1) == binary_classification(
        1, label_smoothing=0.1
    )
    assert regression() == regression(1)
    assert classification(3) != classification(4)
