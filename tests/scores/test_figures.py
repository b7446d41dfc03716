"""Each task has its figures, in whatever form its labels and outputs are."""

import numpy as np
import pytest
from sklearn import metrics as theirs

from experiments.scores import classes, figures, values

RNG = np.random.default_rng(0)
LABELS = RNG.integers(3, size=20)
PROBABILITIES = RNG.dirichlet(np.ones(3), 20)


def rounded(found):
    return {n: None if v is None else pytest.approx(v, rel=1e-5) for n, v in found.items()}


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], np.eye(3)[LABELS]])
def test_classes_come_as_numbers_or_one_hot(labels):
    found = figures.of("classification", labels, PROBABILITIES)
    assert found == rounded(classes.figures(LABELS, PROBABILITIES))


@pytest.mark.parametrize("task", ["binary", "multilabel"])
@pytest.mark.parametrize("shape", [(20,), (20, 1)])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_one_question_has_the_figures_of_two_classes(task, shape, dtype):
    labels, yes = LABELS > 0, PROBABILITIES[:, :1]
    found = figures.of(task, labels.reshape(shape).astype(dtype), yes)
    both = np.concatenate([1 - yes, yes], axis=1)
    assert found == rounded(classes.figures(labels.astype(int), both))
    assert found["roc_auc"] == pytest.approx(theirs.roc_auc_score(labels, yes[:, 0]), rel=1e-5)


def test_questions_have_their_own_figures_their_means_and_the_rows_without_a_mistake():
    labels, yes = RNG.integers(2, size=(30, 3)), RNG.uniform(size=(30, 3))
    found = figures.of("multilabel", labels, yes, ("red", "green", "blue"))
    answers = (yes > 0.5).astype(int)
    each = found.pop("each")
    assert list(each) == ["red", "green", "blue"]
    for i, name in enumerate(each):
        assert each[name] == figures.of("binary", labels[:, i], yes[:, i : i + 1])
    expected = {
        "exact_match": theirs.accuracy_score(labels, answers),
        "accuracy": 1 - theirs.hamming_loss(labels, answers),
        "macro_f1": theirs.f1_score(labels, answers, average="macro"),
        "roc_auc": theirs.roc_auc_score(labels, yes, average="macro"),
        "log_loss": np.mean([one["log_loss"] for one in each.values()]),
        "balanced_accuracy": np.mean([one["balanced_accuracy"] for one in each.values()]),
        "calibration_error": np.mean([one["calibration_error"] for one in each.values()]),
    }
    low, high = classes.wilson(round(30 * expected["exact_match"]), 30)
    expected |= {"exact_match_low": low, "exact_match_high": high}
    assert found == rounded(expected)
    assert list(figures.of("multilabel", labels, yes)["each"]) == ["0", "1", "2"]


def test_a_question_that_cannot_tell_is_left_out_of_the_mean():
    labels = np.array([[0, 0], [0, 1], [0, 1]])
    yes = np.array([[0.25, 0.5], [0.25, 0.75], [0.25, 0.25]])
    found = figures.of("multilabel", labels, yes)
    assert found["each"]["0"]["roc_auc"] is None
    assert found["roc_auc"] == found["each"]["1"]["roc_auc"] == 0.5
    assert found["macro_f1"] == found["each"]["1"]["f1"] == pytest.approx(2 / 3, rel=1e-5)
    nothing = figures.of("multilabel", labels[:1], yes[:1])
    assert (nothing["roc_auc"], nothing["macro_f1"], nothing["exact_match"]) == (None, None, 1.0)


def test_a_nan_is_neither_yes_nor_no():
    found = figures.of("multilabel", np.array([[0, 0]]), np.array([[np.nan, 0.0]]))
    assert (found["exact_match"], found["accuracy"]) == (0.0, 0.5)


def test_values_have_their_own_figures_and_the_means():
    labels = RNG.normal(size=(15, 2))
    outputs = labels + RNG.normal(size=(15, 2)) * [1, 10]
    found = figures.of("regression", labels, outputs, ("kg", "m"))
    each = found.pop("each")
    assert found == rounded(values.figures(labels, outputs))
    assert each["m"] == figures.of("regression", labels[:, 1], outputs[:, 1:])
    assert found["rmse"] == pytest.approx((each["kg"]["rmse"] + each["m"]["rmse"]) / 2, rel=1e-5)
    assert "each" not in figures.of("regression", labels[:, 0], outputs[:, :1])


def test_figures_are_plain_numbers_of_six_digits():
    found = figures.of("regression", np.array([0.0, 3.0]), np.array([[1234567.89], [3.0]]))
    assert found["mae"] == 617284.0
    assert {type(value) for value in found.values()} == {float, type(None)}


def test_no_rows_have_no_figures():
    assert figures.of("classification", np.zeros(0, int), np.zeros((0, 3))) == {}
