"""What several networks say together, beside what one of them says, and where they differ.

Together they say the mean of their probabilities, or of their values: a mixture, in which every
network has the same weight.

Source: Lakshminarayanan, Pritzel and Blundell, Simple and Scalable Predictive Uncertainty
Estimation using Deep Ensembles, 2017.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.scores import classes, figures, screen

__all__ = ["HEADS", "of", "rows", "said"]

NAMES = ("exact_match", "accuracy", "log_loss", "calibration_error", "mae", "rmse", "r2")
HEADS = ("", "together", "one of them", "least to most")
Found = Mapping[str, Any]


def of(task: str, labels: np.ndarray, answers: Sequence[np.ndarray]) -> dict[str, Any]:
    """The figures of an ensemble, and of its members.

    Args:
      task: as of `figures.of`.
      labels: (N,) or (N, outputs).
      answers: of each network, two at least, its outputs (N, outputs).

    Returns:
      "num_networks"; "together", the figures of the mean of the answers; "one", their means over
      the networks, with the least and the most as NAME_low and NAME_high; of classes and of yes or
      no "disagreement", the share of rows on which two of the networks differ on the average, and
      "not_unanimous", the share on which not all give one answer.

    >>> first, second = np.array([[0.9], [0.4]]), np.array([[0.9], [0.8]])
    >>> found = of("binary", np.array([1, 1]), [first, second])
    >>> found["together"]["accuracy"], found["one"]["accuracy"], found["one"]["accuracy_low"]
    (1.0, 0.75, 0.5)
    >>> found["disagreement"], found["not_unanimous"]
    (0.5, 0.5)
    """
    each = [_figures(task, labels, outputs) for outputs in answers]
    mean = sum(np.asarray(outputs, np.float64) for outputs in answers) / len(answers)
    one: dict[str, float | None] = {}
    for name in each[0]:
        known = [value for found in each if (value := found[name]) is not None]
        kinds = ("", np.mean), ("_low", np.min), ("_high", np.max)
        one |= {f"{name}{end}": float(of_all(known)) if known else None for end, of_all in kinds}
    found: dict[str, Any] = {"together": _figures(task, labels, np.asarray(mean)), "one": one}
    if task != "regression":
        found |= _differences(_guesses(task, answers))
    return {"num_networks": len(answers), **figures.rounded(found)}


def _figures(task: str, labels: np.ndarray, outputs: np.ndarray) -> dict[str, Any]:
    """Those that are shown: of one question without what takes its time of many networks."""
    if task == "regression" or (task != "classification" and outputs.shape[1] > 1):
        found = figures.of(task, labels, outputs)
        return {name: found[name] for name in NAMES if name in found and name != "accuracy"}
    labels, outputs = figures.as_classes(labels, np.asarray(outputs, np.float64))
    return {
        "accuracy": float((classes.answers_of(outputs) == labels).mean()),
        "log_loss": classes.log_loss(labels, outputs),
        "calibration_error": classes.calibration_error(labels, outputs),
    }


def _guesses(task: str, answers: Sequence[np.ndarray]) -> np.ndarray:
    """(networks, N) a number for each answer; of several questions one for all of a row's."""
    if task == "classification":
        return np.stack([classes.answers_of(outputs) for outputs in answers])
    said = np.stack(answers) > 0.5
    _, numbers = np.unique(said.reshape(-1, said.shape[-1]), axis=0, return_inverse=True)
    return numbers.reshape(said.shape[:2])


def _differences(guesses: np.ndarray) -> dict[str, float]:
    """How much answers (networks, N) differ: of the average pair, and of all."""
    count = len(guesses)
    differ = sum(int((guesses[gap:] != guesses[:-gap]).sum()) for gap in range(1, count))
    return {
        "disagreement": differ / (count * (count - 1) / 2 * guesses.shape[1]),
        "not_unanimous": float((guesses != guesses[0]).any(axis=0).mean()),
    }


def rows(found: Found) -> list[list[str]]:
    """A line for each figure, of as many texts as there are `HEADS`.

    >>> one = {"accuracy": 0.9, "accuracy_low": 0.875, "accuracy_high": 0.925}
    >>> rows({"together": {"accuracy": 0.95}, "one": one})
    [['accuracy', '95.00 %', '90.00 %', '87.50 to 92.50 %']]
    """
    lines = []
    for name, value in found["together"].items():
        mean, low, high = (found["one"].get(f"{name}{end}") for end in ("", "_low", "_high"))
        least = screen.text(name, low).removesuffix(" %")
        ends = "-" if low is None else f"{least} to {screen.text(name, high)}"
        lines.append([screen.words(name), screen.text(name, value), screen.text(name, mean), ends])
    return lines


def said(found: Found) -> list[str]:
    """In sentences: how many networks they are, where they differ, and the notes.

    >>> for line in said({"num_networks": 4, "disagreement": 0.0125, "not_unanimous": 0.03}):
    ...     print(line)
    4 networks together: the mean of their probabilities, beside one of them.
    Two of them differ on 1.25 % of the rows, on the average; not all agree on 3.00 %.
    """
    what = "probabilities" if "disagreement" in found else "values"
    lines = [
        f"{found['num_networks']} networks together: the mean of their {what}, beside one of them."
    ]
    if "disagreement" in found:
        pair, all_ = (100 * found[name] for name in ("disagreement", "not_unanimous"))
        lines.append(
            f"Two of them differ on {pair:.2f} % of the rows, on the average; "
            f"not all agree on {all_:.2f} %."
        )
    return [*lines, *found.get("notes", [])]
