"""Examples that lie elsewhere, such as in a mapped file, and are read by their rows."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from jaxmlp.naming import kind_of
from jaxmlp.training.examples import as_array, as_labels
from jaxmlp.types import Array

__all__ = [
    "Source",
    "as_source",
    "check_sources",
    "check_window",
    "is_streamed",
    "pieces",
    "refuse_other_lengths",
    "row_bytes",
    "whole",
]

CHUNK = 2**24  # bytes that are looked at at once
FEW = 1000  # examples that show what the others are like


class Source:
    """Rows of something that has a shape, a dtype and rows, as arrays of a dtype and a shape.

    >>> source = Source(np.arange(6.0).reshape(3, 2), np.float32)
    >>> source.shape, source[np.array([0, 2])].tolist()
    ((3, 2), [[0.0, 1.0], [4.0, 5.0]])
    """

    def __init__(self, values: Any, dtype: Any, row: tuple[int, ...] | None = None) -> None:
        """Of values whose rows are to have a dtype and, where it is another, a shape."""
        self._values: Any = values._values if isinstance(values, Source) else values
        self.dtype = np.dtype(dtype)
        self.shape = (values.shape[0], *(values.shape[1:] if row is None else row))

    def __len__(self) -> int:
        """How many rows."""
        return int(self.shape[0])

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """The rows of these numbers, which rise."""
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        self.read(rows, out)
        return out

    def read(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Writes the rows of these numbers, which rise, where they are to be."""
        values, row = self._values, self.shape[1:]
        if isinstance(values, np.ndarray) and values.dtype == self.dtype:
            # Not "raise", which would go through a copy.
            np.take(values.reshape(len(values), *row), rows, axis=0, out=out, mode="clip")
            return
        with np.errstate(over="ignore"):  # as `examples` has it
            out[...] = np.asarray(values[rows]).reshape(len(rows), *row)


def as_source(what: str, values: Any) -> Any:
    """A source of what has a shape, a dtype and rows; an array as it is, and of anything else."""
    if isinstance(values, Source | np.ndarray | jax.Array):
        return values
    try:
        is_one = len(values.shape) > 0 and hasattr(values, "__getitem__")
        return Source(values, values.dtype) if is_one else as_array(what, values)
    except (AttributeError, TypeError):
        return as_array(what, values)


def pieces(values: Any) -> Iterator[np.ndarray]:
    """The rows of an array or a source, so many at a time that little is in memory.

    >>> [len(piece) for piece in pieces(Source(np.zeros((5, 2**22)), np.float32))]
    [1, 1, 1, 1, 1]
    """
    size = max(1, CHUNK // max(1, row_bytes(values)))
    for start in range(0, len(values), size):
        yield values[np.arange(start, min(start + size, len(values)))]


def whole(values: Any) -> Any:
    """All rows of a source, as an array."""
    return values[np.arange(len(values))] if isinstance(values, Source) else values


def row_bytes(*arrays: Any) -> int:
    """What an example takes, of its inputs, labels and all.

    >>> row_bytes(np.zeros((5, 784), np.uint8), np.zeros(5, np.int32))
    788
    """
    return sum(int(np.prod(a.shape[1:], dtype=int)) * np.dtype(a.dtype).itemsize for a in arrays)


def is_streamed(window: int | None, *arrays: Any) -> bool:
    """Whether a set is read in windows: one of more bytes, that is not on a device already."""
    if window is None or any(isinstance(array, jax.Array) for array in arrays):
        return False
    return len(arrays[0]) * row_bytes(*arrays) > window


def check_sources(
    check_few: Callable[[Any, Any], tuple[Array, Array]],
    check_labels: Callable[[Array], Array | None],
    inputs: Any,
    labels: Any,
) -> tuple[Source, Source]:
    """Sees whether examples suit a recipe, without all of them in memory at once.

    The first ones tell what the inputs are; of the labels each is looked at.

    Args:
      check_few: `checks.check_examples` of the recipe.
      check_labels: the task's.
      inputs: from `as_source`, or one.
      labels: likewise.

    Raises:
      ValueError: as `check_few` does, and naming the row at which the labels are to be counted on.
    """
    few = np.arange(min(FEW, len(labels)))
    some_inputs, some_labels = check_few(inputs[few], labels[few])
    dtype, row = some_labels.dtype, some_labels.shape[1:]
    start = 0
    for piece in pieces(labels):
        chunk = as_labels(piece)
        try:
            checked = check_labels(chunk)
        except ValueError as error:
            if not start:
                raise
            raise ValueError(f"{error}, counted from row {start} on") from error
        start += len(piece)
        kind = (chunk if checked is None else checked).dtype
        dtype = kind if kind.kind == "f" else dtype  # of whole numbers beyond what JAX holds
    return _source(inputs, some_inputs.dtype, some_inputs.shape[1:]), _source(labels, dtype, row)


def _source(values: Any, dtype: Any, row: tuple[int, ...]) -> Source:
    return Source(values, jax.dtypes.canonicalize_dtype(dtype), row)


def refuse_other_lengths(inputs: Any, labels: Any) -> None:
    """Raises ValueError unless there are as many labels as inputs, at least one."""
    if len(inputs) == 0 or len(inputs) != len(labels):
        raise ValueError(
            "inputs and labels need the same length, at least 1, "
            f"got {len(inputs)} inputs and {len(labels)} labels"
        )


def check_window(window: Any) -> None:
    """Raises ValueError unless a window is None or a whole number of bytes."""
    if window is None:
        return
    if not isinstance(window, int | np.integer) or isinstance(window, bool) or window < 1:
        raise ValueError(f"window needs to be bytes, a whole number from 1, got {kind_of(window)}")
