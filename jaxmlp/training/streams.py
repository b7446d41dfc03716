"""Sets that are larger than memory, in windows: one is used while the next is read."""

import functools
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jaxmlp.runtime import memory
from jaxmlp.training.batches import num_steps
from jaxmlp.training.placement import put
from jaxmlp.training.sources import Source, row_bytes

__all__ = [
    "Epochs",
    "Feed",
    "Window",
    "gathered",
    "spread",
    "steps_in_window",
    "window_shapes",
    "windows",
]

Order = Callable[[int, int], np.ndarray]  # seed, epoch -> the rows in their order
Lies: TypeAlias = jax.Device | NamedSharding  # where a set lies: one device, or many by its rows


class Window(NamedTuple):
    """Arrays of the examples of some successive steps, or their shapes.

    On several devices each has its share of every batch, and the places of its own.
    """

    examples: tuple[Any, ...]  # inputs, labels, perhaps weights, by their rows in the set
    order: Any  # (examples,) int32: where among them the first one is, the second, ...
    before: Any  # () int32: how many examples of the epoch come before


def steps_in_window(window: int, batch_size: int, *arrays: Any) -> int:
    """How many whole batches a window of so many bytes has: at least one, at most all.

    >>> steps_in_window(10_000, 10, np.zeros((500, 24), np.float32), np.zeros(500, np.int32))
    10
    """
    fitting = window // (batch_size * max(1, row_bytes(*arrays)))
    return min(max(1, fitting), num_steps(len(arrays[0]), batch_size))


def window_shapes(
    arrays: Sequence[Any], batch_size: int, window: int, where: NamedSharding | None = None
) -> Window:
    """The shapes of a window of so many bytes; divided as said, where there are several devices."""
    size = batch_size * steps_in_window(window, batch_size, *arrays)

    def shape(row: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((size, *row), dtype, sharding=where)

    examples = tuple(shape(array.shape[1:], array.dtype) for array in arrays)
    return Window(examples, shape((), np.int32), jax.ShapeDtypeStruct((), np.int32))


def windows(
    arrays: Sequence[Source], size: int, device: jax.Device
) -> Iterator[tuple[jax.Array, ...]]:
    """A set's examples as they stand, so many at a time; the last window is filled up with any."""
    starts = range(0, len(arrays[0]), size)

    def make(index: int) -> tuple[jax.Array, ...]:
        rows = np.arange(starts[index], min(starts[index] + size, len(arrays[0])))
        return jax.device_put(_read(arrays, rows, size), device)

    feed = Feed(make)
    for index in range(len(starts)):
        yield feed.get(index, index + 1 if index + 1 < len(starts) else None)


class Epochs:
    """A training set's windows, epoch after epoch."""

    def __init__(
        self,
        arrays: Sequence[Any],
        batch_size: int,
        num_epochs: int,
        window: int,
        order: Order,
        where: Lies,
    ) -> None:
        """With windows of so many bytes; nothing is read before it is asked for."""
        self._arrays, self._batch_size, self._num_epochs = tuple(arrays), batch_size, num_epochs
        self._order, self._where = functools.lru_cache(maxsize=1)(order), where
        self._in_epoch = num_steps(len(arrays[0]), batch_size)
        self._in_window = steps_in_window(window, batch_size, *arrays)
        self._feed = Feed(self._make)

    def end(self, step: int) -> int:
        """The step after the last one of the window that a step is in."""
        epoch, place = divmod(step, self._in_epoch)
        window_end = (place // self._in_window + 1) * self._in_window
        return epoch * self._in_epoch + min(window_end, self._in_epoch)

    def at(
        self, seed: int | jax.Array, step: int, following: tuple[int, int] | None = None
    ) -> Window:
        """The window that a step is in; what will be next is read meanwhile.

        Args:
          seed: of the order.
          step: of the training.
          following: the seed and the step that are asked for next; by default the same seed, and
            the step after this window.
        """
        after = (seed, self.end(step)) if following is None else following
        is_last = after[1] >= self._num_epochs * self._in_epoch
        keys = [(int(each[0]), *self._place(each[1])) for each in ((seed, step), after)]
        return self._feed.get(keys[0], None if is_last else keys[1])

    def let_go(self) -> None:
        """Keeps no window, for as long as none is asked for."""
        self._feed.let_go()

    def _place(self, step: int) -> tuple[int, int]:
        epoch, place = divmod(step, self._in_epoch)
        return epoch, place // self._in_window

    def _make(self, key: tuple[int, int, int]) -> Window:
        seed, epoch, index = key
        order, before = self._order(seed, epoch), index * self._in_window * self._batch_size
        places = np.arange(before, before + self._in_window * self._batch_size)
        places = np.minimum(places, len(order) - 1)  # what is behind the last example is masked
        shares = places.reshape(self._in_window, _num_parts(self._where), -1)  # of each batch

        def part(number: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
            return gathered(self._arrays, order[shares[:, number].ravel()])

        examples, places_of = spread(part, self._where)
        return Window(examples, places_of, put(np.int32(before), _everywhere(self._where)))


def _num_parts(where: Lies) -> int:
    return 1 if isinstance(where, jax.Device) else where.mesh.shape[where.spec[0]]


def _everywhere(where: Lies) -> Lies:
    return where if isinstance(where, jax.Device) else NamedSharding(where.mesh, PartitionSpec())


def spread(part: Callable[[int], Any], where: Lies) -> Any:
    """Arrays on devices, of which each has its share of the rows.

    Args:
      part: makes arrays of the rows of a part. It is called for those alone that are of this
        process's devices.
      where: one device, of one part, or a sharding by rows.
    """
    if isinstance(where, jax.Device):
        return jax.device_put(part(0), where)
    count = _num_parts(where)
    slices: Any = where.addressable_devices_indices_map((count,))
    numbers = {device: index[0].start or 0 for device, index in slices.items()}
    made = {number: part(number) for number in sorted(set(numbers.values()))}

    def joined(*pieces: np.ndarray) -> jax.Array:
        shape = (count * len(pieces[0]), *pieces[0].shape[1:])
        placed = list(map(jax.device_put, pieces, numbers))
        return jax.make_array_from_single_device_arrays(shape, where, placed)

    return jax.tree.map(joined, *(made[number] for number in numbers.values()))


def gathered(arrays: Sequence[Any], rows: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Rows of each array, read once each and as they lie, which is quickest; and their order.

    >>> (read,), order = gathered((np.arange(10.0, dtype=np.float32),), np.array([7, 2, 2]))
    >>> read[:2].tolist(), order.tolist()
    ([2.0, 7.0], [1, 0, 0])
    """
    near, order = np.unique(rows, return_inverse=True)
    return _read(arrays, near, len(rows)), order.astype(np.int32)


def _read(arrays: Sequence[Any], rows: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """Rows of each array, in arrays of so many that a CPU's devices take over as they are."""

    def one(array: Any) -> np.ndarray:
        made = memory.empty((size, *array.shape[1:]), array.dtype)
        if isinstance(array, Source):
            array.read(rows, made[: len(rows)])
        else:
            made[: len(rows)] = np.asarray(array)[rows]
        made[len(rows) :] = 0
        return made

    return tuple(map(one, arrays))


class Feed:
    """Makes what is asked for, and in the meantime what will be next."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        """By a function of a key; it runs in a thread of its own, with this one's settings."""
        wide = bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]

        def making(key: Any) -> Any:
            with jax.enable_x64(wide):
                return make(key)

        self._make, self._made = making, dict[Hashable, Future[Any]]()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="window")

    def get(self, key: Hashable, following: Hashable | None) -> Any:
        """What is made of a key; that of the following one is begun, and any other is let go."""
        wanted = [each for each in (key, following) if each is not None]
        self._drop(self._made.keys() - set(wanted))
        for each in wanted:
            if each not in self._made:
                self._made[each] = self._pool.submit(self._make, each)
        return self._made[key].result()

    def let_go(self) -> None:
        """Keeps nothing of what was made."""
        self._drop(set(self._made))

    def _drop(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            self._made.pop(key).cancel()
