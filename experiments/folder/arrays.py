"""The arrays in a folder: a run's parameters, and a sweep's results, checked as they are read."""

from collections.abc import Collection, Mapping
from pathlib import Path

import jax
import numpy as np

import jaxmlp
from experiments.data import npz
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.types import Model, PyTree

LISTED = 5  # names in a message
MEMBERS = {"params_sha256": "<U64", "stopped_at": "int32", "fault_step": "int64"}  # dtypes


def read_params(path: Path, model: Model) -> PyTree:
    """The parameters of a network, as `jaxmlp.save_params` wrote them.

    Raises:
      ValueError: if they are damaged, others, or not there.
    """
    like = jax.eval_shape(lambda: model.init(jax.random.key(0)))
    shapes = {name: leaf.shape for name, leaf in named_leaves(like)}
    found = npz.open_arrays(path)
    _check_names(path, found, ["sha256", *shapes])
    for name, shape in shapes.items():
        if found[name].shape != shape or found[name].dtype != np.float32:
            raise ValueError(f"{path} needs float32 {shape} as {name}, got {_kind(found[name])}")
    return jaxmlp.load_params(path)


def read_runs(path: Path, axes: Mapping[str, list[str]]) -> dict[str, np.ndarray]:
    """What a sweep's runs.npz has of its members.

    Args:
      path: the file.
      axes: name -> the texts of its values, as the sweep's settings have them.

    Returns:
      params_sha256, stopped_at and fault_step, a value a member, (*axes,); and history/<name>
      (*axes, epochs) float32.

    Raises:
      ValueError: if the file is damaged, or has other arrays.
    """
    found = npz.open_arrays(path)
    columns = [name for name in found if name.startswith("history/")]
    _check_names(path, found, [*(f"axes/{name}" for name in axes), *columns, *MEMBERS])
    for name, labels in axes.items():
        if (got := found.pop(f"axes/{name}")).tolist() != labels:
            raise ValueError(f"{path} needs axes/{name} to be config.json's, got {_kind(got)}")
    shape = tuple(len(labels) for labels in axes.values())
    epochs = found[columns[0]].shape[-1:] if columns else ()
    for name, array in found.items():
        dtype, expected = MEMBERS.get(name, "float32"), shape + epochs * (name in columns)
        if (array.dtype, array.shape) != (np.dtype(dtype), expected):
            raise ValueError(f"{path} needs {dtype} {expected} as {name}, got {_kind(array)}")
    return found


def _check_names(path: Path, found: Collection[str], names: Collection[str]) -> None:
    """Raises ValueError unless a file has arrays of these names, and no others."""
    for got, these in (("none of", set(names) - set(found)), ("also", set(found) - set(names))):
        if these:
            listed = ", ".join(sorted(these)[:LISTED])
            raise ValueError(f"{path} needs {len(names)} arrays, got {got} {listed}")


def _kind(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"
