"""Evaluation by several devices together: each goes through its own parts of a set.

A set is cut into as many parts as a batch in training is: eight in exact mode, whose sums are added
in their order, so that figures have the same bits on 1, 2, 4 and 8 devices. Nothing goes between
the devices before the end.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from jaxmlp.runtime.compilation import Call, compile_all
from jaxmlp.runtime.whole import is_divided
from jaxmlp.training.batches import num_steps, scale_pixels
from jaxmlp.training.measures import Measure, sums_of, zeros_of
from jaxmlp.training.parallel import DATA, Parallel, total
from jaxmlp.training.placement import put
from jaxmlp.training.sources import Source, row_bytes
from jaxmlp.training.streams import Feed, gathered, spread
from jaxmlp.types import Batch, PyTree

__all__ = [
    "Division",
    "added",
    "batches_in",
    "call_in_windows",
    "divide",
    "linked",
    "sums",
    "sums_in_window",
    "sums_in_windows",
    "together",
    "totals_of",
]

BATCH = 1000  # examples of a part at a time: bounds the memory

Apply = Callable[[PyTree, jax.Array], jax.Array]


class Division(NamedTuple):
    """How a set is cut into parts that follow one another, and each of them into batches."""

    num_examples: int
    parts: int
    part: int  # examples of one; the last ones may have fewer, or none
    batch_size: int
    num_batches: int  # of a part

    def rows(self, part: Any, places: Any) -> tuple[Any, Any]:
        """The examples at places in a part, and whether they are there, or another stands for them.

        >>> rows, is_there = divide(10, 4).rows(3, np.arange(3))
        >>> rows.tolist(), is_there.tolist()
        ([9, 9, 9], [True, False, False])
        """
        rows = part * self.part + places
        is_there = (places < self.part) & (rows < self.num_examples)
        return rows.clip(max=self.num_examples - 1), is_there


def divide(num_examples: int, parts: int) -> Division:
    """Cuts a set into parts of like size, and these into as few batches as there need be.

    >>> divide(60_000, 8)
    Division(num_examples=60000, parts=8, part=7500, batch_size=938, num_batches=8)
    """
    part = num_steps(num_examples, parts)
    num_batches = num_steps(part, BATCH)
    return Division(num_examples, parts, part, num_steps(part, num_batches), num_batches)


def _stacked(zeros: list[jax.Array], parallel: Parallel) -> list[jax.Array]:
    """The sums of each part before its first batch; (parts, ...)."""
    return [jnp.zeros((parallel.parts, *zero.shape), zero.dtype) for zero in zeros]


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def sums(
    apply: Apply,
    functions: tuple[Measure, ...],
    parallel: Parallel,
    params: PyTree,
    inputs: jax.Array,
    labels: jax.Array,
    num_batches: jax.Array,
) -> list[jax.Array]:
    """`evaluation.sums`, by several devices, which all have the set; the batches are a part's."""
    outputs = jax.eval_shape(lambda: apply(params, scale_pixels(inputs[0])))
    totals = _stacked(zeros_of(functions, outputs, labels[0]), parallel)
    division, examples = divide(len(inputs), parallel.parts), (inputs, labels)
    done = _looped(
        apply, functions, parallel, division, params, examples, None, totals, 0, num_batches
    )
    return _added(parallel, done)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def sums_in_window(
    apply: Apply,
    functions: tuple[Measure, ...],
    parallel: Parallel,
    num_examples: int,
    params: PyTree,
    examples: tuple[jax.Array, ...],
    order: jax.Array,
    totals: list[jax.Array],
    first: jax.Array,
    stop: jax.Array,
) -> list[jax.Array]:
    """The sums of each part, with a window's batches of it added, from the first to the stop."""
    division = divide(num_examples, parallel.parts)
    return _looped(
        apply, functions, parallel, division, params, examples, order, totals, first, stop
    )


@functools.partial(jax.jit, static_argnums=0)
def added(parallel: Parallel, totals: list[jax.Array]) -> list[jax.Array]:
    """The sums over all parts, in their order."""
    return _added(parallel, totals)


def _looped(
    apply: Apply,
    functions: tuple[Measure, ...],
    parallel: Parallel,
    division: Division,
    params: PyTree,
    examples: tuple[jax.Array, ...],
    order: jax.Array | None,
    totals: list[jax.Array],
    first: int | jax.Array,
    stop: jax.Array,
) -> list[jax.Array]:
    """Traces the loop over a device's parts, and the batches of each.

    The body has nothing in it of how many parts a device has, for the bits not to depend on it.
    """
    count = division.parts // parallel.mesh.shape[DATA]

    def here(params: Any, examples: Any, order: Any, totals: Any, first: Any, stop: Any) -> Any:
        def of_part(i: jax.Array, totals: list[jax.Array]) -> list[jax.Array]:
            def body(step: jax.Array, own: list[jax.Array]) -> list[jax.Array]:
                places = step * division.batch_size + jnp.arange(division.batch_size)
                number = jax.lax.axis_index(DATA) * count + i
                rows, mask = division.rows(number, places)
                if order is not None:
                    begins = i * (len(order) // count) - first * division.batch_size
                    rows = order[begins + places]
                inputs, labels = (array[rows] for array in examples)
                outputs = jax.vmap(apply, (None, 0))(params, scale_pixels(inputs))
                found, _ = sums_of(functions, outputs, Batch(inputs, labels, mask))
                return [t + value.astype(t.dtype) for t, value in zip(own, found, strict=True)]

            own = jax.lax.fori_loop(first, stop, body, [each[i] for each in totals])
            return [each.at[i].set(value) for each, value in zip(totals, own, strict=True)]

        length = jax.lax.optimization_barrier(jnp.int32(count))  # as `stages` has it
        return jax.lax.fori_loop(0, length, of_part, totals)

    whole, share = PartitionSpec(), PartitionSpec(DATA)
    lies = whole if order is None else share
    return jax.shard_map(
        here,
        mesh=parallel.mesh,
        in_specs=(whole, lies, lies, share, whole, whole),
        out_specs=share,
        axis_names={DATA},
        check_vma=False,
    )(params, examples, order, totals, first, stop)


def _added(parallel: Parallel, totals: list[jax.Array]) -> list[jax.Array]:
    def here(totals: list[jax.Array]) -> list[jax.Array]:
        return [total(each) for each in totals]

    return jax.shard_map(
        here,
        mesh=parallel.mesh,
        in_specs=PartitionSpec(DATA),
        out_specs=PartitionSpec(),
        axis_names={DATA},
        check_vma=False,
    )(totals)


def sums_in_windows(
    run: Callable[..., list[jax.Array]],
    add: Callable[..., list[jax.Array]],
    arrays: tuple[Any, ...],
    parallel: Parallel,
    window: int,
    zeros: list[jax.Array],
) -> list[jax.Array]:
    """What `sums` returns, of a set that is read in windows: each process reads its own parts.

    Args:
      run: `sums_in_window` of all that comes before the examples.
      add: `added`, likewise.
      arrays: sources of inputs and labels.
      parallel: the devices.
      window: bytes, on all devices together.
      zeros: before the first batch, as of `zeros_of`.
    """
    division, size = divide(len(arrays[0]), parallel.parts), batches_in(window, arrays, parallel)
    count, num_windows = (
        division.parts // parallel.mesh.shape[DATA],
        num_steps(division.num_batches, size),
    )

    def make(index: int) -> Any:
        places = (index * size * division.batch_size) + np.arange(size * division.batch_size)

        def of_device(number: int) -> Any:
            parts = range(number * count, (number + 1) * count)
            return gathered(arrays, np.concatenate([division.rows(p, places)[0] for p in parts]))

        return spread(of_device, parallel.by_rows)

    feed, totals = Feed(make), put(_stacked(zeros, parallel), parallel.by_rows)
    for index in range(num_windows):
        examples, order = feed.get(index, index + 1 if index + 1 < num_windows else None)
        stop = min((index + 1) * size, division.num_batches)
        bounds = put((np.int32(index * size), np.int32(stop)), parallel.everywhere)
        totals = jax.block_until_ready(run(examples, order, totals, *bounds))
        del examples, order
    return add(totals)


def call_in_windows(
    static: tuple[Apply, tuple[Measure, ...], Parallel],
    params: PyTree,
    arrays: tuple[Any, ...],
    window: int,
    zeros: list[jax.Array],
) -> tuple[Call, Call]:
    """What `sums_in_windows` runs and adds by, to be compiled.

    Args:
      static: the static arguments of `sums`.
      params: the model's, or their shapes.
      arrays: as of `sums_in_windows`.
      window: likewise.
      zeros: likewise.
    """
    parallel = static[-1]
    division = divide(len(arrays[0]), parallel.parts)
    size = batches_in(window, arrays, parallel) * division.batch_size * division.parts

    def divided(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, dtype, sharding=parallel.by_rows)

    examples = tuple(divided((size, *a.shape[1:]), a.dtype) for a in arrays)
    carried = [divided(each.shape, each.dtype) for each in _stacked(zeros, parallel)]
    step = jax.ShapeDtypeStruct((), np.int32)
    given = params, examples, divided((size,), np.int32), carried, step, step
    where = parallel.everywhere
    return (
        Call(sums_in_window, (*static, len(arrays[0])), given, where),
        Call(added, (parallel,), (carried,), where),
    )


def batches_in(window: int, arrays: tuple[Any, ...], parallel: Parallel) -> int:
    """How many batches of each part a window of so many bytes has: at least one, at most all."""
    division = divide(len(arrays[0]), parallel.parts)
    fitting = window // (division.parts * division.batch_size * max(1, row_bytes(*arrays)))
    return min(max(1, fitting), division.num_batches)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def linked(
    apply: Apply,
    link: Callable[[jax.Array], jax.Array],
    parallel: Parallel,
    params: PyTree,
    inputs: jax.Array,
    num_batches: jax.Array,
) -> jax.Array:
    """`evaluation.linked`, by several devices, which all have the inputs and the outputs."""
    division = divide(len(inputs), parallel.parts)
    count = division.parts // parallel.mesh.shape[DATA]
    room = division.num_batches * division.batch_size

    def one(params: PyTree, example: jax.Array) -> jax.Array:
        return link(apply(params, scale_pixels(example)))

    def here(params: PyTree, inputs: jax.Array, stop: jax.Array) -> jax.Array:
        def body(place: jax.Array, found: jax.Array) -> jax.Array:
            i, step = place // stop, place % stop
            places = step * division.batch_size + jnp.arange(division.batch_size)
            rows, _ = division.rows(jax.lax.axis_index(DATA) * count + i, places)
            outputs = jax.vmap(one, (None, 0))(params, inputs[rows])
            start = i * room + step * division.batch_size
            return jax.lax.dynamic_update_slice_in_dim(found, outputs, start, axis=0)

        example = jax.eval_shape(one, params, inputs[0])
        empty = jnp.zeros((count * room, *example.shape), example.dtype)
        found = jax.lax.fori_loop(0, count * stop, body, empty)
        return jax.lax.all_gather(found, DATA, tiled=True)

    found = jax.shard_map(
        here,
        mesh=parallel.mesh,
        in_specs=PartitionSpec(),
        out_specs=PartitionSpec(),
        axis_names={DATA},
        check_vma=False,
    )(params, inputs, num_batches)
    parts = found.reshape(division.parts, room, *found.shape[1:])[:, : division.part]
    return parts.reshape(-1, *found.shape[1:])[: len(inputs)]


def totals_of(
    static: tuple[Apply, tuple[Measure, ...], Parallel],
    params: PyTree,
    arrays: tuple[Any, ...],
    window: int | None,
    zeros: list[jax.Array],
) -> list[jax.Array]:
    """What `sums` returns of any set, read in windows or not; arguments as of the others."""
    parallel = static[-1]
    if not isinstance(arrays[0], Source):
        batches = np.int32(divide(len(arrays[0]), parallel.parts).num_batches)
        found: list[jax.Array] = together(parallel, sums, static, params, *arrays, batches)
        return found
    assert window is not None
    run, add = call_in_windows(static, _lying(params), arrays, window, zeros)
    compiled = compile_all({"run": run, "add": add})
    here = functools.partial(compiled["run"], _on(parallel, params))
    return sums_in_windows(here, compiled["add"], arrays, parallel, window, zeros)


def together(parallel: Parallel, function: Any, static: tuple[Any, ...], *arguments: PyTree) -> Any:
    """Calls a jitted function with arguments that all devices are given, compiled once."""
    placed = _on(parallel, arguments)
    each = Call(function, static, _lying(placed), parallel.everywhere)
    return compile_all({"it": each})["it"](*placed)


def _on(parallel: Parallel, tree: PyTree) -> Any:
    """Arrays on all devices: divided ones as they lie there, and others whole."""

    def of(leaf: Any) -> Any:
        there = set(parallel.mesh.devices.flat)
        is_there = is_divided(leaf) and leaf.sharding.device_set == there
        return leaf if is_there else put(leaf, parallel.everywhere)

    return jax.tree.map(of, tree)


def _lying(tree: PyTree) -> Any:
    """The shapes of divided arrays, with the places where they lie; others as they are."""

    def of(leaf: Any) -> Any:
        if not is_divided(leaf):
            return leaf
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)

    return jax.tree.map(of, tree)
