"""Sets that are larger than memory, in windows: one is used while the next is read."""

import functools
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.runtime import memory
from jaxmlp.training.batches import num_steps
from jaxmlp.training.sources import Source, row_bytes

__all__ = ["Epochs", "Window", "steps_in_window", "window_shapes", "windows"]

Order = Callable[[int, int], np.ndarray]  # seed, epoch -> the rows in their order


class Window(NamedTuple):
    """Arrays of the examples of some successive steps, or their shapes."""

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


def window_shapes(arrays: Sequence[Any], batch_size: int, window: int) -> Window:
    """The shapes of a window of so many bytes."""
    size = batch_size * steps_in_window(window, batch_size, *arrays)
    examples = tuple(jax.ShapeDtypeStruct((size, *a.shape[1:]), a.dtype) for a in arrays)
    order, before = (jax.ShapeDtypeStruct(shape, np.int32) for shape in ((size,), ()))
    return Window(examples, order, before)


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
        device: jax.Device,
    ) -> None:
        """With windows of so many bytes; nothing is read before it is asked for."""
        self._arrays, self._batch_size, self._num_epochs = tuple(arrays), batch_size, num_epochs
        self._order, self._device = functools.lru_cache(maxsize=1)(order), device
        self._in_epoch = num_steps(len(arrays[0]), batch_size)
        self._in_window = steps_in_window(window, batch_size, *arrays)
        self._feed = Feed(self._make)

    def end(self, step: int) -> int:
        """The step after the last one of the window that a step is in."""
        epoch, place = divmod(step, self._in_epoch)
        window_end = (place // self._in_window + 1) * self._in_window
        return epoch * self._in_epoch + min(window_end, self._in_epoch)

    def at(self, seed: jax.Array, step: int) -> Window:
        """The window that a step is in; the next one is read meanwhile."""
        after = self.end(step)
        is_last = after >= self._num_epochs * self._in_epoch
        keys = [(int(seed), *self._place(each)) for each in (step, after)]
        return self._feed.get(keys[0], None if is_last else keys[1])

    def _place(self, step: int) -> tuple[int, int]:
        epoch, place = divmod(step, self._in_epoch)
        return epoch, place // self._in_window

    def _make(self, key: tuple[int, int, int]) -> Window:
        seed, epoch, index = key
        size = self._in_window * self._batch_size
        before = index * size
        rows = self._order(seed, epoch)[before : before + size]
        # Read as they lie, which is quickest; the device takes them in their order.
        places = np.argsort(rows)
        order = np.zeros(size, np.int32)
        order[places] = np.arange(len(rows), dtype=np.int32)
        read = _read(self._arrays, rows[places], size)
        made: Window = jax.device_put(Window(read, order, np.int32(before)), self._device)
        return made


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
        for other in self._made.keys() - set(wanted):
            self._made.pop(other).cancel()
        for each in wanted:
            if each not in self._made:
                self._made[each] = self._pool.submit(self._make, each)
        return self._made[key].result()
