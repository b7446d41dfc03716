"""The picture of docs/results.md: each command's errors, beside what others have published."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from experiments.cited import evidence
from experiments.cited.catalogue import Command, Published
from experiments.plots.style import BLUE, GREY, INK, ORANGE, STYLE
from jaxmlp.storage.atomic import whole_file

__all__ = ["draw"]

WIDTH, ROW, REST = 8.0, 0.34, 1.5  # inches; a command's row, and what is above and below them all
TICKS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100)
LEAST = 0.1  # where an interval ends that goes on below
SALT = "jaxmlp"  # of the names inside the file, which are then the same each time


def draw(
    path: Path,
    commands: Sequence[Command],
    records: Mapping[str, Mapping[str, Any]],
    published: Sequence[Published],
) -> None:
    """Draws the commands that have been run, the first at the top, and saves them as an SVG.

    Args:
      path: the file.
      commands: all of one data set.
      records: by the commands' ids.
      published: figures of the same data set.
    """
    run = [each for each in commands if evidence.was_run(records.get(each.id))]
    names = [each.row for each in run]
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": SALT, "svg.fonttype": "path"}):
        figure = Figure((WIDTH, ROW * (len(run) + len(published)) + REST), layout="constrained")
        axes = figure.add_subplot()
        for row, each in enumerate(run):
            _command(axes, row, records[each.id])
        for row, other in enumerate(published, len(run)):
            error = 100 - other.accuracy
            axes.axvline(error, color=ORANGE, lw=0.7, ls=":", zorder=0)
            axes.plot([error], [row], "D", color=ORANGE, ms=4)
            names.append(other.what)
        axes.set_yticks(range(len(names)), names, color=INK)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set(
            xlabel="test errors (%): each seed, their mean and its 95 % interval", xscale="log"
        )
        low, high = axes.get_xlim()
        ticks = [tick for tick in TICKS if low <= tick <= high]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_title("Test errors; in orange what others have published")
        axes.grid(axis="x")
        with whole_file(path) as file:
            figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def _command(axes: Axes, row: int, record: Mapping[str, Any]) -> None:
    """Each seed's error, pale, and below them their mean with its interval."""
    errors = [100 * (1 - share) for share in evidence.accuracies(record)]
    axes.plot(errors, [row - 0.14] * len(errors), "o", color=GREY, ms=3, alpha=0.5, mew=0)
    found = evidence.summary(record)
    middle = 100 * (1 - found.mean)
    axes.plot([middle], [row + 0.14], "o", color=BLUE, ms=5)
    if found.num_seeds > 1:
        ends = [max(100 * (1 - found.high), LEAST), 100 * (1 - found.low)]
        axes.plot(ends, [row + 0.14] * 2, color=BLUE, lw=1.6)
