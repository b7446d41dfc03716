"""Networks in safetensors files, which PyTorch and others read; needs the package `safetensors`."""

import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxmlp.interop.torch import from_torch, to_torch
from jaxmlp.nn import activations
from jaxmlp.nn.architecture import EPSILON, SCALINGS, without_scalings
from jaxmlp.nn.mlp import architecture_of, described, without_ladder
from jaxmlp.nn.scaling import arrays_of
from jaxmlp.objectives.tasks import Task
from jaxmlp.storage.atomic import whole_file
from jaxmlp.storage.network import Network, parsed, text_of
from jaxmlp.storage.parameters import digest
from jaxmlp.types import Model, PyTree

__all__ = ["load_safetensors", "save_safetensors"]

NETWORK, SHA256 = "jaxmlp", "jaxmlp.sha256"  # among a file's metadata


def save_safetensors(
    path: str | os.PathLike[str], model: Model, params: PyTree, task: Task | None = None
) -> None:
    """Writes a network to a safetensors file, whole or not at all.

    Its tensors are those of `to_torch`, and its metadata say what it is, so that it comes back by
    `load_safetensors` as by `jaxmlp.load`, and PyTorch takes it by
    `module.load_state_dict(safetensors.torch.load_file(path))`. The scalings of a network that is
    `standardized` are tensors besides, which PyTorch does not know and refuses: `to_torch` has them
    in the weights. The way back of a ladder is not among them: what comes back is the network that
    `without_ladder` gives.

    Args:
      path: the .safetensors file; one that is there is replaced at the last moment.
      model: as `jaxmlp.save` takes it, and the parameters and the task.
      params: the model's.
      task: what the outputs mean.

    Raises:
      OSError, ValueError: as `jaxmlp.save` does.
    """
    text_of(model, params, task)  # raises where they are no network
    model, params = without_ladder(model, params)
    metadata = {"format": "pt", NETWORK: text_of(model, params, task), SHA256: digest(params)}
    made: Any = architecture_of(model)
    tensors = to_torch(_plain(model), params)
    for name in SCALINGS:
        if (scaling := getattr(made, name)) is not None:
            halves = zip(scaling._fields, arrays_of(scaling), strict=True)
            tensors |= {f"{name}.{half}": values for half, values in halves}
    from safetensors.numpy import save

    with whole_file(path) as file:
        file.write(save(tensors, metadata))


def load_safetensors(
    path: str | os.PathLike[str],
    *,
    activation: Callable[[jax.Array], jax.Array] = activations.relu,
    norm_epsilon: float = EPSILON,
) -> Network:
    """Reads a network of `save_safetensors`, or the weights of a PyTorch `nn.Sequential`.

    Args:
      path: the .safetensors file.
      activation: of a file that does not say what network it is, as of `from_torch`.
      norm_epsilon: the same.

    Returns:
      The network, whose `predict` gives outputs as they are where the file says no more.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is damaged, is of a newer version, or has other tensors than those of fully
        connected layers.
    """
    tensors, metadata = _read(path)
    if NETWORK not in metadata:
        try:
            model, params = from_torch(tensors, activation=activation, norm_epsilon=norm_epsilon)
        except ValueError as error:
            raise ValueError(f"{path} needs fully connected layers: {error}") from error
        return Network(model, params)

    def params_of(model: Model) -> PyTree:
        names = [name for name in tensors if not name.startswith(SCALINGS)]
        _, params = from_torch({name: tensors[name] for name in names}, _plain(model))
        if digest(params) != metadata.get(SHA256):
            raise ValueError("its tensors need the digest that was saved with them, got another")
        return params

    return parsed(path, metadata[NETWORK], params_of)


def _plain(model: Model) -> Model:
    """The network without its scalings."""
    made = architecture_of(model)
    return model if made is None else described(without_scalings(made))


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (FileNotFoundError, IsADirectoryError):
        raise
    # A kind of numbers that NumPy lacks, such as float8, is an AttributeError or a TypeError.
    except (SafetensorError, OSError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} needs to be an undamaged .safetensors file: {error}") from error
