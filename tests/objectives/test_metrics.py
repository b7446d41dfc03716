import jax
import jax.numpy as jnp
import pytest

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


@pytest.mark.parametrize("name", metrics.__all__)
def test_a_metric_of_one_example_maps_over_a_batch(name):
    metric = getattr(metrics, name)
    labels = jnp.array([0, 1, 1]) if name == "accuracy" else jnp.array([[0, 1], [1, 1], [1, 0]])
    logits = jnp.array([[2.0, 1.0], [2.0, 1.0], [-1.0, 1.0]])
    mapped = jax.vmap(metric)(logits, labels)
    assert mapped.tolist() == [metric(*pair).item() for pair in zip(logits, labels, strict=True)]
