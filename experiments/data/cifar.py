"""CIFAR-10 (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009).

Both archives of it are read where they are, without unpacking them onto the disk: the binary one,
which tensorflow-datasets registers and downloads, and the one of Python pickles, which torchvision
and Keras take. A record has a picture's red plane, then the green and the blue one.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from experiments.data import idx, tfds_cache
from experiments.data.idx import Arrays, DataError, Registered
from experiments.data.pickles import unpickled
from experiments.data.tfds_cache import NotAvailable, first_line

__all__ = ["CLASSES", "IMAGE_SHAPE", "NAME", "interleaved", "load", "registered"]

NAME = "cifar10"
IMAGE_SHAPE = (32, 32, 3)
CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
PIXELS = 32 * 32 * 3
LARGEST = 64 * 2**20  # bytes of a batch; those of the archives have 30 MiB
FOLDERS = (".", "cifar10", "cifar-10")  # relative to a data directory
DAMAGED = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)
# tensorflow-datasets does not register this one; the digest is that of keras.datasets.cifar10.
PYTHON = Registered(
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    170498071,
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)

Stored = tuple[np.ndarray, np.ndarray]  # pixels (N, 3072) uint8, plane by plane; classes (N,)


class Form(NamedTuple):
    """One of the two ways in which the data are kept."""

    archive: str
    folder: str  # inside it
    ending: str  # of a batch's file
    decode: Callable[[bytes, str], Stored]


def load(places: Sequence[Path], target: Path) -> tuple[Arrays, str]:
    """Loads CIFAR-10: an archive or its unpacked folder if one is here, else by a download.

    Args:
      places: the data directories to look in.
      target: the data directory for a download.

    Returns:
      Pixels (N, 3072) uint8, row by row, and of each the red, green and blue; classes (N,) int32,
      for training and for testing; and a line that says where they come from.

    Raises:
      DataError: a file is damaged, some are missing, or a pickle holds more than arrays.
      NotAvailable: the data is neither here nor to be downloaded.
    """
    known, binary = registered(), FORMS[0]
    try:
        for place in places:
            if found := _in_place(place, known):
                return found
        wanted = {binary.archive: known[binary.archive]}
        return _from_archive(
            binary, tfds_cache.download(NAME, wanted, target)[binary.archive], known
        )
    except NotAvailable as error:
        raise NotAvailable(_help(places, error)) from error
    except OSError as error:
        raise DataError(f"{NAME}: expected readable files, got {error}") from error


def registered() -> dict[str, Registered]:
    """What is known of both archives: file name -> URL, size, sha256."""
    return {**tfds_cache.registered(NAME), FORMS[1].archive: PYTHON}


def interleaved(planes: np.ndarray) -> np.ndarray:
    """Pictures as they are drawn: (N, 3 * height * width) plane by plane -> pixel by pixel.

    >>> planes = np.arange(3 * 32 * 32)[None]
    >>> interleaved(planes)[0, :6].tolist()
    [0, 1024, 2048, 1, 1025, 2049]
    """
    return planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(len(planes), -1)


def _binary(data: bytes, where: str) -> Stored:
    """A class's byte and a picture's 3,072, again and again."""
    if not data or len(data) % (1 + PIXELS):
        raise DataError(f"{where}: expected records of {1 + PIXELS} bytes, got {len(data)} bytes")
    records = np.frombuffer(data, np.uint8).reshape(-1, 1 + PIXELS)
    return records[:, 1:], records[:, 0]


def _pickle(data: bytes, where: str) -> Stored:
    """A dictionary with an array, `data`, and a list, `labels`."""
    held = unpickled(data, where)
    held = held if isinstance(held, dict) else {}
    pixels, labels = (held.get(name.encode(), held.get(name)) for name in ("data", "labels"))
    if not isinstance(pixels, np.ndarray) or not isinstance(labels, list):
        raise DataError(f"{where}: expected an array, data, and a list, labels, got {list(held)}")
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), PIXELS) or not len(labels):
        got = f"{pixels.dtype} {pixels.shape} of {len(labels)}"
        raise DataError(f"{where}: expected uint8 (N, {PIXELS}) of N labels, got {got}")
    if not all(type(label) is int for label in labels):
        raise DataError(f"{where}: expected whole numbers as labels, got others")
    return pixels, np.array(labels)


FORMS = (
    Form("cifar-10-binary.tar.gz", "cifar-10-batches-bin", ".bin", _binary),
    Form("cifar-10-python.tar.gz", "cifar-10-batches-py", "", _pickle),
)


def _in_place(place: Path, known: Mapping[str, Registered]) -> tuple[Arrays, str] | None:
    """The data, if they are in one place in either form."""
    for form in FORMS:
        for folder in FOLDERS:
            if (path := place / folder / form.archive).is_file():
                return _from_archive(form, path, known)
            if (path := place / folder / form.folder).is_dir():
                return _from_folder(form, path)
    binary = FORMS[0]
    cached = tfds_cache.find({binary.archive: known[binary.archive]}, place)
    return _from_archive(binary, cached[binary.archive], known) if cached else None


def _from_archive(form: Form, path: Path, known: Mapping[str, Registered]) -> tuple[Arrays, str]:
    """What an archive holds, read as it stands: nothing is unpacked onto the disk."""
    idx.verify(path, known[form.archive])
    wanted = {f"{form.folder}/{batch}{form.ending}": batch for batch in BATCHES}
    batches: dict[str, Stored] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for entry in archive:
                file = archive.extractfile(entry) if entry.name in wanted else None
                if file is not None:
                    where = f"{path}: {entry.name}"
                    batches[wanted[entry.name]] = form.decode(_limited(file, where), where)
    except DAMAGED as error:
        raise DataError(f"{path}: expected a whole archive, got {first_line(error)}") from None
    return _arrays(batches, path), f"{path}, verified by sha256"


def _from_folder(form: Form, folder: Path) -> tuple[Arrays, str]:
    """The same of an archive that has been unpacked."""
    batches: dict[str, Stored] = {}
    for batch in BATCHES:
        path = folder / f"{batch}{form.ending}"
        if path.is_file():
            with path.open("rb") as file:
                batches[batch] = form.decode(_limited(file, str(path)), str(path))
    return _arrays(batches, folder), f"{folder}, not verified by sha256"


def _limited(file: IO[bytes], where: str) -> bytes:
    """A file's bytes, unless they are more than any batch has."""
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise DataError(f"{where}: expected a batch of {LARGEST} bytes at most, got more")
    return data


def _arrays(batches: Mapping[str, Stored], where: Path) -> Arrays:
    """The batches for training as one, and that for testing, as they are drawn."""
    if missing := [batch for batch in BATCHES if batch not in batches]:
        got = f"{len(BATCHES) - len(missing)} without {', '.join(missing)}"
        raise DataError(f"{where}: expected {len(BATCHES)} batches, got {got}")
    parts = [batches[batch] for batch in BATCHES[:-1]], [batches[BATCHES[-1]]]
    arrays: list[np.ndarray] = []
    for part in parts:
        pixels, labels = (np.concatenate(halves) for halves in zip(*part, strict=True))
        if labels.min() < 0 or labels.max() >= len(CLASSES):
            got = f"{labels.min()} to {labels.max()}"
            raise DataError(f"{where}: expected labels from 0 to {len(CLASSES) - 1}, got {got}")
        arrays += [interleaved(pixels), labels.astype(np.int32)]
    return arrays[0], arrays[1], arrays[2], arrays[3]


def _help(places: Sequence[Path], why: object) -> str:
    """Says where it was looked for, what to put where, and what to do without it."""
    return (
        f"{NAME} is not on this machine, and {why}.\n"
        f"Looked in {', '.join(map(str, places))}; in each: {', '.join((*FOLDERS, 'downloads'))}.\n"
        f"Put {' or '.join(form.archive for form in FORMS)}, from "
        f"https://www.cs.toronto.edu/~kriz/cifar.html, into {places[0] / NAME},\n"
        "or name a directory that has it by --data_dir or $JAXMLP_DATA_DIR;\n"
        "other lessons, and --dataset=digits, need no files and no network."
    )
