"""The functions of a multilayer perceptron, from its description."""

import functools
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp.nn.architecture import MLP, SCALINGS
from jaxmlp.nn.ladder import denoised, with_way_back
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
from jaxmlp.types import Context, Dense, Model, Normed, Params, Variables

__all__ = ["functions_of"]

Activation = Callable[[jax.Array], jax.Array]
# number, layer, (outputs,) -> (outputs,): from a layer's affine map to the next one's
Between = Callable[[int, Any, jax.Array], jax.Array]

NOISE, INPUT_DROPOUT, DROPOUT = range(3)  # what a key is drawn for; the layers' from the last on
LAYER_NOISE, BACK = 2**31, 2**31  # likewise, in training and in `init`


def functions_of(mlp: MLP) -> Model:
    """A network, from a description that `checked` has seen; its rates may be traced."""
    at_init: dict[str, Any] = {"kernel_init": mlp.kernel_init, "bias_init": mlp.bias_init}
    evaluated: dict[str, Any] = {"activation": mlp.activation}  # rates are no part of it
    if mlp.norm:
        at_init |= {"norm": mlp.norm}
        evaluated |= {"norm": mlp.norm, "epsilon": mlp.norm_epsilon}
    if mlp.ladder is not None:
        at_init |= {"is_ladder": True}
    scalings = {name: getattr(mlp, name) for name in SCALINGS}
    evaluated |= {name: scaling for name, scaling in scalings.items() if scaling}
    if mlp.precision != "float32":
        evaluated |= {"precision": mlp.precision}
    init = functools.partial(_init, sizes=mlp.sizes, **at_init)
    apply = functools.partial(_apply, sizes=mlp.sizes, **evaluated)
    drawn = mlp.dropout, mlp.input_dropout, mlp.input_noise, mlp.noise, mlp.ladder
    is_the_same = mlp.norm != "batch" and all(rate is None for rate in drawn)
    alone = mlp._replace(sharded=())  # which is no part of what is computed
    train = None if is_the_same else canonical(functools.partial(_train, mlp=alone))
    # One example less its mean is nothing.
    least_batch = 2 if mlp.norm == "batch" or mlp.ladder is not None else 1
    return Model(canonical(init), canonical(apply), train, mlp, least_batch)


def _init(
    key: jax.Array,
    *,
    sizes: tuple[int, ...],
    kernel_init: Callable[..., jax.Array],
    bias_init: Callable[..., jax.Array],
    norm: str | None = None,
    is_ladder: bool = False,
) -> Params | Variables:
    layers: list[Any] = []
    for layer, shape in enumerate(pairwise(sizes)):
        kernel_key, bias_key = jax.random.split(jax.random.fold_in(key, layer))
        kernel = kernel_init(kernel_key, shape, jnp.float32)
        bias = bias_init(bias_key, shape[1:], jnp.float32)
        is_hidden = layer < len(sizes) - 2
        is_normed = norm and is_hidden
        layers.append(
            Normed(kernel, jnp.ones_like(bias), bias) if is_normed else Dense(kernel, bias)
        )
    if is_ladder:
        keys = (jax.random.fold_in(key, BACK + layer) for layer in range(len(layers)))
        layers = list(map(with_way_back, layers, keys))
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
) -> tuple[Any, ...]:
    return lift(functools.partial(_train_one, mlp))(params, inputs, context)


def _train_one(
    mlp: MLP, params: Params | Variables, inputs: jax.Array, key: jax.Array, weight: jax.Array
) -> tuple[Any, ...]:
    layers, running = _parts(params)
    clean = scaled(mlp.input_scaling, inputs)
    outputs, noisy, followed = _noisy(mlp, layers, running, clean, key, weight)
    ends = unscaled(mlp.output_scaling, outputs)
    if running and (mlp.noise is not None or mlp.ladder is not None):  # as evaluation has it
        still = jax.lax.stop_gradient(layers)
        quiet = mlp._replace(dropout=None, input_dropout=None, input_noise=None, noise=None)
        followed = _noisy(quiet, still, running, clean, key, weight)[2]
    if mlp.ladder is None:
        return ends, followed
    back: Any = layers
    with jax.named_scope("ladder"):
        missed = denoised(back, noisy, outputs, weight, mlp.precision) - clean
        cost = mlp.ladder * jnp.square(missed).mean()
    return ends, followed, cost


def _noisy(
    mlp: MLP,
    layers: Params,
    running: tuple[Moments, ...],
    inputs: jax.Array,
    key: jax.Array,
    weight: jax.Array,
) -> tuple[jax.Array, list[jax.Array], tuple[Moments, ...]]:
    """One example's pass in training.

    Returns:
      The outputs; what each layer was given, before the activation; the next running statistics.
    """
    followed, seen = list(running), []
    with_which: Any = mlp.norm_momentum, mlp.norm_epsilon

    def between(number: int, layer: Any, hidden: jax.Array) -> jax.Array:
        if mlp.norm == "batch":
            moments = running[number]
            hidden, followed[number] = batch_norm(layer, moments, hidden, weight, *with_which)
        elif mlp.norm == "layer":
            hidden = layer_norm(layer, hidden, with_which[1])
        if mlp.noise is not None:
            stddev = mlp.noise * layer.scale if mlp.norm else mlp.noise
            hidden = gaussian_noise(hidden, stddev, jax.random.fold_in(key, LAYER_NOISE + number))
        seen.append(hidden)
        hidden = mlp.activation(hidden)
        if mlp.dropout is None:
            return hidden
        return dropout(hidden, mlp.dropout, jax.random.fold_in(key, DROPOUT + number))

    if mlp.input_noise is not None:
        inputs = gaussian_noise(inputs, mlp.input_noise, jax.random.fold_in(key, NOISE))
    if mlp.input_dropout is not None:
        inputs = dropout(inputs, mlp.input_dropout, jax.random.fold_in(key, INPUT_DROPOUT))
    seen.append(inputs)
    outputs = _forward(layers, inputs, mlp.sizes, between, mlp.precision)
    return outputs, seen, tuple(followed)


def _parts(params: Params | Variables) -> tuple[Params, tuple[Moments, ...]]:
    """The layers, and the running statistics of each hidden one where they are kept."""
    return tuple(params) if isinstance(params, Variables) else (params, ())


def _forward(
    layers: Params, inputs: jax.Array, sizes: tuple[int, ...], between: Between, precision: str
) -> jax.Array:
    if inputs.shape != sizes[:1]:
        raise ValueError(f"inputs needs the shape {sizes[:1]}, got {inputs.shape}")
    hidden = inputs
    layer: Any
    for number, layer in enumerate(layers):
        with jax.named_scope(f"layer_{number}"):
            if hasattr(layer, "scale"):  # a norm comes after it, and the bias after that
                hidden = product(layer.kernel, hidden, precision)
            else:
                hidden = linear(layer, hidden, precision)
            if number < len(layers) - 1:
                hidden = between(number, layer, hidden)
    return hidden
