"""Labels as they come, as an array of texts or of numbers."""

from numbers import Real

import numpy as np

from experiments.data.idx import DataError

__all__ = ["plain", "texts"]


def plain(values: np.ndarray, where: str) -> np.ndarray:
    """Labels that there are, all texts or all numbers.

    Args:
      values: (N,) or (N, columns), perhaps bytes or objects.
      where: what they are called, for messages.

    Returns:
      (N,) or (N, columns) of two at least; texts of different lengths stay objects.

    Raises:
      DataError: if there are none, or they are neither.

    >>> plain(np.array([b"no", b"yes"]), "y").tolist(), plain(np.array([[1], [2]]), "y").tolist()
    (['no', 'yes'], [1, 2])
    """
    if not values.size:
        raise DataError(f"{where}: expected labels, got none")
    if values.dtype.kind == "S":
        values = texts(values, where)
    elif values.dtype.kind == "O":
        values = _of_objects(values, where)
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def texts(values: np.ndarray, where: str) -> np.ndarray:
    """Texts, of bytes by UTF-8; raises DataError if they are none."""
    if values.dtype.kind == "U":
        return values
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: expected texts in UTF-8, got {error}") from None


def _of_objects(values: np.ndarray, where: str) -> np.ndarray:
    items = values.reshape(-1).tolist()
    if all(isinstance(item, str) for item in items):
        return values
    if all(isinstance(item, Real | np.bool_) for item in items):
        made = np.array(items).reshape(values.shape)
        if made.dtype.kind in "buif":
            return made
    kinds = " and ".join(dict.fromkeys(type(item).__name__ for item in items))
    raise DataError(f"{where}: expected labels that are all texts or all numbers, got {kinds}")
