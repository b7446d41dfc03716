"""Figures of several networks: means over seeds and folds, by hand and by SciPy."""

import numpy as np
import pytest
from scipy import stats

from experiments.scores import figures, several, worth
from experiments.scores.several import Part

RIGHT, WRONG = [0.0, 1.0], [1.0, 0.0]  # where the class is 1


def answers(*is_right):
    return np.array([RIGHT if right else WRONG for right in is_right])


def part(*networks, num_train=8, **baselines):
    """Four rows of class 1, and networks by their seeds."""
    return Part(np.ones(4, int), num_train, networks, baselines)


HALF, ALL, NONE = answers(1, 1, 0, 0), answers(1, 1, 1, 1), answers(0, 0, 0, 0)
MOST = answers(1, 1, 1, 0)


def test_folds_count_alike_whatever_their_networks_do():
    folds = [
        part([ALL], [HALF, HALF], commonest_class=HALF),
        part([MOST], commonest_class=NONE),
        part([NONE], commonest_class=NONE),
    ]
    found = several.scores("classification", folds, are_folds=True)
    of_folds = np.array([2 / 3, 0.75, 0.0])
    assert found["network"]["accuracy"] == pytest.approx(of_folds.mean(), abs=1e-6)
    assert found["commonest_class"]["accuracy"] == pytest.approx(1 / 6, abs=1e-6)
    deviation = of_folds.std(ddof=1) * np.sqrt(1 / 3 + 12 / 24)  # 12 tested, 24 trained on
    low = of_folds.mean() - stats.t.ppf(0.975, 2) * deviation
    assert low < 0
    assert (found["network"]["accuracy_low"], found["network"]["accuracy_high"]) == (0, 1)
    near = [part([each], num_train=12, mean=each) for each in (HALF, MOST, HALF)]
    found = several.scores("classification", near, are_folds=True)
    of_folds = np.array([0.5, 0.75, 0.5])
    half = stats.t.ppf(0.975, 2) * of_folds.std(ddof=1) * np.sqrt(1 / 3 + 12 / 36)
    for own in (found["network"], found["mean"]):
        assert own["accuracy_low"] == pytest.approx(of_folds.mean() - half, abs=1e-6)
        assert own["accuracy_high"] == pytest.approx(min(of_folds.mean() + half, 1), abs=1e-6)


def test_the_ensemble_is_of_the_mean_of_a_folds_answers():
    sure, unsure = np.array([[0.1, 0.9]] * 4), np.array([[0.6, 0.4]] * 4)
    found = several.scores("classification", [part([sure], [unsure])] * 2, are_folds=True)
    assert found["network"]["accuracy"] == 0.5
    assert found["ensemble"]["accuracy"] == 1.0
    assert found["ensemble"]["log_loss"] == pytest.approx(-np.log(0.65), abs=1e-6)
    assert found["ensemble"]["accuracy_low"] == 1.0
    alone = several.scores("classification", [part([sure]), part([unsure])], are_folds=True)
    assert "ensemble" not in alone
    assert alone["network"]["accuracy"] == 0.5


def test_seeds_are_observed_on_one_set_each_the_mean_of_its_networks():
    found = several.scores(
        "classification", [part([ALL, HALF], [HALF, HALF], mean=MOST)], are_folds=False
    )
    assert found["network"]["accuracy"] == 0.625
    half = stats.t.ppf(0.975, 1) * np.std([0.75, 0.5], ddof=1) * np.sqrt(1 / 2)
    assert half > 1
    assert (found["network"]["accuracy_low"], found["network"]["accuracy_high"]) == (0, 1)
    near = [[MOST]] * 9 + [[ALL]]
    own = several.scores("classification", [part(*near)], are_folds=False)["network"]
    low, high = stats.t.interval(0.95, 9, 0.775, stats.sem([0.75] * 9 + [1]))
    assert (own["accuracy_low"], own["accuracy_high"]) == pytest.approx((low, high), abs=1e-6)
    for name in ("ensemble", "mean"):  # which no seed moves
        assert found[name]["accuracy_low"] is None
    assert found["mean"]["accuracy"] == 0.75


def test_one_network_on_one_set_has_the_figures_of_a_run():
    alone = part([MOST], commonest_class=HALF)
    found = several.scores("classification", [alone], are_folds=False)
    assert found["network"] == figures.of("classification", alone.labels, MOST)
    assert found["commonest_class"] == figures.of("classification", alone.labels, HALF)
    assert list(found) == ["network", "commonest_class"]
    verdict = several.verdict("classification", [alone], are_folds=False)
    both = {"network": MOST, "commonest_class": HALF}
    assert verdict == worth.verdict("classification", alone.labels, both)


def test_what_a_fold_cannot_tell_is_the_mean_of_those_that_can():
    both = Part(np.array([0, 1]), 4, [[np.array([[0.9, 0.1], [0.2, 0.8]])]], {})
    found = several.scores("classification", [both, part([ALL])], are_folds=True)["network"]
    assert found["roc_auc"] == 1.0
    lone = several.scores("classification", [part([ALL]), part([ALL])], are_folds=True)
    assert lone["network"]["roc_auc"] is None


def test_each_value_has_its_mean_by_its_name():
    labels = np.array([[0.0, 0.0], [1.0, 2.0]])
    folds = [Part(labels, 4, [[labels + shift]], {}) for shift in ([1.0, 0.0], [3.0, 0.5])]
    each = several.scores("regression", folds, True, ["a", "b"])["network"]["each"]
    assert {name: found["mae"] for name, found in each.items()} == {"a": 2.0, "b": 0.25}


def test_folds_are_compared_by_nadeau_and_bengio():
    folds = [
        part([ALL], commonest_class=HALF, gradient_boosting=NONE),
        part([ALL], [MOST], commonest_class=HALF, gradient_boosting=NONE),
        part([MOST], commonest_class=HALF, gradient_boosting=HALF),
    ]
    found = several.verdict("classification", folds, are_folds=True)
    differences = np.array([0.5, 0.375, 0.25])
    t = differences.mean() / (differences.std(ddof=1) * np.sqrt(1 / 3 + 0.5))
    one = 2 * stats.t.sf(t, 2)
    other = np.array([1.0, 0.875, 0.25])
    two = 2 * stats.t.sf(other.mean() / (other.std(ddof=1) * np.sqrt(1 / 3 + 0.5)), 2)
    assert found["best_baseline"] == "commonest_class"
    low, high = sorted([one, two])
    assert sorted(found["p_values"].values()) == pytest.approx(
        [2 * low, max(high, 2 * low)], abs=1e-5
    )
    assert "these 3 folds cannot tell them apart (accuracy 87.50 % against 50.00 %" in found["text"]


def test_seeds_are_compared_by_the_mean_of_each_row():
    labels = np.arange(6.0)
    shift = np.array([0.1, 0.3, 0.2, 0.5, 0.4, 0.1])
    own = [[(labels + 2 * shift)[:, None]], [labels[:, None]]]
    others = {"mean": (labels + 1)[:, None]}
    found = several.verdict("regression", [Part(labels, 9, own, others)], are_folds=False)
    expected = stats.ttest_1samp(1 - shift, 0).pvalue
    assert found["p_values"]["mean"] == pytest.approx(expected, rel=1e-4)
    assert found["text"].startswith("The network is better than always saying the mean")
    rows = part([ALL], [HALF], commonest_class=NONE)
    p_value = several.verdict("classification", [rows], False)["p_values"]["commonest_class"]
    expected = stats.ttest_1samp([1, 1, 0.5, 0.5], 0).pvalue
    assert p_value == pytest.approx(expected, rel=1e-4)
