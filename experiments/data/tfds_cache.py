"""What tensorflow-datasets knows and keeps: URLs, checksums, downloads, prepared data.

All of it works without TensorFlow. The package is imported only to download and to read
prepared data; its list of checksums is read as the text file it is.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import json
import logging
import re
import struct
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.data.idx import Arrays, DataError, Registered

PROBE_SECONDS = 6.0  # how long a host may take to answer before it counts as out of reach

logger = logging.getLogger(__name__)


class NotAvailable(DataError):
    """Data that is neither on this machine nor to be downloaded."""


def registered(name: str) -> dict[str, Registered]:
    """Returns what tensorflow-datasets registers for a data set: file name -> URL, size, sha256.

    Raises:
      DataError: tensorflow-datasets is not installed, or does not register it.
    """
    spec = importlib.util.find_spec("tensorflow_datasets")
    for root in (spec and spec.submodule_search_locations) or ():
        for path in (f"url_checksums/{name}.txt", f"datasets/{name}/checksums.tsv"):
            if (file := Path(root, path)).is_file():
                rows = (line.split("\t") for line in file.read_text().splitlines() if line)
                return {row[3]: Registered(row[0], int(row[1]), row[2]) for row in rows}
    raise DataError(f"{name}: expected its checksums in an installed tensorflow-datasets, got none")


def find(entries: Mapping[str, Registered], place: Path) -> dict[str, Path]:
    """Looks for files in a place's `downloads`, where TFDS keeps them under URL and digest.

    Returns:
      Name -> path, in the order of the entries; {} unless all are there.
    """
    paths: dict[str, Path] = {}
    for name, entry in entries.items():
        digest = base64.urlsafe_b64encode(bytes.fromhex(entry.sha256)).decode().rstrip("=")
        pattern = f"*{digest}{Path(name).suffix}"
        for folder in ("downloads", "downloads/*"):  # older releases keep no folder per data set
            if found := next(place.glob(f"{folder}/{pattern}"), None):
                paths[name] = found
    return paths if len(paths) == len(entries) else {}


def download(name: str, entries: Mapping[str, Registered], place: Path) -> dict[str, Path]:
    """Downloads files through tensorflow-datasets into its cache, `place`/downloads.

    Args:
      name: the data set, as TFDS names it.
      entries: file name -> where it is.
      place: a TFDS data directory; made if it does not exist.

    Returns:
      Name -> path, in the order of the entries. The caller verifies the files.

    Raises:
      NotAvailable: no network, or the download failed.
    """
    urls = {file: entry.url for file, entry in entries.items()}
    probe = next(iter(urls.values()))
    if reason := unreachable(probe):
        raise NotAvailable(f"it cannot be downloaded from {probe}: {reason}")
    logger.info("downloading %s into %s", name, place / "downloads")
    try:
        with _quiet():
            import tensorflow_datasets as tfds

            if not sys.stderr.isatty():
                tfds.disable_progress_bar()
            manager = tfds.download.DownloadManager(
                download_dir=place / "downloads",
                url_infos=tfds.builder_cls(name).url_infos,
                dataset_name=name,
            )
            # One at a time: if one failed while others retried, Python could not exit for minutes.
            return {file: Path(manager.download(url)) for file, url in urls.items()}
    except Exception as error:
        raise NotAvailable(f"its download into {place} failed: {_first_line(error)}") from error


def unreachable(url: str) -> str | None:
    """Says why a URL cannot be had, or None if it answers; takes `PROBE_SECONDS` at most.

    TFDS itself would retry for minutes. The request goes through `requests` as TFDS's do, for
    the same proxies and certificates, and in a thread, because looking up a host has no timeout.
    """
    reason: list[str | None] = [f"no answer within {PROBE_SECONDS:g} s"]

    def probe() -> None:
        import requests

        try:
            with requests.get(url, stream=True, timeout=PROBE_SECONDS) as response:
                reason[0] = None if response.ok else f"HTTP status {response.status_code}"
        except (OSError, ValueError) as error:
            reason[0] = type(error).__name__

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return reason[0]


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
        file_format = json.loads((directory / "dataset_info.json").read_text())["fileFormat"]
        with _quiet():
            import tensorflow_datasets as tfds

            builder = tfds.builder_from_directory(directory)
            train, test = (_split(builder, file_format, split) for split in ("train", "test"))
            return (*train, *test)
    except Exception as error:
        raise DataError(
            f"{directory}: expected data prepared by TFDS, got {_first_line(error)}"
        ) from error


def _split(builder: Any, file_format: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split: images (N, height, width) and labels (N,)."""
    if file_format == "array_record":
        source = builder.as_data_source(split)
        examples = source.__getitems__(range(len(source)))  # one by one takes three times as long
    elif file_format == "tfrecord":
        decode = builder.info.features.deserialize_example_np
        files = builder.info.splits[split].filepaths
        examples = [decode(record) for file in files for record in _records(Path(file))]
    else:
        raise ValueError(f"the file format {file_format}")
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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps TFDS, urllib3 and Python from warning; errors still come as exceptions."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
