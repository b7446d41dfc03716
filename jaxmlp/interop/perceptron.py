"""A multilayer perceptron as a module of Flax linen, and its parameters as that has them."""

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax

from jaxmlp.interop.passes import Imported, as_variables
from jaxmlp.nn.architecture import MLP, SCALINGS
from jaxmlp.nn.scaling import scaled, unscaled
from jaxmlp.types import PyTree

if TYPE_CHECKING:
    from flax import linen

__all__ = ["as_linen", "places"]


def as_linen(mlp: MLP) -> Imported:
    """What an `mlp` is in linen: a `linen.Sequential`, and the tree of variables for it.

    >>> from jaxmlp.types import Dense
    >>> as_linen(MLP((3, 2), max, max, max)).tree((Dense(kernel=1.0, bias=2.0),))
    {'params': {'layers_0': {'kernel': 1.0, 'bias': 2.0}}}
    """
    tree, module = functools.partial(_tree, mlp), functools.partial(_module, mlp)
    return Imported(f"linen {mlp}", tree, module)


def places(mlp: MLP) -> Iterator[tuple[str, int]]:
    """What stands in the sequence, in order: its kind, and the layer it belongs to."""
    if mlp.input_scaling is not None:
        yield "input_scaling", 0
    if mlp.input_dropout is not None:
        yield "input_dropout", 0
    last = len(mlp.sizes) - 2
    for layer in range(last):
        yield "dense", layer
        if mlp.norm:
            yield "norm", layer
        yield "activation", layer
        if mlp.dropout is not None:
            yield "dropout", layer
    yield "dense", last
    if mlp.output_scaling is not None:
        yield "output_scaling", last


def _module(mlp: MLP, training: bool) -> "linen.Sequential":
    from flax import linen

    for name in ("input_noise", "noise", "ladder"):
        if training and getattr(mlp, name) is not None:
            raise ValueError(f"flax_module needs no {name} in training, got {mlp}")
    inits: dict[str, Any] = {"kernel_init": mlp.kernel_init, "bias_init": mlp.bias_init}
    norm: dict[str, Any] = {"epsilon": mlp.norm_epsilon, "bias_init": mlp.bias_init}
    norm["use_fast_variance"] = False  # E[x²] - E[x]² loses digits where the mean is large
    following: dict[str, Any] = {"momentum": mlp.norm_momentum}

    def made(kind: str, layer: int) -> Any:
        if kind == "dense":
            is_last = layer == len(mlp.sizes) - 2
            return linen.Dense(mlp.sizes[layer + 1], use_bias=is_last or not mlp.norm, **inits)
        if kind == "norm" and mlp.norm == "layer":
            return linen.LayerNorm(**norm)
        if kind == "norm":
            return linen.BatchNorm(use_running_average=not training, **following, **norm)
        if kind in SCALINGS:
            function = scaled if kind == "input_scaling" else unscaled
            return jax.vmap(functools.partial(function, getattr(mlp, kind)))
        if kind == "activation":
            return mlp.activation
        return linen.Dropout(getattr(mlp, kind), deterministic=not training)

    return linen.Sequential([made(*place) for place in places(mlp)])


def _tree(mlp: MLP, params: PyTree) -> dict[str, PyTree]:
    layers, running = as_variables(params)
    trained: dict[str, PyTree] = {}
    statistics: dict[str, PyTree] = {}
    for number, (kind, place) in enumerate(places(mlp)):
        name, layer = f"layers_{number}", layers[place]
        if kind == "norm":
            trained[name] = {"scale": layer.scale, "bias": layer.bias}
            if mlp.norm == "batch":
                statistics[name] = dict(running[place])
        elif kind == "dense":
            trained[name] = {"kernel": layer.kernel}
            if not hasattr(layer, "scale"):  # else the bias comes after the norm
                trained[name]["bias"] = layer.bias
    return {"params": trained} | ({"batch_stats": statistics} if statistics else {})
