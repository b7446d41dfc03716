import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import r2_score, top_k_accuracy_score

from jaxmlp.objectives import metrics


@pytest.mark.parametrize(
    ("logits", "label", "expected"),
    [
        ([1.0, 3.0, 2.0], 1, 1.0),
        ([1.0, 3.0, 2.0], 2, 0.0),
        ([1.0, 3.0, 2.0], [0.0, 1.0, 0.0], 1.0),
        ([1.0, 3.0, 2.0], [1, 0, 0], 0.0),
        ([3.0, 3.0, 2.0], 0, 1.0),  # of equal logits the first counts
        ([3.0, 3.0, 2.0], 1, 0.0),
        ([jnp.nan, 3.0, 2.0], 0, 0.0),  # argmax takes a NaN for the highest
        ([1.0, 3.0, jnp.nan], 2, 0.0),
        ([1.0, jnp.inf, -jnp.inf], 1, 1.0),
        ([1.0, 3.0, 2.0], -1, 0.0),
    ],
)
def test_accuracy_is_one_where_the_highest_logit_is_the_labels(logits, label, expected):
    value = metrics.accuracy(jnp.array(logits), jnp.array(label))
    assert (value.shape, value.dtype, value.item()) == ((), jnp.float32, expected)


@pytest.mark.parametrize(
    ("logits", "label", "expected"),
    [
        ([0.3], 1, 1.0),
        ([0.3], 0, 0.0),
        ([-0.3], [0.0], 1.0),
        ([0.0], 0, 1.0),  # a probability of one half is no yes
        ([0.3, -0.3, 5.0, 5.0], [1, 0, 0, 1], 0.75),
        ([jnp.nan, -0.3], [0, 0], 0.5),
        ([jnp.nan], 1, 0.0),
    ],
)
def test_binary_accuracy_is_the_share_of_outputs_on_the_right_side(logits, label, expected):
    value = metrics.binary_accuracy(jnp.array(logits), jnp.array(label))
    assert (value.shape, value.dtype, value.item()) == ((), jnp.float32, expected)


@pytest.mark.parametrize("name", ["accuracy", "binary_accuracy"])
def test_a_metric_of_one_example_maps_over_a_batch(name):
    metric = getattr(metrics, name)
    labels = jnp.array([0, 1, 1]) if name == "accuracy" else jnp.array([[0, 1], [1, 1], [1, 0]])
    logits = jnp.array([[2.0, 1.0], [2.0, 1.0], [-1.0, 1.0]])
    mapped = jax.vmap(metric)(logits, labels)
    assert mapped.tolist() == [metric(*pair).item() for pair in zip(logits, labels, strict=True)]


def summed(metric, outputs, labels):
    totals = jax.vmap(metric.accumulate)(jnp.asarray(outputs), jnp.asarray(labels)).sum(axis=0)
    return metric.finish(totals).item()


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_is_scikit_learns(k):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(200, 5)).astype(np.float32), rng.integers(0, 5, 200)
    labels[:5] = range(5)  # scikit-learn needs them all
    metric = metrics.top_k(k)
    expected = top_k_accuracy_score(labels, logits, k=k)
    assert jax.vmap(metric.one)(logits, labels).mean() == pytest.approx(expected)
    assert jax.vmap(metric.one)(logits, np.eye(5)[labels]).mean() == pytest.approx(expected)
    assert (metric.name, metric.is_share) == (f"top_{k}_accuracy", True)


def test_top_1_is_the_accuracy_of_equal_and_odd_logits_too():
    logits = jnp.array([[3.0, 3.0, 2.0], [3.0, 3.0, 2.0], [jnp.nan, 3.0, 2.0], [1.0, 2.0, 3.0]])
    labels = jnp.array([0, 1, 1, -1])
    assert jax.vmap(metrics.top_k(1).one)(logits, labels).tolist() == [1, 0, 0, 0]
    assert jax.vmap(metrics.accuracy)(logits, labels).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("width", [1, 3])
def test_r2_is_scikit_learns(width):
    rng = np.random.default_rng(0)
    labels = rng.normal(size=(60, width)) + 2
    outputs = labels + 0.7 * rng.normal(size=(60, width))
    got = summed(metrics.r2(), np.float32(outputs), np.float32(labels))
    assert got == pytest.approx(r2_score(labels, outputs), abs=1e-5)


def test_r2_of_labels_far_from_zero_takes_a_center():
    labels = np.array([5000.0, 5001.0, 5002.0, 5004.0])
    outputs = labels[:, None] + np.array([[1.0], [0.0], [0.0], [0.0]])
    expected = r2_score(labels, outputs)
    assert np.isnan(summed(metrics.r2(), outputs, labels))
    assert summed(metrics.r2(5000.0), outputs, labels) == pytest.approx(expected, abs=1e-6)


def test_r2_is_below_zero_of_harm_and_unknown_of_equal_labels():
    assert summed(metrics.r2(), [[9.0], [-9.0]], [1.0, 2.0]) < 0
    assert np.isnan(summed(metrics.r2(), [[1.0], [2.0]], [3.0, 3.0]))


def test_top_k_needs_a_place():
    with pytest.raises(ValueError, match=r"^top_k needs at least 1, got 0$"):
        metrics.top_k(0)


@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.top_k(1)])
def test_one_output_is_not_for_the_accuracy_of_classes(metric):
    with pytest.raises(ValueError, match="needs two logits or more, got 1: binary_accuracy is for"):
        metric(jnp.ones(1), jnp.array(0))


def test_more_than_all_classes_are_refused():
    assert metrics.top_k(3)(jnp.arange(3.0), jnp.array(0)) == 1
    with pytest.raises(ValueError, match="^top_k needs at most the 3 classes, got 4$"):
        metrics.top_k(4)(jnp.arange(3.0), jnp.array(0))


@pytest.mark.parametrize("name", ["precision", "recall", "f1", "roc_auc", "r2", "top_k"])
def test_what_makes_a_metric_is_none_yet(name):
    with pytest.raises(ValueError, match=rf"or a Metric, which {name} makes: write {name}\(...\)$"):
        metrics.metric_of(getattr(metrics, name))
