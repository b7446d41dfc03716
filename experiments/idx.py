"""IDX files, the format of MNIST and its relatives: find, verify and decode them.

Format: magic number, one size per dimension, then the bytes; all numbers big-endian
(Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

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
    data = path.read_bytes()
    return decode(gunzip(data, path) if name.endswith(".gz") else data, ndim, path)


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


def gunzip(packed: bytes, where: object) -> bytes:
    """Unpacks one gzip member.

    Raises:
      DataError: it is damaged or cut short.
    """
    unpacker = zlib.decompressobj(wbits=31)  # gzip's own header and checksum
    try:
        data = unpacker.decompress(packed)
    except zlib.error as error:
        raise DataError(f"{where}: expected gzip data, got {error}") from None
    if not unpacker.eof:
        raise DataError(f"{where}: expected a whole gzip file, got one cut at {len(packed)} bytes")
    return data


def decode(data: bytes, ndim: int, where: object) -> np.ndarray:
    """Turns the bytes of an unpacked IDX file into an array (read-only) of uint8.

    Args:
      data: header and content.
      ndim: the number of dimensions it should have.
      where: its name, for messages.

    Raises:
      DataError: the magic number is another, or the length is not what the header says.
    """
    start = 4 * (1 + ndim)
    if len(data) < start:
        raise DataError(f"{where}: expected an IDX header of {start} bytes, got {len(data)} bytes")
    magic, *shape = (int(number) for number in np.frombuffer(data[:start], ">u4"))
    if magic != UNSIGNED_BYTES + ndim:
        raise DataError(f"{where}: expected magic number {UNSIGNED_BYTES + ndim}, got {magic}")
    if len(data) != (expected := start + math.prod(shape)):
        raise DataError(
            f"{where}: its header says {tuple(shape)}, so expected {expected} bytes, "
            f"got {len(data)}"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
