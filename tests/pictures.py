"""What a sweep's pictures show, for the tests of them."""

import re

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

from experiments.plots import population
from experiments.plots.style import STYLE

DRAW = [population.learning_curves, population.against_axes, population.over_seeds]
RATES = (0.001, 0.01, 0.1)
T_OF_THREE = 4.302653  # 97.5 % of Student's t with 2 degrees of freedom


def drawn(monkeypatch, function, runs, metric="test_loss"):
    """The figure that would be saved, with everything in its place."""
    figures = []
    monkeypatch.setattr(population, "save", lambda path, figure: figures.append(figure))
    assert function(runs, metric, "anywhere")
    [figure] = figures
    with matplotlib.rc_context(STYLE):
        figure.draw_without_rendering()
    return figure


def legends(figure):
    """The legends beside its panels, from the top to the bottom."""
    return [axes.get_legend() for axes in figure.axes if axes.get_legend()]


def texts(figure):
    """All that is written, without what only keeps words together."""
    found = [text.get_text() for text in figure.texts]
    for legend in legends(figure):
        found += [text.get_text() for text in (legend.get_title(), *legend.get_texts())]
    for axes in figure.axes:
        found += [text.get_text() for text in (*axes.texts, *axes.get_yticklabels())]
        found += [axes.get_xlabel(), *(text.get_text() for text in axes.get_xticklabels())]
    return re.sub(r"\s+", " ", " ".join(found))


def lines(axes, colour):
    """The points of the lines of a colour, each (num_points, 2)."""
    found = [line for line in axes.lines if line.get_color() == colour]
    return [np.asarray(line.get_xydata()) for line in found]


def bars(axes, colour):
    """The ends of intervals, (num_intervals, 2 ends, 2)."""
    found = [each for each in axes.collections if isinstance(each, LineCollection)]
    found = [each for each in found if np.array_equal(each.get_color()[0, :3], to_rgba(colour)[:3])]
    return np.concatenate([each.get_segments() for each in found])


def heights(axes):
    """Of all that is drawn: lines, bars and bands."""
    found = [line.get_ydata() for line in axes.lines]
    for each in axes.collections:
        found += [path.vertices[:, 1] for path in each.get_paths() if len(path.vertices)]
    return np.concatenate(found)
