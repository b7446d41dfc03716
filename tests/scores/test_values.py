"""Figures of values are scikit-learn's, and their interval is Student's."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as theirs

from experiments.scores import values


@pytest.mark.parametrize("num_values", [1, 3])
def test_figures_are_scikit_learns(num_values):
    rng = np.random.default_rng(0)
    labels = rng.normal(5, 2, (30, num_values))
    got = labels + rng.normal(size=labels.shape)
    found = values.figures(labels, got)
    errors = np.abs(labels - got).mean(axis=1)
    low, high = stats.t.interval(0.95, 29, errors.mean(), stats.sem(errors))
    expected = {
        **{"mae": theirs.mean_absolute_error(labels, got), "mae_low": low, "mae_high": high},
        "rmse": theirs.root_mean_squared_error(labels, got),
        "r2": theirs.r2_score(labels, got),
    }
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("rows", "is_known"), [(9, False), (10, True)])
def test_an_interval_needs_ten_rows(rows, is_known):
    labels = np.arange(rows, dtype=float)[:, None]
    found = values.figures(labels, labels**1.5)
    assert (found["mae_low"] is not None, found["mae_high"] is not None) == (is_known, is_known)


def test_an_interval_of_errors_does_not_go_below_0():
    errors = np.array([100.0, *[0.0] * 10])[:, None]
    found = values.figures(np.zeros((11, 1)), errors)
    assert found["mae_low"] == 0.0
    assert found["mae_high"] > found["mae"] == pytest.approx(100 / 11)


def test_labels_that_do_not_differ_have_no_variance_to_explain():
    labels = np.full((12, 2), 0.1)
    labels[:, 1] = np.arange(12)
    assert values.figures(labels, labels + 1)["r2"] is None
    assert values.figures(labels[:, 1:], labels[:, 1:])["r2"] == 1.0
    assert values.figures(np.ones((1, 1)), np.ones((1, 1)))["r2"] is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_leaves_no_figure(bad):
    found = values.figures(np.zeros((3, 1)), np.array([[0.0], [bad], [1.0]]))
    assert found == dict.fromkeys(("mae", "mae_low", "mae_high", "rmse", "r2"))
