"""Networks that are exported, and what other libraries make of their weights, in NumPy."""

import functools

import jax
import numpy as np

import jaxmlp
from jaxmlp import Scaling, activations, initializers, mlp, standardized
from jaxmlp.types import Variables

GAUSSIAN = initializers.gaussian(0.7)
plain = functools.partial(mlp, (4, 6, 5, 3), kernel_init=GAUSSIAN, bias_init=GAUSSIAN)
MODELS = {
    "plain": plain(),
    "tanh": plain(activation=activations.tanh),
    "batch": plain(norm="batch"),
    "layer": plain(norm="layer"),
    "dropout": plain(norm="batch", dropout=0.5, input_dropout=0.2, norm_epsilon=0.01),
    "linear": mlp((4, 3), bias_init=GAUSSIAN),
    "standardized": standardized(
        plain(),
        Scaling((1.0, -2.0, 0.0, 3.0), (2.0, 0.5, 1.0, 4.0)),
        Scaling((5.0,) * 3, (3.0,) * 3),
    ),
    "standardized batch": standardized(
        plain(norm="batch"), Scaling((1.0, -2.0, 0.0, 3.0), (2.0, 0.5, 1.0, 4.0))
    ),
}
INPUTS = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


@functools.cache
def params_of(name):
    """Parameters of a network whose running statistics and scales are no longer as they began."""
    params = MODELS[name].init(jax.random.key(1))

    def moved(path, leaf):
        noise = jax.random.uniform(jax.random.key(len(path) + leaf.size), leaf.shape)
        return leaf + noise if "kernel" not in str(path) else leaf

    return jax.tree_util.tree_map_with_path(moved, params)


def outputs_of(name):
    return jax.vmap(MODELS[name].apply, (None, 0))(params_of(name), INPUTS)


def activation_of(name):
    return np.tanh if name == "tanh" else lambda x: np.maximum(x, 0)


def epsilon_of(name):
    return MODELS[name].architecture.norm_epsilon or 0.0


def normalized(x, mean, var, scale, shift, epsilon):
    return (x - mean) / np.sqrt(var + epsilon) * scale + shift


def layer_normalized(x, scale, shift, epsilon):
    return normalized(x, x.mean(1, keepdims=True), x.var(1, keepdims=True), scale, shift, epsilon)


def assert_equal_outputs(ours, theirs):
    """Within 1e-6 of the largest."""
    largest = float(np.abs(ours).max())
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6 * max(1.0, largest))


def assert_same_trees(ours, theirs):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    assert isinstance(ours, Variables) == isinstance(theirs, Variables)
    assert jaxmlp.digest(ours) == jaxmlp.digest(theirs)
