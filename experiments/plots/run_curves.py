"""A run's loss and metrics against the epoch."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.scales import epochs_below, scale_of, set_scale
from experiments.plots.style import (
    BLUE,
    DPI,
    GREEN,
    GREY,
    ORANGE,
    STYLE,
    factor,
    save,
    text_of,
    title,
)
from jaxmlp.objectives.records import Metric, of_column

__all__ = ["learning_curves"]

MARGIN = 0.62  # inches, left of each panel
KINDS = {"train": BLUE, "validation": GREEN, "test": ORANGE}


def learning_curves(
    path: str | PathLike[str],
    history: Mapping[str, np.ndarray],
    metrics: Sequence[Metric] = (),
    with_what: str = "",
) -> Path:
    """Draws the loss and each metric over the epochs, and the learning rate if it changes.

    Args:
      path: the PNG to write.
      history: name -> (num_epochs,), as `jaxmlp.train` returns it; a line runs through the finite
        values of its array.
      metrics: as `tasks.metrics_of` has them; one that is none of them is read by its name.
      with_what: with what the figures of training come about alone, such as dropout.

    Returns:
      The path.
    """
    names = {name for kind, _, name in (key.partition("_") for key in history) if kind in KINDS}
    panels = {
        name: _series(history, name) for name in sorted(names, key=lambda n: (n != "loss", n))
    }
    rate = np.asarray(history.get("learning_rate", ()))
    if len(np.unique(rate[np.isfinite(rate)])) > 1:
        panels["learning_rate"] = {"": rate}
    with matplotlib.rc_context(STYLE):
        width = 5 * max(1, len(panels))
        figure = Figure((width, 3.4), DPI)
        for i, (name, series) in enumerate(panels.items()):
            axes = figure.add_axes(((5 * i + MARGIN) / width, 0.21, 2.82 / width, 0.7))
            _draw_panel(axes, of_column(name, metrics), series)
        own, without = (f", with {with_what}", ", without") if with_what else ("", "")
        note = f"train: mean over the epoch, before each update{own}"
        note += f"; the others: after the epoch{without}"
        figure.text(MARGIN / width, 0.035, note, size=7.5, color=GREY)
        return save(path, figure)


def _series(history: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    return {k: np.asarray(history[f"{k}_{name}"]) for k in KINDS if f"{k}_{name}" in history}


def _draw_panel(axes: Axes, metric: Metric, series: Mapping[str, np.ndarray]) -> None:
    """One quantity's lines, each with its name and last value at the right end."""
    ends, drawn = [], [np.empty(0)]
    for kind, values in series.items():
        epochs = 1 + np.flatnonzero(np.isfinite(values))
        values = values[epochs - 1].astype(np.float64) * factor(metric)
        colour = KINDS.get(kind, GREY)
        marker = "o" if len(epochs) <= 20 else None
        axes.plot(epochs, values, marker=marker, color=colour, ms=3, lw=1.6, clip_on=False)
        drawn.append(values)
        if len(epochs):
            ends.append((float(values[-1]), kind, colour))
            if kind == "test":
                axes.plot(epochs[-1:], values[-1:], "o", color=colour, ms=6.5, clip_on=False)
    epochs_below(axes, max(len(values) for values in series.values()))
    scale = scale_of(metric, np.concatenate(drawn))
    set_scale(axes, "y", scale, MARGIN)
    axes.set_title(title(metric))
    ends = sorted(ends)
    places = _apart([float(scale.along(value)) for value, _, _ in ends])
    for place, (value, kind, colour) in zip(places, ends, strict=True):
        text = f"{kind} {text_of(metric, value)}".strip()
        axes.text(1.03, place, text, color=colour, va="center", transform=axes.transAxes)


def _apart(places: Sequence[float]) -> list[float]:
    """Heights from 0 to 1 in ascending order, moved so that texts there do not touch."""
    moved, highest = list(places), 1.0
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], highest)
        highest = moved[i] - 0.08
    lowest = 0.0
    for i in range(len(moved)):
        moved[i] = max(moved[i], lowest)
        lowest = moved[i] + 0.08
    return moved
