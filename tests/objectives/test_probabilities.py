import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from jaxmlp import metrics


def totals_of(metric, outputs, labels):
    return jax.vmap(metric.accumulate)(jnp.asarray(outputs), jnp.asarray(labels)).sum(axis=0)


def value_of(metric, outputs, labels):
    return metric.finish(totals_of(metric, outputs, labels)).item()


@pytest.mark.parametrize(
    ("scale", "shift"), [(1.0, 0.0), (0.3, 2.0), (30.0, -50.0), (1e6, 0.0), (1.0, 20.0)]
)
def test_the_area_is_scikit_learns_within_its_bound(scale, shift):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 500)
    scores = (scale * (rng.normal(size=500) + labels) + shift).astype(np.float32)
    counts = np.asarray(totals_of(metrics.roc_auc(), scores[:, None], labels))
    bound = (counts / counts.sum(axis=1, keepdims=True)).prod(axis=0).sum() / 2
    error = abs(metrics.roc_auc().finish(jnp.asarray(counts)) - roc_auc_score(labels, scores))
    assert error <= bound + 1e-6
    if (scale, shift) == (1.0, 0.0):
        assert error < 2e-4
        assert bound < 4e-3


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], 1.0),
        ([1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0], 0.0),
        ([1.0, 1.0, 1.0, 1.0], [1, 0, 1, 0], 0.5),  # of equals half
        ([-3.0, -1.0, 0.5, 2.0], [0, 1, 0, 1], 0.75),
        ([-1e9, 1e9], [0, 1], 1.0),
        ([-jnp.inf, jnp.inf], [0, 1], 1.0),
    ],
)
def test_the_area_of_a_few_scores(scores, labels, expected):
    assert value_of(metrics.roc_auc(), np.array(scores)[:, None], labels) == expected


def test_two_outputs_are_scored_by_their_difference():
    outputs = np.float32([[3.0, 1.0], [0.0, -1.0], [5.0, 6.0]])
    assert value_of(metrics.roc_auc(), outputs, [0, 1, 1]) == 1.0
    assert value_of(metrics.roc_auc(), outputs, np.eye(2)[[0, 1, 1]]) == 1.0
    assert value_of(metrics.roc_auc(), outputs[:, :1], np.array([[0], [1], [1]])) == 0.5


@pytest.mark.parametrize(("score", "labels"), [(jnp.nan, [0, 1]), (1.0, [1, 1]), (1.0, [0, 0])])
def test_there_is_no_area_of_one_class_nor_of_nan(score, labels):
    assert np.isnan(value_of(metrics.roc_auc(), np.array([[score], [2.0]]), labels))


def by_hand(probabilities, labels, bins):
    """Guo et al.'s equation 3."""
    confidence, answer = probabilities.max(1), probabilities.argmax(1)
    error = 0.0
    for low in np.arange(bins) / bins:
        own = (confidence > low) & (confidence <= low + 1 / bins)
        if own.any():
            error += own.mean() * abs((answer == labels)[own].mean() - confidence[own].mean())
    return error


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_the_calibration_error_is_that_of_the_paper(bins):
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(scale=2, size=(300, 4)).astype(np.float32), rng.integers(0, 4, 300)
    expected = by_hand(np.asarray(jax.nn.softmax(logits)), labels, bins)
    metric = metrics.calibration_error(bins)
    assert value_of(metric, logits, labels) == pytest.approx(expected, abs=1e-5)
    assert value_of(metric, logits, np.eye(4)[labels]) == pytest.approx(expected, abs=1e-5)


def test_the_calibration_error_of_four_answers():
    # Confidences .8, .8 and .6, .6: one of the first two and both of the second are right.
    logits = np.log(np.float32([[0.8, 0.2], [0.2, 0.8], [0.6, 0.4], [0.4, 0.6]]))
    expected = (2 * abs(0.5 - 0.8) + 2 * abs(1 - 0.6)) / 4
    metric = metrics.calibration_error()
    assert value_of(metric, logits, [0, 0, 0, 1]) == pytest.approx(expected, abs=1e-6)
    one = logits[:, 1:] - logits[:, :1]
    assert value_of(metric, one, [0, 0, 0, 1]) == pytest.approx(expected, abs=1e-6)


def test_a_confidence_at_the_edge_of_two_bins_is_in_the_lower_one():
    logits = np.log(np.float32([[0.5, 0.5], [0.75, 0.25]]))  # wrong, and right
    expected = (abs(0 - 0.5) + abs(1 - 0.75)) / 2
    assert value_of(metrics.calibration_error(2), logits, [1, 0]) == pytest.approx(expected)


def test_the_calibration_error_of_nan_is_nan_and_less_is_better():
    metric = metrics.calibration_error()
    assert np.isnan(value_of(metric, np.array([[jnp.nan, 1.0], [1.0, 0.0]]), [0, 0]))
    assert (metric.higher_is_better, metric.is_share) == (False, True)


@pytest.mark.parametrize("bins", [0, 3, -2])
def test_bins_that_have_no_middle_are_refused(bins):
    with pytest.raises(ValueError, match=rf"^roc_auc needs an even number of bins, got {bins}$"):
        metrics.roc_auc(bins)


def test_no_bins_and_other_outputs_are_refused():
    with pytest.raises(ValueError, match=r"^calibration_error needs at least 1 bin, got 0$"):
        metrics.calibration_error(0)
    with pytest.raises(ValueError, match=r"^roc_auc needs 1 or 2 outputs, got \(3,\)$"):
        metrics.roc_auc().accumulate(jnp.zeros(3), jnp.array(0))
