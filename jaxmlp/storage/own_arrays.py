"""The arrays of a checkpoint one by one, each as Orbax has it: every process writes its shards.

A device's part of an array is a file, so that no process needs the whole of it, neither here nor
where it is read, on whichever devices that is.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmlp.runtime.whole import gathered

__all__ = ["copied", "orbax_handler", "placement_of", "restore", "save"]

Leaf = Any  # a NumPy array, or one of JAX's


@functools.cache
def orbax_handler() -> Any:
    """What writes and reads an array: without compression, which costs more than it saves.

    A second description of arrays, beside what each has of its own, is left out.
    """
    import orbax.checkpoint as ocp

    kinds = ocp.type_handlers
    known = kinds.create_type_handler_registry(
        (jax.Array, kinds.ArrayHandler(array_metadata_store=None)),
        (np.ndarray, kinds.NumpyHandler()),
    )
    return ocp.PyTreeCheckpointHandler(
        use_ocdbt=False, use_compression=False, type_handler_registry=known
    )


def copied(leaf: jax.Array, is_joint: bool = False) -> Leaf:
    """A copy of an array that several devices have, for it to be written when they have gone on.

    It is in the memory of the machine, where the devices' can be reached from there.

    Args:
      leaf: the array.
      is_joint: whether other processes write their parts; or else this one has all of them.
    """
    if leaf.is_fully_replicated:
        return np.array(leaf.addressable_data(0))
    if not (leaf.is_fully_addressable or is_joint):
        return gathered(leaf)
    device: Any = next(iter(leaf.sharding.device_set))
    kind = "pinned_host"
    has_own = device.platform != "cpu"
    if has_own and kind in {memory.kind for memory in device.addressable_memories()}:
        return jax.device_put(leaf, leaf.sharding.with_memory_kind(kind))
    return jax.device_put(leaf, leaf.sharding, may_alias=False)


def save(folder: Path, leaves: Mapping[str, Leaf]) -> None:
    """Writes what this process has of arrays.

    Args:
      folder: which is there; of several processes all write into it.
      leaves: by name. Of NumPy's the first process writes all.
    """
    import orbax.checkpoint as ocp

    numbered = {str(i): leaf for i, leaf in enumerate(leaves.values()) if leaf.size}
    numbered = numbered or {"none": np.zeros(1)}  # Orbax has none without elements
    orbax_handler().save(folder, args=ocp.args.PyTreeSave(numbered))


def placement_of(leaf: Any) -> jax.sharding.Sharding | None:
    """Where an array belongs, or one of such a shape, if that is on several devices."""
    where: Any = getattr(leaf, "sharding", None)
    return where if where is not None and len(where.device_set) > 1 else None


def restore(
    folder: Path, found: Mapping[str, Any], places: Mapping[str, jax.sharding.Sharding | None]
) -> dict[str, Leaf]:
    """Reads arrays, of which each process reads what its devices are to have.

    Args:
      folder: as of `save`.
      found: the dtypes and shapes of all, by their names, in the order that they were saved in.
      places: where they belong, by name; None for an array of NumPy's.
    """
    import orbax.checkpoint as ocp

    how, empty = {}, {}
    for i, (name, facts) in enumerate(found.items()):
        shape, where = tuple(facts["shape"]), places[name]
        if not all(shape):
            nothing = np.zeros(shape, np.dtype(facts["dtype"]))
            empty[name] = nothing if where is None else jax.device_put(nothing, where)
        elif where is None:
            how[str(i)] = ocp.RestoreArgs(restore_type=np.ndarray)
        else:
            how[str(i)] = ocp.ArrayRestoreArgs(sharding=where, global_shape=shape)
    if not how:
        return empty
    restored = orbax_handler().restore(
        folder,
        args=ocp.args.PyTreeRestore(item=dict.fromkeys(how, 0), restore_args=how),
    )
    read = {name: restored.get(str(i)) for i, name in enumerate(found)}
    return {**read, **empty}
