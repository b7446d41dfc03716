"""One network on many devices: each has its share of every batch."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmlp.naming import kind_of
from jaxmlp.runtime.keydata import plain, typed
from jaxmlp.runtime.whole import is_divided, is_spread
from jaxmlp.training import placement
from jaxmlp.training.goals import Goal, key_of, penalties, seen
from jaxmlp.training.measures import Measure, is_sum, sums_of, weighted_sum
from jaxmlp.training.passes import training_pass
from jaxmlp.training.stages import gradients, sums_batch
from jaxmlp.types import Array, Batch, Context, Model, PyTree, trained, with_trained

__all__ = [
    "DATA",
    "SHARDS",
    "Parallel",
    "as_parallel",
    "divided",
    "here",
    "make_parallel",
    "taken",
    "total",
    "value_and_gradient",
]

DATA = "data"  # the axis of a mesh over which batches are divided
SHARDS = 8  # of a batch in exact mode, whatever the number of devices


class Parallel(NamedTuple):
    """How the steps of one network are divided among devices."""

    mesh: Mesh
    mode: str  # "exact" or "fast"

    @property
    def everywhere(self) -> NamedSharding:
        """Of an array that all devices have whole."""
        return NamedSharding(self.mesh, PartitionSpec())

    @property
    def by_rows(self) -> NamedSharding:
        """Of an array of which each device has its share of the rows."""
        return NamedSharding(self.mesh, PartitionSpec(DATA))

    @property
    def parts(self) -> int:
        """How many parts a batch, or a set, is cut into."""
        return SHARDS if self.mode == "exact" else self.mesh.shape[DATA]

    @property
    def has_parts(self) -> bool:
        """Whether layers are divided, and not batches alone."""
        return placement.MODEL in self.mesh.axis_names


def make_parallel(
    mesh: Mesh,
    mode: str | None,
    model: Model,
    batch_size: int,
    inputs: Array,
    has_penalty: bool = False,
) -> Parallel:
    """How to train a network on a mesh.

    Args:
      mesh: as of `as_parallel`.
      mode: likewise.
      model: the network.
      batch_size: of the recipe.
      inputs: (num_examples, features).
      has_penalty: whether the task has one, which may ask for slopes in the inputs.

    Raises:
      ValueError: if the batch, or what the network makes of one, cannot be divided so.
    """
    parallel = as_parallel(mesh, mode)
    (mesh, mode), parts = parallel, parallel.parts
    placement.refuse_undivided(model, mesh)
    if batch_size % parts:
        raise ValueError(
            f"batch_size needs to be a multiple of {parts} on {mesh.shape[DATA]} devices in {mode} "
            f"mode, got {batch_size}"
        )
    traced = None if mode == "fast" else _traced(model, batch_size // SHARDS, inputs)
    if traced is not None and not _knows_its_place(traced):
        raise ValueError(
            "exact mode needs a network whose train is made by lift, as mlp's is: another would "
            f"take a part of a batch for a whole one; got {model}; fast mode has no such need"
        )
    if traced is not None and has_penalty and any(map(sums_batch, traced.eqns)):
        raise ValueError(
            "exact mode cannot find how a penalty changes with inputs where each depends on the "
            f"whole batch, as under batch normalization, or the way back of a ladder does, got "
            f"{model}; fast mode has no such need"
        )
    return parallel


def as_parallel(mesh: Mesh, mode: str | None) -> Parallel:
    """How to evaluate a network on a mesh.

    Args:
      mesh: with the axes "data", "model" or both, and no more than one device along any other.
      mode: "exact" or "fast"; by default exact on CPUs and fast elsewhere, and where layers are
        divided over "model".

    Raises:
      ValueError: if they do not fit each other.
    """
    if not isinstance(mesh, Mesh):
        raise ValueError(f'mesh needs to be like jaxmlp.make_mesh("data:2"), got {kind_of(mesh)}')
    mesh = _as_known(mesh)
    has_whole_layers = placement.parts_of(mesh) == 1
    is_exact = mesh.devices.flat[0].platform == "cpu" and has_whole_layers
    mode = mode or ("exact" if is_exact else "fast")
    if mode not in ("exact", "fast"):
        raise ValueError(f"mode needs to be exact or fast, got {mode}")
    if mode == "exact" and not has_whole_layers:
        raise ValueError(
            "exact mode needs whole layers on each device, got a mesh with "
            f"{placement.MODEL}:{placement.parts_of(mesh)}: what the parts of a layer come to is "
            "added in the compiler's order, which another mesh changes; fast mode has no such need"
        )
    if mode == "exact" and SHARDS % mesh.size:
        raise ValueError(f"exact mode needs 1, 2, 4 or 8 devices, got {mesh.size}")
    return Parallel(mesh, mode)


def _as_known(mesh: Mesh) -> Mesh:
    """The mesh with the axis of the data first, and that of the layers where there is more of it.

    Axes are as the compiler is to see them, whichever else `jax.make_mesh` made: devices matter.
    """
    known = (DATA, placement.MODEL)
    there = [name for name in known if name in mesh.axis_names]
    if not there or math.prod(mesh.shape[name] for name in there) != mesh.size:
        got = ", ".join(f"{name}:{size}" for name, size in mesh.shape.items())
        raise ValueError(
            f'mesh needs all its devices along the axes "{DATA}" and "{placement.MODEL}", got {got}'
        )
    others = [name for name in mesh.axis_names if name not in known]
    devices = mesh.devices.transpose([mesh.axis_names.index(name) for name in (*there, *others)])
    devices = devices.reshape([mesh.shape.get(name, 1) for name in known])
    return Mesh(devices, known) if devices.shape[1] > 1 else Mesh(devices[:, 0], (DATA,))


def _traced(model: Model, size: int, inputs: Array) -> Any:
    """The operations of a network's training pass, whose first input is the batch's place."""
    if model.train is None:
        return None
    train: Any = model.train
    key = jax.random.key(0)
    params, shape = jax.eval_shape(model.init, key), (max(size, 2), *inputs.shape[1:])

    def outputs(first: jax.Array, params: PyTree, inputs: jax.Array) -> Any:
        return train(params, inputs, Context(key, jnp.ones(len(inputs), bool), first))

    shapes = jnp.uint32(0), params, jax.ShapeDtypeStruct(shape, jnp.float32)
    return jax.make_jaxpr(outputs)(*shapes).jaxpr


def _knows_its_place(traced: Any) -> bool:
    """Whether what a network makes of examples depends on their place in the batch."""
    return any(traced.invars[0] is var for each in traced.eqns for var in each.invars)


def divided(parallel: Parallel, batch: Batch) -> Batch:
    """A batch, divided among the devices, where the compiler is to divide the work by it."""
    if parallel.mode == "exact":
        return jax.lax.with_sharding_constraint(batch, parallel.everywhere)
    return jax.lax.with_sharding_constraint(batch, parallel.by_rows)


def taken(
    parallel: Parallel,
    examples: tuple[jax.Array, ...],
    order: jax.Array,
    step: jax.Array,
    batch_size: int,
    within: tuple[int, jax.Array],
) -> Batch:
    """The batch of a step, of whose examples each device has its own, in a window.

    Args:
      parallel: the devices.
      examples: inputs, labels and perhaps weights, of which each device has its share.
      order: where the first of a device's examples is among those that it has, the second, ...
      step: the step within the epoch, from 0.
      batch_size: examples a batch, on all devices together.
      within: as of `take_batch`.
    """
    num_examples, before = within
    own = batch_size // parallel.mesh.shape[DATA]

    def here(
        examples: tuple[jax.Array, ...], order: jax.Array, step: jax.Array, before: jax.Array
    ) -> Batch:
        first = step * batch_size + jax.lax.axis_index(DATA) * own
        mask = first + jnp.arange(own, dtype=jnp.int32) < num_examples
        rows = order[(step - before // batch_size) * own + jnp.arange(own, dtype=jnp.int32)]
        inputs, labels, *weights = (array[rows] for array in examples)
        return Batch(inputs, labels, mask, *weights)

    whole, share = PartitionSpec(), PartitionSpec(DATA)
    return jax.shard_map(
        here,
        mesh=parallel.mesh,
        in_specs=(share, share, whole, whole),
        out_specs=share,
        axis_names={DATA},
        check_vma=False,
    )(examples, order, step, before)


def here(tree: PyTree) -> Any:
    """A tree of arrays that several devices have whole, as the first one of this process has it.

    Where one of them is divided, all are left as they are.
    """
    tree = plain(tree)
    if any(map(is_divided, jax.tree.leaves(tree))):
        return typed(tree)
    return typed(
        jax.tree.map(lambda leaf: leaf.addressable_data(0) if is_spread(leaf) else leaf, tree)
    )


def value_and_gradient(
    parallel: Parallel,
    model: Model,
    functions: tuple[Measure, ...],
    params: PyTree,
    batch: Batch,
    key: jax.Array | None,
    step: jax.Array,
    goal: Goal | None = None,
) -> tuple[tuple[jax.Array, Any], PyTree]:
    """What `step.value_and_gradient` returns, with sums over eight shards in their order.

    A batch is always cut into eight shards; each device goes through its own in turn, and what they
    come to is gathered and added in their order, on all devices alike. So the bits are the same on
    1, 2, 4 and 8 devices; but not those of a batch that is not cut.

    Raises:
      ValueError: while tracing, if the network's `train` is not one that `lift` made: it would not
        know that it sees a part of a batch.
    """
    own_key = key_of(model, key, step, goal)
    count = SHARDS // parallel.mesh.size

    def one(weights: PyTree, shard: tuple[Batch, Batch | None, jax.Array]) -> tuple[jax.Array, Any]:
        part, mixed, first = shard
        mixed = part if mixed is None else mixed
        now = with_trained(params, weights)

        def forward(inputs: jax.Array) -> jax.Array:
            return training_pass(model, now, mixed._replace(inputs=inputs), own_key, first).outputs

        outputs, after, cost = training_pass(model, now, mixed, own_key, first)
        sums, size = sums_of(functions, outputs, part)
        if goal is None and cost is None:
            return sums[0], (sums[0], size, sums, size, after)
        aim = goal or Goal(functions[0])  # type: ignore[arg-type]
        added = penalties(goal, forward, mixed, outputs, own_key, cost, first)
        value, weight = weighted_sum(aim.loss, aim.weight, outputs, mixed, added)
        return value, (value, weight, sums, size, after)

    mixed = None if goal is None or goal.mix is None else seen(goal, batch, own_key)

    def here(params: PyTree, batch: Batch, mixed: Batch | None) -> tuple[Any, PyTree, PyTree]:
        def cut(leaf: jax.Array) -> jax.Array:
            return leaf.reshape(count, -1, *leaf.shape[1:])

        size = len(batch.inputs) // count
        places = jax.lax.axis_index(DATA) * count + jnp.arange(count)
        firsts = (places * size).astype(jnp.uint32)
        shards = jax.tree.map(cut, batch), jax.tree.map(cut, mixed), firsts
        _, (*rest, after), gradient = gradients(one, trained(params), shards, total)
        summed, gradient = jax.tree.map(total, (rest, gradient))
        return summed, gradient, jax.tree.map(lambda leaf: leaf[0], after)

    (value, weight, sums, size), gradient, after = jax.shard_map(
        here,
        mesh=parallel.mesh,
        in_specs=(PartitionSpec(), PartitionSpec(DATA), PartitionSpec(DATA)),
        out_specs=PartitionSpec(),
        check_vma=False,
    )(params, batch, mixed)
    weight = jnp.where(weight > 0, weight, 1.0)
    gradient = jax.tree.map(lambda leaf: leaf / weight.astype(leaf.dtype), gradient)
    pairs = zip(functions, sums, strict=True)
    whole = jnp.where(size > 0, size, 1.0)
    means = [total if is_sum(measure) else total / whole for measure, total in pairs]
    return (value / weight, (means, size, after)), gradient


def total(values: jax.Array) -> jax.Array:
    """(shards here, ...) -> (...): the sum over all shards, in their order, on every device."""
    every = jax.lax.all_gather(values, DATA, tiled=True)
    return functools.reduce(jnp.add, jax.lax.optimization_barrier(list(every)))
