"""A multilayer perceptron as other libraries keep it: a kernel after the other, with its norm."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.nn import activations
from jaxmlp.nn.architecture import EPSILON, MLP
from jaxmlp.nn.mlp import architecture_of, mlp
from jaxmlp.nn.scaling import arrays_of
from jaxmlp.storage.network import check_params
from jaxmlp.types import Dense, Model, Normed, PyTree, Variables

__all__ = ["AFFINE", "MOMENTS", "Block", "as_array", "blocks_of", "network_of"]

AFFINE = ("scale", "shift")  # of a norm
MOMENTS = ("mean", "var")  # of a batch norm besides


class Block(NamedTuple):
    """A layer: "kernel", (inputs, outputs), and what else there is of "bias" and of the norm's."""

    arrays: dict[str, np.ndarray]  # each (outputs,), but for the kernel
    names: dict[str, str]  # what they are called where they come from, for messages


def blocks_of(name: str, model: Model, params: PyTree) -> list[Block]:
    """The layers of an `mlp`, its scalings within the first and the last of them.

    A layer before a norm has a bias too, of zeros, as in other libraries, where it is the default.

    Args:
      name: of who asks, for messages.
      model: from `mlp`.
      params: the model's.

    Raises:
      ValueError: if the model is another's, or the parameters are not the model's.
    """
    made = architecture_of(model)
    if made is None:
        raise ValueError(f"{name} needs a model made by mlp, got {model}")
    check_params(model, params)
    layers, running = params if isinstance(params, Variables) else (params, ())
    blocks = []
    for number, layer in enumerate(layers):
        arrays = {"kernel": layer.kernel, "bias": layer.bias}
        if hasattr(layer, "scale"):
            arrays["bias"] = np.zeros_like(layer.bias)
            arrays |= {"scale": layer.scale, "shift": layer.bias}
            arrays |= dict(running[number]) if running else {}
        arrays = {role: np.asarray(jax.device_get(array)) for role, array in arrays.items()}
        blocks.append(Block(arrays, {}))
    _fold(made, blocks)
    return blocks


def _fold(made: MLP, blocks: list[Block]) -> None:
    """Puts the scalings into the affine maps, in double precision."""
    if made.input_scaling is not None:
        mean, scale = (half.astype(np.float64) for half in arrays_of(made.input_scaling))
        arrays = blocks[0].arrays
        kernel = arrays["kernel"] / scale[:, None]
        arrays["bias"] = (arrays["bias"] - mean @ kernel).astype(np.float32)
        arrays["kernel"] = kernel.astype(np.float32)
    if made.output_scaling is not None:
        mean, scale = (half.astype(np.float64) for half in arrays_of(made.output_scaling))
        arrays = blocks[-1].arrays
        arrays["kernel"] = (arrays["kernel"] * scale).astype(np.float32)
        arrays["bias"] = (arrays["bias"] * scale + mean).astype(np.float32)


def network_of(
    blocks: Sequence[Block],
    model: Model | None,
    activation: Callable[[jax.Array], jax.Array] = activations.relu,
    norm_epsilon: float | None = EPSILON,
    is_flipped: bool = False,
) -> tuple[Model, PyTree]:
    """The network that layers are.

    Args:
      blocks: the layers, at least one.
      model: which network it is, from `mlp`; or None for one of these widths and norms.
      activation: of a network that is not given.
      norm_epsilon: the same.
      is_flipped: whether a kernel is (outputs, inputs) where it comes from, for messages.

    Raises:
      ValueError: if they do not fit each other, or not the model.
    """
    sizes = [len(blocks[0].arrays["kernel"]), *(b.arrays["kernel"].shape[1] for b in blocks)]
    made = None if model is None else _plain(model)
    if made is not None and len(made.sizes) != len(sizes):
        raise ValueError(f"the model needs {len(made.sizes) - 1} kernels, got {len(blocks)}")
    widths = pairwise(sizes if made is None else made.sizes)
    for block, (inputs, outputs) in zip(blocks, widths, strict=True):
        _check_shapes(block, inputs, outputs, is_flipped)
    norm = _norm_of(blocks)
    if made is not None and made.norm != norm:
        needs, got = (f"the {which} norm" if which else "no norm" for which in (made.norm, norm))
        raise ValueError(f"the model needs {needs} in its hidden layers, got {got}")
    if model is None:
        model = mlp(sizes, activation, norm=norm, norm_epsilon=norm_epsilon if norm else None)
    layers, running = zip(*map(_layer_of, blocks), strict=True)
    return model, Variables(layers, running[:-1]) if norm == "batch" else layers


def as_array(name: str, value: Any) -> np.ndarray:
    """Numbers of another library as float32.

    Raises:
      ValueError: if they are no array of float32, or of a shorter float.

    >>> as_array("0.bias", np.float16([0.5])).dtype
    dtype('float32')
    """
    try:
        array = np.asarray(value)
    except Exception as error:  # each library has its own, of tensors elsewhere
        line = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{name} needs an array of numbers, got {line}") from error
    if not (jnp.issubdtype(array.dtype, jnp.floating) and array.dtype.itemsize <= 4):
        raise ValueError(f"{name} needs float32, got {array.dtype} {array.shape}")
    return array.astype(np.float32)


def _layer_of(block: Block) -> tuple[Dense | Normed, dict[str, jax.Array]]:
    """A layer, and its running statistics, {} without."""
    arrays = {role: jnp.asarray(array) for role, array in block.arrays.items()}
    bias = arrays.get("bias", jnp.zeros(arrays["kernel"].shape[1], jnp.float32))
    if "scale" not in arrays:
        return Dense(arrays["kernel"], bias), {}
    layer = Normed(arrays["kernel"], arrays["scale"], arrays["shift"])
    if "mean" in arrays:  # a batch norm takes away with it what a bias adds
        return layer, {"mean": arrays["mean"] - bias, "var": arrays["var"]}
    if bias.any():
        raise ValueError(f"{block.names['bias']} needs zeros, before a layer norm, got others")
    return layer, {}


def _plain(model: Model) -> MLP:
    made = architecture_of(model)
    if made is None:
        raise ValueError(f"weights of another library need a model made by mlp, got {model}")
    if made.input_scaling is not None or made.output_scaling is not None:
        raise ValueError(f"weights need a network without scalings, which are in them, got {model}")
    if made.ladder is not None:
        raise ValueError(
            f"weights need a network without a ladder, whose way back they lack, got {model}"
        )
    return made


def _check_shapes(block: Block, inputs: int, outputs: int, is_flipped: bool) -> None:
    for role, array in block.arrays.items():
        expected, got = (inputs, outputs) if role == "kernel" else (outputs,), array.shape
        if got != expected:
            flip = is_flipped and role == "kernel"
            expected, got = (expected[::-1], got[::-1]) if flip else (expected, got)
            raise ValueError(f"{block.names[role]} needs the shape {expected}, got {got}")


def _norm_of(blocks: Sequence[Block]) -> str | None:
    """The norm of hidden layers, which is the same for all."""
    norms = [
        ("batch" if "mean" in b.arrays else "layer") if "scale" in b.arrays else None
        for b in blocks
    ]
    *hidden, last = norms
    if last is not None:
        name = blocks[-1].names["scale"]
        raise ValueError(f"{name} needs a hidden layer, got a norm of the outputs")
    if len(set(hidden)) > 1:
        got = ", ".join(str(norm or "none") for norm in hidden)
        raise ValueError(f"a network needs the same norm in all hidden layers, got {got}")
    return hidden[0] if hidden else None
