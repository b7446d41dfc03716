"""Compiled programs on the disk, by JAX's own cache, so that the next process need not compile."""

import contextlib
import hashlib
import itertools
import json
import os
import zlib
from pathlib import Path

import jax

from jaxmlp.runtime import receipt

__all__ = ["cache_compilations"]

LIMIT = 2**30  # bytes of programs that are kept


def cache_compilations(folder: str | os.PathLike[str] | None = None) -> Path:
    """Keeps compiled programs on the disk; a process that needs one again reads it from there.

    Sets JAX's configuration for the whole process: every `jax.jit` profits, this library's or not.
    A program gives the same bits whether it was compiled or read. Each kind of processor, version,
    number of threads and flag, all that `receipt.describe` has of them, has a folder of its own.

    Args:
      folder: where to; by default `$XDG_CACHE_HOME/jaxmlp`, else `~/.cache/jaxmlp`. Whoever can
        write there can run code here. Where `$JAX_COMPILATION_CACHE_DIR` or the configuration has
        a folder already and none is given, it stays as it is.

    Returns:
      The folder that JAX uses.

    Raises:
      OSError: if it cannot be made or written.
      ValueError: if it is `~name` of a user who is not there.

    >>> import tempfile
    >>> root = tempfile.mkdtemp()
    >>> before = jax.config.jax_compilation_cache_dir
    >>> cache_compilations(root).parent == Path(root)
    True
    >>> jax.config.update("jax_compilation_cache_dir", before)
    """
    if folder is None and jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]
        return Path(jax.config.jax_compilation_cache_dir)  # type: ignore[attr-defined]
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "jaxmlp")
    try:
        root = root if folder is None else Path(folder).expanduser()
    except RuntimeError as error:
        raise ValueError(f"folder needs a user who is there, got {folder}") from error
    path = (root / _key()).absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(f"the compilation cache needs a folder to write in, got {path}")
    _tidy(path)
    from jax.experimental.compilation_cache import compilation_cache

    compilation_cache.reset_cache()  # or a process that has compiled already would not look
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return path


def _key() -> str:
    """A name for all that a program's machine code depends on besides the program."""
    facts = receipt.describe()
    # How many there will be, since they may not have started; `receipt.num_threads` counts them.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wanted = os.environ.get("NPROC", "")
    facts["threads"] = int(wanted) if wanted.isdigit() and int(wanted) else cores
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _tidy(path: Path) -> None:
    """Deletes what a killed process left half-written, and beyond the limit what is oldest.

    JAX writes a program straight to its place, and would never replace it. So what has come since
    the last look is unpacked once.
    """
    looked = path / ".looked"
    last = looked.stat().st_mtime_ns if looked.exists() else 0
    looked.touch()
    ours = [each for each in path.parent.glob("[0-9a-f]" * 16) if (each / ".looked").is_file()]
    entries: dict[Path, os.stat_result] = {}
    for entry in itertools.chain.from_iterable(each.glob("*-cache") for each in ours):
        with contextlib.suppress(OSError):  # another process was faster
            entries[entry] = entry.stat()
    total = sum(stat.st_size for stat in entries.values())
    for entry, stat in sorted(entries.items(), key=lambda item: item[1].st_mtime_ns):
        is_new = entry.parent == path and stat.st_mtime_ns >= last
        if total > LIMIT or (is_new and not _is_whole(entry)):
            total -= stat.st_size
            with contextlib.suppress(OSError):
                entry.unlink()


def _is_whole(entry: Path) -> bool:
    """Whether a packed program can be unpacked."""
    try:
        packed = entry.read_bytes()
        if packed.startswith(b"\x28\xb5\x2f\xfd"):
            import zstandard  # which JAX packs with where it is there

            zstandard.ZstdDecompressor().decompress(packed)
        else:
            zlib.decompress(packed)
    except ImportError:
        return True
    except Exception:
        return False
    return True
