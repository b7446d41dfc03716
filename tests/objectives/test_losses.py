import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax.test_util import check_grads

from jaxmlp.objectives import losses

EXPECTED = [
    ("softmax_cross_entropy", [1.0, 2.0, 3.0], 2, 0.407606),
    ("softmax_cross_entropy", [1.0, 2.0, 3.0], 0, 2.407606),
    ("softmax_cross_entropy", [1.0, 2.0, 3.0], [0.5, 0.0, 0.5], 1.407606),
    ("sigmoid_cross_entropy", [0.5, -1.0], [1, 0], 0.787339),  # a sum over outputs, not a mean
    ("sigmoid_cross_entropy", [0.5], 0, 0.974077),
    ("squared_error", [1.0, 2.0, -1.0], [3.0, 2.0, 0.0], 5.0),
    ("squared_error", [1.5], 1.0, 0.25),
    ("absolute_error", [1.0, 2.0, -1.0], [3.0, 2.0, 0.0], 3.0),
    ("huber", [1.0, 2.0, -1.0], [4.0, 2.0, -0.5], 2.625),
    ("hinge", [2.0, 1.5, -1.0], 0, 0.5),
    ("hinge", [2.0, 1.5, -1.0], 1, 1.5),
    ("hinge", [3.0, 1.5, -1.0], 0, 0.0),
    ("binary_hinge", [0.5, -3.0, -0.25, 2.0], [1, 0, 0, 0], 0.5 + 0.0 + 0.75 + 3.0),
    ("binary_hinge", [-0.5], 1, 1.5),
    ("perceptron", [2.0, 1.5, -1.0], 0, 0.0),
    ("perceptron", [2.0, 1.5, -1.0], 2, 3.0),
]
WITH_VECTOR_LABELS = [
    "absolute_error",
    "binary_hinge",
    "huber",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
]
CLASSES = st.sampled_from([2, 3, 10])
LOGITS = hnp.arrays(np.float32, CLASSES, elements=st.floats(-1e4, 1e4, width=32))


def test_every_loss_has_an_expected_value_here():
    assert {name for name, *_ in EXPECTED} == set(losses.__all__)


@pytest.mark.parametrize(("name", "outputs", "label", "expected"), EXPECTED)
def test_values_are_those_of_the_equations(name, outputs, label, expected):
    value = getattr(losses, name)(jnp.array(outputs), jnp.array(label))
    assert value.shape == ()
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, expected, atol=1e-6)


@pytest.mark.parametrize("name", losses.__all__)
def test_gradients_agree_with_finite_differences(name):
    label = jnp.array([0.0, 1.0, 0.0]) if name in WITH_VECTOR_LABELS else jnp.array(1)
    with jax.enable_x64(True):
        loss = jax.jit(lambda outputs: getattr(losses, name)(outputs, label))
        check_grads(loss, (jnp.array([1.3, 0.2, -2.1], jnp.float64),), order=1, modes=["rev"])


@pytest.mark.parametrize(
    ("logits", "label", "value", "gradient"),
    [
        ([1e4, 0.0, -1e4], 0, 0.0, [0, 0, 0]),
        ([1e4, 0.0, -1e4], 1, 1e4, [1, -1, 0]),
        ([1e4, 0.0, -1e4], 2, 2e4, [1, 0, -1]),
        ([1e4, 0.0, -1e4], [0.0, 0.0, 1.0], 2e4, [1, 0, -1]),
        ([-1e4, -1e4, -1e4], 0, 1.098612, [-2 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_softmax_cross_entropy_is_stable_for_huge_logits(logits, label, value, gradient):
    results = jax.value_and_grad(losses.softmax_cross_entropy)(jnp.array(logits), jnp.array(label))
    np.testing.assert_allclose(results[0], value, rtol=1e-6)
    np.testing.assert_allclose(results[1], gradient, atol=1e-6)


@pytest.mark.parametrize(
    ("logit", "label", "value", "slope"),
    [(1e4, 1, 0.0, 0.0), (1e4, 0, 1e4, 1.0), (-1e4, 1, 1e4, -1.0), (-1e4, 0, 0.0, 0.0)],
)
def test_sigmoid_cross_entropy_is_stable_for_huge_logits(logit, label, value, slope):
    results = jax.value_and_grad(losses.sigmoid_cross_entropy)(jnp.array([logit]), jnp.array(label))
    np.testing.assert_allclose(results[0], value, rtol=1e-6)
    np.testing.assert_allclose(results[1], [slope], atol=1e-6)


@pytest.mark.parametrize("name", losses.__all__)
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_no_loss_overflows(name, size):
    loss = getattr(losses, name)
    label = jnp.zeros(2) if name in WITH_VECTOR_LABELS else jnp.array(0)
    value, gradient = jax.value_and_grad(loss)(jnp.array([size, -size]), label)
    assert jnp.isfinite(value)
    assert jnp.isfinite(gradient).all()


@given(LOGITS, st.integers(0, 9))
def test_a_class_and_its_one_hot_vector_give_the_same_loss(logits, label):
    label %= len(logits)
    one_hot = jnp.eye(len(logits))[label]
    by_class = losses.softmax_cross_entropy(jnp.array(logits), jnp.array(label))
    by_vector = losses.softmax_cross_entropy(jnp.array(logits), one_hot)
    np.testing.assert_allclose(by_class, by_vector, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        by_class, np.logaddexp.reduce(np.float64(logits)) - logits[label], rtol=1e-6, atol=1e-6
    )


@given(LOGITS, st.one_of(st.integers(-12, -1), st.integers(10, 100)))
def test_a_label_that_is_no_class_gives_nan(logits, label):
    assert jnp.isnan(losses.softmax_cross_entropy(jnp.array(logits), jnp.array(label)))


@pytest.mark.parametrize(("dtype", "label"), [("uint8", 255), ("int8", -1), ("uint8", 3)])
def test_small_integer_types_do_not_wrap_into_a_class(dtype, label):
    label = jnp.array(label, dtype)
    assert jnp.isnan(losses.softmax_cross_entropy(jnp.zeros(3), label))
    assert jnp.isfinite(losses.softmax_cross_entropy(jnp.zeros(3), jnp.array(2, dtype)))


@pytest.mark.parametrize("name", WITH_VECTOR_LABELS)
@pytest.mark.parametrize("shape", [(2,), (1,), (3, 1), (4,)])
def test_a_label_of_another_shape_is_refused(name, shape):
    with pytest.raises(ValueError, match=r"^label needs the outputs' shape \(3,\), got \(.*\)$"):
        getattr(losses, name)(jnp.zeros(3), jnp.zeros(shape))


@pytest.mark.parametrize("name", ["hinge", "perceptron"])
@pytest.mark.parametrize("label", [jnp.array([0.0, 1.0, 0.0]), jnp.array([0, 1]), jnp.array(1.0)])
def test_margin_losses_refuse_a_label_that_is_no_integer(name, label):
    with pytest.raises(ValueError, match=r"^label needs to be a class, an integer \(\), got .*$"):
        getattr(losses, name)(jnp.zeros(3), label)
