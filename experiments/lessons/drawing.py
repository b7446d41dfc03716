"""How lessons draw: sheets of panels, bands over seeds, regions, matrices."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.plots.style import BLUE, COLOURS, GREY, INK, ORANGE, STYLE
from jaxmlp.populations.runs import Runs
from jaxmlp.statistics.intervals import t_interval
from jaxmlp.storage.atomic import whole_file

__all__ = ["COLOURS", "GREY", "INK", "TWO", "band", "curves", "matrix", "regions", "save", "sheet"]

DPI = 110
WIDTH = 9.6  # inches of a sheet
TWO = LinearSegmentedColormap.from_list("two", [BLUE, "#FFFFFF", ORANGE])  # from -1 over 0 to 1


def sheet(
    title: str, columns: int, rows: int = 1, height: float = 2.9, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with empty panels, from left to right and then down.

    Args:
      title: on top.
      columns: how many panels there are side by side.
      rows: and one below the other.
      height: of a row, in inches.
      **options: as `Figure.subplots` takes them: sharey=True.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH, height * rows + 0.4), DPI, layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        panels = figure.subplots(rows, columns, squeeze=False, **options).ravel()
        for panel in panels:
            panel.set_prop_cycle(color=COLOURS)
    return figure, list(panels)


def save(path: Path, figure: Figure) -> None:
    """Writes a figure as a PNG of 256 colours, which is a third as large; whole or not at all."""
    from PIL import Image

    drawn = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(drawn, format="png")
    drawing = Image.open(drawn).convert("RGB")
    rare_too = Image.Quantize.MAXCOVERAGE  # or a thin line's colour goes into its neighbours'
    picture = drawing.quantize(256, rare_too, kmeans=1, dither=Image.Dither.NONE)
    with whole_file(path) as file:
        picture.save(file, format="png", optimize=True)


def band(
    axes: Axes, x: Sequence[Any], values: Any, label: str, colour: str, log: bool = False
) -> None:
    """A line through the means over seeds, in the band of their 95 % intervals.

    Args:
      axes: where to draw.
      x: (points,).
      values: (seeds, points); of a single seed there is no band.
      label: in the legend.
      colour: of line and band.
      log: whether means and intervals are those of the logarithms, for an axis of that kind.
    """
    values = np.asarray(values, np.float64)
    values = np.log(values) if log else values
    ends = np.transpose([t_interval(column, 0.95) for column in values.T])
    middle, low, high = np.exp([values.mean(0), *ends]) if log else [values.mean(0), *ends]
    axes.plot(x, middle, color=colour, label=label, lw=1.6)
    axes.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)


def curves(
    axes: Axes, runs: Mapping[str, Runs], metric: str, seconds: Mapping[str, float] | None = None
) -> None:
    """A metric by epoch as a band for each kind of network, to be told apart by a legend.

    Args:
      axes: where to draw.
      runs: by what they are called, of which the one axis is the seeds'.
      metric: a name in their histories, which is the title.
      seconds: how long an epoch takes, for the time in the epoch's place.
    """
    for colour, (name, each) in zip(COLOURS, runs.items(), strict=False):
        values = each.history[metric]
        unit = seconds[name] if seconds else 1
        band(axes, [unit * (1 + i) for i in range(values.shape[1])], values, name, colour)
    if all(each.metric(metric).is_share for each in runs.values()):  # few seeds' bands go beyond
        axes.set_ylim(max(axes.get_ylim()[0], 0), min(axes.get_ylim()[1], 1))
    axes.set(title=metric.replace("_", " "), xlabel="seconds of training" if seconds else "epoch")
    if not seconds:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def regions(
    axes: Axes, value: Callable[[np.ndarray], Any], inputs: np.ndarray, labels: np.ndarray
) -> None:
    """What a function makes of a plane, from -1 (blue) to 1 (orange), and points in it.

    Args:
      axes: where to draw.
      value: (points, 2) -> (points,).
      inputs: (examples, 2).
      labels: (examples,), 0 or 1.
    """
    low, high = inputs.min() - 0.4, inputs.max() + 0.4
    side = np.linspace(low, high, 120, dtype=np.float32)
    plane = np.stack(np.meshgrid(side, side), axis=-1)
    colours = np.asarray(value(plane.reshape(-1, 2))).reshape(120, 120)
    frame = (low, high, low, high)
    axes.imshow(colours, TWO, vmin=-1, vmax=1, extent=frame, origin="lower", alpha=0.5)
    for label, colour in enumerate((BLUE, ORANGE)):
        x, y = inputs[labels == label].T
        axes.scatter(x, y, s=40, c=colour, edgecolors=INK, label=f"target {label}")


def matrix(axes: Axes, values: np.ndarray, **options: Any) -> None:
    """A matrix as a picture: blue below 0, white at 0, orange above, as far as its largest entry.

    Args:
      axes: where to draw.
      values: (rows, columns).
      **options: as `Axes.imshow` takes them.
    """
    most = float(np.abs(values).max()) or 1.0
    axes.imshow(values, TWO, **{"vmin": -most, "vmax": most, **options})
    axes.set(xticks=[], yticks=[])


def intervals(axes: Axes, x: Sequence[Any], found: Sequence[Any], colour: str = BLUE) -> None:
    """Values with their intervals, side by side at the same distance.

    Args:
      axes: where to draw.
      x: what is written below each.
      found: (mean, low, high) of each.
      colour: of all.
    """
    mean, low, high = np.transpose(np.array(found))
    places = np.arange(len(x))
    error = np.maximum((mean - low, high - mean), 0)  # of equal values rounding may make it less
    axes.errorbar(places, mean, error, fmt="o", color=colour, capsize=3)
    axes.set_xticks(places, [str(each) for each in x])
