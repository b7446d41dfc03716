"""Weights as PyTorch names and lays them out in an `nn.Sequential`; it needs no PyTorch."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jaxmlp.interop.blocks import Block, as_array, blocks_of, network_of
from jaxmlp.interop.perceptron import places
from jaxmlp.naming import kind_of
from jaxmlp.nn import activations
from jaxmlp.nn.architecture import EPSILON, without_scalings
from jaxmlp.nn.mlp import architecture_of
from jaxmlp.types import Model, PyTree

__all__ = ["from_torch", "to_torch"]

# What a module keeps of a norm, and what each is here.
NORM = {"weight": "scale", "bias": "shift", "running_mean": "mean", "running_var": "var"}
COUNT = "num_batches_tracked"  # of PyTorch's batch norm, which is read where it has no momentum


def to_torch(model: Model, params: PyTree) -> dict[str, np.ndarray]:
    """A network's parameters as the state of a `torch.nn.Sequential` of its layers.

    That is of `nn.Linear`, `nn.BatchNorm1d` or `nn.LayerNorm`, the activation, and `nn.Dropout`, of
    what the network has; numbered from 0, so that a network without norms and dropout has
    "0.weight", (outputs, inputs), "0.bias", "2.weight", ... PyTorch takes it by
    `module.load_state_dict({name: torch.tensor(array) for name, array in state.items()})`. In
    evaluation, `module.eval()`, outputs are the same but for rounding. In training the running
    variance is not: PyTorch's is n / (n - 1) times that of a batch; and its momentum is `1 - ours`,
    0.1 for 0.9.

    Scalings of `standardized` are in the numbers of the first and the last layer. There they
    are exact to 1e-7 of the largest term, so that where a mean is a thousand deviations or more,
    PyTorch's outputs lose digits.

    Args:
      model: from `mlp`.
      params: the model's.

    Raises:
      ValueError: if the model is another's, or the parameters are not the model's.

    >>> from jaxmlp.nn.mlp import mlp
    >>> model = mlp((4, 8, 3))
    >>> state = to_torch(model, model.init(jax.random.key(0)))
    >>> {name: array.shape for name, array in state.items()}
    {'0.weight': (8, 4), '0.bias': (8,), '2.weight': (3, 8), '2.bias': (3,)}
    """
    blocks = blocks_of("to_torch", model, params)
    made: Any = architecture_of(model)
    state: dict[str, np.ndarray] = {}
    for number, (kind, layer) in enumerate(places(without_scalings(made))):
        arrays = blocks[layer].arrays
        if kind == "dense":
            state[f"{number}.weight"] = np.ascontiguousarray(arrays["kernel"].T)
            state[f"{number}.bias"] = arrays["bias"]
        elif kind == "norm":
            state |= {f"{number}.{n}": arrays[role] for n, role in NORM.items() if role in arrays}
            if "mean" in arrays:
                state[f"{number}.{COUNT}"] = np.array(0)
    return state


def from_torch(
    state: Mapping[str, Any],
    model: Model | None = None,
    *,
    activation: Callable[[jax.Array], jax.Array] = activations.relu,
    norm_epsilon: float = EPSILON,
) -> tuple[Model, PyTree]:
    """A network from the state of a `torch.nn.Sequential` of fully connected layers.

    Args:
      state: `module.state_dict()`, or arrays by such names: "0.weight", "net.2.bias", "fc1.weight".
        Layers come in the order of the numbers in their names; without numbers, in that of the
        state. A norm comes after its layer, before the activation. Bias before a batch norm becomes
        a part of the running mean, which is the same network. A norm without running statistics is
        read as a layer norm: a state does not tell `LayerNorm` from
        `BatchNorm1d(track_running_stats=False)`, for which there is no network here.
      model: which network it is, from `mlp`; None for one of these widths and norms, without
        dropout: a state does not tell its activation.
      activation: of a network that is not given.
      norm_epsilon: the same; 1e-5 is PyTorch's own.

    Returns:
      The model and its parameters.

    Raises:
      ValueError: if a name is not known, is missing, or has an array of another shape or of no
        float32; or it is another network than the model.

    >>> state = {"0.weight": np.ones((2, 3), np.float32), "0.bias": np.zeros(2, np.float32)}
    >>> model, params = from_torch(state)
    >>> model, params[0].kernel.shape
    (Model(3-2), (3, 2))
    """
    blocks = _blocks(_modules(state))
    return network_of(blocks, model, activation, norm_epsilon, is_flipped=True)


def _modules(state: Any) -> list[tuple[str, dict[str, Any]]]:
    """What each module keeps, by the names of the modules, in order."""
    if not isinstance(state, Mapping) or not state:
        raise ValueError(f"from_torch needs a state_dict, got {kind_of(state)}")
    modules: dict[str, dict[str, Any]] = {}
    for name, value in state.items():
        module, _, kept = str(name).rpartition(".")
        if kept not in (*NORM, COUNT) or not module:
            known = ", ".join([*NORM, COUNT])
            raise ValueError(f"a state needs names of a module and one of {known}, got {name}")
        modules.setdefault(module, {})[kept] = value
    numbers = {module: [int(n) for n in re.findall(r"\d+", module)] for module in modules}
    if all(numbers.values()):
        return sorted(modules.items(), key=lambda item: numbers[item[0]])
    return list(modules.items())


def _blocks(modules: list[tuple[str, dict[str, Any]]]) -> list[Block]:
    blocks: list[Block] = []
    before = ""
    for module, kept in modules:
        names = {each: f"{module}.{each}" for each in kept}
        if "weight" not in kept:
            raise ValueError(f"a state needs {module}.weight beside {names[next(iter(kept))]}")
        arrays = {n: as_array(names[n], value) for n, value in kept.items() if n != COUNT}
        weight = arrays["weight"]
        if weight.ndim == 2:
            if more := [n for n in kept if n not in ("weight", "bias")]:
                raise ValueError(f"{names['weight']} needs 1 axis beside {names[more[0]]}, got 2")
            roles = {"weight": "kernel", "bias": "bias"}
            arrays["weight"] = weight.T
            blocks.append(Block({}, {}))
        elif weight.ndim == 1:
            _check_norm(module, kept, before, blocks)
            roles = NORM
        else:
            raise ValueError(f"{names['weight']} needs 1 or 2 axes, got the shape {weight.shape}")
        blocks[-1].arrays.update({roles[n]: array for n, array in arrays.items()})
        blocks[-1].names.update({roles[n]: names[n] for n in arrays})
        before = module
    return blocks


def _check_norm(module: str, kept: dict[str, Any], before: str, blocks: list[Block]) -> None:
    if not blocks or "scale" in blocks[-1].arrays:
        raise ValueError(f"{module} needs a fully connected layer before its norm, got none")
    if before.isdigit() and module.isdigit() and int(module) != int(before) + 1:
        raise ValueError(
            f"a norm needs to come next to its layer, before the activation, got {module} after "
            f"{before}"
        )
    needed = ["bias", *(["running_mean", "running_var"] if {*kept} - {"weight", "bias"} else [])]
    if missing := [n for n in needed if n not in kept]:
        raise ValueError(f"a state needs {module}.{missing[0]} beside {module}.weight")
