"""Rows that lie in files: read by their numbers, and never all of them at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from experiments.data.idx import DataError

__all__ = ["CHUNK", "Read", "Rows", "finite", "pieces"]

CHUNK = 2**24  # bytes that are read at once where all rows are

Read = Callable[[np.ndarray], np.ndarray]  # numbers of a file's rows, which rise -> (rows, ...)


class Rows:
    """Rows of files, with the shape and the dtype that an array of them would have.

    >>> rows = Rows(lambda numbers: 10.0 * numbers, (5, 1), np.float32)
    >>> rows[np.array([1, 4])].tolist()
    [[10.0], [40.0]]
    >>> np.asarray(rows.only(np.array([False, True, False, True, True]))).ravel().tolist()
    [10.0, 30.0, 40.0]
    """

    def __init__(
        self, read: Read, shape: tuple[int, ...], dtype: Any, numbers: np.ndarray | None = None
    ) -> None:
        """By a function that reads rows of the files, and which of those these are; else all."""
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._read, self._numbers = read, numbers

    def __len__(self) -> int:
        """How many rows."""
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """The rows of these numbers, which rise."""
        found = self._read(rows if self._numbers is None else self._numbers[rows])
        with np.errstate(over="ignore"):
            return found.reshape(len(rows), *self.shape[1:]).astype(self.dtype, copy=False)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All rows, in memory."""
        whole, start = np.empty(self.shape, self.dtype), 0
        for piece in pieces(self):
            whole[start : start + len(piece)] = piece
            start += len(piece)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    @property
    def nbytes(self) -> int:
        """What all rows take in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    def only(self, mask: np.ndarray) -> Rows:
        """Those rows for which a mask, (rows,), is True."""
        kept = np.flatnonzero(mask)
        numbers = kept if self._numbers is None else self._numbers[kept]
        return Rows(self._read, (len(kept), *self.shape[1:]), self.dtype, numbers)

    def flat(self) -> Rows:
        """The same with rows of one axis, (rows, features)."""
        shape = len(self), math.prod(self.shape[1:])
        return Rows(self._read, shape, self.dtype, self._numbers)


def pieces(rows: Rows) -> Iterator[np.ndarray]:
    """All rows in their order, so many at a time that little is in memory.

    >>> rows = Rows(lambda numbers: numbers, (5,), np.int64)
    >>> [piece.tolist() for piece in pieces(rows)]
    [[0, 1, 2, 3, 4]]
    """
    size = max(1, CHUNK * len(rows) // max(1, rows.nbytes))
    for start in range(0, len(rows), size):
        yield rows[np.arange(start, min(start + size, len(rows)))]


def finite(read: Read, where: object) -> Read:
    """The same rows, of which one with NaN or infinity is an error.

    Raises:
      DataError: when such a row is read.
    """

    def checked(numbers: np.ndarray) -> np.ndarray:
        found = read(numbers)
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(found.astype(np.float32, copy=False))
        if bad.any():
            row = numbers[bad.reshape(len(found), -1).any(axis=1).argmax()]
            raise DataError(
                f"{where}: expected finite float32 numbers, got NaN or infinity in row {row}"
            )
        return found

    return checked
