"""Which classes a network takes for which: the matrix, or of many classes its worst pairs."""

from typing import Any

import numpy as np

from experiments.report.subject import Subject, guesses, names_of_classes

__all__ = ["of", "of_questions"]

MOST = 64  # classes of a matrix; of more, it is wider than a page, and slow to show
PAIRS = 10
SHADES = 9  # of a cell, by the logarithm of its count


def of(subject: Subject) -> dict[str, Any] | None:
    """Counts by label (rows) and guess (columns), with the pairs confused most often."""
    found = guesses(subject)
    if found is None:
        return None
    names, size = found.names, len(found.names)
    cells = found.labels * size + found.guesses
    counts = np.bincount(cells, minlength=size**2).reshape(size, size)
    wrong = counts * (1 - np.eye(size, dtype=int))
    worst = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    places = [divmod(int(cell), size) for cell in worst]
    return {
        "classes": names,
        "counts": counts.tolist() if size <= MOST else None,
        "shades": _shades(counts).tolist() if size <= MOST else None,
        "pairs": [
            {"label": label, "guess": guess, "count": int(wrong[label, guess])}
            for label, guess in places
            if wrong[label, guess]
        ],
        "num_right": int(np.trace(counts)),
        "num_examples": len(found.labels),
    }


def _shades(counts: np.ndarray) -> np.ndarray:
    """How dark each cell is, 0 to SHADES, so that a few errors show beside thousands of hits."""
    shares = np.log1p(counts) / np.log1p(max(1, counts.max()))
    return np.ceil(SHADES * shares).astype(int)


def of_questions(subject: Subject) -> dict[str, Any] | None:
    """Of several answers of yes or no, how often each is right and wrong; else None."""
    outputs = subject.outputs
    if subject.job.recipe.task.kind != "binary" or outputs.shape[1] == 1:
        return None
    labels = np.asarray(subject.job.data.sets()["test"][1]).reshape(outputs.shape) > 0.5
    answers = outputs > 0.5
    return {
        "rows": [
            {
                "name": name,
                "counts": [
                    int((label & answer).sum()),
                    int((label & ~answer).sum()),
                    int((~label & answer).sum()),
                    int((~label & ~answer).sum()),
                ],
            }
            for name, label, answer in zip(
                names_of_classes(subject, outputs.shape[1]), labels.T, answers.T, strict=True
            )
        ]
    }
