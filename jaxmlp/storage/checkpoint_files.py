"""One checkpoint as a folder of files: there as a whole or not at all, and verified when read.

240/arrays/        the bytes of every leaf, one after another, as one array that Orbax writes
               or, of a process other than the first, as an .npy file there
240/record.json    what else is to be found again
240/manifest.json  what the folder holds: see `manifest`
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.storage.atomic import whole_folder
from jaxmlp.storage.manifest import DamagedError, Manifest, read_manifest, verify, write_manifest
from jaxmlp.types import PyTree

__all__ = [
    "Checkpoint",
    "DamagedError",
    "checked_leaves",
    "load",
    "orbax_handler",
    "read_manifest",
    "verify",
    "write",
]

OWN = "arrays.npy"  # of a process of several that saves what it alone has


class Checkpoint(NamedTuple):
    """What was saved."""

    step: int
    tree: PyTree  # leaves are NumPy arrays with the bits that were saved; random keys are JAX's
    record: Any
    score: float | None


def checked_leaves(tree: PyTree) -> dict[str, Any]:
    """The leaves, each by its path in the tree: "params/0/kernel"; of random keys, their bits.

    Raises:
      TypeError: if a leaf is no array of numbers.
      ValueError: if two leaves have one name.

    >>> checked_leaves({"b": (np.zeros(2), np.float32(1))})
    {'b/0': array([0., 0.]), 'b/1': np.float32(1.0)}
    """
    leaves: dict[str, Any] = {}
    for name, leaf in named_leaves(plain(tree)):
        leaf = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
        if not jnp.issubdtype(leaf.dtype, np.number) and leaf.dtype != bool:
            raise TypeError(f"{name} needs to be an array of numbers, got {leaf.dtype}")
        if name in leaves:
            raise ValueError(f"every leaf needs a name of its own, got two of {name}")
        leaves[name] = leaf
    return leaves


def write(
    path: Path, step: int, leaves: dict[str, np.ndarray], record: str, score: float | None
) -> None:
    """Writes a checkpoint, whole or not at all.

    Args:
      path: its folder, which must not be there.
      step: the number of updates done.
      leaves: by name, as `checked_leaves` has them.
      record: JSON text.
      score: for a reader; None if there is none.

    Raises:
      Exception: whatever goes wrong; nothing is left of it then.
    """
    shapes = {name: _dtype_and_shape(leaf) for name, leaf in leaves.items()}
    with whole_folder(path) as folder:
        (folder / "record.json").write_text(record)
        _orbax_save(folder / "arrays", _concatenated(list(leaves.values())))
        facts = {"name": path.name, "step": step, "score": score, "leaves": shapes}
        write_manifest(folder, facts)


def load(path: Path, manifest: Manifest, like: PyTree) -> Checkpoint:
    """Reads a checkpoint that has been verified.

    Args:
      path: its folder.
      manifest: what `verify` returned.
      like: a tree of arrays, or of `jax.ShapeDtypeStruct`.

    Raises:
      ValueError: naming a leaf, if the tree is not like `like`.
    """
    expected = {name: _dtype_and_shape(leaf) for name, leaf in checked_leaves(like).items()}
    found = manifest["leaves"]
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            needs, got = _describe(expected.get(name)), _describe(found.get(name))
            raise ValueError(f"{name} needs to be {needs}, got {got} in {path}")
    data, leaves = _orbax_restore(path / "arrays"), {}
    for name, leaf in found.items():
        leaves[name] = np.empty(leaf["shape"], np.dtype(leaf["dtype"]))
        size = leaves[name].nbytes
        leaves[name].reshape(-1).view(np.uint8)[:], data = data[:size], data[size:]
    structure = jax.tree.structure(plain(like))
    tree = typed(jax.tree.unflatten(structure, [leaves[name] for name in expected]))
    record = json.loads((path / "record.json").read_text())
    return Checkpoint(manifest["step"], tree, record, manifest["score"])


def _concatenated(leaves: list[np.ndarray]) -> np.ndarray:
    """The bytes of all leaves.

    Orbax spends a millisecond or two on an array however small it is, so it is given one; and
    refuses an array without elements, so there is a byte at least.
    """
    data = np.zeros(max(1, sum(leaf.nbytes for leaf in leaves)), np.uint8)
    start = 0
    for leaf in leaves:
        data[start : start + leaf.nbytes] = np.ascontiguousarray(leaf).reshape(-1).view(np.uint8)
        start += leaf.nbytes
    return data


def _dtype_and_shape(leaf: Any) -> dict[str, Any]:
    return {"dtype": str(leaf.dtype), "shape": list(leaf.shape)}


def _describe(leaf: dict[str, Any] | None) -> str:
    return f"{leaf['dtype']} {tuple(leaf['shape'])}" if leaf else "absent"


# --- Orbax, which takes a third of a second to import


@functools.cache
def orbax_handler() -> Any:
    """What writes and reads an array: without compression, which costs more than it saves."""
    import orbax.checkpoint as ocp

    return ocp.PyTreeCheckpointHandler(use_ocdbt=False, use_compression=False)


def _orbax_save(folder: Path, data: np.ndarray) -> None:
    import orbax.checkpoint as ocp

    folder.mkdir()
    if jax.process_index():  # Orbax leaves NumPy's arrays to the first process
        np.save(folder / OWN, data, allow_pickle=False)
        return
    orbax_handler().save(folder, args=ocp.args.PyTreeSave({"leaves": data}))


def _orbax_restore(folder: Path) -> np.ndarray:
    import orbax.checkpoint as ocp

    if (folder / OWN).exists():
        return np.asarray(np.load(folder / OWN, allow_pickle=False))
    tree = orbax_handler().restore(folder, args=ocp.args.PyTreeRestore())
    return np.asarray(tree["leaves"])
