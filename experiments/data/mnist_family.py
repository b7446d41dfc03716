"""MNIST and its relatives, which come in the same four files: `load(name, ...)`."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.data import idx, tfds_cache, tfds_prepared
from experiments.data.idx import Arrays, DataError, Registered
from experiments.data.tfds_cache import NotAvailable

IMAGE_SHAPE = (28, 28)


class Family(NamedTuple):
    """What the files are called, where people keep them, and what they hold."""

    files: tuple[str, ...]  # train images, train labels, test images, test labels, without .gz
    folders: tuple[str, ...]  # relative to a data directory
    num_classes: int = 10
    first_label: int = 0
    transposed: bool = False  # stored column by column


MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
MNIST_UNPACKED = {  # what gunzip gives for the files that tensorflow-datasets registers
    name: Registered("", size, sha256)
    for name, size, sha256 in zip(
        MNIST_FILES,
        (47040016, 60008, 7840016, 10008),
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        strict=True,
    )
}
EMNIST_ARCHIVE = "gzip.zip"  # the files of all configurations


def _emnist(config: str, num_classes: int, first_label: int = 0) -> Family:
    names = ("train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1")
    files = tuple(f"emnist-{config}-{name}-ubyte" for name in names)
    return Family(files, (".", "emnist", "EMNIST/raw"), num_classes, first_label, transposed=True)


# Fashion-MNIST's and KMNIST's files bear the names of MNIST's: only a folder tells them apart.
FAMILIES = {
    "mnist": Family(MNIST_FILES, (".", "mnist", "MNIST/raw")),
    "fashion_mnist": Family(MNIST_FILES, ("fashion_mnist", "FashionMNIST/raw")),
    "kmnist": Family(MNIST_FILES, ("kmnist", "KMNIST/raw")),
    "emnist/balanced": _emnist("balanced", 47),
    "emnist/byclass": _emnist("byclass", 62),
    "emnist/bymerge": _emnist("bymerge", 47),
    "emnist/digits": _emnist("digits", 10),
    "emnist/letters": _emnist("letters", 26, first_label=1),
    "emnist/mnist": _emnist("mnist", 10),
}


def load(name: str, places: Sequence[Path], target: Path) -> tuple[Arrays, str]:
    """Loads one of `FAMILIES`: IDX files if they are here, else prepared data, else a download.

    Args:
      name: a key of `FAMILIES`.
      places: the data directories to look in.
      target: the data directory for a download.

    Returns:
      Pixels (N, 784) uint8 and classes (N,) int32, for training and for testing; and a line that
      says where they come from and in which order.

    Raises:
      DataError: files are damaged, or some are missing.
      NotAvailable: the data is neither here nor to be downloaded.
    """
    packed = _packed(name)
    try:
        for place in places:
            if paths := _find(name, packed, place):
                return _from_files(name, paths, packed)
        for place in places:
            if directory := tfds_prepared.prepared(place, name):
                arrays = upright(FAMILIES[name], tfds_prepared.read_prepared(directory), directory)
                order = "in the order of its files, which is not that of the IDX files"
                return arrays, f"prepared by tensorflow-datasets in {directory}, {order}"
        paths = tfds_cache.download(name.partition("/")[0], packed, target)
        return _from_files(name, paths, packed)
    except NotAvailable as error:
        raise NotAvailable(_help(name, packed, places, error)) from error
    except OSError as error:
        raise DataError(f"{name}: expected readable files, got {error}") from error


def upright(family: Family, stored: Iterable[np.ndarray], where: object) -> Arrays:
    """Checks what the arrays hold, and turns them into rows of pixels and classes from 0.

    Args:
      family: what they should hold.
      stored: images (N, 28, 28) and labels (N,), for training and for testing.
      where: their name, for messages.

    Returns:
      Pixels (N, 784) uint8 and classes (N,) int32, for training and for testing.

    Raises:
      DataError: a shape, a number of examples or a label is not the family's.
    """
    train_images, train_labels, test_images, test_labels = stored
    train = _rows(family, train_images, train_labels, f"{where}: expected training")
    test = _rows(family, test_images, test_labels, f"{where}: expected test")
    return (*train, *test)


def _rows(
    family: Family, images: np.ndarray, labels: np.ndarray, expected: str
) -> tuple[np.ndarray, np.ndarray]:
    """Does for one part of the data what `upright` does for both."""
    first, last = family.first_label, family.first_label + family.num_classes - 1
    if images.shape[1:] != IMAGE_SHAPE or not len(images):
        raise DataError(f"{expected} images (N, 28, 28), got {images.shape}")
    if len(labels) != len(images):
        raise DataError(f"{expected} labels for {len(images)} images, got {len(labels)}")
    if labels.min() < first or labels.max() > last:
        got = f"{labels.min()} to {labels.max()}"
        raise DataError(f"{expected} labels from {first} to {last}, got {got}")
    images = images.swapaxes(1, 2) if family.transposed else images
    return images.reshape(len(images), -1), labels.astype(np.int32) - first


def _packed(name: str) -> dict[str, Registered]:
    """Returns the files that tensorflow-datasets would download, in the family's order."""
    family, _, config = name.partition("/")
    registered = tfds_cache.registered(family)
    files = (EMNIST_ARCHIVE,) if config else tuple(f"{file}.gz" for file in FAMILIES[name].files)
    return {file: registered[file] for file in files}


def _find(name: str, packed: Mapping[str, Registered], place: Path) -> dict[str, Path]:
    """Looks for a family's files, or the archive of them, in one place."""
    family = FAMILIES[name]
    loose = [(f"{file}.gz", file) for file in family.files]
    registered = [(EMNIST_ARCHIVE,)] if EMNIST_ARCHIVE in packed else loose
    return (
        idx.find(registered, family.folders, place)
        or tfds_cache.find(packed, place)
        or idx.find(loose, family.folders, place)
    )


def _from_files(
    name: str, paths: Mapping[str, Path], packed: Mapping[str, Registered]
) -> tuple[Arrays, str]:
    """Reads and verifies a family's files, or the archive of them."""
    family, ndims = FAMILIES[name], (3, 1, 3, 1)
    registered = {**packed, **(MNIST_UNPACKED if name == "mnist" else {})}
    if EMNIST_ARCHIVE in paths:
        path = paths[EMNIST_ARCHIVE]
        idx.verify(path, registered[EMNIST_ARCHIVE])
        with zipfile.ZipFile(path) as archive:
            packed_files = [archive.open(f"gzip/{file}.gz") for file in family.files]
            stored = [
                idx.decode(idx.unpacked(file), n, path)
                for file, n in zip(packed_files, ndims, strict=True)
            ]
    else:
        files = zip(paths.items(), ndims, strict=True)
        stored = [idx.read(path, file, n, registered.get(file)) for (file, path), n in files]
    folder = next(iter(paths.values())).parent
    unverified = [file for file in paths if file not in registered]
    how = f"{', '.join(unverified)} not verified by sha256" if unverified else "verified by sha256"
    source = f"the IDX files {', '.join(paths)} in {folder}, in their own order; {how}"
    return upright(family, stored, folder), source


def _help(name: str, files: Mapping[str, Registered], places: Sequence[Path], why: object) -> str:
    """Says where a family was looked for, what to put where, and what to do without it."""
    folders = FAMILIES[name].folders
    looked = (*folders, "downloads", f"{name} as tensorflow-datasets prepares it")
    return (
        f"{name} is not on this machine, and {why}.\n"
        f"Looked in {', '.join(map(str, places))}; in each: {', '.join(looked)}.\n"
        f"Put {', '.join(files)} into {places[0] / folders[-2]}, "
        "or name a directory that has them by --data_dir or $JAXMLP_DATA_DIR;\n"
        "or take --dataset=digits, which needs no files and no network."
    )
