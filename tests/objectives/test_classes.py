import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from jaxmlp import metrics

ORACLES = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
ANSWERS = [0, 0, 1, 1, 1, 2, 2, 2, 2, 0]
LABELS = [0, 1, 1, 1, 2, 2, 2, 0, 2, 0]


def value_of(metric, outputs, labels):
    totals = jax.vmap(metric.accumulate)(jnp.asarray(outputs), jnp.asarray(labels)).sum(axis=0)
    return metric.finish(totals).item()


def test_the_figures_of_a_small_table():
    outputs = np.eye(3, dtype=np.float32)[ANSWERS]
    per_class = [value_of(metrics.precision(3, of=k), outputs, LABELS) for k in range(3)]
    np.testing.assert_allclose(per_class, [2 / 3, 2 / 3, 3 / 4], rtol=1e-6)
    per_class = [value_of(metrics.recall(3, of=k), outputs, LABELS) for k in range(3)]
    np.testing.assert_allclose(per_class, [2 / 3, 2 / 3, 3 / 4], rtol=1e-6)
    assert value_of(metrics.f1(3), outputs, LABELS) == pytest.approx((2 / 3 + 2 / 3 + 3 / 4) / 3)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
@pytest.mark.parametrize("name", ORACLES)
def test_they_are_scikit_learns(name, pairs):
    answers, labels = np.array(pairs).T
    rest = (0, 12 - len(pairs))  # one compiled program for all
    got = of_four(name)(np.pad(answers, rest), np.pad(labels, rest), np.arange(12) < len(pairs))
    # Of classes that are neither an answer nor a label there is no figure in the mean.
    oracle = functools.partial(ORACLES[name], labels, answers, zero_division=0)
    np.testing.assert_allclose(got[0], oracle(average="macro"), atol=1e-6)
    np.testing.assert_allclose(got[1:], oracle(average=None, labels=range(4)), atol=1e-6)


@functools.cache
def of_four(name):
    """The mean over four classes, and each one's figure."""
    make = getattr(metrics, name)

    @jax.jit
    def compute(answers, labels, mask):
        each = jax.vmap(make(4).accumulate)(2.0 * jnp.eye(4)[answers], labels)
        total = (each * mask[:, None, None]).sum(axis=0)
        return jnp.stack([make(4, of).finish(total) for of in (None, 0, 1, 2, 3)])

    return compute


@pytest.mark.parametrize("name", ORACLES)
def test_one_output_is_the_second_of_two_classes(name):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=40).astype(np.float32), rng.integers(0, 2, 40)
    expected = ORACLES[name](labels, logits > 0)
    for outputs in (logits[:, None], np.stack([0 * logits, logits], 1)):
        for shaped in (labels, labels[:, None], np.eye(2)[labels]):
            if outputs.shape[1] == 1 and shaped.shape == (40, 2):
                continue
            got = value_of(getattr(metrics, name)(2, of=1), outputs, shaped)
            assert got == pytest.approx(expected, abs=1e-6)


def test_a_one_hot_label_is_its_class_and_nan_is_no_answer():
    outputs = jnp.array([[0.0, 1.0, 0.0], [jnp.nan, 5.0, 1.0]])
    labels = np.eye(3)[[1, 1]]
    assert value_of(metrics.precision(3, of=1), outputs, labels) == 1.0
    assert value_of(metrics.recall(3, of=1), outputs, labels) == 0.5


def test_a_class_that_is_never_the_answer_has_zero():
    assert value_of(metrics.precision(3, of=2), np.eye(3)[[0, 1]], [2, 2]) == 0.0


def test_they_go_by_names_of_their_own():
    made = [make(5, of) for make in (metrics.precision, metrics.recall) for of in (None, 3)]
    assert [metric.name for metric in made] == ["precision", "precision_3", "recall", "recall_3"]
    assert metrics.f1(5) == metrics.f1(5)  # compiled once
    assert metrics.f1(5).is_share
    assert metrics.f1(5).higher_is_better


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1,), r"^recall needs at least 2 classes, got 1$"),
        ((3, 3), r"^recall needs a class from 0 to 2, got 3$"),
        ((3, -1), r"^recall needs a class from 0 to 2, got -1$"),
    ],
)
def test_classes_that_are_not_there_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        metrics.recall(*arguments)


@pytest.mark.parametrize(("num_classes", "width"), [(3, 4), (3, 1), (2, 3)])
def test_other_outputs_are_refused(num_classes, width):
    with pytest.raises(ValueError, match=rf"^f1 needs {num_classes} outputs, got \({width},\)$"):
        metrics.f1(num_classes).accumulate(jnp.zeros(width), jnp.array(0))
