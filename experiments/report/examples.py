"""Examples of the test set behind each cell of the confusion matrix, the telling ones first."""

import math
from typing import Any

import numpy as np

from experiments.app.job import Job
from experiments.report import pictures, rows
from experiments.report.subject import Guesses, Subject, guesses

__all__ = ["chosen", "of", "values_of"]

MOST, BYTES = 400, 400_000  # examples, and of their pictures
WRONG, RIGHT = 24, 6  # of a cell at the most
COLUMNS = 40  # of a row without a picture


def of(subject: Subject) -> dict[str, Any] | None:
    """The examples with their labels, guesses and pictures, or else their values."""
    found = guesses(subject)
    if found is None:
        return None
    data = subject.job.data
    inputs = data.sets()["test"][0]
    shape = data.image_shape
    size = math.prod(pictures.shown_shape(shape)) if shape else 1
    places = chosen(found, min(MOST, max(WRONG, BYTES // size)))
    rising = np.sort(places)  # in which order alone a file is read
    taken = np.asarray(inputs[rising])[np.searchsorted(rising, places)]
    made: dict[str, Any] = {
        "rows": [
            {
                "index": int(row),
                "label": int(found.labels[row]),
                "guess": int(found.guesses[row]),
                "confidence": float(found.confidence[row]),
            }
            for row in places
        ],
        "num_wrong": int(_is_wrong(found).sum()),
        "num_wrong_here": int(_is_wrong(found)[places].sum()),
    }
    if shape:
        pixels = pictures.as_text(pictures.pixels(taken, shape))
        return made | {"shape": pictures.shown_shape(shape), "pixels": pixels}
    names, values = values_of(subject.job, taken)
    return made | {"columns": names, "values": values}


def values_of(job: Job, inputs: np.ndarray) -> tuple[list[str], list[list[str]]]:
    """The names and values of rows, in the units of their table where they are of one."""
    if job.preparations:
        return rows.undone(job.preparations[0], inputs, COLUMNS)
    return rows.plain(inputs, COLUMNS)


def chosen(found: Guesses, most: int) -> np.ndarray:
    """Positions of the examples to show: of each cell the most confidently wrong, or least sure.

    Args:
      found: what was taken for what.
      most: how many at the most; each cell gives its first before any its second.

    Returns:
      (some,) positions, wrong ones first, the most confident first.
    """
    is_wrong = _is_wrong(found)
    confidence = np.nan_to_num(found.confidence, nan=1.0)
    telling = np.where(is_wrong, -confidence, confidence)
    order = np.argsort(telling, kind="stable")
    cells = (found.labels * len(found.names) + found.guesses)[order]
    ranks = np.empty(len(order), int)
    by_cell = np.argsort(cells, kind="stable")
    starts = np.flatnonzero(np.diff(cells[by_cell], prepend=-1))
    lengths = np.diff([*starts, len(order)])
    ranks[by_cell] = np.arange(len(order)) - np.repeat(starts, lengths)
    is_wrong = is_wrong[order]
    kept = np.flatnonzero(ranks < np.where(is_wrong, WRONG, RIGHT))
    first = kept[np.lexsort((ranks[kept], ~is_wrong[kept]))][:most]
    return order[np.sort(first)]


def _is_wrong(found: Guesses) -> np.ndarray:
    return np.asarray((found.guesses != found.labels) | np.isnan(found.confidence))
