"""The functions of a multilayer perceptron, from its description."""

import functools
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp.nn.architecture import MLP, SCALINGS
from jaxmlp.nn.layers import (
    Moments,
    batch_norm,
    dropout,
    gaussian_noise,
    layer_norm,
    linear,
    normalize,
    product,
)
from jaxmlp.nn.lift import lift
from jaxmlp.nn.scaling import Scaling, scaled, unscaled
from jaxmlp.runtime.recompilation import canonical
from jaxmlp.types import Context, Dense, Model, Normed, Params, PyTree, Variables

__all__ = ["functions_of"]

Activation = Callable[[jax.Array], jax.Array]
# number, layer, (outputs,) -> (outputs,): from a layer's affine map to the next one's
Between = Callable[[int, Any, jax.Array], jax.Array]

NOISE, INPUT_DROPOUT, DROPOUT = range(3)  # what a key is drawn for; the layers' from the last on


def functions_of(mlp: MLP) -> Model:
    """A network, from a description that `checked` has seen; its rates may be traced."""
    at_init: dict[str, Any] = {"kernel_init": mlp.kernel_init, "bias_init": mlp.bias_init}
    evaluated: dict[str, Any] = {"activation": mlp.activation}  # rates are no part of it
    if mlp.norm:
        at_init |= {"norm": mlp.norm}
        evaluated |= {"norm": mlp.norm, "epsilon": mlp.norm_epsilon}
    scalings = {name: getattr(mlp, name) for name in SCALINGS}
    evaluated |= {name: scaling for name, scaling in scalings.items() if scaling}
    if mlp.precision != "float32":
        evaluated |= {"precision": mlp.precision}
    init = functools.partial(_init, sizes=mlp.sizes, **at_init)
    apply = functools.partial(_apply, sizes=mlp.sizes, **evaluated)
    drawn = mlp.dropout, mlp.input_dropout, mlp.input_noise
    is_the_same = mlp.norm != "batch" and all(rate is None for rate in drawn)
    alone = mlp._replace(sharded=())  # which is no part of what is computed
    train = None if is_the_same else canonical(functools.partial(_train, mlp=alone))
    least_batch = 2 if mlp.norm == "batch" else 1  # one example less its mean is nothing
    return Model(canonical(init), canonical(apply), train, mlp, least_batch)


def _init(
    key: jax.Array,
    *,
    sizes: tuple[int, ...],
    kernel_init: Callable[..., jax.Array],
    bias_init: Callable[..., jax.Array],
    norm: str | None = None,
) -> Params | Variables:
    layers: list[Dense | Normed] = []
    for layer, shape in enumerate(pairwise(sizes)):
        kernel_key, bias_key = jax.random.split(jax.random.fold_in(key, layer))
        kernel = kernel_init(kernel_key, shape, jnp.float32)
        bias = bias_init(bias_key, shape[1:], jnp.float32)
        is_hidden = layer < len(sizes) - 2
        is_normed = norm and is_hidden
        layers.append(
            Normed(kernel, jnp.ones_like(bias), bias) if is_normed else Dense(kernel, bias)
        )
    if norm != "batch":
        return tuple(layers)
    start = [
        {"mean": jnp.zeros(size, jnp.float32), "var": jnp.ones(size, jnp.float32)}
        for size in sizes[1:-1]
    ]
    return Variables(tuple(layers), tuple(start))


def _apply(
    params: Params | Variables,
    inputs: jax.Array,
    *,
    sizes: tuple[int, ...],
    activation: Activation,
    norm: str | None = None,
    epsilon: float = 0.0,
    input_scaling: Scaling | None = None,
    output_scaling: Scaling | None = None,
    precision: str = "float32",
) -> jax.Array:
    layers, running = _parts(params)
    inputs = scaled(input_scaling, inputs)

    def between(number: int, layer: Any, hidden: jax.Array) -> jax.Array:
        if norm == "batch":
            hidden = normalize(layer, hidden, **running[number], epsilon=epsilon)
        elif norm == "layer":
            hidden = layer_norm(layer, hidden, epsilon)
        return activation(hidden)

    return unscaled(output_scaling, _forward(layers, inputs, sizes, between, precision))


def _train(
    params: Params | Variables, inputs: jax.Array, context: Context, *, mlp: MLP
) -> tuple[jax.Array, PyTree]:
    return lift(functools.partial(_train_one, mlp))(params, inputs, context)


def _train_one(
    mlp: MLP, params: Params | Variables, inputs: jax.Array, key: jax.Array, weight: jax.Array
) -> tuple[jax.Array, PyTree]:
    layers, running = _parts(params)
    followed = list(running)
    with_which: Any = mlp.norm_momentum, mlp.norm_epsilon

    def between(number: int, layer: Any, hidden: jax.Array) -> jax.Array:
        if mlp.norm == "batch":
            moments = running[number]
            hidden, followed[number] = batch_norm(layer, moments, hidden, weight, *with_which)
        elif mlp.norm == "layer":
            hidden = layer_norm(layer, hidden, with_which[1])
        hidden = mlp.activation(hidden)
        if mlp.dropout is None:
            return hidden
        return dropout(hidden, mlp.dropout, jax.random.fold_in(key, DROPOUT + number))

    inputs = scaled(mlp.input_scaling, inputs)
    if mlp.input_noise is not None:
        inputs = gaussian_noise(inputs, mlp.input_noise, jax.random.fold_in(key, NOISE))
    if mlp.input_dropout is not None:
        inputs = dropout(inputs, mlp.input_dropout, jax.random.fold_in(key, INPUT_DROPOUT))
    outputs = _forward(layers, inputs, mlp.sizes, between, mlp.precision)
    return unscaled(mlp.output_scaling, outputs), tuple(followed)


def _parts(params: Params | Variables) -> tuple[Params, tuple[Moments, ...]]:
    """The layers, and the running statistics of each hidden one where they are kept."""
    return tuple(params) if isinstance(params, Variables) else (params, ())


def _forward(
    layers: Params, inputs: jax.Array, sizes: tuple[int, ...], between: Between, precision: str
) -> jax.Array:
    if inputs.shape != sizes[:1]:
        raise ValueError(f"inputs needs the shape {sizes[:1]}, got {inputs.shape}")
    hidden = inputs
    for number, layer in enumerate(layers):
        with jax.named_scope(f"layer_{number}"):
            if isinstance(layer, Normed):
                hidden = product(layer.kernel, hidden, precision)
            else:
                hidden = linear(layer, hidden, precision)
            if number < len(layers) - 1:
                hidden = between(number, layer, hidden)
    return hidden
