"""Whether a user's inputs are of a size that networks learn from, and what mends it where not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["SCALES", "findings", "white"]

SCALES = (0.01, 100.0)  # of columns, as networks take them well
FAR = 10  # deviations from 0, and units, beyond which a mean is far from it
PLACES, EACH = 10, 1_000  # where rows are looked at, and how many side by side
MOST = 2**24  # numbers in all of them
PIXELS = 255  # the largest
FEWEST = 16  # what pixels exceed somewhere: smaller whole numbers are likelier counts
BRIGHT, MANY = 200, 64  # what pixels that are not whole exceed, and how many a picture has


def findings(inputs: Any) -> Iterator[str]:
    """What there is to say against inputs, and the flag that mends it; nothing of uint8 pixels.

    Args:
      inputs: (N, features), an array or rows that are read by their numbers; of many, some are
        looked at.

    >>> list(findings(np.float32([[0, 1000], [1, 3000]])))[0].partition(":")[0]
    'column 1 of the inputs is 2e+03 in the mean, with a deviation of 1e+03'
    """
    if inputs.dtype == np.uint8:
        return
    rows = _some(inputs)
    if not len(rows):
        return
    if _like_pixels(rows):
        yield (
            f"inputs are from {rows.min():g} to {rows.max():g}, as pixels are, but not uint8, and "
            "are taken as they are: save pixels as uint8 (x.astype('uint8')), which are from 0 to "
            "1 to a network; other numbers are scaled by --standardize"
        )
        return
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    reach = abs(rows - mean).max(axis=0)
    is_same = rows.min(axis=0) == rows.max(axis=0)
    odd = (deviation > SCALES[1]) | (reach < SCALES[0])
    odd |= (abs(mean) > FAR * deviation) & (abs(mean) > FAR)
    odd &= ~is_same
    if odd.any():
        worst = int(np.where(odd, abs(mean) + deviation, -1).argmax())
        more = int(odd.sum()) - 1
        count = f", as {more:,} more of {len(odd):,} are" if more else ""
        yield (
            f"column {worst} of the inputs is {mean[worst]:.3g} in the mean, with a deviation of "
            f"{deviation[worst]:.3g}: hard to learn from{count}; --standardize brings all columns "
            "to a mean of 0 and a deviation of 1"
        )


def white(inputs: Any) -> float | None:
    """What a white pixel is in pictures whose black ones are 0; None where some are below 0.

    Args:
      inputs: (N, features), as of `findings`.

    >>> white(np.float32([[0, 0.9]])), white(np.float32([[0, 251]])), white(np.float32([[0, 16]]))
    (1.0, 255.0, 16.0)
    """
    if inputs.dtype == np.uint8:
        return 1.0  # as networks take them
    rows = _some(inputs)
    low, high = float(rows.min(initial=0)), float(rows.max(initial=0))
    if low < 0:
        return None
    return 1.0 if high <= 1 else float(PIXELS) if BRIGHT < high <= PIXELS else high


def _some(inputs: Any) -> np.ndarray:
    """Rows from all over, those whose numbers are finite, (n, features) float64."""
    each = max(1, min(EACH, MOST // (PLACES * inputs.shape[1])))
    starts = np.linspace(0, max(0, len(inputs) - each), PLACES).astype(int)
    some = np.unique(np.minimum(starts[:, None] + np.arange(each), len(inputs) - 1))
    rows = np.asarray(inputs[some], np.float64)
    return rows[np.isfinite(rows).all(axis=1)]


def _like_pixels(rows: np.ndarray) -> bool:
    if rows.min() < 0 or not FEWEST < rows.max() <= PIXELS:
        return False
    are_many = rows.shape[1] >= MANY and rows.max() > BRIGHT
    return are_many or bool((rows == np.floor(rows)).all())
