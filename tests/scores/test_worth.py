"""Whether the network was worth it is a paired test on the same rows, said in a sentence."""

import numpy as np
import pytest
from scipy import stats

from experiments.scores import worth

RNG = np.random.default_rng(0)


def answers(is_right, labels):
    """Probabilities of two classes whose answers are right where they should be."""
    chosen = np.where(is_right, labels, 1 - labels)
    return np.eye(2)[chosen] * 0.5 + 0.25


def test_merits_of_classes_are_right_or_wrong():
    labels, is_right = np.array([0, 1, 1]), np.array([True, False, True])
    both = answers(is_right, labels)
    assert worth.merits("classification", labels, both).tolist() == [1, 0, 1]
    assert worth.merits("classification", np.eye(2)[labels], both).tolist() == [1, 0, 1]
    assert worth.merits("binary", labels[:, None], both[:, 1:]).tolist() == [1, 0, 1]
    assert worth.merits("classification", labels, np.full((3, 2), np.nan)).tolist() == [0, 0, 0]


def test_merits_of_questions_are_shares_and_of_values_errors():
    labels = np.array([[0, 1], [1, 1]])
    yes = np.array([[0.25, 0.75], [0.25, np.nan]])
    assert worth.merits("multilabel", labels, yes).tolist() == [1, 0]
    assert worth.merits("regression", np.array([1, 2]), np.array([[1.5], [4]])).tolist() == [
        -0.5,
        -2,
    ]
    labels = np.array([[0.0, 7.0], [2.0, 7.0]])  # deviations 1 and, of no spread, 1
    found = worth.merits("regression", labels, labels + np.array([[1, 0], [0, 3]]))
    assert found.tolist() == [-0.5, -1.5]
    labels[:, 0] *= 100
    found = worth.merits("regression", labels, labels + np.array([[100, 0], [0, 3]]))
    assert found.tolist() == [-0.5, -1.5]


def test_classes_are_compared_by_mcnemars_exact_test():
    network, baseline = RNG.integers(2, size=(2, 50))
    found = worth.compare("classification", network, baseline)
    better = int(((network == 1) & (baseline == 0)).sum())
    worse = int(((network == 0) & (baseline == 1)).sum())
    assert found[:2] == (better, worse)
    expected = min(1, 2 * stats.binom.cdf(min(better, worse), better + worse, 0.5))
    assert found.p_value == pytest.approx(expected)
    assert worth.compare("classification", baseline, network).p_value == found.p_value


def test_values_are_compared_by_students_paired_test():
    network, baseline = RNG.normal(size=(2, 30))
    found = worth.compare("regression", network, baseline)
    assert found.p_value == pytest.approx(stats.ttest_rel(network, baseline).pvalue)
    assert found.num_better + found.num_worse == 30


@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_answers_alike_are_no_evidence(task):
    assert worth.compare(task, np.ones(9), np.ones(9)) == (0, 0, 1.0)


def test_what_cannot_be_tested_is_no_evidence():
    assert worth.compare("regression", np.array([1.0]), np.array([0.0])).p_value == 1.0
    assert worth.compare("regression", np.full(9, np.nan), np.zeros(9)).p_value == 1.0
    assert worth.compare("regression", np.full(9, -np.inf), np.zeros(9)).p_value == 1.0


@pytest.mark.parametrize(("rows", "p_value"), [(2, 0.5), (3, 0.25), (9, 1 / 256)])
def test_of_equal_differences_the_signs_are_tested(rows, p_value):
    found = worth.compare("regression", -np.ones(rows), -2 * np.ones(rows))
    assert found == (rows, 0, p_value)
    signs = worth.compare("classification", np.ones(rows), np.zeros(rows))
    assert signs.p_value == pytest.approx(p_value)


def said(network, logistic, rows=200, others=0.5):
    """The verdict where the network has so many first rows right, and another so many last ones."""
    labels = np.arange(rows) % 2
    outputs = {
        "commonest_class": np.tile([others, 1 - others], (rows, 1)),
        "logistic_regression": answers(np.arange(rows) >= rows - logistic, labels),
        "network": answers(np.arange(rows) < network, labels),
    }
    return worth.verdict("classification", labels, outputs)


def test_a_network_is_better_where_the_rows_show_it():
    found = said(195, 150)
    assert found["text"] == (
        "The network is better than logistic regression, the best baseline "
        "(accuracy 97.50 % against 75.00 %, p = 2.1e-10)."
    )
    p_value = stats.binomtest(50, 55).pvalue  # wrong in 5 last rows, the other in 50 first
    assert found["best_baseline"] == "logistic_regression"
    assert found["p_values"]["logistic_regression"] == pytest.approx(p_value, rel=1e-5, abs=0)


def test_a_network_is_not_shown_to_be_better_where_they_do_not():
    found = said(196, 195)
    assert found["text"] == (
        "The network is not shown to be better than logistic regression: these 200 rows cannot "
        "tell them apart (accuracy 98.00 % against 97.50 %, p = 1)."
    )


def test_p_values_are_corrected_for_all_baselines():
    found = said(120, 10)
    raw = [stats.binomtest(60, 100).pvalue, stats.binomtest(120, 130).pvalue]
    assert found["best_baseline"] == "commonest_class"
    assert found["p_values"]["commonest_class"] == pytest.approx(raw[0], rel=1e-5)
    assert found["p_values"]["logistic_regression"] == pytest.approx(2 * raw[1], rel=1e-5, abs=0)
    assert found["text"] == (
        "The network is not shown to be better than always saying the commonest class: these 200 "
        "rows cannot tell them apart (accuracy 60.00 % against 50.00 %, p = 0.057)."
    )


@pytest.mark.parametrize(
    ("network", "words"), [(195, "no better"), (190, "no better"), (150, "worse")]
)
def test_a_network_that_is_no_better_is_told_so(network, words):
    text = said(network, 195)["text"]
    assert text.startswith(f"The network is {words} than logistic regression (accuracy ")


def test_errors_are_compared_the_right_way_round():
    labels = RNG.normal(size=40)
    outputs = {
        "network": labels[:, None] + 0.1 * RNG.normal(size=(40, 1)),
        "mean": np.zeros((40, 1)),
        "ridge_regression": labels[:, None] + RNG.normal(size=(40, 1)),
    }
    found = worth.verdict("regression", labels, outputs)
    errors = {n: np.abs(o[:, 0] - labels).mean() for n, o in outputs.items()}
    best = min(("mean", "ridge_regression"), key=errors.get)
    words = {"mean": "always saying the mean", "ridge_regression": "ridge regression"}[best]
    text = f"{errors['network']:.4g} against {errors[best]:.4g}"
    assert found["text"].startswith(f"The network is better than {words}, the best baseline (")
    assert f"(mean absolute error {text}, p = " in found["text"]


def test_one_row_is_one():
    outputs = {"network": np.array([[0.75]]), "commonest_class": np.array([[0.25]])}
    text = worth.verdict("binary", np.array([1]), outputs)["text"]
    assert ": this one row cannot tell them apart (" in text


def test_a_network_without_numbers_is_no_better():
    labels = RNG.normal(size=(9, 2))
    outputs = {"network": np.full((9, 2), np.nan), "mean": np.zeros((9, 2))}
    text = worth.verdict("regression", labels, outputs)["text"]
    assert text.startswith("The network is no better than always saying the mean (mean absolute ")
    assert "error in deviations unknown against " in text
