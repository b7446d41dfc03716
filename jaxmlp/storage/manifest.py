"""What a checkpoint's folder has to hold: its manifest, and how damage is found.

240/manifest.json  the step, the score, each leaf's name, dtype and shape, each file's sha256
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

__all__ = ["DamagedError", "Manifest", "read_manifest", "verify", "write_manifest"]

Manifest = dict[str, Any]


class DamagedError(ValueError):
    """A checkpoint is not as it was written."""


def write_manifest(folder: Path, facts: Manifest) -> None:
    """Writes the manifest of a folder whose other files are there."""
    files = {name: _size_and_sha256(folder / name) for name in _files(folder)}
    (folder / "manifest.json").write_bytes(_encode({**facts, "files": files}))


def read_manifest(path: Path) -> Manifest:
    """The manifest of a checkpoint, checked against itself, but not against the other files.

    Raises:
      DamagedError: if it is not as it was written.
    """
    file = path / "manifest.json"
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise DamagedError(f"{file} cannot be read: {error.strerror}") from error
    try:
        manifest: Manifest = json.loads(raw)["manifest"]
        is_intact = _encode(manifest) == raw
    except (ValueError, KeyError, TypeError, RecursionError):
        is_intact = False
    if not is_intact:
        raise DamagedError(f"{file} needs the bytes it was written with, got others")
    if manifest["name"] != path.name:
        raise DamagedError(f"{path} needs the name {manifest['name']}, got {path.name}")
    return manifest


def verify(path: Path) -> Manifest:
    """Checks every file of a checkpoint against the manifest, and the manifest against itself.

    Args:
      path: its folder.

    Returns:
      The manifest.

    Raises:
      DamagedError: naming the first file that is not as it was written, is missing, or is one
        too many.
    """
    manifest = read_manifest(path)
    expected, found = manifest["files"], _files(path)
    for name in sorted(set(expected) - set(found)):
        raise DamagedError(f"{path / name} is missing")
    for name in sorted(set(found) - set(expected)):
        raise DamagedError(f"{path / name} is not one of its files: {', '.join(expected)}")
    for name in found:
        file = path / name
        try:
            got = _size_and_sha256(file)
        except OSError as error:
            raise DamagedError(f"{file} cannot be read: {error.strerror}") from error
        for key, value in expected[name].items():
            if got[key] != value:
                raise DamagedError(f"{file} needs the {key} {value}, got {got[key]}")
    return manifest


def _files(path: Path) -> list[str]:
    """The names of all files but the manifest, relative to the folder."""
    files = (file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir())
    return sorted(name for name in files if name != "manifest.json")


def _size_and_sha256(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        return {"size": os.fstat(opened.fileno()).st_size, "sha256": sha256}


def _encode(manifest: Manifest) -> bytes:
    """The manifest as JSON, with its own sha256.

    A file is intact if and only if what is read from it encodes to the same bytes.
    """
    sha256 = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()
    return json.dumps({"manifest": manifest, "sha256": sha256}).encode()
