"""What tests of lessons ask of an outcome."""

import io
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PathCollection

from experiments.lessons.lesson import Outcome
from experiments.plots.style import STYLE


def held(outcome: Outcome) -> list[bool]:
    """Which of a lesson's claims held; and that all of the outcome can be written and drawn."""
    assert outcome.claims
    assert outcome.tables
    assert all(len(row) == len(t.columns) for t in outcome.tables.values() for row in t.rows)
    with matplotlib.rc_context(STYLE):
        outcome.picture.savefig(io.BytesIO(), format="png")
    return [bool(claim.held) for claim in outcome.claims]


def taught(lesson: Any, **settings: Any) -> tuple[Outcome, list[Any]]:
    """A lesson's outcome, and the arguments that its `judge` was given to make it."""
    given: list[Any] = []
    judge = lesson.judge

    def once(*arguments: Any) -> Outcome:
        given[:] = arguments
        return judge(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson, "judge", once)
        return lesson.teach(**settings), given


def covered(axes: Any) -> int:
    """How many points of what is drawn lie under the legend, which is to be none."""
    figure = axes.figure
    with matplotlib.rc_context(STYLE):
        figure.canvas.draw()
    box = axes.get_legend().get_window_extent()
    shown = [
        _closely(line.get_transform().transform(line.get_xydata()))
        for line in axes.lines
        if len(line.get_xdata())
    ]
    for each in axes.collections:
        is_dots = isinstance(each, PathCollection)
        paths = [each.get_offsets()] if is_dots else [path.vertices for path in each.get_paths()]
        shown += [axes.transData.transform(points) for points in paths]
    return sum(int(box.contains(x, y)) for points in shown for x, y in points)


def _closely(points: Any) -> Any:
    """Points (points, 2) with nineteen more on the way from each to the next."""
    steps = np.linspace(0, len(points) - 1, 20 * (len(points) - 1) + 1)
    return np.column_stack([np.interp(steps, range(len(points)), each) for each in points.T])
