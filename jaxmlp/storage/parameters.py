"""Parameters as a file, and as a digest that tells whether two results are the same bits."""

import hashlib
import os
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from jaxmlp.runtime.keydata import plain
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.runtime.whole import gathered
from jaxmlp.storage.atomic import whole_file
from jaxmlp.storage.trees import check_same, tree_of
from jaxmlp.types import PyTree

__all__ = ["digest", "load_params", "read", "save_params", "write"]

TEXTS = ("network.json",)  # what may lie beside the arrays; no array that is saved is a text


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
    for name, leaf in _named_arrays(tree):
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
    write(path, params, {})


def write(path: str | os.PathLike[str], params: PyTree, texts: Mapping[str, str]) -> None:
    """Does what `save_params` does, with texts beside the arrays, by names of `TEXTS`."""
    named = _named_arrays(params)
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
    with whole_file(path) as file:
        np.savez(file, allow_pickle=False, sha256=digest(params), **leaves, **texts)
        file.seek(0)
        try:
            check_same(_read(file)[0], params)
        except Exception as error:
            raise ValueError(
                "params need to be tuples, lists and dicts with plain names, none of them empty, "
                f"to come back as they were: {error}"
            ) from error


def load_params(path: str | os.PathLike[str]) -> PyTree:
    """Reads what `save_params` wrote, or the parameters of what `save` did.

    Args:
      path: the .npz file.

    Returns:
      The tree: lists as tuples, a `Dense` and whatever else has a kernel and then a bias as a
      `Dense`, a `Normed`, a Ladder network's layers and `Variables` likewise, other named nodes as
      dicts. Leaves are NumPy arrays with the bits that were saved.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is no .npz file of arrays, or is damaged.

    >>> import tempfile
    >>> from jaxmlp import Dense
    >>> path = os.path.join(tempfile.mkdtemp(), "params.npz")
    >>> save_params(path, (Dense(np.ones((2, 1)), np.zeros(1)),))
    >>> load_params(path)[0].bias
    array([0.])
    """
    return read(path)[0]


def read(path: str | os.PathLike[str]) -> tuple[PyTree, dict[str, str]]:
    """What `write` wrote: the parameters, and the texts that are there; raises as `load_params`."""
    try:
        with open(path, "rb") as file:
            return _read(file)
    except (FileNotFoundError, IsADirectoryError):
        raise
    except Exception as error:  # zipfile, zlib and NumPy each have their own
        raise ValueError(f"{path} needs to be an undamaged .npz file of arrays: {error}") from error


def _read(file: BinaryIO) -> tuple[PyTree, dict[str, str]]:
    with np.load(file, allow_pickle=False) as arrays:
        leaves = {name: arrays[name] for name in arrays.files}
    if "sha256" not in leaves:
        raise ValueError("it has no sha256, with which save_params and save write")
    sha256 = leaves.pop("sha256").item()
    texts = {n: leaves.pop(n).item() for n in TEXTS if n in leaves and leaves[n].dtype.kind == "U"}
    params = tree_of(leaves)
    if digest(params) != sha256:  # the zip format's own checks miss an array that is lost
        raise ValueError(f"the arrays need the digest {sha256}, got {digest(params)}")
    return params, texts


def _named_arrays(tree: PyTree) -> list[tuple[str, np.ndarray]]:
    named = named_leaves(plain(gathered(tree)))
    return [(name, np.asarray(leaf)) for name, leaf in named]
