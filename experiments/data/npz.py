"""Arrays from an .npz file, of which nothing is believed before it is checked."""

from __future__ import annotations

import contextlib
import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from experiments.data.idx import DataError
from jaxmlp.runtime import memory

DEFLATED = 1032  # bytes that a packed one can become, at most (zlib's technical details)


def names(path: Path) -> list[str]:
    """The names of the arrays in an .npz file; raises as `open_arrays` does."""
    with _opened(path) as archive:
        return [*_members(archive)]


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
    with _opened(path) as archive:
        members = _members(archive)
        keys = next((choice for choice in choices if set(choice) <= members.keys()), ())
        wanted = {key: members[key] for key in (keys if choices else members)}
        _refuse_too_large(archive, wanted)
        arrays = {}
        for key, info in wanted.items():
            with archive.open(info) as file:
                arrays[key] = np.lib.format.read_array(file, allow_pickle=False)
    if not arrays:
        expected = " or ".join(", ".join(choice) for choice in choices)
        got = ", ".join([*members][:10]) or "none"
        raise DataError(f"{path}: expected the arrays {expected}, got {got}")
    return arrays


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive, of which whatever goes wrong with it is a DataError."""
    if not path.is_file():
        got = "a directory" if path.is_dir() else "no such file"
        raise DataError(f"{path}: expected an .npz file, got {got}")
    if not zipfile.is_zipfile(path):
        raise DataError(
            f"{path}: expected an .npz file (a zip archive of arrays), got another kind"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except Exception as error:  # zipfile, zlib and NumPy raise much on what they do not expect
        got = " ".join(f"{error}".split()) or type(error).__name__
        raise DataError(f"{path}: expected arrays of numbers, got {got}") from error


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
        raise ValueError(
            f"pickled Python objects in {name}, which could run code: save texts by astype(str)"
        )
    return file.tell() + math.prod(shape) * dtype.itemsize
