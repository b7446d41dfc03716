"""The folder that holds all a run leaves; records.py reads it again."""

import contextlib
import datetime
import itertools
import os
import shutil
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

from experiments.folder import schema

CONTENTS = (  # what a run may leave, and --overwrite removes
    "checkpoints",
    "config.json",
    "environment.json",
    "fault.json",
    "faults.jsonl",
    "metrics.jsonl",
    "networks",
    "params.npz",
    "plots",
    "predictions.csv",
    "preparation.json",
    "processes",
    "receipt.json",
    "report.html",
    "runs.npz",
    "summary.json",
    "table.csv",
    "tensorboard",
)


SETTINGS = ("config.json", "environment.json")  # in the order in which a run writes them
LOCK, REMOVING, REMOVED = ".lock", ".removing", ".removed-"


def user_path(text: str | Path) -> Path:
    """A path as a user gives it: ~ and ~name are home folders.

    Raises:
      ValueError: if it is empty, or there is no such user.
    """
    if not text:
        raise ValueError("expected a path, got an empty text")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(f"expected a path, got {text}: there is no such user") from error


def choose(workdir: str | None, program: str, overwrite: bool, resume: bool = False) -> Path:
    """The folder for a run; nothing is created or changed yet.

    Args:
      workdir: as the user gave it; None for a new folder in runs/ with the date in its name.
      program: which experiment, for that name.
      overwrite: whether an earlier run in the folder may be replaced.
      resume: whether an earlier run in the folder goes on.

    Raises:
      OSError: if it cannot be written.
      ValueError: if the folder is not empty and may not be overwritten, is no folder, or another
        run is in it.
    """
    if workdir is None:
        now = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
        path = Path("runs", f"{program}-{now}")
    else:
        path = user_path(workdir)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.lstat(path)  # raises for a name that no file can have
    there = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise ValueError(f"--workdir needs to be a folder, got the file {there}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"--workdir needs a folder that can be written, got {there}")
    if path.is_dir():
        if os.path.lexists(path / LOCK):
            with lock(path):
                pass
        if not resume and not is_beginning(path):
            _refuse_contents(path, overwrite)
    return path


@contextlib.contextmanager
def claim(path: Path, is_named: bool, overwrite: bool, resume: bool = False) -> Iterator[Path]:
    """Makes a folder ready for a run, and keeps other runs out of it.

    An earlier run is removed whole or not at all, and only when no other run is in the folder;
    other files are left alone. What a removal or a run that was killed left half done is mended.

    Args:
      path: what `choose` returned.
      is_named: whether the user named it; if not, another run may take the name first, and the
        next free one is used.
      overwrite: whether an earlier run may be removed.
      resume: whether an earlier run is there to go on with.

    Yields:
      The folder.

    Raises:
      OSError: if it cannot be made or written, or what is to be removed cannot be moved.
      ValueError: if another run is in it, or files bear a run's names but are no run's.
    """
    if not resume:
        path = _create(path, is_named)
    with lock(path):
        _mend(path)
        if not resume:
            if not is_beginning(path):
                _refuse_contents(path, overwrite)
            _remove(path)
        yield path


def _create(path: Path, is_named: bool) -> Path:
    for number in itertools.count(2):
        try:
            path.mkdir(parents=True, exist_ok=is_named)
            break
        except FileExistsError:
            if is_named:
                raise
            path = path.with_name(f"{path.name.partition('_')[0]}_{number}")
    return path


def is_beginning(path: Path) -> bool:
    """Whether a folder has no more in it than a run leaves that ends before it has its settings."""
    names = set(os.listdir(path)) if path.exists() else set()
    visible = {name for name in names if not _is_hidden(name)}
    return not visible or (visible == {SETTINGS[0]} and _is_run(path))


def _is_hidden(name: str) -> bool:
    """Whether a name is of what runs leave that were killed, and of locks."""
    return name in {LOCK, REMOVING, *_scratches()} or name.startswith(REMOVED)


def _scratches() -> list[str]:
    """The names under which files lie until they are whole, now and once."""
    from jaxmlp.storage.atomic import scratch_of  # the library takes a second to import

    return [name for item in CONTENTS for name in (scratch_of(item).name, f".{item}")]


def _refuse_contents(path: Path, overwrite: bool) -> None:
    """Raises ValueError for what is not to be removed; others' files do not disturb a removal."""
    there = sorted(name for name in os.listdir(path) if not _is_hidden(name))
    if there and not overwrite:
        raise ValueError(
            f"--workdir needs a new or empty folder, or --overwrite, got {path} with "
            f"{len(there)} files in it, {there[0]} among them"
        )
    own = [path / name for name in there if name in CONTENTS]
    if own and not _is_run(path):
        raise ValueError(f"--overwrite needs an earlier run's folder, got {own[0]} without one")


def _is_run(path: Path) -> bool:
    """Whether the folder's config.json is one that a run wrote."""
    try:
        config = schema.read(path / SETTINGS[0], schema.Fields({}))
        return {"sizes", "data_sha256"} <= config.keys()
    except ValueError:
        return False


def _remove(path: Path) -> None:
    """Removes a run, whole or not at all: its files are moved aside before the first is deleted.

    config.json is the last to be moved: once it is gone, so is the run, and `_mend` deletes it.
    """
    names = [name for name in CONTENTS if os.path.lexists(path / name)]
    names.sort(key=lambda name: name == SETTINGS[0])
    if not names:
        return
    (path / REMOVING).mkdir()
    try:
        for name in names:
            (path / name).rename(path / REMOVING / name)
    finally:
        _mend(path)


def _mend(path: Path) -> None:
    """Puts back, or deletes, what `_remove` moved; deletes what a killed run left half-written."""
    aside = path / REMOVING
    is_there = aside.is_dir() and not aside.is_symlink()
    if is_there and os.path.lexists(path / SETTINGS[0]):
        for name in os.listdir(aside):
            (aside / name).rename(path / name)
        aside.rmdir()
    elif is_there:
        aside.rename(path / f"{REMOVED}{uuid.uuid4().hex}")
    for name in os.listdir(path):
        if name.startswith(REMOVED):
            try:
                shutil.rmtree(path / name)  # of a link it deletes the link
            except OSError as error:
                warnings.warn(f"{path / name} cannot be deleted: {error}", stacklevel=2)
    for name in _scratches():
        if (path / name).is_file() or (path / name).is_symlink():
            (path / name).unlink()


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Keeps other runs out of a folder; where the system has no file locks, does nothing.

    Raises:
      OSError: if its lock file cannot be made.
      ValueError: if another run is in it, or something else bears the lock file's name.
    """
    from jaxmlp.storage.atomic import locked  # the library takes a second to import

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(path / LOCK))
        except BlockingIOError:
            raise ValueError(f"another run is using {path}") from None
        yield
