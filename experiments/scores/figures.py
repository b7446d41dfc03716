"""The figures that suit a task, of answers to a set whose labels are known."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.scores import classes, values

__all__ = ["NAMES", "as_classes", "of", "rounded"]

NAMES = (  # of figures; those with an interval have its ends as NAME_low and NAME_high too
    *("exact_match", "accuracy", "balanced_accuracy", "f1", "macro_f1", "roc_auc", "log_loss"),
    *("calibration_error", "mae", "rmse", "r2"),
)
DIGITS = 6  # kept of a figure: its last ones are rounding, which differs from machine to machine


def of(
    task: str, labels: np.ndarray, outputs: np.ndarray, class_names: Sequence[str] = ()
) -> dict[str, Any]:
    """How good a network's outputs are, or anybody's.

    Args:
      task: "classification", "binary", "multilabel" or "regression".
      labels: (N,) classes or (N, K) one-hot; of a binary task 0 and 1, (N,) or (N, L); values, (N,)
        or (N, V).
      outputs: as of `jaxmlp.predict`: probabilities (N, K); of yes (N, L); values (N, V).
      class_names: of several questions or values the name of each; by default "0", "1", ...

    Returns:
      Figures by name, None for one that this set cannot tell. Of several questions or values their
      means, and under "each" those of each; of questions also the share of rows without a mistake,
      "exact_match".

    >>> found = of("classification", np.array([0, 1]), np.array([[0.75, 0.25], [0.5, 0.5]]))
    >>> found["accuracy"], found["roc_auc"], found["log_loss"], found["calibration_error"]
    (0.5, 1.0, 0.490415, 0.375)
    >>> of("regression", np.array([1.0, 3.0]), np.array([[1.0], [2.0]]))["rmse"]
    0.707107
    """
    labels, outputs = np.asarray(labels), np.asarray(outputs, np.float64)
    if not len(labels):
        return {}
    if task == "regression":
        found = _of_values(labels.reshape(outputs.shape), outputs, class_names)
    elif task in ("binary", "multilabel") and outputs.shape[1] > 1:
        found = _of_questions(labels.astype(int), outputs, class_names)
    else:
        found = classes.figures(*as_classes(labels, outputs))
    return rounded(found)


def as_classes(labels: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels as (N,) classes, and (N, K) probabilities: of one output those of no and of yes."""
    if outputs.shape[1] == 1:
        return labels.reshape(-1).astype(int), np.concatenate([1 - outputs, outputs], axis=1)
    if labels.ndim == 2 and labels.shape[1] > 1:
        return labels.argmax(axis=1), outputs
    return labels.reshape(-1).astype(int), outputs


def _of_questions(labels: np.ndarray, outputs: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    each = [
        classes.figures(*as_classes(y, p[:, None]))
        for y, p in zip(labels.T, outputs.T, strict=True)
    ]
    answers = np.where(np.isnan(outputs), -1, outputs > 0.5)
    num_right = int((answers == labels).all(axis=1).sum())
    low, high = classes.wilson(num_right, len(labels))
    exact = num_right / len(labels)
    whole = {"exact_match": exact, "exact_match_low": low, "exact_match_high": high}
    return whole | _means(each) | {"each": _named(each, names)}


def _of_values(labels: np.ndarray, outputs: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    found = values.figures(labels, outputs)
    if outputs.shape[1] == 1:
        return found
    each = [
        values.figures(y[:, None], v[:, None]) for y, v in zip(labels.T, outputs.T, strict=True)
    ]
    return found | {"each": _named(each, names)}


def _means(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Over the questions that can tell; an interval of rows is none of a mean over questions."""
    means = {}
    for name in each[0]:
        known = [figures[name] for figures in each if figures[name] is not None]
        if not name.endswith(("_low", "_high")):
            means[name] = float(np.mean(known)) if known else None
    means["macro_f1"] = means.pop("f1")  # of yes, as is meant by it where there are several
    return means


def _named(each: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    named = names if len(names) == len(each) else [str(i) for i in range(len(each))]
    return dict(zip(named, each, strict=True))


def rounded(value: Any) -> Any:
    """A figure, or all of a mapping, without the digits that differ from machine to machine."""
    if isinstance(value, Mapping):
        return {name: rounded(item) for name, item in value.items()}
    return None if value is None else float(f"{value:.{DIGITS}g}")
