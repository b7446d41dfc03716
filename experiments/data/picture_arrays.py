"""Many picture files as one array, of one size and in as many colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from experiments.data import photographs, picture_files
from experiments.data.idx import DataError
from experiments.data.sizes import size_text
from jaxmlp.runtime import memory

__all__ = ["read"]

SMALL = 64  # pixels, the side that is proposed for large pictures


def read(files: Sequence[Path], size: tuple[int, int] | None) -> tuple[np.ndarray, list[str]]:
    """Reads many pictures, in colour if one of them is.

    Args:
      files: at least one.
      size: (height, width) to bring them to; None where all are of one size.

    Returns:
      (N, height, width) uint8, or (N, height, width, 3); and what became of them, for a reader.

    Raises:
      DataError: their sizes differ, or they are too many for the memory.
      ImageError: one is damaged.
    """
    first, pictures = picture_files.size(files[0]), []
    _check_memory(files, size or first)
    for path in files:
        pictures.append(photographs.read(path, size))
        if size is None and pictures[-1].shape[:2] != first:
            _refuse_sizes(files)
    notes = []
    if size is not None and (others := Counter(map(picture_files.size, files))).keys() - {size}:
        notes.append(f"pictures of {_sizes(others)} are brought to {size_text(size)}")
    coloured = sum(each.ndim == 3 for each in pictures)
    if not coloured:
        return np.stack(pictures), notes
    if coloured < len(files):
        grey = len(files) - coloured
        notes.append(f"{grey:,} of {len(files):,} pictures are grey, and taken as in colour too")
    return np.stack([photographs.in_colour(each) for each in pictures]), notes


def _check_memory(files: Sequence[Path], size: tuple[int, int]) -> None:
    needed = 2 * 3 * len(files) * size[0] * size[1]  # raw, and put together
    if needed > (limit := memory.available(None)):
        raise DataError(
            f"{files[0].parent}: expected pictures for the memory, got {memory.gib(needed)}, of "
            f"{memory.gib(limit)}: --image_size={size_text(_proposed([size]))} makes them smaller"
        )


def _refuse_sizes(files: Sequence[Path]) -> None:
    sizes: Counter[tuple[int, int]] = Counter()
    examples: dict[tuple[int, int], Path] = {}
    for path in files:
        sizes[picture_files.size(path)] += 1
        examples.setdefault(picture_files.size(path), path)
    (one, first), (other, second) = [*examples.items()][:2]
    raise DataError(
        f"{first}: expected pictures of one size, got {size_text(one)} here and {size_text(other)} "
        f"in {second}, of {_sizes(sizes)}: --image_size={size_text(_proposed(sizes))} mends it"
    )


def _sizes(sizes: Counter[tuple[int, int]]) -> str:
    smallest, largest = (pick(sizes, key=lambda each: each[0] * each[1]) for pick in (min, max))
    if len(sizes) == 1:
        return size_text(smallest)
    return f"{len(sizes):,} sizes from {size_text(smallest)} to {size_text(largest)}"


def _proposed(sizes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    heights, widths = zip(*sizes, strict=True)
    return min(SMALL, *heights), min(SMALL, *widths)
