"""Checkpoints of a running training: written in the background, whole or not at all, and verified.

A checkpoint is a folder named for its step:

    240/arrays/        the bytes of every leaf, one after another, as one array; Orbax writes it
    240/record.json    what else the caller wants to find again
    240/manifest.json  the step, the score, each leaf's name, dtype and shape, each file's sha256
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import warnings
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.types import PyTree

__all__ = [
    "Checkpoint",
    "CheckpointWarning",
    "Checkpoints",
    "DamagedError",
    "restore",
    "restore_best",
    "steps",
    "verify",
]

StrPath = str | os.PathLike[str]


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written, or was skipped because it is damaged."""


class DamagedError(ValueError):
    """A checkpoint is not as it was written."""


class Checkpoint(NamedTuple):
    """What `Checkpoints.save` was given."""

    step: int
    tree: PyTree  # leaves are NumPy arrays with the bits that were saved
    record: Any
    score: float | None


class Checkpoints:
    """Saves checkpoints into a folder and deletes the old ones, in the background.

    `save` copies the arrays and returns; one thread writes, in order. Whatever goes wrong there
    (a full disk, say) is a `CheckpointWarning` from the next call of a method, leaves the earlier
    checkpoints as they were, and does not keep later saves from working.

    Args:
      folder: where to; it is made if need be. What a killed process left half-written in it is
        removed. One process at a time may save there.
      keep: how many of the latest to keep, besides the one with the best score.

    Raises:
      OSError: if the folder cannot be made.
      ValueError: if `keep` is less than 1.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with Checkpoints(folder, keep=2) as checkpoints:
    ...     for step, accuracy in [(10, 0.7), (20, 0.9), (30, 0.8), (40, 0.8)]:
    ...         checkpoints.save(step, {"weight": np.float32(step)}, score=accuracy)
    >>> steps(folder)
    [20, 30, 40]
    >>> restore(folder, like={"weight": np.float32(0)}).tree
    {'weight': array(40., dtype=float32)}
    """

    error: str | None = None
    """Why the last save that is over was not written; None if it was."""

    def __init__(self, folder: StrPath, keep: int = 3) -> None:
        if keep < 1:
            raise ValueError(f"keep needs to be at least 1, got {keep}")
        self._folder, self._keep = Path(folder).absolute(), keep
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in os.listdir(self._folder):
            if name.startswith((".saving-", ".deleting-")):
                shutil.rmtree(self._folder / name)
        self._scores = {name: _score(self._folder / name) for name in _names(self._folder)}
        self._unfinished: deque[Future[None]] = deque()
        self._unreported: deque[str] = deque()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._writer.submit(_orbax_handler)  # the import of Orbax takes a third of a second

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def save(self, step: int, tree: PyTree, record: Any = None, score: float | None = None) -> None:
        """Copies the arrays, and has them written while the caller goes on.

        At most two saves are unfinished at a time: a third waits for the first, so no more than
        that many copies are in memory.

        Args:
          step: 0 or more. A step that is there already is replaced, once the new one is in place.
          tree: a tree with arrays as leaves, of any dtype that is numbers.
          record: anything that JSON can hold.
          score: the higher, the better; NaN is as good as none.

        Raises:
          TypeError: if JSON cannot hold the record, or a leaf is no array of numbers.
          ValueError: if the step is negative, or two leaves have one name.
        """
        if step < 0:
            raise ValueError(f"step needs to be 0 or more, got {step}")
        text = json.dumps(record)
        self._finish(at_most=1)
        leaves, data = _pack(tree)
        manifest = {"step": step, "score": score, "leaves": leaves}
        self._unfinished.append(self._writer.submit(self._save, manifest, text, data))
        self._report()

    def wait(self) -> None:
        """Returns when all that was saved is in place, or has failed."""
        self._finish(at_most=0)
        self._report()

    def close(self) -> None:
        """Waits, and ends the thread."""
        self._writer.shutdown()
        self._report()

    def _finish(self, at_most: int) -> None:
        while len(self._unfinished) > at_most:
            self._unfinished.popleft().result()

    def _report(self) -> None:
        while self._unreported:
            warnings.warn(self._unreported.popleft(), CheckpointWarning, stacklevel=3)

    def _save(self, manifest: dict[str, Any], record: str, data: np.ndarray) -> None:
        """Writes one and deletes those it makes superfluous; runs on the thread."""
        step, score = manifest["step"], manifest["score"]
        try:
            name = _write(self._folder, manifest, record, data)
            self._scores[name] = score
            kept = _worth_keeping(self._scores, self._keep)
            self._scores = {name: self._scores[name] for name in kept}
            for name in set(_names(self._folder)) - set(kept):
                _delete(self._folder, name)
            self.error = None
        except Exception as error:  # training goes on
            self.error = f"{type(error).__name__}: {error}"
            self._unreported.append(f"saving step {step} in {self._folder} failed: {self.error}")


def steps(folder: StrPath) -> list[int]:
    """The steps that have a checkpoint, damaged ones included, in ascending order."""
    return sorted({_step_and_revision(name)[0] for name in _names(Path(folder))})


def verify(checkpoint: StrPath) -> None:
    """Checks every file of a checkpoint against the manifest, and the manifest against itself.

    Args:
      checkpoint: its folder.

    Raises:
      DamagedError: naming the first file that is not as it was written, is missing, or is one
        too many.
    """
    _verified(Path(checkpoint))


def restore(folder: StrPath, like: PyTree, step: int | None = None) -> Checkpoint | None:
    """The newest checkpoint that is undamaged; a `CheckpointWarning` names each that is skipped.

    Args:
      folder: what `Checkpoints` was given.
      like: a tree of arrays, or of `jax.ShapeDtypeStruct`: the structure, dtypes and shapes to
        find. Their values are not looked at.
      step: the one to restore, rather than the newest.

    Returns:
      The checkpoint, verified, or None if there is none at all.

    Raises:
      DamagedError: if there are checkpoints, and all are damaged.
      FileNotFoundError: if `step` has no checkpoint.
      ValueError: naming a leaf, if the checkpoint's tree is not as expected.
    """
    folder = Path(folder).absolute()
    names = _names(folder)[::-1]
    if step is not None:
        names = [name for name in names if _step_and_revision(name)[0] == step]
        if not names:
            raise FileNotFoundError(
                f"step needs to be one of {steps(folder)}, got {step}: {folder}"
            )
    return _first_undamaged([folder / name for name in names], like)


def restore_best(folder: StrPath, like: PyTree) -> Checkpoint | None:
    """The checkpoint with the highest score, the earliest of equals; otherwise as `restore`.

    Returns:
      The checkpoint, or None if none has a score.
    """
    folder = Path(folder).absolute()
    scores = {name: _score(folder / name, damaged=np.inf) for name in _names(folder)}
    scored = [name for name, score in scores.items() if score is not None]
    names = sorted(scored, key=lambda name: _rank(name, scores[name]), reverse=True)
    return _first_undamaged([folder / name for name in names], like)


# --- which there are, and which to keep


def _names(folder: Path) -> list[str]:
    """The checkpoints in a folder, in the order of steps.

    A step that was saved again is "20.1", so that "20" need not make room before it is in place.
    """
    found = os.listdir(folder) if folder.is_dir() else []
    names = [name for name in found if re.fullmatch(r"(0|[1-9]\d*)(\.[1-9]\d*)?", name)]
    return sorted(names, key=_step_and_revision)


def _step_and_revision(name: str) -> tuple[int, int]:
    step, _, revision = name.partition(".")
    return int(step), int(revision or 0)


def _rank(name: str, score: float | None) -> tuple[float, int, int]:
    """The greater, the better: the higher score, then the earlier step, then the later revision."""
    step, revision = _step_and_revision(name)
    return -np.inf if score is None else score, -step, revision


def _worth_keeping(scores: dict[str, float | None], keep: int) -> list[str]:
    """The names of the last few written and of the best, in the order they were written in.

    >>> _worth_keeping({"1": 0.5, "2": 0.9, "3": 0.9, "4": None, "3.1": 0.7}, keep=2)
    ['2', '4', '3.1']
    """
    latest = {_step_and_revision(name)[0]: name for name in scores}
    names = [name for name in scores if name in latest.values()]
    best = max(names, key=lambda name: _rank(name, scores[name]))
    return [name for name in names if name in names[-keep:] or (name == best and scores[name])]


def _score(path: Path, damaged: float | None = None) -> float | None:
    try:
        score: float | None = _read_manifest(path)["score"]
    except DamagedError:
        return damaged
    return score


# --- writing


def _pack(tree: PyTree) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The name, dtype and shape of every leaf, and the bytes of all of them in a new array.

    Orbax spends a millisecond or two on an array however small it is, so it gets one.
    """
    leaves = _named_leaves(jax.device_get(tree))
    for name, leaf in leaves.items():
        if not jax.dtypes.issubdtype(leaf.dtype, np.number) and leaf.dtype != bool:
            raise TypeError(f"{name} needs to be an array of numbers, got {leaf.dtype}")
    arrays = [np.ascontiguousarray(leaf) for leaf in leaves.values()]
    data = np.zeros(max(1, sum(array.nbytes for array in arrays)), np.uint8)  # Orbax wants a byte
    start = 0
    for array in arrays:
        data[start : start + array.nbytes] = array.reshape(-1).view(np.uint8)
        start += array.nbytes
    table = [{"name": name, **_dtype_and_shape(leaf)} for name, leaf in leaves.items()]
    return table, data


def _write(folder: Path, manifest: dict[str, Any], record: str, data: np.ndarray) -> str:
    """Writes a checkpoint under another name, and gives it its own when it is complete."""
    step = manifest["step"]
    revisions = [_step_and_revision(name) for name in _names(folder)]
    revision = max((revision + 1 for other, revision in revisions if other == step), default=0)
    name = f"{step}.{revision}" if revision else f"{step}"
    scratch = folder / f".saving-{name}"
    try:
        scratch.mkdir()
        (scratch / "record.json").write_text(record)
        _orbax_save(scratch / "arrays", data)
        files = {file: _size_and_sha256(scratch / file) for file in _files(scratch)}
        (scratch / "manifest.json").write_bytes(_encode({"name": name, **manifest, "files": files}))
        for directory, _, children in os.walk(scratch):
            for path in (directory, *(os.path.join(directory, child) for child in children)):
                _sync(path)
        os.rename(scratch, folder / name)
    except Exception:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    _sync(folder)
    return name


def _delete(folder: Path, name: str) -> None:
    """Deletes a checkpoint under another name, so that half of it is never taken for a whole."""
    scratch = folder / f".deleting-{name}"
    os.rename(folder / name, scratch)
    shutil.rmtree(scratch)


def _sync(path: StrPath) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- reading


def _first_undamaged(paths: Iterable[Path], like: PyTree) -> Checkpoint | None:
    damage = []
    for path in paths:
        try:
            manifest = _verified(path)
        except DamagedError as error:
            damage.append(str(error))
            warnings.warn(f"skipped a checkpoint: {error}", CheckpointWarning, stacklevel=3)
            continue
        tree = _unpack(path, manifest["leaves"], like)
        record = json.loads((path / "record.json").read_text())
        return Checkpoint(manifest["step"], tree, record, manifest["score"])
    if damage:
        raise DamagedError("every checkpoint is damaged:\n" + "\n".join(damage))
    return None


def _verified(path: Path) -> dict[str, Any]:
    manifest = _read_manifest(path)
    expected, found = manifest["files"], [*_files(path)]
    for name in sorted({*expected, *found}):
        file = path / name
        if name not in found:
            raise DamagedError(f"{file} is missing")
        if name not in expected:
            raise DamagedError(f"{file} does not belong there")
        try:
            got = _size_and_sha256(file)
        except OSError as error:
            raise DamagedError(f"{file} cannot be read: {error}") from error
        for key, value in expected[name].items():
            if got[key] != value:
                raise DamagedError(f"{file} needs {key} {value}, got {got[key]}")
    return manifest


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / "manifest.json"
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise DamagedError(f"{file} cannot be read: {error.strerror}") from error
    try:
        manifest: dict[str, Any] = json.loads(raw)["manifest"]
        intact = _encode(manifest) == raw
    except (ValueError, KeyError, TypeError, RecursionError):
        intact = False
    if not intact:
        raise DamagedError(f"{file} is not as it was written: its sha256 does not fit")
    if manifest["name"] != path.name:
        raise DamagedError(f"{path} needs the name {manifest['name']}, got {path.name}")
    return manifest


def _encode(manifest: dict[str, Any]) -> bytes:
    """The manifest as JSON, with its own sha256.

    It is intact if and only if what is read from it encodes to the same bytes.
    """
    sha256 = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()
    return json.dumps({"manifest": manifest, "sha256": sha256}).encode()


def _files(path: Path) -> Iterable[str]:
    files = (file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir())
    return (file for file in files if file != "manifest.json")


def _size_and_sha256(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        return {"size": os.fstat(opened.fileno()).st_size, "sha256": sha256}


def _unpack(path: Path, table: list[dict[str, Any]], like: PyTree) -> PyTree:
    expected = {name: _dtype_and_shape(leaf) for name, leaf in _named_leaves(like).items()}
    found = {row["name"]: {"dtype": row["dtype"], "shape": row["shape"]} for row in table}
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            wanted, got = _describe(expected.get(name)), _describe(found.get(name))
            raise ValueError(f"{name} needs {wanted}, got {got} in {path}")
    data, start, leaves = _orbax_restore(path / "arrays"), 0, {}
    for name, leaf in found.items():
        empty = np.empty(leaf["shape"], np.dtype(leaf["dtype"]))
        stop = start + empty.nbytes
        leaves[name] = data[start:stop].copy().view(empty.dtype).reshape(empty.shape)
        start = stop
    return jax.tree.unflatten(jax.tree.structure(like), [leaves[name] for name in expected])


# --- leaves


def _named_leaves(tree: PyTree) -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if name in leaves:
            raise ValueError(f"every leaf needs a name of its own, got two of {name}")
        leaves[name] = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
    return leaves


def _dtype_and_shape(leaf: Any) -> dict[str, Any]:
    return {"dtype": str(leaf.dtype), "shape": list(leaf.shape)}


def _describe(leaf: dict[str, Any] | None) -> str:
    return f"{leaf['dtype']} {tuple(leaf['shape'])}" if leaf else "no such leaf"


# --- Orbax


def _orbax_handler() -> Any:
    import orbax.checkpoint as ocp

    return ocp.PyTreeCheckpointHandler(use_ocdbt=False, use_compression=False)


def _orbax_save(folder: Path, data: np.ndarray) -> None:
    handler = _orbax_handler()
    import orbax.checkpoint as ocp

    folder.mkdir()
    handler.save(folder, args=ocp.args.PyTreeSave({"leaves": data}))


def _orbax_restore(folder: Path) -> np.ndarray:
    handler = _orbax_handler()
    import orbax.checkpoint as ocp

    return np.asarray(handler.restore(folder, args=ocp.args.PyTreeRestore())["leaves"])
