"""One checkpoint as a folder of files: there as a whole or not at all, and verified when read.

240/arrays/        the bytes of every leaf, one after another, as one array that Orbax writes
               or, of a process other than the first, as an .npy file there
               or, where several devices have some, every leaf on its own: see `own_arrays`
240/record.json    what else is to be found again
240/manifest.json  what the folder holds: see `manifest`
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.storage import jointly, own_arrays
from jaxmlp.storage.atomic import scratch_of, whole_folder
from jaxmlp.storage.manifest import DamagedError, Manifest, read_manifest, verify, write_manifest
from jaxmlp.training.placement import put
from jaxmlp.types import PyTree

__all__ = [
    "Checkpoint",
    "DamagedError",
    "checked_leaves",
    "load",
    "read_manifest",
    "verify",
    "write",
    "write_part",
]

OWN_ARRAYS = "own"  # what a manifest says where each leaf is an array of its own
OWN = "arrays.npy"  # of a process of several that saves what it alone has


class Checkpoint(NamedTuple):
    """What was saved."""

    step: int
    # Leaves are NumPy arrays with the bits that were saved, or JAX's where these belong on several
    # devices; random keys are JAX's.
    tree: PyTree
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
    path: Path,
    step: int,
    leaves: dict[str, Any],
    record: str,
    score: float | None,
    own: bool = False,
    place: str | None = None,
) -> None:
    """Writes a checkpoint, whole or not at all.

    Args:
      path: its folder, which must not be there.
      step: the number of updates done.
      leaves: by name, as `checked_leaves` has them.
      record: JSON text.
      score: for a reader; None if there is none.
      own: whether each leaf is to be an array of its own; others are NumPy's.
      place: where the other processes are told to write their parts, by `write_part`.

    Raises:
      Exception: whatever goes wrong; nothing is left of it then.
    """
    shapes = {name: _dtype_and_shape(leaf) for name, leaf in leaves.items()}
    with whole_folder(path) as folder:
        (folder / "record.json").write_text(record)
        facts = {"name": path.name, "step": step, "score": score, "leaves": shapes}
        if own:
            facts["arrays"] = OWN_ARRAYS
            (folder / "arrays").mkdir()
            if place is not None:
                jointly.tell(place, "name", path.name)
            own_arrays.save(folder / "arrays", leaves)
            if place is not None:
                jointly.everyones_word(place)
        else:
            _orbax_save(folder / "arrays", _concatenated(list(leaves.values())))
        write_manifest(folder, facts)


def write_part(folder: Path, leaves: dict[str, Any], place: str) -> None:
    """Writes what a process other than the first has of a checkpoint that the first one writes.

    Args:
      folder: of the checkpoints.
      leaves: as of `write`.
      place: likewise.

    Raises:
      OSError: if one of the processes could not write its part, so that there is no checkpoint.
      TimeoutError: if the first one does not save.
    """
    name, problem = jointly.hear(place, "name"), ""
    if name is not None:
        try:
            own_arrays.save(scratch_of(folder / name) / "arrays", leaves)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        jointly.tell(place, f"process {jax.process_index()}", problem)
    if problem := jointly.hear(place, "end"):
        raise OSError(problem)


def load(path: Path, manifest: Manifest, like: PyTree) -> Checkpoint:
    """Reads a checkpoint that has been verified.

    Args:
      path: its folder.
      manifest: what `verify` returned.
      like: a tree of arrays, or of `jax.ShapeDtypeStruct`. Those that lie on several devices, or
        belong there, are read to where these are.

    Raises:
      ValueError: naming a leaf, if the tree is not like `like`.
    """
    given = checked_leaves(like)
    expected = {name: _dtype_and_shape(leaf) for name, leaf in given.items()}
    found = manifest["leaves"]
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            needs, got = _describe(expected.get(name)), _describe(found.get(name))
            raise ValueError(f"{name} needs to be {needs}, got {got} in {path}")
    places = {name: own_arrays.placement_of(leaf) for name, leaf in given.items()}
    if manifest.get("arrays") == OWN_ARRAYS:
        leaves = own_arrays.restore(path / "arrays", found, places)
    else:
        leaves = _cut(_orbax_restore(path / "arrays"), found)
        leaves |= {name: put(leaves[name], where) for name, where in places.items() if where}
    structure = jax.tree.structure(plain(like))
    tree = typed(jax.tree.unflatten(structure, [leaves[name] for name in expected]))
    record = json.loads((path / "record.json").read_text())
    return Checkpoint(manifest["step"], tree, record, manifest["score"])


def _cut(data: np.ndarray, found: dict[str, Any]) -> dict[str, Any]:
    """What `_concatenated` was given."""
    leaves = {}
    for name, leaf in found.items():
        leaves[name] = np.empty(leaf["shape"], np.dtype(leaf["dtype"]))
        size = leaves[name].nbytes
        leaves[name].reshape(-1).view(np.uint8)[:], data = data[:size], data[size:]
    return leaves


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


def _orbax_save(folder: Path, data: np.ndarray) -> None:
    import orbax.checkpoint as ocp

    folder.mkdir()
    if jax.process_index():  # Orbax leaves NumPy's arrays to the first process
        np.save(folder / OWN, data, allow_pickle=False)
        return
    own_arrays.orbax_handler().save(folder, args=ocp.args.PyTreeSave({"leaves": data}))


def _orbax_restore(folder: Path) -> np.ndarray:
    import orbax.checkpoint as ocp

    if (folder / OWN).exists():
        return np.asarray(np.load(folder / OWN, allow_pickle=False))
    tree = own_arrays.orbax_handler().restore(folder, args=ocp.args.PyTreeRestore())
    return np.asarray(tree["leaves"])
