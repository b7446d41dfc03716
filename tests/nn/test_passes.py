"""Whole networks in training, against modules of Flax with the same parameters."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxmlp import Context, Dense, Variables, activations, initializers, mlp
from jaxmlp.nn.noise import bits16, normal
from jaxmlp.types import trained, with_trained

SIZES = (5, 8, 6, 3)
INPUTS = np.random.default_rng(0).normal(1.0, 2.0, (9, 5)).astype(np.float32)


def everyone(inputs):
    return Context(jax.random.key(1), jnp.ones(len(inputs), bool))


def test_where_there_is_a_norm_a_hidden_layer_has_a_scale_and_a_bias_after_it():
    drawn = {"bias_init": initializers.gaussian(0.1)}
    trained, running = mlp(SIZES, norm="batch", **drawn).init(jax.random.key(0))
    assert [type(layer).__name__ for layer in trained] == ["Normed", "Normed", "Dense"]
    assert [m["mean"].tolist() for m in running] == [[0.0] * 8, [0.0] * 6]
    assert [m["var"].tolist() for m in running] == [[1.0] * 8, [1.0] * 6]
    plain = mlp(SIZES, **drawn).init(jax.random.key(0))
    for ours, theirs in zip(trained, plain, strict=True):
        np.testing.assert_array_equal(ours.kernel, theirs.kernel)
        np.testing.assert_array_equal(ours.bias, theirs.bias)
        assert np.all(getattr(ours, "scale", 1) == 1)
    by_layer = mlp(SIZES, norm="layer", **drawn).init(jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, by_layer, trained)


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_dropout_and_noise_of_none_are_the_network_without(norm):
    off = mlp(SIZES, norm=norm, dropout=0.0, input_dropout=0.0, input_noise=0.0)
    params = off.init(jax.random.key(0))
    outputs, _ = jax.jit(off.train)(params, INPUTS, everyone(INPUTS))
    if norm == "batch":
        expected, _ = jax.jit(mlp(SIZES, norm=norm).train)(params, INPUTS, everyone(INPUTS))
    else:
        expected = jax.vmap(off.apply, (None, 0))(params, INPUTS)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6, atol=1e-6)


class Twin(linen.Module):
    """The same network in Flax, with neither dropout nor a bias before a norm."""

    norm: str
    momentum: float

    @linen.compact
    def __call__(self, inputs, is_training=False, mask=None):
        hidden = inputs
        for size in SIZES[1:-1]:
            hidden = linen.Dense(size, use_bias=False)(hidden)
            if self.norm == "batch":
                norm = linen.BatchNorm(not is_training, momentum=self.momentum, epsilon=1e-3)
                hidden = norm(hidden, mask=None if mask is None else mask[:, None])
            else:
                hidden = linen.LayerNorm(epsilon=1e-3)(hidden)
            hidden = linen.tanh(hidden)
        return linen.Dense(SIZES[-1])(hidden)


def as_flax(norm, layers, running=()):
    kind = {"batch": "BatchNorm", "layer": "LayerNorm"}[norm]
    tree = {f"Dense_{i}": {"kernel": layer.kernel} for i, layer in enumerate(layers)}
    tree[f"Dense_{len(layers) - 1}"]["bias"] = layers[-1].bias
    for i, layer in enumerate(layers[:-1]):
        tree[f"{kind}_{i}"] = {"scale": layer.scale, "bias": layer.bias}
    return {
        "params": tree,
        "batch_stats": {f"BatchNorm_{i}": moments for i, moments in enumerate(running)},
    }


def assert_close(ours, theirs, limit=1e-6):
    close = functools.partial(np.testing.assert_allclose, rtol=limit, atol=limit)
    jax.tree.map(close, ours, theirs)


def drawn(norm):
    """A model with parameters in which no scale is one and no bias is zero."""
    momentum = 0.75 if norm == "batch" else None
    model = mlp(SIZES, jnp.tanh, norm=norm, norm_momentum=momentum, norm_epsilon=1e-3)
    params = model.init(jax.random.key(0))
    leaves, structure = jax.tree.flatten(trained(params))
    keys = jax.random.split(jax.random.key(9), len(leaves))
    pairs = zip(keys, leaves, strict=True)
    moved = [leaf + 0.3 * jax.random.normal(key, leaf.shape) for key, leaf in pairs]
    return model, with_trained(params, structure.unflatten(moved))


@functools.cache
def programs(norm, model, twin):
    """A step's outputs, running statistics and gradient, of ours and of Flax's, compiled."""

    def loss_of(outputs, mask):
        errors = jnp.square(outputs - jnp.linspace(-1, 1, 9)[:, None]).mean(axis=1)
        return (errors * mask).sum() / mask.sum()

    @jax.jit
    def ours(params, inputs, mask):
        def loss(layers):
            whole = with_trained(params, layers)
            if norm == "layer":
                outputs, running = jax.vmap(model.apply, (None, 0))(whole, inputs), ()
            else:
                outputs, running = model.train(whole, inputs, Context(jax.random.key(0), mask))
            return loss_of(outputs, mask), (outputs, running)

        (_, out), gradient = jax.value_and_grad(loss, has_aux=True)(trained(params))
        return *out, gradient

    @jax.jit
    def theirs(variables, inputs, mask):
        def loss(params):
            outputs, changed = twin.apply(
                {**variables, "params": params}, inputs, True, mask, mutable=["batch_stats"]
            )
            return loss_of(outputs, mask), (outputs, changed.get("batch_stats", {}))

        (_, out), gradient = jax.value_and_grad(loss, has_aux=True)(variables["params"])
        return *out, gradient

    return ours, theirs


@pytest.mark.parametrize("mask", [[True] * 9, [True] * 4 + [False] * 5, [False, True, True] * 3])
@pytest.mark.parametrize("norm", ["batch", "layer"])
@jax.enable_x64(True)
def test_ten_steps_are_those_of_flax(norm, mask):
    """Outputs, gradients, parameters and running statistics in each, and evaluation at the end.

    In double precision, so that ten steps leave no rounding to be told from a mistake.
    """
    model, params = drawn(norm)
    assert (model.train is None) == (norm == "layer")
    params, mask = jax.tree.map(jnp.float64, params), np.array(mask)
    running = getattr(params, "running", ())
    twin, variables = Twin(norm, 0.75), as_flax(norm, trained(params), running)
    ours, theirs = programs(norm, model, twin)
    for step in range(10):
        inputs = np.random.default_rng(step).normal(1, 2, (9, 5))
        outputs, running, gradient = ours(params, inputs, mask)
        flax_outputs, stats, flax_gradient = theirs(variables, inputs, mask)
        assert_close(outputs[mask], flax_outputs[mask], 1e-9)
        assert_close(as_flax(norm, gradient)["params"], flax_gradient, 1e-9)
        layers = jax.tree.map(lambda p, g: p - 0.1 * g, trained(params), gradient)
        params = Variables(layers, running) if norm == "batch" else layers
        variables = {
            "params": jax.tree.map(lambda p, g: p - 0.1 * g, variables["params"], flax_gradient),
            "batch_stats": stats,
        }
        assert_close(as_flax(norm, layers, running), variables, 1e-9)
    evaluated = jax.vmap(model.apply, (None, 0))(params, inputs)
    assert_close(evaluated, twin.apply(variables, inputs), 1e-9)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_one_step_in_single_precision_is_that_of_flax(norm):
    model, params = drawn(norm)
    twin = Twin(norm, 0.75)
    variables = as_flax(norm, trained(params), getattr(params, "running", ()))
    ours, theirs = programs(norm, model, twin)
    mask = np.arange(9) < 7
    outputs, running, gradient = ours(params, INPUTS, mask)
    flax_outputs, stats, flax_gradient = theirs(variables, INPUTS, mask)
    assert_close(outputs[:7], flax_outputs[:7])
    assert_close(as_flax(norm, gradient)["params"], flax_gradient)
    assert_close(as_flax(norm, gradient, running)["batch_stats"], stats)


@pytest.mark.parametrize("rest", [{}, {"dropout": 0.5, "input_dropout": 0.2, "input_noise": 0.3}])
@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_what_only_fills_a_batch_changes_nothing(norm, rest):
    model = mlp(SIZES, norm=norm, **rest)
    if model.train is None:
        return
    params = model.init(jax.random.key(0))
    outputs, running = jax.jit(model.train)(params, INPUTS[:6], everyone(INPUTS[:6]))
    context = Context(jax.random.key(1), jnp.arange(9) < 6)
    padded, followed = jax.jit(model.train)(params, INPUTS, context)
    assert_close((padded[:6], followed), (outputs, running))


def test_training_is_the_equation_with_the_masks_of_seed_step_and_place():
    model = mlp((5, 8, 3), jnp.tanh, dropout=0.5, input_dropout=0.25, input_noise=0.3)
    params = model.init(jax.random.key(0))
    (first, _), (second, bias) = jax.tree.map(np.asarray, params)
    context = everyone(INPUTS)
    outputs, running = jax.jit(model.train)(params, INPUTS, context)
    assert running == ()
    for place, x in enumerate(INPUTS):
        key = jax.random.fold_in(context.key, place)
        noise, drop_inputs, drop_hidden = (jax.random.fold_in(key, use) for use in range(3))
        x = x + 0.3 * np.asarray(normal(noise, 5))
        x = np.where(bits16(drop_inputs, 5) >= 0.25 * 65536, x / 0.75, 0)
        hidden = np.tanh(x @ first)
        hidden = np.where(bits16(drop_hidden, 8) >= 0.5 * 65536, hidden / 0.5, 0)
        np.testing.assert_allclose(outputs[place], hidden @ second + bias, rtol=2e-6, atol=2e-6)


def test_masks_of_layers_examples_and_steps_are_independent():
    """Two masks at one half have a quarter in common, and three an eighth."""
    width = 800
    kernels = (Dense(jnp.eye(width), jnp.zeros(width)),) * 3

    def kept(step, **rates):
        model = mlp((width,) * 4, activations.identity, **rates)
        context = Context(jax.random.key(step), jnp.ones(2, bool))
        return np.asarray(jax.jit(model.train)(kernels, jnp.ones((2, width)), context)[0]) != 0

    within = 4 * 0.5 / width**0.5
    assert abs(kept(0, dropout=0.5).mean() - 0.25) < within
    assert abs(kept(0, dropout=0.5, input_dropout=0.5).mean() - 0.125) < within
    inputs = kept(0, input_dropout=0.5)
    assert abs(inputs.mean() - 0.5) < within
    assert abs((inputs[0] & inputs[1]).mean() - 0.25) < within
    assert abs((inputs & kept(1, input_dropout=0.5)).mean() - 0.25) < within
    assert abs(kept(0, input_dropout=0.1).mean() - 0.9) < within


def test_running_statistics_are_float32_in_float64_too():
    with jax.enable_x64(True):
        params = mlp((4, 6, 3), norm="batch").init(jax.random.key(0))
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype("float32")}
