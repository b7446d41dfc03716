"""Arrays that are spread over devices, as whole ones."""

from typing import Any

import jax
import numpy as np

from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.types import PyTree

__all__ = ["gathered", "is_divided", "is_spread"]


def is_spread(leaf: Any) -> bool:
    """Whether several devices have an array, each some of it or all."""
    return isinstance(leaf, jax.Array) and len(leaf.sharding.device_set) > 1


def is_divided(leaf: Any) -> bool:
    """Whether each of several devices has some of an array."""
    return is_spread(leaf) and not leaf.is_fully_replicated


def gathered(tree: PyTree) -> PyTree:
    """A tree with all arrays as NumPy's, put together from what the devices have of them.

    Where a process does not have all of an array, all processes need to call this, as the others'
    parts are sent to it.

    >>> gathered({"bias": jax.numpy.zeros(2)})
    {'bias': array([0., 0.], dtype=float32)}
    """
    return typed(jax.tree.map(_gathered, plain(tree)))


def _gathered(leaf: Any) -> Any:
    if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable or leaf.is_fully_replicated:
        return jax.device_get(leaf)
    shards = {str(shard.index): shard for shard in leaf.addressable_shards}
    if sum(shard.data.size for shard in shards.values()) < leaf.size:
        from jax.experimental import multihost_utils

        return np.asarray(multihost_utils.process_allgather(leaf, tiled=True))
    found = np.empty(leaf.shape, leaf.dtype)
    for shard in shards.values():
        found[shard.index] = shard.data
    return found
