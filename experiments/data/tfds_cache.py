"""What tensorflow-datasets knows and keeps of files: URLs, checksums, downloads.

It downloads, and nothing here does what it would do as well: importing it takes 0.3 s and more,
where a training may take 2 s from prompt to end, and its list of checksums, the text file that it
is, is read in 0.2 ms; and where there is no network it tries ten times, for minutes.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from experiments.data.idx import DataError, Registered

PROBE_SECONDS = 6.0  # how long a host may take to answer before it counts as out of reach

logger = logging.getLogger(__name__)


class NotAvailable(DataError):
    """Data that is neither on this machine nor to be downloaded."""


def registered(name: str) -> dict[str, Registered]:
    """Returns what tensorflow-datasets registers for a data set: file name -> URL, size, sha256.

    Raises:
      DataError: tensorflow-datasets is not installed, or does not register it.
    """
    spec = importlib.util.find_spec("tensorflow_datasets")
    for root in (spec and spec.submodule_search_locations) or ():
        for path in (f"url_checksums/{name}.txt", f"datasets/{name}/checksums.tsv"):
            if (file := Path(root, path)).is_file():
                rows = (line.split("\t") for line in file.read_text().splitlines() if line)
                return {row[3]: Registered(row[0], int(row[1]), row[2]) for row in rows}
    raise DataError(f"{name}: expected its checksums in an installed tensorflow-datasets, got none")


def find(entries: Mapping[str, Registered], place: Path) -> dict[str, Path]:
    """Looks for files in a place's `downloads`, where TFDS keeps them under URL and digest.

    Returns:
      Name -> path, in the order of the entries; {} unless all are there.
    """
    paths: dict[str, Path] = {}
    for name, entry in entries.items():
        digest = base64.urlsafe_b64encode(bytes.fromhex(entry.sha256)).decode().rstrip("=")
        pattern = f"*{digest}{Path(name).suffix}"
        for folder in ("downloads", "downloads/*"):  # older releases keep no folder per data set
            if found := next(place.glob(f"{folder}/{pattern}"), None):
                paths[name] = found
    return paths if len(paths) == len(entries) else {}


def download(name: str, entries: Mapping[str, Registered], place: Path) -> dict[str, Path]:
    """Downloads files through tensorflow-datasets into its cache, `place`/downloads.

    Args:
      name: the data set, as TFDS names it.
      entries: file name -> where it is.
      place: a TFDS data directory; made if it does not exist.

    Returns:
      Name -> path, in the order of the entries. The caller verifies the files.

    Raises:
      NotAvailable: no network, or the download failed.
    """
    urls = {file: entry.url for file, entry in entries.items()}
    probe = next(iter(urls.values()))
    if reason := unreachable(probe):
        raise NotAvailable(f"it cannot be downloaded from {probe}: {reason}")
    logger.info("downloading %s into %s", name, place / "downloads")
    try:
        with quiet():
            import tensorflow_datasets as tfds

            if not sys.stderr.isatty():
                tfds.disable_progress_bar()
            manager = tfds.download.DownloadManager(
                download_dir=place / "downloads",
                url_infos=tfds.builder_cls(name).url_infos,
                dataset_name=name,
            )
            # One at a time: if one failed while others retried, Python could not exit for minutes.
            return {file: Path(manager.download(url)) for file, url in urls.items()}
    except Exception as error:
        raise NotAvailable(f"its download into {place} failed: {first_line(error)}") from error


def unreachable(url: str) -> str | None:
    """Says why a URL cannot be had, or None if it answers; takes `PROBE_SECONDS` at most.

    TFDS itself would retry for minutes. The request goes through `requests` as TFDS's do, for
    the same proxies and certificates, and in a thread, because looking up a host has no timeout.
    """
    reason: list[str | None] = [f"no answer within {PROBE_SECONDS:g} s"]

    def probe() -> None:
        import requests

        try:
            with requests.get(url, stream=True, timeout=PROBE_SECONDS) as response:
                reason[0] = None if response.ok else f"HTTP status {response.status_code}"
        except (OSError, ValueError) as error:
            reason[0] = type(error).__name__

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return reason[0]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps TFDS, urllib3 and Python from warning; errors still come as exceptions."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def first_line(error: Exception) -> str:
    """An error's kind, and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
