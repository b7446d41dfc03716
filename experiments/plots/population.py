"""The pictures of a sweep: what its settings learn, what each axis does, what the seeds scatter.

A setting is a value for every axis but the seeds'. A seed with a member that diverged is in no
mean; every picture says how many did. Intervals are Student's.
"""

import math
from collections.abc import Callable
from os import PathLike

import matplotlib
from matplotlib.figure import Figure

from experiments.plots import population_axes, population_curves, population_seeds
from experiments.plots.style import STYLE, save
from experiments.plots.table import Table, tabulate
from jaxmlp.populations.runs import Runs

__all__ = ["against_axes", "learning_curves", "over_seeds"]


def learning_curves(runs: Runs, metric: str, path: str | PathLike[str]) -> bool:
    """Draws each setting's mean over its seeds against the epoch, with its 95 % interval.

    Below the metric is the loss of the same examples, if the history has it. Of more than 8
    settings, those with the best final mean are in colour and the others grey, cut off where they
    leave the frame. A line is dashed from where a seed's training ended on. The seeds of a single
    setting are drawn one by one behind their mean.

    Args:
      runs: the members.
      metric: a name in their history, of which `Runs.metric` says whether it is in percent, and
        whether less is better.
      path: the PNG to write.

    Returns:
      False, and nothing is drawn, if there is no member.

    Raises:
      ValueError: if the history has no such metric.
    """
    return _draw(path, runs, metric, population_curves.figure_of)


def against_axes(runs: Runs, metric: str, path: str | PathLike[str]) -> bool:
    """Draws the final value against each swept axis, a line for each setting of the others.

    An axis of numbers is to scale, by their logarithms where they span more than a decade; one of
    anything else, or with a zero or less among such numbers, has its values side by side. Of more
    than 8 lines, those that reach the best mean are in colour. A line alone has its points at the
    ticks; several, which would cover each other's, lie a few of a printer's points apart.

    Args:
      runs: the members.
      metric: as of `learning_curves`.
      path: the PNG to write.

    Returns:
      False, and nothing is drawn, if nothing is swept but seeds, or there is no member.

    Raises:
      ValueError: if the history has no such metric.
    """
    return _draw(path, runs, metric, population_axes.figure_of)


def over_seeds(runs: Runs, metric: str, path: str | PathLike[str]) -> bool:
    """Draws every member's final value, a row for each setting, the best mean on top.

    Of more than 20 settings, the best are drawn. A single setting of 16 members or more is drawn
    as a histogram. Intervals that are far wider than the values go on beyond the frame, which
    arrowheads say.

    Args:
      runs: the members.
      metric: as of `learning_curves`.
      path: the PNG to write.

    Returns:
      False, and nothing is drawn, if there is no member.

    Raises:
      ValueError: if the history has no such metric.
    """
    return _draw(path, runs, metric, population_seeds.figure_of)


def _draw(
    path: str | PathLike[str],
    runs: Runs,
    metric: str,
    make_figure: Callable[[Runs, Table], Figure | None],
) -> bool:
    runs.metric(metric)  # raises, if there is none
    if not math.prod(runs.shape):
        return False
    with matplotlib.rc_context(STYLE):
        figure = make_figure(runs, tabulate(runs, metric))
        if figure is not None:
            save(path, figure)
    return figure is not None
