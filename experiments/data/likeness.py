"""What a network makes of pictures from all their views, and which look like nothing it knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

import jaxmlp
from experiments.data.images import Picture
from jaxmlp.types import PyTree

__all__ = ["Guesses", "combined", "guess", "undecided"]

MAX_SPREAD = 4.8  # classes over which a guess may be spread, before none of them fits


class Guesses(NamedTuple):
    """What a network makes of the examples."""

    probabilities: np.ndarray  # (num_examples, num_classes) float
    unlike: list[str]  # why each looks like nothing that the network was trained on, or ""


def guess(recipe: jaxmlp.Recipe, params: PyTree, pictures: Sequence[Picture]) -> Guesses:
    """Each picture's probabilities from all its views, and what is odd about it.

    Args:
      recipe: its model and task are used.
      params: the model's.
      pictures: of any number of views each, at least one in all.

    Returns:
      The probabilities, and the pictures' own oddities or that no class fits.
    """
    views = [picture.rows for picture in pictures]
    ends = np.cumsum([len(rows) for rows in views])[:-1]
    each = np.split(np.asarray(jaxmlp.predict(recipe, params, np.concatenate(views))), ends)
    probabilities = np.stack([combined(rows) for rows in each])
    pairs = zip(pictures, probabilities, strict=True)
    return Guesses(probabilities, [picture.oddity or undecided(row) for picture, row in pairs])


def combined(views: np.ndarray) -> np.ndarray:
    """One picture's probabilities from those of its views, (num_views, num_classes).

    In the mean of cubes a view of which the network is sure weighs more: a digit turned by 30
    degrees is itself in one of them, and anything in the others.
    """
    means: np.ndarray = np.cbrt((views.astype(np.float64) ** 3).mean(axis=0))
    return means / means.sum()


def undecided(probabilities: np.ndarray) -> str:
    """Says so if no class fits: the guess's perplexity is that of a choice among many."""
    entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-9))).sum()
    return "no class fits" if np.exp(entropy) > MAX_SPREAD else ""
