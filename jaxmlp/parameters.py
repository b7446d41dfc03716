"""Parameters as a file, and as a digest that tells whether two results are the same bits."""

import hashlib
import os
import tempfile
from pathlib import Path

import jax
import numpy as np

from jaxmlp.types import Dense, PyTree

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

    Args:
      path: the file; one that is there is replaced at the last moment.
      params: a tree of tuples, lists and dicts with arrays as leaves, as `mlp` and Flax have them.
        An array's name in the file is its path in the tree: "0/kernel" is the first layer's kernel.
        Their digest goes with them as "sha256".

    Raises:
      OSError: if the file cannot be written.
      ValueError: if a leaf's dtype has no place in an .npz file, as bfloat16 has none.
    """
    path = Path(path)
    named = _named_leaves(params)
    leaves = dict(named)
    reserved = {"file", "sha256", "allow_pickle"} & leaves.keys()
    if reserved or len(leaves) < len(named):
        got = ", ".join(sorted(reserved)) or "two leaves of one name"
        raise ValueError(f"params need leaves with names of their own, got {got}")
    for name, leaf in leaves.items():
        if leaf.dtype.kind not in "fiub":
            raise ValueError(f"params need float, int or bool leaves, got {leaf.dtype} at {name}")
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, sha256=digest(params), **leaves)
        os.chmod(scratch, 0o644)
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


def load_params(path: str | os.PathLike[str]) -> PyTree:
    """Reads what `save_params` wrote.

    Args:
      path: the .npz file.

    Returns:
      The tree: numbered nodes as tuples, a kernel with its bias in a tuple as a `Dense`, other
      named nodes as dicts. Leaves are NumPy arrays with the bits that were saved.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is no .npz file of arrays, or is damaged.

    >>> path = os.path.join(tempfile.mkdtemp(), "params.npz")
    >>> save_params(path, (Dense(np.ones((2, 1)), np.zeros(1)),))
    >>> load_params(path)[0].bias
    array([0.])
    """
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            leaves = {name: file[name] for name in file.files}
        sha256 = leaves.pop("sha256").item()
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy each have their own
        raise ValueError(f"{path} needs to be an undamaged .npz file of arrays: {error}") from error
    paths = {tuple(name.split("/")) if name else (): leaf for name, leaf in leaves.items()}
    params = _tree(paths, in_tuple=False)
    if digest(params) != sha256:  # the zip format's own checks miss an array that is lost
        raise ValueError(f"{path} needs parameters with the digest {sha256}, got {digest(params)}")
    return params


def _named_leaves(tree: PyTree) -> list[tuple[str, np.ndarray]]:
    paths = jax.tree_util.tree_leaves_with_path(jax.device_get(tree))
    return [
        (jax.tree_util.keystr(path, simple=True, separator="/"), np.asarray(leaf))
        for path, leaf in paths
    ]


def _tree(leaves: dict[tuple[str, ...], np.ndarray], in_tuple: bool) -> PyTree:
    if () in leaves:
        return leaves[()]
    names = list(dict.fromkeys(path[0] for path in leaves))
    numbered = sorted(names) == sorted(str(i) for i in range(len(names)))
    children = {
        name: _tree({p[1:]: leaf for p, leaf in leaves.items() if p[0] == name}, numbered)
        for name in names
    }
    if numbered:
        return tuple(children[str(i)] for i in range(len(names)))
    return Dense(**children) if in_tuple and names == list(Dense._fields) else children
