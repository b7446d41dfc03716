"""A user's own data, from a file of arrays or a table, or from a folder of such or of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.data import image_folder, keys, npz, own_labels, parquet, tfds_rows
from experiments.data.division import split
from experiments.data.idx import Arrays, DataError
from experiments.data.npy import map_arrays
from experiments.data.rows import Rows
from experiments.data.sizes import size_text
from experiments.data.tfds_prepared import prepared
from jaxmlp.types import Dataset

ENDINGS = (".npz", parquet.SUFFIX)  # of files
PICTURES = "the pictures in"  # begins the source of what came from picture files
CHUNK = 2**24  # numbers that are looked at at once


class Own(NamedTuple):
    """What was found."""

    arrays: Arrays  # inputs (N, features) and labels, for training and for testing
    image_shape: tuple[int, ...] | None  # (height, width), or (height, width, 3) in colour
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # what a reader should know of it
    validation: tuple[np.ndarray, np.ndarray] | None = None
    are_pictures: bool = False  # in files


class _Opened(NamedTuple):
    """What lies in a file or a folder."""

    arrays: Mapping[str, Any]  # x_train, y_train, x_test, y_test, or x, y, and maybe more sets
    called: Mapping[str, str] = {}  # their own names, where they have others
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    are_pictures: bool = False  # in files


def read(
    path: Path,
    check_finite: bool = True,
    task: str | None = "classification",
    image_size: tuple[int, int] | None = None,
    is_known: bool = False,
) -> Own:
    """Reads examples and their labels.

    Args:
      path: a file with the arrays x_train, y_train, x_test, y_test; or x, y, which `split` divides;
        by these names, or as `keys` knows them. Or a folder with x_train.npy and so on, whose
        inputs are mapped and not read into memory; or what `image_folder` reads. Or what `parquet`
        or `tfds_rows` opens, whose inputs are `Rows`, not read into memory either.
        x is (N, ...): uint8 are pixels and stay so, any other numbers become float32.
        y is (N,): classes in any form that `targets` knows; for a regression values, or
        (N, values).
      check_finite: whether NaN and infinity in x are errors.
      task: "classification", "binary", "multilabel" or "regression"; None for what the labels say.
      image_size: (height, width) to bring picture files to.
      is_known: whether a run has been trained on them before pictures in colour were known.

    Returns:
      Inputs (N, features) and classes (N,) int32, or values float32, for training and for testing;
      and the images' shape where x is (N, height, width), (N, height, width, 1) or
      (N, height, width, 3).

    Raises:
      DataError: no such file, or not such arrays.
    """
    opened = _opened(path, check_finite, image_size)
    arrays, task = opened.arrays, _task(task, opened, path)
    called = {key: opened.called.get(key, key) for key in arrays}
    xs, ys = [key for key in arrays if key[0] == "x"], [key for key in arrays if key[0] == "y"]
    inputs = [_inputs(arrays[x], f"{path}: {called[x]}", check_finite) for x in xs]
    for x, y in zip(xs, ys, strict=True):
        _check_lengths(arrays[x], arrays[y], called[x], called[y], path)
    found = own_labels.read({called[y]: arrays[y] for y in ys}, task, opened.class_names, path)
    kinds = [f"{arrays[x].shape[1:]} {array.dtype}" for x, array in zip(xs, inputs, strict=True)]
    if len({*kinds}) > 1:
        names, got = (" and ".join(each) for each in ([called[x] for x in xs], kinds))
        raise DataError(f"{path}: expected examples alike in {names}, got {got}")
    shape, labels = arrays[xs[0]].shape[1:], found.labels
    image_shape, more = _image_shape(shape, inputs[0].dtype, called[xs[0]])
    if not is_known and len(shape) == 3 and shape[2] == 4 and inputs[0].dtype == np.uint8:
        expected = "expected pictures (N, height, width, 3), got a fourth number a pixel"
        name = called[xs[0]]
        raise DataError(f"{path}: {name}: {expected}: {name}[..., :3] is without")
    said = found.notes[1:] if opened.are_pictures else found.notes  # folders are known for classes
    notes = (*opened.notes, *said, *more)
    if len(xs) == 1:
        whole = split(inputs[0], labels[0], path)
        return Own(whole, image_shape, found.class_names, notes, None, opened.are_pictures)
    parts = dict(zip(xs, zip(inputs, labels, strict=True), strict=True))
    whole = (*parts["x_train"], *parts["x_test"])
    held_out = parts.get("x_validation")
    return Own(whole, image_shape, found.class_names, notes, held_out, opened.are_pictures)


def image_size(data: Dataset) -> str | None:
    """The size of pictures that came from files, as --image_size has it; None of other data."""
    if data.image_shape is None or not data.source.startswith(PICTURES):
        return None
    return size_text(data.image_shape)


def _task(task: str | None, opened: _Opened, path: Path) -> str | None:
    """What is asked for, None where the labels are to say it; that folders are classes is known."""
    if not opened.are_pictures:
        return task
    if task in ("regression", "multilabel"):
        raise DataError(f"{path}: --task needs classification for a folder of pictures, got {task}")
    return task or "classification"


def _check_lengths(x: Any, y: np.ndarray, inputs: str, labels: str, path: Path) -> None:
    if np.ndim(y) and len(x) != len(y):
        got = f"{len(x)} and {len(y)}"
        raise DataError(f"{path}: expected as many rows in {inputs} as in {labels}, got {got}")


def _image_shape(
    shape: tuple[int, ...], dtype: Any, name: str
) -> tuple[tuple[int, ...] | None, list[str]]:
    """The shape of examples that are pictures; and what there is to say of others that may be."""
    if len(shape) == 2 or (len(shape) == 3 and shape[2] == 1):
        return shape[:2], []
    if len(shape) == 3 and shape[2] == 3:
        return shape, []
    if len(shape) == 3 and dtype == np.uint8 and shape[0] in (1, 3):
        what = f"(N, {shape[0]}, height, width)"
        advice = "transpose(0, 2, 3, 1) makes them so"
        expected = "pictures are (N, height, width, 3), or of one channel (N, height, width)"
        return None, [f"{name} is {what}, and taken as rows of numbers: {expected}; {advice}"]
    return None, []


def _opened(path: Path, check_finite: bool, image_size: tuple[int, int] | None) -> _Opened:
    """The arrays of a file or a folder, by the names in an .npz file."""
    has_pictures = path.is_dir() and _has_pictures(path)
    if image_size and not has_pictures:
        raise DataError(f"{path}: --image_size needs a folder of pictures, got another kind")
    if has_pictures:
        pictures = image_folder.read(path, image_size)
        return _Opened(pictures.arrays, {}, pictures.class_names, pictures.notes, True)
    if path.suffix == parquet.SUFFIX:
        return _Opened(parquet.open_arrays(path, check_finite))
    if not path.is_dir():
        return _from_npz(path)
    folder = path if (path / tfds_rows.DESCRIPTION).is_file() else prepared(path.parent, path.name)
    if folder is not None:
        return _Opened(tfds_rows.open_arrays(folder, check_finite))
    if any(path.rglob(f"*{parquet.SUFFIX}")):
        return _Opened(parquet.open_arrays(path, check_finite))
    return _from_npy(path)


def _has_pictures(folder: Path) -> bool:
    """Whether a folder's examples are picture files, and no other."""
    if (folder / tfds_rows.DESCRIPTION).is_file() or any(folder.glob("*.npy")):
        return False
    has_tables = prepared(folder.parent, folder.name) or any(folder.rglob(f"*{parquet.SUFFIX}"))
    return not has_tables and image_folder.is_one(folder)


def _from_npz(path: Path) -> _Opened:
    names = npz.names(path)
    called = keys.find(names, path)
    found = npz.open_arrays(path, tuple(called.values()))
    arrays = {key: found[name] for key, name in called.items()}
    for name in keys.class_names_of(names):
        texts = npz.open_arrays(path, (name,))[name]
        if texts.dtype.kind in "US" or name == keys.CLASS_NAMES[0]:
            return _Opened(arrays, called, own_labels.checked_names(texts, f"{path}: {name}"))
    return _Opened(arrays, called)


def _from_npy(path: Path) -> _Opened:
    names = sorted(each.stem for each in path.glob("*.npy"))
    of_sets, called = keys.files_of(names), dict(zip(keys.SPLIT, keys.SPLIT, strict=True))
    if {*of_sets} - {*keys.SPLIT}:
        called = dict(keys.find(of_sets, path))
    found = map_arrays(path, [*called.values()])
    for key, name in called.items():
        if key[0] == "x":
            _refuse_what_is_not_as_trained(path, name, found[name].dtype)
    arrays, texts = {key: found[name] for key, name in called.items()}, keys.CLASS_NAMES[0]
    if texts not in names:
        return _Opened(arrays, called)
    class_names = map_arrays(path, [texts])[texts]
    return _Opened(arrays, called, own_labels.checked_names(class_names, f"{path}: {texts}"))


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


def _refuse_what_is_not_as_trained(path: Path, name: str, dtype: Any) -> None:
    """Raises DataError for inputs that would have to be copied to be trained on."""
    if dtype not in (np.uint8, np.float32):
        raise DataError(f"{path}: expected uint8 or float32 in {name}.npy, got {dtype}")
