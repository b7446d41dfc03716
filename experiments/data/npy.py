"""Arrays from .npy files in a folder, as they lie there: mapped into memory, and not read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.data.idx import DataError

__all__ = ["map_arrays"]


def map_arrays(folder: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Maps NAME.npy of each name, to be read from.

    Raises:
      DataError: a file is missing, damaged, or has pickled objects or columns first.
    """
    if absent := [name for name in names if not (folder / f"{name}.npy").is_file()]:
        expected, got = (", ".join(f"{name}.npy" for name in each) for each in (names, absent))
        raise DataError(f"{folder}: expected the files {expected}, got none of {got}")
    return {name: _mapped(folder / f"{name}.npy") for name in names}


def _mapped(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy raises much on what it does not expect
        got = " ".join(f"{error}".split()) or type(error).__name__
        raise DataError(f"{path}: expected an array of numbers, got {got}") from error
    if not array.flags.c_contiguous:
        raise DataError(f"{path}: expected rows one after another, got columns first")
    return array
