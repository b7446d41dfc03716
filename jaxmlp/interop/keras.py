"""Weights as Keras lists them, of a `Sequential` of `Dense` layers; it needs no Keras."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxmlp.interop.blocks import AFFINE, MOMENTS, Block, as_array, blocks_of, network_of
from jaxmlp.naming import kind_of
from jaxmlp.nn import activations
from jaxmlp.types import Model, PyTree

__all__ = ["from_keras", "keras_names", "to_keras"]

EPSILON = 1e-3  # of Keras's norms

# A layer's and its norm's weights by their number: what comes after a kernel.
FOLLOWING = {
    0: (),
    1: ("bias",),
    2: AFFINE,
    3: ("bias", *AFFINE),
    4: (*AFFINE, *MOMENTS),
    5: ("bias", *AFFINE, *MOMENTS),
}
NAMES = {
    "kernel": "dense/kernel",
    "bias": "dense/bias",
    **{"scale": "{norm}/gamma", "shift": "{norm}/beta"},
    **{"mean": "{norm}/moving_mean", "var": "{norm}/moving_variance"},
}
ROLES = {name.rpartition("/")[2]: role for role, name in NAMES.items()}


def to_keras(model: Model, params: PyTree) -> list[np.ndarray]:
    """A network's parameters as the weights of a Keras model of its layers, in their order.

    That is of `Dense`, whose weights are kernel, (inputs, outputs), and bias;
    `BatchNormalization` with gamma, beta, moving_mean and moving_variance, or `LayerNormalization`
    with gamma and beta; the activation, and `Dropout`, which have none. Keras takes them by
    `model.set_weights(weights)`. Its norms need `epsilon=1e-5`, which by default is 1e-3, and its
    batch norm `momentum=0.9` to train as here.

    Args:
      model: from `mlp`; scalings of `standardized` are in the numbers, as of `to_torch`.
      params: the model's.

    Raises:
      ValueError: as `to_torch` does.

    >>> from jaxmlp.nn.mlp import mlp
    >>> model = mlp((4, 8, 3))
    >>> [array.shape for array in to_keras(model, model.init(jax.random.key(0)))]
    [(4, 8), (8,), (8, 3), (3,)]
    """
    return [array for block in blocks_of("to_keras", model, params) for array in _listed(block)]


def keras_names(model: Model) -> list[str]:
    """What Keras calls the weights of `to_keras`, in a model where it names the layers.

    >>> from jaxmlp.nn.mlp import mlp
    >>> keras_names(mlp((4, 8, 3)))
    ['dense/kernel', 'dense/bias', 'dense_1/kernel', 'dense_1/bias']
    """
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    names = []
    for number, block in enumerate(blocks_of("keras_names", model, zeros)):
        norm = "batch_normalization" if "mean" in block.arrays else "layer_normalization"
        for role in block.arrays:
            layer, _, weight = NAMES[role].format(norm=norm).partition("/")
            names.append(f"{layer}{f'_{number}' if number else ''}/{weight}")
    return names


def from_keras(
    weights: Sequence[Any],
    model: Model | None = None,
    *,
    names: Sequence[str] | None = None,
    activation: Callable[[jax.Array], jax.Array] = activations.relu,
    norm_epsilon: float = EPSILON,
) -> tuple[Model, PyTree]:
    """A network from the weights of a Keras model of `Dense` layers.

    Args:
      weights: `model.get_weights()`, of layers whose norm, if any, comes between `Dense` and the
        activation; without a bias too. Without names a norm needs its gamma and its beta: the four
        of bias, beta, mean and variance (`scale=False`) are read as gamma, beta, mean and variance,
        and the two of bias and gamma (`center=False`) as gamma and beta.
      model: which network it is, from `mlp`; None for one of these widths and norms, without
        dropout: weights do not tell their activation.
      names: `[weight.path for weight in model.weights]`, by which each weight is what its name ends
        in: kernel, bias, gamma, beta, moving_mean or moving_variance. A norm may then lack gamma,
        which is 1, or beta, which is 0. None to go by how many there are.
      activation: of a network that is not given.
      norm_epsilon: the same; 1e-3 is Keras's own.

    Returns:
      The model and its parameters.

    Raises:
      ValueError: if there is no kernel first, an array is one too many or has another shape, or is
        not of float32; a name is not known; or it is another network than the model.

    >>> model, params = from_keras([np.ones((3, 2), np.float32), np.zeros(2, np.float32)])
    >>> model, params[0].bias.shape
    (Model(3-2), (2,))
    """
    if not isinstance(weights, list | tuple) or not weights:
        raise ValueError(f"from_keras needs a list of weights, got {kind_of(weights)}")
    arrays = [as_array(f"weights[{i}]", weight) for i, weight in enumerate(weights)]
    starts = [i for i, array in enumerate(arrays) if array.ndim == 2]
    if not starts or starts[0]:
        got = arrays[0].shape
        raise ValueError(f"weights[0] needs to be a kernel (inputs, outputs), got {got}")
    ends = [*starts[1:], len(arrays)]
    if names is None:
        roles = [r for start, end in zip(starts, ends, strict=True) for r in _counted(start, end)]
    else:
        roles = _named(names, arrays)
    blocks = [
        _block({roles[i]: arrays[i] for i in range(start, end)}, start, end, roles)
        for start, end in zip(starts, ends, strict=True)
    ]
    return network_of(blocks, model, activation, norm_epsilon)


def _counted(start: int, end: int) -> tuple[str, ...]:
    """What a kernel and those after it are, by how many there are."""
    if end - start - 1 not in FOLLOWING:
        raise ValueError(
            f"weights[{start}] needs at most {max(FOLLOWING)} weights after it before the next "
            f"kernel, got {end - start - 1}"
        )
    return ("kernel", *FOLLOWING[end - start - 1])


def _named(names: Sequence[str], arrays: Sequence[np.ndarray]) -> list[str]:
    """What weights are, by their names, of which Keras 2 ends each in ":0"."""
    if isinstance(names, str) or len(names) != len(arrays):
        got = names if isinstance(names, str) else len(names)
        raise ValueError(f"names needs one for each of {len(arrays)} weights, got {got}")
    lasts = [str(name).partition(":")[0].rpartition("/")[2] for name in names]
    for i, (last, array) in enumerate(zip(lasts, arrays, strict=True)):
        if last not in ROLES:
            raise ValueError(
                f"names[{i}] needs to end in one of {', '.join(ROLES)}, got {names[i]}"
            )
        if (last == "kernel") != (array.ndim == 2):
            raise ValueError(f"names[{i}] needs to be that of {array.shape}, got {names[i]}")
    return [ROLES[last] for last in lasts]


def _block(arrays: dict[str, np.ndarray], start: int, end: int, roles: Sequence[str]) -> Block:
    """A layer; what a norm lacks leaves what it norms as it is."""
    if len(arrays) < end - start:
        raise ValueError(f"weights[{start}] needs one of each after it, got {roles[start:end]}")
    names = {roles[i]: f"weights[{i}], a {roles[i]}," for i in range(start, end)}
    if {*arrays} & {*AFFINE, *MOMENTS}:
        width = arrays["kernel"].shape[1]
        arrays = {
            "scale": np.ones(width, np.float32),
            "shift": np.zeros(width, np.float32),
        } | arrays
        names = dict.fromkeys(AFFINE, f"weights[{end - 1}], of a norm,") | names
    if len(missing := {*MOMENTS} - {*arrays}) == 1:
        raise ValueError(
            f"weights[{start}] needs a mean and a var after it, got no {missing.pop()}"
        )
    return Block(arrays, names)


def _listed(block: Block) -> list[np.ndarray]:
    return [block.arrays[role] for role in NAMES if role in block.arrays]
