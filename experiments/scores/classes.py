"""Figures of answers that are classes.

scikit-learn has all of them, and takes a second and a half to import, which a run of ten seconds
would pay at its end: the tests hold these to its numbers. None is for what a set cannot tell.
"""

from statistics import NormalDist
from typing import Any

import numpy as np

__all__ = ["LEAST", "answers_of", "calibration_error", "figures", "log_loss", "roc_auc", "wilson"]

LEAST = float(np.finfo(np.float32).eps)  # of a probability whose logarithm is taken
NUM_BINS = 15  # as of `jaxmlp.metrics.calibration_error`
MOST_SORTED = 20_000_000  # probabilities: beyond, ROC curves of many classes take minutes


def figures(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Those of one question with two answers or more.

    Args:
      labels: (N,) the classes.
      probabilities: (N, K); a row with a NaN is no answer, and wrong.

    >>> labels, probabilities = np.array([0, 1, 1]), np.array([[0.5, 0.5], [0.25, 0.75], [0, 1]])
    >>> found = figures(labels, probabilities)
    >>> float(found["accuracy"]), float(found["macro_f1"]), found["roc_auc"]
    (1.0, 1.0, 1.0)
    """
    num_classes = probabilities.shape[1]
    answers = answers_of(probabilities)
    is_right = answers == labels
    examples, answered, right = (
        np.bincount(each, minlength=num_classes)
        for each in (labels, answers[answers >= 0], labels[is_right])
    )
    occurs = examples + answered > 0
    f1 = 2 * right / np.maximum(examples + answered, 1)
    low, high = wilson(int(is_right.sum()), len(labels))
    of_one = {"f1": f1[1] if occurs[1] else None} if num_classes == 2 else {}
    return {
        **{"accuracy": is_right.mean(), "accuracy_low": low, "accuracy_high": high},
        "balanced_accuracy": (right[examples > 0] / examples[examples > 0]).mean(),
        "macro_f1": f1[occurs].mean(),
        **of_one,
        "roc_auc": _mean_roc_auc(labels, probabilities),
        "log_loss": log_loss(labels, probabilities),
        "calibration_error": calibration_error(labels, probabilities),
    }


def answers_of(probabilities: np.ndarray) -> np.ndarray:
    """The likeliest class of each row, the first of equals; -1 where one is NaN."""
    return np.where(np.isnan(probabilities).any(axis=1), -1, probabilities.argmax(axis=1))


def wilson(num_right: int, num_all: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share by Wilson's score, which neither leaves 0 to 1 nor has no width.

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927;
    recommended by Brown, Cai and DasGupta, Interval Estimation for a Binomial Proportion, 2001.

    >>> [round(bound, 4) for bound in wilson(9, 10)]
    [0.5958, 0.9821]
    """
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    middle = (num_right + z2 / 2) / (num_all + z2)
    spread = num_right * (num_all - num_right) / num_all + z2 / 4
    half_width = (z2 * spread) ** 0.5 / (num_all + z2)
    low = 0.0 if num_right == 0 else middle - half_width  # but for rounding
    return low, 1.0 if num_right == num_all else middle + half_width


def roc_auc(is_one: np.ndarray, scores: np.ndarray) -> float | None:
    """How often one of the class has a higher score than one that is not; of equals half.

    Source: Hanley and McNeil, The Meaning and Use of the Area under a ROC Curve, 1982.

    Args:
      is_one: (N,) bool.
      scores: (N,).

    Returns:
      None where there is one kind alone, or a score is NaN.

    >>> roc_auc(np.array([True, False, True]), np.array([0.5, 0.2, 0.2]))
    0.75
    """
    ones = int(is_one.sum())
    pairs = ones * (len(is_one) - ones)
    if not pairs or np.isnan(scores).any():
        return None
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]  # from 1, of equals the mean
    return float((ranks[is_one].sum() - ones * (ones + 1) / 2) / pairs)


def _mean_roc_auc(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """The class's own of two; of more the mean over each against the rest, if all are there."""
    num_classes = probabilities.shape[1]
    if num_classes == 2:
        return roc_auc(labels == 1, probabilities[:, 1])
    if len(np.unique(labels)) < num_classes or probabilities.size > MOST_SORTED:
        return None
    areas = [roc_auc(labels == k, probabilities[:, k]) for k in range(num_classes)]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if len(known) == num_classes else None


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """The mean of -log p of the label's class, where p counts as `LEAST` at least."""
    if np.isnan(probabilities).any():
        return None
    of_label = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(of_label, LEAST, 1)).mean())


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """How far the answers' probabilities are from the share that is right, in bins of 1/15.

    Source: Guo et al., On Calibration of Modern Neural Networks, 2017, eq. 3.
    """
    if np.isnan(probabilities).any():
        return None
    confidence = probabilities.max(axis=1)
    places = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)  # (low, high]
    gaps = np.bincount(places, (probabilities.argmax(axis=1) == labels) - confidence)
    return float(np.abs(gaps).sum() / len(labels))
