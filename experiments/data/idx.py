"""IDX files, the format of MNIST and its relatives: find, verify and decode them.

Format: magic number, one size per dimension, then the bytes; all numbers big-endian
(Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np

from jaxmlp.runtime import memory

UNSIGNED_BYTES = 0x0800  # the magic number is this plus the number of dimensions

# Training inputs, training labels, test inputs, test labels.
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class DataError(ValueError):
    """Data that cannot be used: the message names it, and says what was expected and what came."""


class Registered(NamedTuple):
    """What is known of a file before it is read."""

    url: str
    size: int  # bytes
    sha256: str  # hexadecimal


def find(wanted: Iterable[tuple[str, ...]], folders: Iterable[str], place: Path) -> dict[str, Path]:
    """Looks for files in the folders of one place.

    Args:
      wanted: for each file the names it may have, the preferred one first.
      folders: relative to `place`; `place` itself counts where it bears the name of one.
      place: a directory, which need not exist.

    Returns:
      Name -> path, in the order wanted, from the first folder that has them; {} if none has.

    Raises:
      DataError: a folder has some of the files but not all.
    """
    wanted, folders = tuple(wanted), tuple(folders)
    for folder in folders + (".",) * (place.name in folders):
        here = place / folder
        names = [[name for name in options if (here / name).is_file()] for options in wanted]
        if all(names):
            return {options[0]: here / options[0] for options in names}
        if any(names):
            missing = [options[0] for options, have in zip(wanted, names, strict=True) if not have]
            got = f"{len(wanted) - len(missing)} without {', '.join(missing)}"
            raise DataError(f"{here}: expected {len(wanted)} files, got {got}")
    return {}


def read(path: Path, name: str, ndim: int, registered: Registered | None) -> np.ndarray:
    """Reads one file, after comparing it with what is registered, if anything is.

    Args:
      path: the file.
      name: what it is called where it comes from; .gz at its end says that it is packed.
      ndim: the number of dimensions it should have.
      registered: its size and digest.

    Returns:
      The array, uint8 and read-only.

    Raises:
      DataError: a wrong size, digest or header, or it cannot be unpacked.
    """
    if registered:
        verify(path, registered)
    with path.open("rb") as file:
        return decode(unpacked(file) if name.endswith(".gz") else file, ndim, path)


def verify(path: Path, registered: Registered) -> None:
    """Compares a file with its registered size and digest.

    Raises:
      DataError: one of them differs.
    """
    remedy = "delete it, or put a whole copy there"
    if (size := path.stat().st_size) != registered.size:
        raise DataError(f"{path}: expected {registered.size} bytes, got {size}; {remedy}")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != registered.sha256:
        raise DataError(f"{path}: expected sha256 {registered.sha256}, got {digest}; {remedy}")


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """What a gzip file holds, as far as it is read."""
    return cast(IO[bytes], gzip.GzipFile(fileobj=file))


def decode(file: IO[bytes], ndim: int, where: object) -> np.ndarray:
    """Reads an IDX file, unpacked or unpacking, and no further than its header says.

    Args:
      file: open for reading.
      ndim: the number of dimensions it should have.
      where: its name, for messages.

    Returns:
      The array, uint8 and read-only.

    Raises:
      DataError: the magic number is another, the length is not what the header says, or it cannot
        be unpacked.
    """
    start = 4 * (1 + ndim)
    try:
        header = file.read(start)
        if len(header) < start:
            got = f"{len(header)} bytes"
            raise DataError(f"{where}: expected an IDX header of {start} bytes, got {got}")
        magic, *shape = (int(number) for number in np.frombuffer(header, ">u4"))
        if magic != UNSIGNED_BYTES + ndim:
            raise DataError(f"{where}: expected magic number {UNSIGNED_BYTES + ndim}, got {magic}")
        size = math.prod(shape)
        if size > (limit := memory.available(None)):
            got = f"{memory.gib(limit)} of memory"
            raise DataError(f"{where}: its header says {tuple(shape)}, so {size} bytes, got {got}")
        data = file.read(size)
        if len(data) < size or file.read(1):  # the end, where a packed file has its checksum
            got = f"{start + len(data)}" if len(data) < size else "more"
            raise DataError(
                f"{where}: its header says {tuple(shape)}, so expected {start + size} bytes, "
                f"got {got}"
            )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{where}: expected a whole gzip file, got {error}") from None
    return np.frombuffer(data, np.uint8).reshape(shape)
