import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.training.stages import gradients

WEIGHTS = {"in": jnp.float32([[1.0, -2.0], [0.5, 1.5]]), "out": jnp.float32([0.5, -1.0])}
INPUTS = jnp.asarray(np.random.default_rng(0).normal(size=(12, 2)), jnp.float32)
COUNTS = (jnp.arange(12) < 11).astype(jnp.float32)


def summed(values):
    return values.sum(axis=0)


def over_the_batch(one):
    """A function of a shard: of each of its examples, which may ask for sums over the batch."""

    def of(weights, shard):
        inputs, counts = shard
        batched = jax.vmap(one, (None, 0, 0), (0, None), axis_name="batch")
        values, rest = batched(weights, inputs, counts)
        return (values * counts).sum(), (rest, counts.sum())

    return of


@over_the_batch
def plain(weights, inputs, count):
    return jnp.tanh(inputs @ weights["in"]) @ weights["out"], ()


@over_the_batch
def normed(weights, inputs, count):
    """Twice normalized: the second time by a mean that knows of the first."""
    number, hidden = jax.lax.psum(count, "batch"), inputs @ weights["in"]
    means = []
    for _ in range(2):
        means.append(jax.lax.psum(count * hidden, "batch") / number)
        hidden = hidden - means[-1]
        var = jax.lax.psum(count * jnp.square(hidden), "batch") / number
        hidden = jnp.square(hidden / jnp.sqrt(var + 0.1))
    return hidden @ weights["out"], means


@over_the_batch
def drawn(weights, inputs, count):
    """A key goes from one stage to the next."""
    key = jax.random.key(jnp.abs(1000 * inputs[0]).astype(jnp.int32))
    mean = jax.lax.psum(count * inputs, "batch") / jax.lax.psum(count, "batch")
    return jax.random.uniform(key) * ((inputs - mean) @ weights["in"] @ weights["out"]), mean


@pytest.mark.parametrize("function", [plain, normed, drawn])
@pytest.mark.parametrize("num_shards", [1, 4])
def test_gradients_are_those_of_the_whole_batch(function, num_shards):
    shards = jax.tree.map(
        lambda leaf: leaf.reshape(num_shards, -1, *leaf.shape[1:]), (INPUTS, COUNTS)
    )
    found = jax.jit(lambda *given: gradients(function, *given, summed))(WEIGHTS, shards)
    values, (rest, counts), slopes = found
    whole = jax.value_and_grad(function, has_aux=True)(WEIGHTS, (INPUTS, COUNTS))
    (value, (expected, _)), slope = whole
    assert values.shape == (num_shards,)
    assert counts.sum() == 11
    assert float(values.sum()) == pytest.approx(float(value), rel=1e-5)
    jax.tree.map(
        lambda got, want: np.testing.assert_allclose(got.sum(axis=0), want, rtol=2e-4, atol=1e-5),
        slopes,
        slope,
    )
    for got, want in zip(jax.tree.leaves(rest), jax.tree.leaves(expected), strict=True):
        assert got.shape == (num_shards, *want.shape)
        np.testing.assert_allclose(got, np.broadcast_to(want, got.shape), rtol=1e-4, atol=1e-6)


def test_weights_that_are_not_used_have_no_slope():
    weights, ones = {**WEIGHTS, "idle": jnp.ones(3)}, (INPUTS[None], COUNTS[None])
    slopes = gradients(plain, weights, ones, summed)[2]
    assert slopes["idle"].tolist() == [[0.0, 0.0, 0.0]]
    assert slopes["out"].shape == (1, 2)
