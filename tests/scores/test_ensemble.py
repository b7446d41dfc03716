"""What networks say together: by hand, by scikit-learn, and pair by pair."""

import itertools

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics

from experiments.scores import ensemble, figures

LABELS = np.array([0, 1, 2, 1, 0])


@pytest.fixture(scope="module")
def answers():
    """Of four networks, to 40 rows of three classes."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 40)
    outputs = random.normal(size=(4, 40, 3)) + 1.5 * np.eye(3)[labels]
    return labels, softmax(outputs, axis=-1)


def test_together_is_the_mean_of_probabilities(answers):
    labels, each = answers
    found = ensemble.of("classification", labels, list(each))
    mean = each.mean(axis=0)
    assert found["num_networks"] == 4
    assert found["together"]["accuracy"] == (mean.argmax(axis=1) == labels).mean()
    assert found["together"]["log_loss"] == pytest.approx(metrics.log_loss(labels, mean), rel=1e-5)
    alone = figures.of("classification", labels, mean)
    assert found["together"] == {name: alone[name] for name in found["together"]}
    assert [*found["together"]] == ["accuracy", "log_loss", "calibration_error"]


def test_one_is_the_mean_network_and_the_ends_are_the_least_and_the_most(answers):
    labels, each = answers
    one = ensemble.of("classification", labels, list(each))["one"]
    shares = (each.argmax(axis=-1) == labels).mean(axis=1)
    losses = [metrics.log_loss(labels, outputs) for outputs in each]
    for name, values in (("accuracy", shares), ("log_loss", losses)):
        got = [one[name], one[f"{name}_low"], one[f"{name}_high"]]
        assert got == pytest.approx([np.mean(values), min(values), max(values)], rel=1e-5)
    errors = [figures.of("classification", labels, o)["calibration_error"] for o in each]
    assert one["calibration_error_high"] == max(errors)


def test_networks_differ_pair_by_pair(answers):
    labels, each = answers
    found = ensemble.of("classification", labels, list(each))
    guesses = each.argmax(axis=-1)
    pairs = [(a != b).mean() for a, b in itertools.combinations(guesses, 2)]
    assert found["disagreement"] == pytest.approx(np.mean(pairs), rel=1e-5)
    are_one = [len({*row}) == 1 for row in guesses.T.tolist()]
    assert found["not_unanimous"] == pytest.approx(1 - np.mean(are_one), rel=1e-5)
    same = ensemble.of("classification", labels, [each[0]] * 3)
    assert (same["disagreement"], same["not_unanimous"]) == (0, 0)
    assert same["together"] == {name: same["one"][name] for name in same["together"]}


def test_labels_may_be_one_hot(answers):
    labels, each = answers
    hot = ensemble.of("classification", np.eye(3)[labels], list(each))
    assert hot == ensemble.of("classification", labels, list(each))


def test_several_questions_are_answered_as_one():
    labels = np.array([[1, 0], [1, 1], [0, 0]])
    first = np.array([[0.9, 0.1], [0.6, 0.4], [0.1, 0.1]])
    second = np.array([[0.9, 0.1], [0.6, 0.9], [0.7, 0.7]])
    third = np.array([[0.9, 0.1], [0.4, 0.9], [0.1, 0.2]])
    found = ensemble.of("multilabel", labels, [first, second, third])
    assert found["together"]["exact_match"] == 1
    assert found["one"]["exact_match"] == pytest.approx(2 / 3, abs=1e-6)
    assert (found["one"]["exact_match_low"], found["one"]["exact_match_high"]) == (
        pytest.approx(2 / 3, abs=1e-6),
        pytest.approx(2 / 3, abs=1e-6),
    )
    # Rows two and three: all three pairs of the second differ, two of the third's.
    assert found["disagreement"] == pytest.approx(5 / 9, abs=1e-6)
    assert found["not_unanimous"] == pytest.approx(2 / 3, abs=1e-6)
    assert "accuracy" not in found["together"]


def test_values_have_errors_and_no_answer_to_agree_on():
    labels, first, second = np.array([1.0, 3.0]), np.array([[0.0], [3.0]]), np.array([[2.0], [5.0]])
    found = ensemble.of("regression", labels, [first, second])
    assert [*found["together"]] == ["mae", "rmse", "r2"]
    assert (found["together"]["mae"], found["one"]["mae"]) == (0.5, 1.0)
    assert (found["one"]["mae_low"], found["one"]["mae_high"]) == (0.5, 1.5)
    assert found.keys() == {"num_networks", "together", "one"}
    said = ensemble.said(found)
    assert said == ["2 networks together: the mean of their values, beside one of them."]


def test_a_figure_that_nobody_knows_is_none():
    bad = np.array([[np.nan, 0.5], [0.5, 0.5]])
    found = ensemble.of("classification", np.array([0, 1]), [bad, bad])
    assert found["one"]["log_loss"] is None
    assert ensemble.rows(found)[1] == ["log loss", "-", "-", "-"]


def test_the_texts_have_the_figures_in_their_units():
    one = {"log_loss": 0.25, "log_loss_low": 0.125, "log_loss_high": 0.5}
    assert ensemble.rows({"together": {"log_loss": 0.2}, "one": one}) == [
        ["log loss", "0.2000", "0.2500", "0.1250 to 0.5000"]
    ]
    found = {"num_networks": 3, "disagreement": 0.02, "not_unanimous": 0.5, "notes": ["A note."]}
    assert ensemble.said(found)[1:] == [
        "Two of them differ on 2.00 % of the rows, on the average; not all agree on 50.00 %.",
        "A note.",
    ]


def test_yes_begins_at_a_half():
    low, high = np.array([[0.48], [0.1]]), np.array([[0.52], [0.2]])
    assert ensemble.of("binary", np.array([1, 0]), [low, high])["disagreement"] == 0.5
