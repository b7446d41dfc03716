"""Axes as pictures have them, for the tests of what is written at theirs."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from experiments.plots.scales import WIDTH
from experiments.plots.style import DPI, STYLE


def panel(high=2.7):
    """Axes of this height in inches, and of the width of those of all pictures."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((7, 4), DPI)
        axes = figure.add_axes((0.7 / 7, 0.1, WIDTH / 7, high / 4))
        axes.plot([1, 1], [1, 1])
    return axes


def ticks_of(axis):
    """Where ticks are, with what is written at them."""
    axis.figure.draw_without_rendering()
    texts = [label.get_text() for label in axis.get_ticklabels()]
    return dict(zip(axis.get_majorticklocs().tolist(), texts, strict=True))


def extents(axis):
    """The ends of what is written at an axis' ticks, one after the other, in pixels."""
    axis.figure.draw_without_rendering()
    side = "x" if axis.axis_name == "x" else "y"
    boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text()]
    return np.array(sorted((getattr(b, f"{side}0"), getattr(b, f"{side}1")) for b in boxes))
