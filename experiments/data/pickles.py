"""Pickles of arrays, from people one does not know: read without running what they say."""

import io
import pickle
from typing import Any

import numpy as np

from experiments.data.idx import DataError
from experiments.data.tfds_cache import first_line

__all__ = ["unpickled"]

_RECONSTRUCT: Any = np.zeros(0).__reduce__()[0]
ADMITTED = {  # what NumPy's pickles name, by the paths of its first and its second version
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
}


def unpickled(data: bytes, where: str) -> Any:
    """What a pickle holds, if that is NumPy's arrays, and Python's numbers, texts, lists and dicts.

    A pickle is a program: it may name any function there is, and have it called. This one may name
    what makes an array, and nothing else.

    Args:
      data: the pickle, of any protocol; texts of Python 2 become bytes.
      where: its name, for messages.

    Raises:
      DataError: it names something else, or is damaged.

    >>> unpickled(pickle.dumps([1, "a"]), "x")
    [1, 'a']
    """
    try:
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    except Exception as error:  # a damaged one may raise anything
        raise DataError(f"{where}: expected a whole pickle, got {first_line(error)}") from None


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise DataError(f"expected a pickle of arrays alone, got {module}.{name} in it")
        return ADMITTED[module, name]
