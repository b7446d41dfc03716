"""A user's own data, from a file of arrays or a table, or from a folder of such."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.data import npz, parquet, tfds_rows
from experiments.data.division import split
from experiments.data.idx import Arrays, DataError
from experiments.data.npy import map_arrays
from experiments.data.rows import Rows
from experiments.data.tfds_prepared import prepared

ENDINGS = (".npz", parquet.SUFFIX)  # of files
SPLIT_KEYS = ("x_train", "y_train", "x_test", "y_test")
WHOLE_KEYS = ("x", "y")
CHUNK = 2**24  # numbers that are looked at at once


def read(
    path: Path, check_finite: bool = True, task: str | None = "classification"
) -> tuple[Arrays, tuple[int, int] | None]:
    """Reads examples and their labels.

    Args:
      path: a file with the arrays x_train, y_train, x_test, y_test; or x, y, which `split` divides.
        Or a folder with x_train.npy and so on, whose inputs are mapped and not read into memory. Or
        what `parquet` or `tfds_rows` opens, whose inputs are `Rows`, not read into memory either.
        x is (N, ...): uint8 are pixels and stay so, any other numbers become float32.
        y is (N,): classes 0, 1, ... as whole numbers; for a regression values, or (N, values).
      check_finite: whether NaN and infinity in x are errors.
      task: "classification", "binary" or "regression"; None for a regression where a label is no
        whole number, and else a classification.

    Returns:
      Inputs (N, features) and classes (N,) int32, or values float32, for training and for testing;
      and the images' (height, width) where x is (N, height, width) or (N, height, width, 1).

    Raises:
      DataError: no such file, or not such arrays.
    """
    arrays = _opened(path, check_finite)
    xs, ys = [key for key in arrays if key[0] == "x"], [key for key in arrays if key[0] == "y"]
    inputs = [_inputs(arrays[x], f"{path}: {x}", check_finite) for x in xs]
    if task is None:
        task = "regression" if _are_values(arrays[ys[0]]) else "classification"
    read_labels = _values if task == "regression" else _labels
    labels = [read_labels(arrays[y], f"{path}: {y}") for y in ys]
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

    if task != "regression":
        _check_classes(labels[0], labels[-1], ys[0], ys[-1], path)
    elif labels[0].shape[1:] != labels[-1].shape[1:]:
        got = " and ".join(str(each.shape) for each in labels)
        where = " and ".join(ys)
        raise DataError(f"{path}: expected as many values an example in {where}, got {got}")
    shape = arrays[xs[0]].shape[1:]
    picture = len(shape) == 2 or (len(shape) == 3 and shape[2] == 1)
    image_shape = (shape[0], shape[1]) if picture else None
    if len(xs) == 1:
        return split(inputs[0], labels[0], path), image_shape
    return (inputs[0], labels[0], inputs[1], labels[1]), image_shape


def _opened(path: Path, check_finite: bool) -> Mapping[str, Any]:
    """The arrays of a file or a folder, by the names in an .npz file."""
    if path.suffix == parquet.SUFFIX:
        return parquet.open_arrays(path, check_finite)
    if not path.is_dir():
        return npz.open_arrays(path, SPLIT_KEYS, WHOLE_KEYS)
    folder = path if (path / tfds_rows.DESCRIPTION).is_file() else prepared(path.parent, path.name)
    if folder is not None:
        return tfds_rows.open_arrays(folder, check_finite)
    if any(path.rglob(f"*{parquet.SUFFIX}")):
        return parquet.open_arrays(path, check_finite)
    arrays = map_arrays(path, SPLIT_KEYS)
    _refuse_what_is_not_as_trained(arrays, path)
    return arrays


def _first(classes: np.ndarray) -> str:
    return ", ".join(map(str, classes[:5])) + (", ..." if len(classes) > 5 else "")


def _inputs(x: np.ndarray | Rows, where: str, check_finite: bool) -> Any:
    """Checks examples (N, ...) and returns them as (N, features) uint8 or float32."""
    if isinstance(x, Rows):
        if not x.nbytes:
            raise DataError(f"{where}: expected examples (N, ...), got the shape {x.shape}")
        return x.flat()
    if x.dtype.kind not in "buif":
        raise DataError(f"{where}: expected numbers, got {x.dtype}")
    if x.ndim == 0 or x.size == 0:
        raise DataError(f"{where}: expected examples (N, ...), got an array of shape {x.shape}")
    x = x.reshape(len(x), -1)
    if x.dtype == np.uint8:
        return x
    with np.errstate(over="ignore"):
        x = x.astype(np.float32, copy=False)
    if check_finite:
        _refuse_not_finite(x, where)
    return x


def _refuse_not_finite(x: np.ndarray, where: str) -> None:
    """Raises DataError if there is NaN or infinity; of a mapped file little is in memory."""
    size, rows, count = max(1, CHUNK // x.shape[1]), [], 0
    for start in range(0, len(x), size):
        bad = ~np.isfinite(x[start : start + size])
        if bad.any():
            rows.append(start + int(bad.any(axis=1).argmax()))
            count += int(bad.sum())
    if rows:
        raise DataError(
            f"{where}: expected finite float32 numbers, got {count} NaN or infinite, "
            f"the first in row {rows[0]}"
        )


def _refuse_what_is_not_as_trained(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Raises DataError for inputs that would have to be copied to be trained on."""
    for name, array in arrays.items():
        if name[0] == "x" and array.dtype not in (np.uint8, np.float32):
            got = array.dtype
            raise DataError(f"{path}: expected uint8 or float32 in {name}.npy, got {got}")


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


def _check_classes(
    labels: np.ndarray, held_out: np.ndarray, where: str, elsewhere: str, path: Path
) -> None:
    """Raises DataError unless training has every class there is, from 0 to the last."""
    there = np.unique(labels)
    below = np.arange(min(there[-1], len(there) + 5))  # as far as the first gaps
    if len(absent := np.setdiff1d(below, there)):
        raise DataError(
            f"{path}: expected classes 0, 1, ... to {there[-1]} each to have an example in "
            f"{where}, got none of {_first(absent)}"
        )
    if len(strange := np.setdiff1d(held_out, there)):
        raise DataError(
            f"{path}: expected classes in {elsewhere} that {where} has, from 0 to {there[-1]}, "
            f"got {_first(strange)}"
        )


def _are_values(y: np.ndarray) -> bool:
    """Whether labels are no classes: a number in them is not whole."""
    return y.dtype.kind == "f" and not (y == np.round(y)).all()


def _values(y: np.ndarray, where: str) -> np.ndarray:
    """Checks values (N,) or (N, values) and returns them as float32."""
    if y.dtype.kind not in "buif" or y.ndim not in (1, 2) or not y.size:
        got = f"{y.dtype} {y.shape}"
        raise DataError(f"{where}: expected values (N,) or (N, values), got {got}")
    with np.errstate(over="ignore"):
        y = y.astype(np.float32)
    if (bad := ~np.isfinite(y)).any():
        row = int(bad.reshape(len(y), -1).any(axis=1).argmax())
        raise DataError(f"{where}: expected finite float32 values, got {y[row]} in row {row}")
    return y
