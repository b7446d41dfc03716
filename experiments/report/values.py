"""A regression's answers beside the true values."""

from typing import Any

import numpy as np

from experiments.report.subject import Subject, names_of_classes
from experiments.scores.numerals import exact

__all__ = ["of"]

POINTS = 1000  # of each value


def of(subject: Subject) -> dict[str, Any] | None:
    """Pairs of a true value and its answer, evenly spaced over the test set; None of classes."""
    if subject.job.recipe.task.kind != "regression":
        return None
    outputs = np.asarray(subject.outputs, np.float64)
    labels = np.asarray(subject.job.data.sets()["test"][1], np.float64).reshape(outputs.shape)
    shown = np.unique(np.linspace(0, len(labels) - 1, min(POINTS, len(labels))).astype(int))
    names = _names(subject, outputs.shape[1])
    return {
        "num_examples": len(labels),
        "values": [
            {
                "name": name,
                "rows": shown.tolist(),
                "labels": _short(labels[shown, i]),
                "answers": _short(outputs[shown, i]),
                "error": float(np.abs(outputs[:, i] - labels[:, i]).mean()),
            }
            for i, name in enumerate(names)
        ],
    }


def _short(values: np.ndarray) -> list[float]:
    return [float(exact(value)) for value in values]


def _names(subject: Subject, count: int) -> list[str]:
    target = subject.job.config.get("table", {}).get("target", [])
    if len(target) == count:
        return list(target)
    return ["value"] if count == 1 else [f"value {n}" for n in names_of_classes(subject, count)]
