"""A user's own data, from an .npz file of NumPy arrays."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from experiments.data.idx import Arrays, DataError
from jaxmlp.runtime import memory

SPLIT_KEYS = ("x_train", "y_train", "x_test", "y_test")
WHOLE_KEYS = ("x", "y")
DEFLATED = 1032  # bytes that a packed one can become, at most (zlib's technical details)


def read(path: Path, check_finite: bool = True) -> tuple[Arrays, tuple[int, int] | None]:
    """Reads examples and classes.

    Args:
      path: a file with the arrays x_train, y_train, x_test, y_test; or x, y, which `split` divides.
        x is (N, ...): uint8 are pixels and stay so, any other numbers become float32.
        y is (N,): classes 0, 1, ... as whole numbers.
      check_finite: whether NaN and infinity in x are errors.

    Returns:
      Inputs (N, features) and classes (N,) int32, for training and for testing; and the images'
      (height, width) where x is (N, height, width) or (N, height, width, 1).

    Raises:
      DataError: no such file, or not such arrays.
    """
    arrays = open_arrays(path, SPLIT_KEYS, WHOLE_KEYS)
    xs, ys = [key for key in arrays if key[0] == "x"], [key for key in arrays if key[0] == "y"]
    inputs = [_inputs(arrays[x], f"{path}: {x}", check_finite) for x in xs]
    labels = [_labels(arrays[y], f"{path}: {y}") for y in ys]
    for x, y in zip(xs, ys, strict=True):
        if len(arrays[x]) != len(arrays[y]):
            got = f"{len(arrays[x])} and {len(arrays[y])}"
            raise DataError(f"{path}: expected as many rows in {x} as in {y}, got {got}")
    kinds = {(arrays[x].shape[1:], array.dtype) for x, array in zip(xs, inputs, strict=True)}
    if len(kinds) > 1:
        got = " and ".join(
            f"{arrays[x].shape[1:]} {a.dtype}" for x, a in zip(xs, inputs, strict=True)
        )
        raise DataError(f"{path}: expected examples alike in {' and '.join(xs)}, got {got}")

    there = np.unique(labels[0])
    below = np.arange(min(there[-1], len(there) + 5))  # as far as the first gaps
    if len(absent := np.setdiff1d(below, there)):
        raise DataError(
            f"{path}: expected classes 0, 1, ... to {there[-1]} each to have an example in "
            f"{ys[0]}, got none of {_first(absent)}"
        )
    if len(strange := np.setdiff1d(labels[-1], there)):
        raise DataError(
            f"{path}: expected classes in {ys[-1]} that {ys[0]} has, from 0 to {there[-1]}, "
            f"got {_first(strange)}"
        )

    shape = arrays[xs[0]].shape[1:]
    picture = len(shape) == 2 or (len(shape) == 3 and shape[2] == 1)
    image_shape = (shape[0], shape[1]) if picture else None
    if len(xs) == 1:
        return split(inputs[0], labels[0], path), image_shape
    return (inputs[0], labels[0], inputs[1], labels[1]), image_shape


def split(inputs: np.ndarray, labels: np.ndarray, where: object, fraction: float = 0.2) -> Arrays:
    """Divides a data set into a larger and a smaller part, always in the same way.

    The examples are shuffled by `numpy.random.RandomState(0)`, whose stream NumPy has frozen
    (NEP 19), then sorted by class; with a fraction of 0.2 every fifth goes to the smaller part. So
    each class is divided alike, to within one example. Both parts keep the order of the whole.

    Args:
      inputs: (N, features).
      labels: (N,) classes.
      where: the data's name, for messages.
      fraction: of the smaller part.

    Returns:
      Inputs and labels of the larger part, then of the smaller.

    Raises:
      DataError: too few examples for the smaller part to have one.
    """
    before = np.floor(np.round(np.arange(len(labels) + 1) * fraction, 9))
    if before[-1] < 1:
        raise DataError(
            f"{where}: expected at least {math.ceil(1 / fraction)} examples to keep "
            f"{100 * fraction:g} % of them apart, got {len(labels)}"
        )
    order = np.random.RandomState(0).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    test = np.zeros(len(labels), bool)
    test[order[before[1:] > before[:-1]]] = True
    return inputs[~test], labels[~test], inputs[test], labels[test]


def open_arrays(path: Path, *choices: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Reads arrays from an .npz file, and none of them if it needs pickled objects.

    What an array says of its size is compared with what the file has before memory is taken for it.

    Args:
      path: the file.
      choices: names that belong together; of those wholly in the file the first is taken. Without
        choices all arrays are.

    Returns:
      Name -> array.

    Raises:
      DataError: no such file, no .npz file, none of the choices in it, or arrays that are damaged,
        too large for the memory, or none that NumPy writes.
    """
    if not path.is_file():
        got = "a directory" if path.is_dir() else "no such file"
        raise DataError(f"{path}: expected an .npz file, got {got}")
    if not zipfile.is_zipfile(path):
        raise DataError(
            f"{path}: expected an .npz file (a zip archive of arrays), got another kind"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive)
            keys = next((choice for choice in choices if set(choice) <= members.keys()), ())
            wanted = {key: members[key] for key in (keys if choices else members)}
            _refuse_too_large(archive, wanted)
            arrays = {}
            for key, info in wanted.items():
                with archive.open(info) as file:
                    arrays[key] = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # zipfile, zlib and NumPy raise much on what they do not expect
        got = " ".join(f"{error}".split()) or type(error).__name__
        raise DataError(f"{path}: expected arrays of numbers, got {got}") from error
    if not arrays:
        expected = " or ".join(", ".join(choice) for choice in choices)
        got = ", ".join([*members][:10]) or "none"
        raise DataError(f"{path}: expected the arrays {expected}, got {got}")
    return arrays


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The arrays in an archive by their names, as NumPy gives them."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise ValueError(f"{name} twice")
        members[name] = info
    return members


def _refuse_too_large(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> None:
    """Raises ValueError if what arrays say of their sizes is not so, or too much for the memory."""
    for name, info in members.items():
        with archive.open(info) as file:
            size = _header_size(file, name)
        if info.file_size != size:
            raise ValueError(f"{info.file_size:,} bytes in {name}, whose header says {size:,}")
        if size > DEFLATED * info.compress_size:
            raise ValueError(f"{size:,} bytes in {name}, said to be from {info.compress_size:,}")
    needed = 2 * sum(info.file_size for info in members.values())  # raw, and as training needs them
    if needed > (limit := memory.available(None)):
        raise ValueError(f"arrays that need {memory.gib(needed)} of memory, of {memory.gib(limit)}")


def _header_size(file: IO[bytes], name: str) -> int:
    """The bytes of an .npy file, by what its header says."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:  # for names that are not Latin, which numbers have none of
        raise ValueError(f"format {version[0]}.{version[1]} of {name}")
    if dtype.hasobject:
        raise ValueError("pickled Python objects, which could run code")
    return file.tell() + math.prod(shape) * dtype.itemsize


def _first(classes: np.ndarray) -> str:
    return ", ".join(map(str, classes[:5])) + (", ..." if len(classes) > 5 else "")


def _inputs(x: np.ndarray, where: str, check_finite: bool) -> np.ndarray:
    """Checks examples (N, ...) and returns them as (N, features) uint8 or float32."""
    if x.dtype.kind not in "buif":
        raise DataError(f"{where}: expected numbers, got {x.dtype}")
    if x.ndim == 0 or x.size == 0:
        raise DataError(f"{where}: expected examples (N, ...), got an array of shape {x.shape}")
    x = x.reshape(len(x), -1)
    if x.dtype == np.uint8:
        return x
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    if check_finite and (bad := ~np.isfinite(x)).any():
        first = int(bad.any(axis=1).argmax())
        raise DataError(
            f"{where}: expected finite float32 numbers, got {bad.sum()} NaN or infinite, "
            f"the first in row {first}"
        )
    return x


def _labels(y: np.ndarray, where: str) -> np.ndarray:
    """Checks classes (N,) and returns them as int32."""
    if y.ndim != 1:
        raise DataError(f"{where}: expected class numbers (N,), got an array of shape {y.shape}")
    if y.dtype.kind not in "buif":
        raise DataError(f"{where}: expected class numbers, got {y.dtype}")
    whole = (y >= 0) & (y <= np.iinfo(np.int32).max)
    if y.dtype.kind == "f":
        whole &= np.floor(y) == y
    if not whole.all():
        row = int((~whole).argmax())
        raise DataError(f"{where}: expected classes 0, 1, ..., got {y[row]} in row {row}")
    return y.astype(np.int32)
