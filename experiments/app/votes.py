"""What several networks answer to the same examples: their mean, and where they differ."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Votes", "guesses_of", "together"]


class Votes(NamedTuple):
    """The answers of one network, or of several as one."""

    outputs: np.ndarray  # (examples, outputs): probabilities or values, the mean of all networks'
    spread: np.ndarray | None = None  # (examples, outputs) their standard deviation; None of one
    agree: np.ndarray | None = None  # (examples,) the share of networks whose guess is the mean's


def together(each: Sequence[np.ndarray], kind: str) -> Votes:
    """The answers of several networks as one.

    The mean of probabilities is that of a mixture, in which every network has the same weight (B.
    Lakshminarayanan, A. Pritzel and C. Blundell, Simple and scalable predictive uncertainty
    estimation using deep ensembles, 2017).

    Args:
      each: (examples, outputs) of each network.
      kind: of the task: "classification", "binary" or "regression", whose networks have values
        and no guess to agree on. Of several outputs of yes or no, a guess is all of them.

    >>> votes = together([np.array([[0.8, 0.2]]), np.array([[0.4, 0.6]])], "classification")
    >>> votes.outputs.round(2).tolist(), votes.spread.round(2).tolist(), votes.agree.tolist()
    ([[0.6, 0.4]], [[0.28, 0.28]], [0.5])
    """
    stacked = np.stack(each).astype(np.float64)
    mean = stacked.mean(axis=0)
    if len(each) == 1:
        return Votes(mean)
    spread = stacked.std(axis=0, ddof=1)
    if kind == "regression":
        return Votes(mean, spread)
    guesses = [guesses_of(answers, kind) for answers in each]
    same = np.stack([guess == guesses_of(mean, kind) for guess in guesses])
    return Votes(mean, spread, same.reshape(*same.shape[:2], -1).all(axis=-1).mean(axis=0))


def guesses_of(probabilities: np.ndarray, kind: str = "classification") -> np.ndarray:
    """The likeliest classes, (examples,) int64, or of several of yes or no (examples, outputs).

    They are -1 where the probabilities are no numbers.

    >>> guesses_of(np.array([[0.2, 0.8], [np.nan, 1.0]])).tolist()
    [1, -1]
    >>> guesses_of(np.array([[0.2, 0.8, 0.5]]), "multilabel").tolist()
    [[0, 1, 0]]
    """
    is_known = np.isfinite(probabilities).all(axis=1)
    if kind == "multilabel":
        return np.where(is_known[:, None], (probabilities > 0.5).astype(np.int64), -1)
    return np.where(is_known, probabilities.argmax(axis=1), -1)
