"""How often each of several answers of yes or no is right."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from experiments.plots.style import BLUE, DPI, INK, ORANGE, PERCENT, STYLE, save, shortened
from experiments.scores.classes import wilson

__all__ = ["answers"]

MOST = 40  # answers that have a bar
LETTERS = 24  # of a name


def answers(
    path: str | PathLike[str],
    labels: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str] = (),
) -> Path:
    """Draws a bar for each answer: the share of examples at which it is right.

    A line has its 95 % interval, by Wilson's score; a mark is where the commonest answer would be.

    Args:
      path: the PNG to write.
      labels: (num_examples, num_answers), 0 or 1.
      probabilities: of yes, (num_examples, num_answers); NaN is never right.
      names: of the answers; by default their numbers.

    Returns:
      The path.
    """
    count = labels.shape[1]
    is_right = np.where(np.isnan(probabilities), -1, probabilities > 0.5) == labels
    shown = np.argsort(is_right.mean(axis=0), kind="stable")[:MOST]  # the worst first
    shown = np.sort(shown)
    rows = np.arange(len(shown))
    intervals = np.array([wilson(int(each.sum()), len(each)) for each in is_right.T[shown]])
    yes = labels.mean(axis=0)[shown]
    with matplotlib.rc_context(STYLE):
        figure = Figure((7.2, 1.3 + 0.3 * len(shown)), DPI)
        axes = figure.subplots()
        axes.barh(rows, 100 * is_right.mean(axis=0)[shown], color=BLUE, height=0.6)
        axes.hlines(rows, *(100 * intervals.T), color=INK, linewidth=1)
        axes.plot(100 * np.maximum(yes, 1 - yes), rows, "|", color=ORANGE, markersize=11, mew=2)
        known = [names[i] if names else str(i) for i in shown]
        axes.set_yticks(rows, [shortened(name, LETTERS).replace("$", r"\$") for name in known])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlim(*PERCENT)
        axes.set_xlabel("right (%); the line: 95 % interval; the mark: the commonest answer alone")
        some = "" if len(shown) == count else f", the {len(shown)} worst of {count:,}"
        axes.set_title(f"test set, {len(labels):,} examples, each answer of its own{some}")
        figure.tight_layout()
        return save(path, figure)
