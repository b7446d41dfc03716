"""What each device of a mesh has of a training's state, where layers are divided among them."""

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmlp.nn.mlp import architecture_of
from jaxmlp.nn.sharded import divided_axes, sharded_layers
from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.runtime.leaves import leaf_name
from jaxmlp.types import Model, PyTree

__all__ = [
    "MODEL",
    "has_layers_within",
    "held",
    "kept",
    "parts_of",
    "placed",
    "put",
    "refuse_undivided",
    "shardings",
]

MODEL = "model"  # the axis of a mesh over which a network's layers are divided


def parts_of(mesh: Mesh) -> int:
    """Among how many devices a layer is divided."""
    return int(dict(mesh.shape).get(MODEL, 1))


def has_layers_within(mesh: Mesh) -> bool:
    """Whether all parts of a layer are in one process, for each part of the data."""
    if parts_of(mesh) == 1:
        return True
    lines = np.moveaxis(mesh.devices, mesh.axis_names.index(MODEL), -1).reshape(-1, parts_of(mesh))
    return all(len({device.process_index for device in line}) == 1 for line in lines)


def refuse_undivided(model: Model, mesh: Mesh) -> None:
    """Raises ValueError if a network's layers cannot be divided as a mesh has it."""
    if (parts := parts_of(mesh)) == 1:
        return
    layers, made = sharded_layers(model), architecture_of(model)
    if made is None or not layers:
        raise ValueError(
            f"a mesh with {MODEL}:{parts} needs a network that jaxmlp.with_sharded has made, whose "
            f"layers are to be divided, got {model}"
        )
    for layer in layers:
        if (units := made.sizes[layer + 1]) % parts:
            raise ValueError(
                f"hidden layer {layer} needs a multiple of {parts} units on a mesh with "
                f"{MODEL}:{parts}, got {units}"
            )


def shardings(mesh: Mesh, model: Model, tree: PyTree) -> PyTree:
    """Where the arrays of a tree belong: parameters, an optimizer's state of them, or both.

    An array is a divided parameter's, or of as many numbers for each, where its name ends in the
    parameter's and its last axes are the parameter's. All other arrays every device has whole.

    Args:
      mesh: with an axis "model", or without.
      model: what `with_sharded` has made, or any other.
      tree: of arrays, or of `jax.ShapeDtypeStruct`.

    Returns:
      A tree of `NamedSharding`.

    >>> import jaxmlp
    >>> mesh = jax.make_mesh((1, 1), ("data", "model"))
    >>> model = jaxmlp.with_sharded(jaxmlp.mlp((4, 8, 3)))
    >>> params = jax.eval_shape(model.init, jax.random.key(0))
    >>> [each.spec for each in shardings(mesh, model, params)[0]]
    [P(None, 'model'), P('model',)]
    """
    made = architecture_of(model)
    divided = divided_axes(made) if made is not None and MODEL in mesh.axis_names else {}

    def of(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
        name = f"/{leaf_name(path)}"
        for own, (shape, axis) in divided.items():
            if name.endswith(f"/{own}") and leaf.shape[-len(shape) :] == shape:
                axes: list[str | None] = [None] * len(leaf.shape)
                axes[axis] = MODEL
                return NamedSharding(mesh, PartitionSpec(*axes))
        return NamedSharding(mesh, PartitionSpec())

    return jax.tree_util.tree_map_with_path(of, tree)


def placed(mesh: Mesh, model: Model, shapes: PyTree) -> PyTree:
    """Shapes that say where their arrays belong."""
    return jax.tree.map(
        lambda leaf, where: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
        shapes,
        shardings(mesh, model, shapes),
    )


def held(mesh: Mesh, model: Model, shapes: PyTree) -> PyTree:
    """The shapes of what one device has of arrays; raises as `refuse_undivided` does."""
    refuse_undivided(model, mesh)
    return jax.tree.map(
        lambda leaf, where: jax.ShapeDtypeStruct(where.shard_shape(leaf.shape), leaf.dtype),
        shapes,
        shardings(mesh, model, shapes),
    )


def kept(mesh: Mesh, model: Model, tree: PyTree) -> PyTree:
    """A tree of traced arrays, which the compiler is to leave where they belong."""
    return jax.lax.with_sharding_constraint(tree, shardings(mesh, model, tree))


def put(tree: PyTree, where: Any) -> Any:
    """A tree of arrays, on a device or on several, of which other processes may have some.

    Args:
      tree: of arrays.
      where: a device; a sharding of all of them; or a tree with one for each.
    """
    is_one = isinstance(where, jax.sharding.Sharding)
    if isinstance(where, jax.Device) or (is_one and where.is_fully_addressable):
        return jax.device_put(tree, where)
    leaves, structure = jax.tree.flatten(plain(tree))
    places = [where] * len(leaves) if is_one else jax.tree.leaves(where)
    return typed(jax.tree.unflatten(structure, map(_put, leaves, places)))


def _put(leaf: Any, where: jax.sharding.Sharding) -> jax.Array:
    is_everywhere = isinstance(leaf, jax.Array) and not leaf.is_fully_addressable
    if where.is_fully_addressable or is_everywhere:
        return jax.device_put(leaf, where)
    whole = np.asarray(leaf)
    dtype = jax.dtypes.canonicalize_dtype(whole.dtype)
    return jax.make_array_from_callback(
        whole.shape, where, lambda index: whole[index].astype(dtype)
    )
