"""What tensorflow-datasets has prepared in a place: the newest version, and its examples.

All of it works without TensorFlow. TFDS itself reads array_record and decodes the pictures;
TFRecord, its users' default, it leaves to TensorFlow, so that the frames are taken off here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from experiments.data.idx import Arrays, DataError
from experiments.data.tfds_cache import first_line, quiet


def prepared(place: Path, name: str) -> Path | None:
    """Returns the newest version of a data set that TFDS has prepared in a place, if any."""
    versions = {
        tuple(map(int, info.parent.name.split("."))): info.parent
        for info in (place / name).glob("*/dataset_info.json")
        if re.fullmatch(r"\d+\.\d+\.\d+", info.parent.name)
    }
    return versions[max(versions)] if versions else None


def read_prepared(directory: Path) -> Arrays:
    """Reads images and labels that TFDS has prepared, in the order of its files.

    Args:
      directory: the version's folder, with dataset_info.json.

    Returns:
      Images (N, height, width) uint8 and labels (N,) int64, for training and for testing.

    Raises:
      DataError: the files cannot be read, or hold another number of examples than they should.
    """
    try:
        with quiet():
            import tensorflow_datasets as tfds

            builder = tfds.builder_from_directory(directory)
            train, test = (_split(builder, split) for split in ("train", "test"))
            return (*train, *test)
    except Exception as error:
        raise DataError(
            f"{directory}: expected data prepared by TFDS, got {first_line(error)}"
        ) from error


def _split(builder: Any, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split: images (N, height, width) and labels (N,)."""
    if builder.info.file_format.value == "tfrecord":
        decode = builder.info.features.deserialize_example_np
        files = builder.info.splits[split].filepaths
        examples = [decode(record) for file in files for record in _records(Path(file))]
    else:
        source = builder.as_data_source(split)
        examples = source.__getitems__(range(len(source)))  # one by one takes three times as long
    if len(examples) != (expected := builder.info.splits[split].num_examples):
        raise ValueError(f"{len(examples)} of {expected} examples in {split}")
    images = np.stack([example["image"][..., 0] for example in examples])
    return images, np.array([example["label"] for example in examples])


def _records(path: Path) -> Iterator[bytes]:
    """Yields the records of a TFRecord file: length, its checksum, content, its checksum.

    The checksums (CRC-32C) are not compared: the images are PNG, which carries its own.
    """
    data, start = path.read_bytes(), 0
    while start < len(data):
        (length,) = struct.unpack_from("<Q", data, start)
        if start + length + 16 > len(data):
            raise ValueError(f"{path.name} cut short")
        yield data[start + 12 : start + 12 + length]
        start += length + 16
