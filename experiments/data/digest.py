"""What is known of arrays by their bytes."""

import hashlib
from collections.abc import Iterable

import numpy as np

from experiments.data.rows import Rows, pieces

__all__ = ["sha256_of"]


def sha256_of(arrays: Iterable[np.ndarray | Rows]) -> str:
    """The digest of some arrays' types, shapes and bytes, in their order.

    >>> sha256_of([np.zeros(2, np.float32)])[:8]
    'd19a946c'
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        for piece in pieces(array) if isinstance(array, Rows) else [array]:
            digest.update(np.ascontiguousarray(piece).data)
    return digest.hexdigest()
