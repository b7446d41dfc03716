"""Files and folders that are there as a whole or not at all, with one writer at a time.

Each is written beside its place, as `.NAME.saving`, and moves there once all of it is on the disk.
What a killed writer leaves there, the next one uses or clears.
"""

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["locked", "remove_folder", "scratch_of", "whole_file", "whole_folder"]

StrPath = str | os.PathLike[str]
NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # whoever may write here may not redirect us elsewhere
HAS_LOCKS = sys.platform != "win32"


def scratch_of(path: StrPath) -> Path:
    """Where a file or a folder lies until it is whole.

    >>> scratch_of("run/params.npz").name
    '.params.npz.saving'
    """
    return Path(path).with_name(f".{Path(path).name}.saving")


@contextlib.contextmanager
def whole_file(path: StrPath) -> Iterator[BinaryIO]:
    """A file to write, which takes its place when all is well and is gone when it is not.

    Of several writers at a time each waits for the one before, and the last has the place.

    Args:
      path: the file; one that is there is replaced at the last moment.

    Yields:
      An empty file, which can be read back too. A library that needs a path has its `name`.

    Raises:
      OSError: if it cannot be written; what was there is as it was.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "notes.txt")
    >>> with whole_file(path) as file:
    ...     there_before = path.exists(), file.write(b"all of it")
    >>> there_before, path.read_text(), [each.name for each in path.parent.iterdir()]
    ((False, 9), 'all of it', ['notes.txt'])
    """
    scratch = scratch_of(path)
    with _taken(scratch) as file:
        try:
            file.truncate(0)
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(scratch, path)
        except BaseException:
            if _is_at(scratch, file):
                os.unlink(scratch)
            raise
    _sync(scratch.parent)


@contextlib.contextmanager
def whole_folder(path: StrPath) -> Iterator[Path]:
    """A folder to fill, which takes its place when all is well and is gone when it is not.

    Args:
      path: the folder, which must not be there, and which nobody else is making.

    Yields:
      The folder to fill.

    Raises:
      OSError: if it cannot be written.
    """
    scratch = scratch_of(path)
    if scratch.exists():
        shutil.rmtree(scratch)
    try:
        scratch.mkdir()
        yield scratch
        for folder, _, files in os.walk(scratch):
            for name in (*files, ""):
                _sync(os.path.join(folder, name))
        os.rename(scratch, path)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    _sync(scratch.parent)


def remove_folder(path: StrPath) -> None:
    """Deletes a folder under another name, so that half of it never passes for a whole one."""
    scratch = scratch_of(path)
    if scratch.exists():
        shutil.rmtree(scratch)
    os.rename(path, scratch)
    shutil.rmtree(scratch)


@contextlib.contextmanager
def locked(path: StrPath) -> Iterator[None]:
    """Holds a lock, in a file that stays; where the system has no such locks, does nothing.

    A lock ends with the process that holds it, however that ends.

    Args:
      path: the lock's file; it is made if need be.

    Raises:
      BlockingIOError: if somebody else holds it.
      OSError: if the file cannot be made.
      ValueError: if something else than a file bears its name.
    """
    if not HAS_LOCKS:
        yield
        return
    import fcntl

    path = Path(path)
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError(f"{path} needs to be a lock's file, got another kind")
    number = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK | os.O_NONBLOCK, 0o666)
    with os.fdopen(number, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_at(path, file):  # removed since it was opened
            raise BlockingIOError(f"{path} is another's by now")
        yield


def _taken(scratch: Path) -> BinaryIO:
    """A file that nobody else writes; one that a killed process left is taken over."""
    while True:
        file = open(scratch, "r+b", opener=_opened)  # noqa: SIM115
        if not HAS_LOCKS:
            return file
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_at(scratch, file):
            return file
        file.close()  # who had the lock before has moved it to its place


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | NO_LINK, 0o666)


def _is_at(path: Path, file: BinaryIO) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(path))
    return False


def _sync(path: StrPath) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
