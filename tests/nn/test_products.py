"""Against products in NumPy of operands that ml_dtypes has rounded; what the compiler is given."""

import re

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from jaxmlp.nn.layers import NARROW, product
from jaxmlp.nn.products import PRECISIONS, multiply

RNG = np.random.default_rng(0)
X = RNG.normal(size=(9, 40)).astype(np.float32)
SLOPES = {
    outputs: RNG.normal(size=(9, outputs)).astype(np.float32) for outputs in (5, NARROW, NARROW + 1)
}
KERNELS = {o: RNG.normal(size=(40, o)).astype(np.float32) for o in SLOPES}


def rounded(values):
    return np.asarray(values).astype(ml_dtypes.bfloat16).astype(np.float64)


def of_batch(precision):
    return jax.vmap(lambda kernel, x: product(kernel, x, precision), (None, 0))


def near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found.dtype == jnp.float32


@pytest.mark.parametrize("outputs", SLOPES)
def test_operands_are_rounded_to_bfloat16_and_sums_are_not_forward_and_backward(outputs):
    kernel, slope = KERNELS[outputs], SLOPES[outputs]
    found, pull = jax.vjp(of_batch("bfloat16"), kernel, X)
    near(found, rounded(X) @ rounded(kernel))
    assert np.abs(found - X @ kernel).max() > 1e-2  # it is not float32's
    of_kernel, of_inputs = pull(slope)
    near(of_kernel, rounded(X).T @ rounded(slope))
    near(of_inputs, rounded(slope) @ rounded(kernel).T)


@pytest.mark.parametrize("outputs", [5, NARROW + 1])
def test_members_side_by_side_multiply_as_alone(outputs):
    kernels = np.stack([KERNELS[outputs], 2.7 * KERNELS[outputs]])

    def loss(kernel):
        return jnp.vdot(of_batch("bfloat16")(kernel, X), SLOPES[outputs])

    values, slopes = jax.vmap(jax.value_and_grad(loss))(kernels)
    for member, kernel in enumerate(kernels):
        alone, slope = jax.value_and_grad(loss)(kernel)
        np.testing.assert_allclose(values[member], alone, rtol=1e-5)
        near(slopes[member], slope)


def test_a_batch_may_be_on_any_axis():
    last = jax.vmap(lambda x: multiply(x, KERNELS[5], "bfloat16"), in_axes=1, out_axes=1)
    near(last(X.T).T, rounded(X) @ rounded(KERNELS[5]))
    kernels = jnp.stack([KERNELS[5], -KERNELS[5]], axis=1)
    near(
        jax.vmap(lambda k: multiply(X[0], k, "bfloat16"), in_axes=1)(kernels)[1],
        -rounded(X[0]) @ rounded(KERNELS[5]),
    )


def test_forward_and_second_derivatives_are_there():
    kernel, x, dx = KERNELS[5], X[0], X[1]
    _, tangent = jax.jvp(lambda x: multiply(x, kernel, "bfloat16"), (x,), (dx,))
    near(tangent, rounded(dx) @ rounded(kernel))
    small = jnp.array([[1.0], [2.0]])

    def square(x):
        return multiply(x, small, "bfloat16")[0] ** 2

    assert jax.hessian(square)(jnp.array([1.0, 1.0])).tolist() == [[2.0, 4.0], [4.0, 8.0]]


def test_a_gradient_by_itself_is_not_rounded():
    """As JAX's own product of bfloat16 numbers would have it."""
    x = jnp.array([1.0, 1 + 2**-6])
    slope = jax.grad(lambda kernel: multiply(x, kernel, "bfloat16") @ jnp.array([1 + 2**-6]))
    found = slope(jnp.zeros((2, 1)))[:, 0]
    assert found.tolist() == [1 + 2**-6, (1 + 2**-6) ** 2]  # 12 bits after the first


def lowered(precision, platform, outputs=NARROW + 1):
    def loss(kernel, x):
        return (of_batch(precision)(kernel, x) ** 2).sum()

    traced = jax.jit(jax.grad(loss, (0, 1))).trace(KERNELS[outputs], X)
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    return [line for line in text.splitlines() if "dot_general" in line]


@pytest.mark.parametrize("outputs", [5, NARROW + 1])
@pytest.mark.parametrize("platform", ["cpu", "cuda", "tpu"])
def test_a_device_is_given_bfloat16_operands_and_a_float32_result(platform, outputs):
    dots = lowered("bfloat16", platform, outputs)
    assert len(dots) == 3
    for dot in dots:
        assert re.search(r": \(tensor<\S*xbf16>, tensor<\S*xbf16>\) -> tensor<\S*xf32>", dot), dot


@pytest.mark.parametrize("outputs", [5, NARROW + 1])
@pytest.mark.parametrize("platform", ["cpu", "cuda", "tpu"])
def test_float32_is_asked_for_whatever_the_configuration_says(platform, outputs):
    for configured in (None, "tensorfloat32", "bfloat16"):
        with jax.default_matmul_precision(configured):
            dots = lowered("float32", platform, outputs)
        assert len(dots) == 3
        assert all("precision = [HIGHEST, HIGHEST]" in dot and "bf16" not in dot for dot in dots)


def test_tf32_is_had_by_name_alone():
    dots = lowered("tf32", "cuda")
    assert len(dots) == 3
    for dot in dots:
        assert "lhs_precision_type = tf32, rhs_precision_type = tf32" in dot
        assert "accumulation_type = f32" in dot
        assert "num_primitive_operations = 1" in dot
    for other in set(PRECISIONS) - {"tf32"}:
        assert "tf32" not in str(lowered(other, "cuda"))


def test_devices_that_share_a_batch_sum_up_its_gradient():
    count = jax.device_count()
    mesh = jax.sharding.Mesh(jax.devices(), ("data",))
    spec = jax.sharding.PartitionSpec
    where = {"mesh": mesh, "in_specs": (spec(), spec("data")), "out_specs": spec()}
    inputs = jnp.asarray(np.tile(X, (count, 1)))

    def slope(kernel, x):
        return jax.grad(lambda kernel: of_batch("bfloat16")(kernel, x).sum())(kernel)

    def summed(kernel, x):
        return jax.lax.psum(slope(kernel, x), "data")

    expected = count * np.repeat(rounded(X).sum(axis=0)[:, None], 5, axis=1)
    for part, is_typed in ((summed, False), (slope, True)):  # the typed map sums by itself
        shared = jax.jit(jax.shard_map(part, **where, check_vma=is_typed))
        near(shared(KERNELS[5], inputs), expected)
