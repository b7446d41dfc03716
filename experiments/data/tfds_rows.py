"""Examples that tensorflow-datasets has prepared as array_record, whose inputs are read by rows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.data.idx import DataError
from experiments.data.rows import Read, Rows, finite
from experiments.data.tfds_cache import first_line, quiet

__all__ = ["DESCRIPTION", "open_arrays"]

DESCRIPTION = "dataset_info.json"  # of what such a folder holds
INPUTS = ("x", "inputs", "image", "features")  # where no supervised keys say which
LABELS = ("y", "label", "labels", "target")
CHUNK = 10_000  # examples whose labels are read at once


def open_arrays(folder: Path, check_finite: bool = True) -> dict[str, Any]:
    """Finds examples in a folder that TFDS has prepared.

    Args:
      folder: a version's, with dataset_info.json.
      check_finite: whether NaN and infinity in inputs are errors, when they are read.

    Returns:
      x_train, y_train, x_test, y_test; or x, y, where there is no split "test": inputs as `Rows`,
      labels as arrays.

    Raises:
      DataError: it is of another file format, or has no inputs of one shape, or no labels.
    """
    try:
        with quiet():
            return _opened(folder, check_finite)
    except DataError:
        raise
    except Exception as error:  # TFDS raises much on what it does not expect
        got = first_line(error)
        raise DataError(f"{folder}: expected data prepared by TFDS, got {got}") from error


def _opened(folder: Path, check_finite: bool) -> dict[str, Any]:
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(folder)
    kind = builder.info.file_format.value
    if kind != "array_record":
        raise DataError(
            f"{folder}: expected array_record, whose records are read by their numbers, got "
            f"{kind}: prepare it with file_format='array_record'"
        )
    x, y = _keys(folder, builder.info)
    feature = builder.info.features[x]
    if any(size is None for size in feature.shape) or np.dtype(feature.np_dtype).kind not in "buif":
        got = f"{np.dtype(feature.np_dtype)} {feature.shape}"
        raise DataError(f"{folder}: expected numbers of one shape in {x}, got {got}")

    def source(split: str, key: str) -> Any:
        """The records of a split, of which pictures that are not asked for stay packed."""
        each = builder.info.features.items()
        packed = [n for n, found in each if isinstance(found, tfds.features.Image) and n != key]
        decoders = {name: tfds.decode.SkipDecoding() for name in packed}
        return builder.as_data_source(split, decoders=decoders)

    splits = {"": "train"}
    if "test" in builder.info.splits:
        splits = {"_train": "train", "_test": "test"}
    arrays: dict[str, Any] = {}
    for ending, split in splits.items():
        records = source(split, x)
        count, dtype = len(records), np.dtype(feature.np_dtype)
        read = _reader(records, x)
        if dtype != np.uint8:
            read, dtype = (finite(read, folder) if check_finite else read), np.dtype(np.float32)
        arrays[f"x{ending}"] = Rows(read, (count, *feature.shape), dtype)
        arrays[f"y{ending}"] = _all(source(split, y), y)
    return arrays


def _keys(folder: Path, info: Any) -> Sequence[str]:
    """The names of the inputs and of the labels."""
    known: Sequence[Any] = info.supervised_keys or ()
    if len(known) == 2 and all(isinstance(key, str) for key in known):
        return known
    there = sorted(info.features)
    found = [next((n for n in names if n in there), None) for names in (INPUTS, LABELS)]
    if None in found:
        raise DataError(
            f"{folder}: expected features {' or '.join(INPUTS)}, and {' or '.join(LABELS)}, "
            f"got {', '.join(there)}"
        )
    return [name for name in found if name is not None]


def _reader(records: Any, key: str) -> Read:
    def read(numbers: np.ndarray) -> np.ndarray:
        return np.stack([each[key] for each in records.__getitems__(numbers.tolist())])

    return read


def _all(records: Any, key: str) -> np.ndarray:
    starts = range(0, len(records), CHUNK)
    parts = (records.__getitems__(range(i, min(i + CHUNK, len(records)))) for i in starts)
    return np.array([each[key] for each in itertools.chain.from_iterable(parts)])
