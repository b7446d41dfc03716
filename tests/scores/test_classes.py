"""Figures of classes are scikit-learn's, and SciPy's, and the library's own metrics'."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as theirs

from experiments.scores import classes
from jaxmlp import metrics as ours


def made_up(num_classes, num_rows=60, seed=0):
    """Labels, each of a class that is there, and probabilities with many equal ones."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(num_classes), rng.integers(num_classes, size=num_rows)])
    logits = rng.integers(-2, 3, (len(labels), num_classes)) + 2.0 * np.eye(num_classes)[labels]
    weights = np.exp(logits)
    return labels, weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("num_classes", [2, 3, 7])
def test_figures_are_scikit_learns(num_classes):
    labels, probabilities = made_up(num_classes)
    answers = probabilities.argmax(axis=1)
    found = classes.figures(labels, probabilities)
    score = probabilities[:, 1] if num_classes == 2 else probabilities
    expected = {
        "accuracy": theirs.accuracy_score(labels, answers),
        "balanced_accuracy": theirs.balanced_accuracy_score(labels, answers),
        "macro_f1": theirs.f1_score(labels, answers, average="macro"),
        "roc_auc": theirs.roc_auc_score(labels, score, multi_class="ovr"),
        "log_loss": theirs.log_loss(labels, probabilities),
    }
    if num_classes == 2:
        expected["f1"] = theirs.f1_score(labels, answers)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    rest = {"accuracy_low", "accuracy_high", "calibration_error"}
    assert set(found) == set(expected) | rest
    test = stats.binomtest(int((answers == labels).sum()), len(labels))
    bounds = test.proportion_ci(method="wilson")
    got = found["accuracy_low"], found["accuracy_high"]
    assert got == pytest.approx((bounds.low, bounds.high), rel=1e-12)


@pytest.mark.parametrize("num_classes", [2, 5])
def test_the_calibration_error_is_the_librarys(num_classes):
    labels, probabilities = made_up(num_classes, 40, seed=1)
    metric = ours.calibration_error(classes.NUM_BINS)
    pairs = jnp.log(jnp.asarray(probabilities)), jnp.asarray(labels)
    sums = jax.vmap(metric.accumulate)(*pairs).sum(axis=0)
    expected = metric.finish(sums).item()
    found = classes.calibration_error(labels, probabilities)
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_calibration_error_of_one_bin_is_how_far_its_means_are_apart():
    labels, rows = np.array([0, 0, 1, 0]), [[0.7, 0.3], [0.7, 0.3], [0.71, 0.29], [0.72, 0.28]]
    # right in 3 of 4, sure of (0.7 + 0.7 + 0.71 + 0.72) / 4
    assert classes.calibration_error(labels, np.array(rows)) == pytest.approx(0.0425)
    edge = np.array([[0.6, 0.4], [0.61, 0.39]])  # 9/15 is in the bin below: one right, one wrong
    assert classes.calibration_error(np.array([0, 1]), edge) == pytest.approx((0.4 + 0.61) / 2)
    ends = np.array([[1.0, 0.0], [0.5, 0.5]])  # the bins at both ends of what there can be
    assert classes.calibration_error(np.array([0, 0]), ends) == pytest.approx(0.25)


@pytest.mark.parametrize(("right", "of"), [(0, 5), (5, 5), (1, 1), (9, 10), (9700, 10000)])
def test_wilsons_interval_is_scipys(right, of):
    expected = stats.binomtest(right, of).proportion_ci(method="wilson")
    assert classes.wilson(right, of) == pytest.approx((expected.low, expected.high), abs=1e-12)
    wide = stats.binomtest(right, of).proportion_ci(0.99, method="wilson")
    assert classes.wilson(right, of, 0.99) == pytest.approx((wide.low, wide.high), abs=1e-12)


def test_wilsons_interval_ends_at_0_and_at_1():
    assert classes.wilson(0, 7)[0] == 0.0
    assert classes.wilson(7, 7)[1] == 1.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30))
def test_the_area_counts_pairs(rows):
    is_one, scores = (np.array(column) for column in zip(*rows, strict=True))
    ones, zeros = scores[is_one], scores[~is_one]
    if not len(ones) or not len(zeros):
        assert classes.roc_auc(is_one, scores) is None
        return
    above = (ones[:, None] > zeros).mean() + (ones[:, None] == zeros).mean() / 2
    assert classes.roc_auc(is_one, scores) == pytest.approx(above)


def test_a_class_that_is_absent_leaves_no_area_and_counts_in_no_mean():
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.3, 0.6, 0.1]])
    found = classes.figures(labels, probabilities)
    assert found["roc_auc"] is None
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.75  # of the two classes that are there
    # f1 of 2/3, 1 and 0: class 2 was an answer
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    without = classes.figures(labels[[0, 2]], probabilities[[0, 2]])
    assert without["macro_f1"] == 1.0  # nothing of class 2


def test_a_set_of_one_class_has_what_it_can_have():
    probabilities = np.array([[0.75, 0.25], [0.25, 0.75]])
    found = classes.figures(np.array([0, 0]), probabilities)
    assert found["roc_auc"] is None
    assert (found["accuracy"], found["balanced_accuracy"], found["f1"]) == (0.5, 0.5, 0.0)
    assert found["log_loss"] == pytest.approx(-np.log([0.75, 0.25]).mean())
    never = classes.figures(np.array([0]), probabilities[:1])
    assert never["f1"] is None  # neither a label nor an answer is of class 1
    assert never["macro_f1"] == 1.0


@pytest.mark.parametrize("num_classes", [2, 3])
def test_a_row_with_a_nan_is_wrong_and_leaves_no_probabilities(num_classes):
    labels = np.arange(num_classes)
    probabilities = np.eye(num_classes)
    probabilities[0, 1] = np.nan
    found = classes.figures(labels, probabilities)
    assert found["accuracy"] == pytest.approx(1 - 1 / num_classes)
    assert found["balanced_accuracy"] == pytest.approx(1 - 1 / num_classes)
    for name in ("roc_auc", "log_loss", "calibration_error"):
        assert found[name] is None
    assert classes.answers_of(probabilities).tolist() == [-1, *range(1, num_classes)]


def test_a_probability_of_0_has_a_loss_that_is_no_infinity():
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]])
    expected = theirs.log_loss([0, 1], probabilities.astype(np.float32))
    assert classes.log_loss(np.array([0, 1]), probabilities) == pytest.approx(expected, rel=1e-6)


def test_areas_of_too_many_probabilities_are_left_out(monkeypatch):
    labels, probabilities = made_up(3)
    monkeypatch.setattr(classes, "MOST_SORTED", probabilities.size - 1)
    assert classes.figures(labels, probabilities)["roc_auc"] is None
