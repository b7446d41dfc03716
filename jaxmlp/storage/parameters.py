"""Parameters as a file, and as a digest that tells whether two results are the same bits."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import jax
import numpy as np

from jaxmlp.runtime.keydata import plain
from jaxmlp.types import Dense, Normed, PyTree, Variables

__all__ = ["digest", "load_params", "save_params"]


def digest(tree: PyTree) -> str:
    """The sha256 of a tree of arrays: their paths, dtypes, shapes and bits.

    Args:
      tree: params, a whole `TrainState`, or any other tree of arrays.

    Returns:
      64 hexadecimal digits, equal for two trees only if every bit of them is.

    >>> zeros = np.zeros(2)
    >>> digest(zeros) == digest(zeros.copy()), digest(zeros) == digest(-zeros)
    (True, False)
    """
    sha256 = hashlib.sha256()
    for name, leaf in _named_leaves(tree):
        sha256.update(f"{name} {leaf.dtype} {leaf.shape}\n".encode())
        sha256.update(leaf.tobytes())
    return sha256.hexdigest()


def save_params(path: str | os.PathLike[str], params: PyTree) -> None:
    """Writes parameters as a NumPy .npz file, whole or not at all.

    What is written is read back before it takes its place, so that what this takes, `load_params`
    returns. A save that was killed leaves a file beside the place, `.NAME.saving`, which the next
    one uses; of several at a time the last has the place.

    Args:
      path: the file; one that is there is replaced at the last moment.
      params: a tree of tuples, lists and dicts with arrays as leaves, as `mlp` and Flax have them.
        An array's name in the file is its path in the tree: "0/kernel" is the first layer's kernel.
        Their digest goes with them as "sha256".

    Raises:
      OSError: if the file cannot be written.
      ValueError: if the tree would not come back: a leaf's dtype has no place in an .npz file, as
        bfloat16 has none; a node is empty; a key has a slash in it, or is a number.
    """
    path = Path(path)
    named = _named_leaves(params)
    leaves = dict(named)
    if reserved := {"file", "sha256", "allow_pickle"} & leaves.keys():
        raise ValueError(
            f"params need leaves with names of their own, got {', '.join(sorted(reserved))}"
        )
    if not named:
        raise ValueError("params need at least one leaf, got none")
    for name, leaf in named:
        if not name.isprintable():
            raise ValueError(f"params need names that can be printed, got {name!r}")
        if leaf.dtype.kind not in "fiub":
            raise ValueError(f"params need float, int or bool leaves, got {leaf.dtype} at {name}")
    with _in_the_place_of(path) as file:
        np.savez(file, allow_pickle=False, sha256=digest(params), **leaves)
        file.seek(0)
        try:
            _check_same(_read(file), params)
        except Exception as error:
            raise ValueError(
                "params need to be tuples, lists and dicts with plain names, none of them empty, "
                f"to come back as they were: {error}"
            ) from error


def load_params(path: str | os.PathLike[str]) -> PyTree:
    """Reads what `save_params` wrote.

    Args:
      path: the .npz file.

    Returns:
      The tree: lists as tuples, a `Dense` and whatever else has a kernel and then a bias as a
      `Dense`, a `Normed` and `Variables` likewise, other named nodes as dicts. Leaves are NumPy
      arrays with the bits that were saved.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is no .npz file of arrays, or is damaged.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "params.npz")
    >>> save_params(path, (Dense(np.ones((2, 1)), np.zeros(1)),))
    >>> load_params(path)[0].bias
    array([0.])
    """
    try:
        with open(path, "rb") as file:
            return _read(file)
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy each have their own
        raise ValueError(f"{path} needs to be an undamaged .npz file of arrays: {error}") from error


def _read(file: BinaryIO) -> PyTree:
    with np.load(file, allow_pickle=False) as arrays:
        leaves = {name: arrays[name] for name in arrays.files}
    sha256 = leaves.pop("sha256").item()
    params = _tree({tuple(name.split("/")) if name else (): leaf for name, leaf in leaves.items()})
    if digest(params) != sha256:  # the zip format's own checks miss an array that is lost
        raise ValueError(f"the arrays need the digest {sha256}, got {digest(params)}")
    return params


@contextlib.contextmanager
def _in_the_place_of(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its place when all is well and is gone when it is not."""
    scratch = path.with_name(f".{path.name}.saving")
    with _locked(scratch) as file:
        try:
            file.truncate(0)
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(scratch, path)
        except BaseException:
            if _is_at(scratch, file):
                os.unlink(scratch)
            raise


def _locked(scratch: Path) -> BinaryIO:
    """A file that nobody else writes; one that a killed process left is taken over."""
    while True:
        file = os.fdopen(os.open(scratch, os.O_RDWR | os.O_CREAT, 0o644), "r+b")
        if sys.platform == "win32":
            return file
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_at(scratch, file):
            return file
        file.close()  # who had the lock before has moved it to its place


def _is_at(path: Path, file: BinaryIO) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    return False


def _check_same(got: PyTree, expected: PyTree) -> None:
    """Sees whether trees have the same leaves at the same places, and as many nodes."""
    for ours, theirs in zip(_places(got), _places(expected), strict=True):
        if ours != theirs:
            raise ValueError(f"{theirs} would be {ours}")
    structures: Any = (jax.tree.structure(tree) for tree in (got, expected))
    ours, theirs = (structure.num_nodes for structure in structures)
    if ours != theirs:
        raise ValueError(f"of {theirs} nodes {ours} would be left")


def _places(tree: PyTree) -> list[tuple[int | str, ...]]:
    """The path of each leaf: indices, and names as texts, so that a dict is told from a tuple."""

    def step(entry: Any) -> Any:
        if hasattr(entry, "idx"):
            return entry.idx
        known = [getattr(entry, name) for name in ("key", "name") if hasattr(entry, name)]
        return f"{known[0]!r}" if known else entry

    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
    return [tuple(map(step, path)) for path in paths]


def _named_leaves(tree: PyTree) -> list[tuple[str, np.ndarray]]:
    paths = jax.tree_util.tree_leaves_with_path(jax.device_get(plain(tree)))
    return [
        (jax.tree_util.keystr(path, simple=True, separator="/"), np.asarray(leaf))
        for path, leaf in paths
    ]


def _tree(leaves: dict[tuple[str, ...], np.ndarray]) -> PyTree:
    if () in leaves:
        return leaves[()]
    names = list(dict.fromkeys(path[0] for path in leaves))
    children = {
        name: _tree({path[1:]: leaf for path, leaf in leaves.items() if path[0] == name})
        for name in names
    }
    if sorted(names) == sorted(str(i) for i in range(len(names))):
        return tuple(children[str(i)] for i in range(len(names)))
    # JAX sorts the names of a dict: "bias" would be first, and "running".
    for kind in (Dense, Normed, Variables):
        if names == list(kind._fields):
            return kind(**children)
    return children
