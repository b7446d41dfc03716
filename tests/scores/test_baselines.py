"""Baselines are scikit-learn's learners on the network's own rows; what is left out is said."""

import warnings

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from experiments.scores import baselines, learners

RNG = np.random.default_rng(0)
TRAIN = RNG.normal(3, [1, 10, 100], (80, 3)).astype(np.float32)
TEST = RNG.normal(3, [1, 10, 100], (20, 3)).astype(np.float32)
SCALER = StandardScaler().fit(TRAIN.astype(np.float64))
SCALED = SCALER.transform(TRAIN.astype(np.float64)), SCALER.transform(TEST.astype(np.float64))
CLASSES = (TRAIN[:, 0] > 3).astype(int) + (TRAIN[:, 1] > 10)


def test_classes_are_guessed_by_their_shares_and_learned():
    found = baselines.fit("classification", TRAIN, CLASSES, TEST, 3)
    assert list(found.outputs) == ["commonest_class", "logistic_regression", "gradient_boosting"]
    assert found.notes == []
    shares = np.bincount(CLASSES) / 80
    np.testing.assert_allclose(found.outputs["commonest_class"], np.tile(shares, (20, 1)))
    linear = LogisticRegression(max_iter=1000).fit(SCALED[0], CLASSES)
    expected = linear.predict_proba(SCALED[1])
    np.testing.assert_allclose(found.outputs["logistic_regression"], expected, atol=1e-6)
    trees = HistGradientBoostingClassifier(early_stopping=False).fit(SCALED[0], CLASSES)
    expected = trees.predict_proba(SCALED[1])
    np.testing.assert_allclose(found.outputs["gradient_boosting"], expected, atol=1e-6)


def test_values_are_guessed_by_their_mean_and_learned_each_alone():
    values = np.stack([TRAIN @ [1, 2, 3], TRAIN[:, 0] ** 2], axis=1)
    found = baselines.fit("regression", TRAIN, values, TEST, 2)
    assert list(found.outputs) == ["mean", "ridge_regression", "gradient_boosting"]
    np.testing.assert_allclose(found.outputs["mean"], np.tile(values.mean(axis=0), (20, 1)))
    for i in range(2):
        expected = Ridge().fit(SCALED[0], values[:, i]).predict(SCALED[1])
        np.testing.assert_allclose(found.outputs["ridge_regression"][:, i], expected)
        trees = HistGradientBoostingRegressor(early_stopping=False).fit(SCALED[0], values[:, i])
        expected = trees.predict(SCALED[1])
        np.testing.assert_allclose(found.outputs["gradient_boosting"][:, i], expected)
    alone = baselines.fit("regression", TRAIN, values[:, 1], TEST, 1)
    for name, outputs in alone.outputs.items():
        np.testing.assert_array_equal(outputs, found.outputs[name][:, 1:])


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_questions_have_the_probability_of_yes(task):
    labels = (CLASSES > 0).astype(np.float32)
    of_two = baselines.fit("classification", TRAIN, labels, TEST, 2)
    found = baselines.fit(task, TRAIN, labels, TEST, 1)
    assert list(found.outputs) == list(of_two.outputs)
    for name, outputs in found.outputs.items():
        np.testing.assert_array_equal(outputs, of_two.outputs[name][:, 1:])
    several = np.stack([np.ones(80), labels], axis=1).astype(int)
    found = baselines.fit(task, TRAIN, several, TEST, 2)
    for name, outputs in found.outputs.items():
        np.testing.assert_array_equal(outputs[:, 0], np.ones(20))  # always yes: nothing to learn
        np.testing.assert_array_equal(outputs[:, 1:], of_two.outputs[name][:, 1:])


def test_a_class_without_a_training_row_is_never_the_answer():
    labels = np.where(CLASSES > 0, 3, 1)
    found = baselines.fit("classification", TRAIN, np.eye(5)[labels], TEST, 5)
    for outputs in found.outputs.values():
        assert outputs.shape == (20, 5)
        assert (outputs[:, [0, 2, 4]] == 0).all()
        np.testing.assert_allclose(outputs.sum(axis=1), 1)


def test_rows_that_weigh_nothing_teach_nothing():
    weights = np.repeat([1.0, 0.0], 40)
    labels = np.concatenate([CLASSES[:40], 2 - CLASSES[40:]])
    half = LogisticRegression(max_iter=1000).fit(SCALED[0][:40], CLASSES[:40])
    found = baselines.fit("classification", TRAIN, labels, TEST, 3, weights)
    expected = half.predict_proba(SCALED[1])
    np.testing.assert_allclose(found.outputs["logistic_regression"], expected, atol=1e-3)
    shares = np.bincount(labels) / 80  # which no weight changes
    np.testing.assert_allclose(found.outputs["commonest_class"][0], shares)


def test_pixels_are_standardised_and_columns_of_0_and_1_stay(monkeypatch):
    pixels = RNG.integers(0, 256, (50, 4)).astype(np.uint8)
    pixels[:, 2] = pixels[:, 2] > 200
    given = []

    def linear(is_of_values, steps):
        def learn(inputs, labels, weights):
            given.append(inputs)
            return Ridge().fit(inputs, labels)

        return learn

    monkeypatch.setattr(learners, "linear", linear)
    baselines.fit("regression", pixels, RNG.normal(size=50), pixels[:5], 1)
    (inputs,) = given
    np.testing.assert_allclose(inputs[:, [0, 1, 3]].std(axis=0), 1)
    np.testing.assert_array_equal(inputs[:, 2], pixels[:, 2])


def test_rows_are_drawn_where_there_are_many_the_same_ones_each_time(monkeypatch):
    monkeypatch.setattr(baselines, "MOST_ROWS", 30)
    monkeypatch.setattr(baselines, "FEWEST_ROWS", 30)
    labels = np.arange(80.0)
    found, again = (baselines.fit("regression", TRAIN, labels, TEST, 1) for _ in range(2))
    assert found.notes == ["baselines are fitted on 30 of 80 rows"]
    for name, outputs in found.outputs.items():
        np.testing.assert_array_equal(outputs, again.outputs[name])
    assert found.outputs["mean"][0, 0] == 39.5  # of all rows
    assert 20 < found.outputs["ridge_regression"].mean() < 60  # drawn, not the first 30


@pytest.mark.parametrize(
    ("limit", "value", "names", "notes"),
    [
        (
            *("BOOSTING_WORK", 80 * 3 * 100 - 1, ["mean", "ridge_regression"]),
            ["no gradient boosting: 80 rows of 3 features in 100 trees take it minutes"],
        ),
        ("BOOSTING_WORK", 80 * 3 * 100, ["mean", "ridge_regression", "gradient_boosting"], []),
        (
            *("MOST_NUMBERS", 80 * 3 - 1, ["mean"]),
            ["no baselines of inputs: 3 features are too many for them"],
        ),
        ("MOST_NUMBERS", 80 * 3, ["mean", "ridge_regression", "gradient_boosting"], []),
    ],
)
def test_what_would_take_minutes_is_left_out_and_why_is_said(
    limit, value, names, notes, monkeypatch
):
    monkeypatch.setattr(baselines, limit, value)
    found = baselines.fit("regression", TRAIN, TRAIN[:, 0], TEST, 1)
    assert list(found.outputs) == names
    assert found.notes == notes


@pytest.mark.parametrize(
    ("task", "outputs", "trees"),
    [
        ("classification", 3, 300),
        ("binary", 1, 100),
        ("classification", 2, 100),
        ("multilabel", 2, 200),
    ],
)
def test_each_class_and_each_question_has_trees_of_its_own(task, outputs, trees, monkeypatch):
    monkeypatch.setattr(baselines, "BOOSTING_WORK", 0)
    shape = (80, 2) if task == "multilabel" else 80
    labels = RNG.integers(2, size=shape)
    (note,) = baselines.fit(task, TRAIN, labels, TEST, outputs).notes
    assert f"in {trees} trees" in note


@pytest.mark.parametrize(("work", "steps"), [(80 * 3 * 3 * 60, 60), (1, 50), (10**9, 1000)])
def test_linear_regressions_have_as_many_steps_as_there_is_time_for(work, steps, monkeypatch):
    given = []
    monkeypatch.setattr(baselines, "LINEAR_WORK", work)
    monkeypatch.setattr(learners, "linear", lambda *arguments: given.append(arguments))
    with pytest.raises(TypeError):
        baselines.fit("classification", TRAIN, CLASSES, TEST, 3)
    assert given == [(False, steps)]


def test_a_fit_that_is_cut_short_says_so_and_nothing_else_does(monkeypatch, recwarn):
    monkeypatch.setattr(baselines, "MOST_STEPS", 1)
    monkeypatch.setattr(baselines, "FEWEST_STEPS", 1)
    found = baselines.fit("classification", TRAIN, CLASSES, TEST, 3)
    assert found.notes == ["logistic regression was stopped before it had converged"]
    assert not recwarn


@pytest.mark.parametrize("where", ["train", "test"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_inputs_that_are_not_finite_leave_the_simplest(where, bad):
    inputs = {"train": TRAIN.copy(), "test": TEST.copy()}
    inputs[where][3, 1] = bad
    found = baselines.fit("binary", inputs["train"], CLASSES > 0, inputs["test"], 1)
    assert list(found.outputs) == ["commonest_class"]
    assert found.notes == ["no baselines of inputs: these are not all finite"]


def test_a_learner_that_fails_is_named_and_the_others_stay(monkeypatch):
    def fail(inputs, labels, weights):
        raise ValueError("no\nroom")

    monkeypatch.setattr(learners, "linear", lambda is_of_values, steps: fail)
    found = baselines.fit("regression", TRAIN, TRAIN[:, 0], TEST, 1)
    assert list(found.outputs) == ["mean", "gradient_boosting"]
    assert found.notes == ["no ridge regression: ValueError: no"]


def test_few_rows_are_enough():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = baselines.fit("classification", TRAIN[:3], np.array([0, 1, 2]), TEST, 3)
        assert found.notes == []
        found = baselines.fit("regression", TRAIN[:1], np.array([5.0]), TEST[:1], 1)
    assert {float(outputs[0, 0]) for outputs in found.outputs.values()} == {5.0}


def test_the_simplest_look_at_no_input():
    names = ["mean", "commonest_class", "ridge_regression", "gradient_boosting"]
    assert [baselines.is_simplest(name) for name in names] == [True, True, False, False]
