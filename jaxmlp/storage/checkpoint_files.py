"""One checkpoint as a folder of files: there as a whole or not at all, and verified when read.

240/arrays/        the bytes of every leaf, one after another, as one array that Orbax writes
240/record.json    what else is to be found again
240/manifest.json  the step, the score, each leaf's name, dtype and shape, each file's sha256
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.types import PyTree

__all__ = [
    "Checkpoint",
    "DamagedError",
    "load",
    "named_leaves",
    "orbax_handler",
    "read_manifest",
    "verify",
    "write",
]

Manifest = dict[str, Any]


class DamagedError(ValueError):
    """A checkpoint is not as it was written."""


class Checkpoint(NamedTuple):
    """What was saved."""

    step: int
    tree: PyTree  # leaves are NumPy arrays with the bits that were saved; random keys are JAX's
    record: Any
    score: float | None


def named_leaves(tree: PyTree) -> dict[str, Any]:
    """The leaves, each by its path in the tree: "params/0/kernel"; of random keys, their bits.

    Raises:
      TypeError: if a leaf is no array of numbers.
      ValueError: if two leaves have one name.

    >>> named_leaves({"b": (np.zeros(2), np.float32(1))})
    {'b/0': array([0., 0.]), 'b/1': np.float32(1.0)}
    """
    leaves: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(plain(tree)):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        leaf = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
        if not jnp.issubdtype(leaf.dtype, np.number) and leaf.dtype != bool:
            raise TypeError(f"{name} needs to be an array of numbers, got {leaf.dtype}")
        if name in leaves:
            raise ValueError(f"every leaf needs a name of its own, got two of {name}")
        leaves[name] = leaf
    return leaves


# --- writing


def write(
    path: Path, step: int, leaves: dict[str, np.ndarray], record: str, score: float | None
) -> None:
    """Writes a checkpoint beside its place, and moves it there when all of it is on the disk.

    Args:
      path: its folder, which must not be there.
      step: the number of updates done.
      leaves: by name, as `named_leaves` has them.
      record: JSON text.
      score: for a reader; None if there is none.

    Raises:
      Exception: whatever goes wrong; nothing is left of it then.
    """
    scratch = path.with_name(f".saving-{path.name}")
    try:
        scratch.mkdir()
        (scratch / "record.json").write_text(record)
        _orbax_save(scratch / "arrays", _concatenated(list(leaves.values())))
        manifest = {
            "name": path.name,
            "step": step,
            "score": score,
            "leaves": {name: _dtype_and_shape(leaf) for name, leaf in leaves.items()},
            "files": {name: _size_and_sha256(scratch / name) for name in _files(scratch)},
        }
        (scratch / "manifest.json").write_bytes(_encode(manifest))
        for folder, _, files in os.walk(scratch):
            for name in (*files, ""):
                _sync(os.path.join(folder, name))
        os.rename(scratch, path)
    except Exception:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    _sync(path.parent)


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


def _encode(manifest: Manifest) -> bytes:
    """The manifest as JSON, with its own sha256.

    A file is intact if and only if what is read from it encodes to the same bytes.
    """
    sha256 = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()
    return json.dumps({"manifest": manifest, "sha256": sha256}).encode()


def _sync(path: str | os.PathLike[str]) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- reading


def read_manifest(path: Path) -> Manifest:
    """The manifest of a checkpoint, checked against itself, but not against the other files.

    Raises:
      DamagedError: if it is not as it was written.
    """
    file = path / "manifest.json"
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise DamagedError(f"{file} cannot be read: {error.strerror}") from error
    try:
        manifest: Manifest = json.loads(raw)["manifest"]
        is_intact = _encode(manifest) == raw
    except (ValueError, KeyError, TypeError, RecursionError):
        is_intact = False
    if not is_intact:
        raise DamagedError(f"{file} needs the bytes it was written with, got others")
    if manifest["name"] != path.name:
        raise DamagedError(f"{path} needs the name {manifest['name']}, got {path.name}")
    return manifest


def verify(path: Path) -> Manifest:
    """Checks every file of a checkpoint against the manifest, and the manifest against itself.

    Args:
      path: its folder.

    Returns:
      The manifest.

    Raises:
      DamagedError: naming the first file that is not as it was written, is missing, or is one
        too many.
    """
    manifest = read_manifest(path)
    expected, found = manifest["files"], _files(path)
    for name in sorted(set(expected) - set(found)):
        raise DamagedError(f"{path / name} is missing")
    for name in sorted(set(found) - set(expected)):
        raise DamagedError(f"{path / name} is not one of its files: {', '.join(expected)}")
    for name in found:
        file = path / name
        try:
            got = _size_and_sha256(file)
        except OSError as error:
            raise DamagedError(f"{file} cannot be read: {error.strerror}") from error
        for key, value in expected[name].items():
            if got[key] != value:
                raise DamagedError(f"{file} needs the {key} {value}, got {got[key]}")
    return manifest


def load(path: Path, manifest: Manifest, like: PyTree) -> Checkpoint:
    """Reads a checkpoint that has been verified.

    Args:
      path: its folder.
      manifest: what `verify` returned.
      like: a tree of arrays, or of `jax.ShapeDtypeStruct`.

    Raises:
      ValueError: naming a leaf, if the tree is not like `like`.
    """
    expected = {name: _dtype_and_shape(leaf) for name, leaf in named_leaves(like).items()}
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


def _files(path: Path) -> list[str]:
    """The names of all files but the manifest, relative to the folder."""
    files = (file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir())
    return sorted(name for name in files if name != "manifest.json")


def _size_and_sha256(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        return {"size": os.fstat(opened.fileno()).st_size, "sha256": sha256}


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
    orbax_handler().save(folder, args=ocp.args.PyTreeSave({"leaves": data}))


def _orbax_restore(folder: Path) -> np.ndarray:
    import orbax.checkpoint as ocp

    tree = orbax_handler().restore(folder, args=ocp.args.PyTreeRestore())
    return np.asarray(tree["leaves"])
