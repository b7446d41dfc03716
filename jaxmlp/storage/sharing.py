"""A checkpoint that process 0 has read, in all processes: theirs need not see the same disk."""

import json

import jax
import numpy as np

from jaxmlp.runtime import processes
from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.storage.checkpoint import Checkpoint
from jaxmlp.types import PyTree

__all__ = ["as_bytes", "from_bytes", "from_first"]


def from_first(found: Checkpoint | None, like: PyTree) -> Checkpoint | None:
    """What process 0 has found, or that it is nothing; all processes ask at the same place.

    Args:
      found: by process 0; the others' does not matter.
      like: what it was restored by.

    Raises:
      ProcessLostError: if another process has ended.
    """
    return from_bytes(processes.from_first(as_bytes(found)), like)


def as_bytes(found: Checkpoint | None) -> bytes:
    r"""A line of JSON, then the bits of all leaves.

    >>> as_bytes(Checkpoint(8, {"weight": np.ones(2, np.int8)}, None, None))
    b'{"step": 8, "record": null, "score": null}\n\x01\x01'
    """
    if found is None:
        return b""
    facts = {name: value for name, value in found._asdict().items() if name != "tree"}
    leaves = [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(plain(found.tree))]
    return b"\n".join([json.dumps(facts).encode(), b"".join(leaves)])


def from_bytes(content: bytes, like: PyTree) -> Checkpoint | None:
    """What `as_bytes` was given.

    Args:
      content: what it returned.
      like: a tree with the structure, the dtypes and the shapes of the checkpoint's.
    """
    if not content:
        return None
    line, _, data = content.partition(b"\n")
    shapes, structure = jax.tree.flatten(plain(like))
    leaves, start = [], 0
    for shape in shapes:
        dtype, count = np.dtype(shape.dtype), int(np.prod(shape.shape))
        leaf = np.frombuffer(data, dtype, count, start).reshape(shape.shape).copy()
        leaves.append(leaf)
        start += leaf.nbytes
    return Checkpoint(tree=typed(jax.tree.unflatten(structure, leaves)), **json.loads(line))
