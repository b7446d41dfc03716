"""The pictures of a run: each function draws one PNG.

Pictures of many small images are one array laid out to the pixel with texts over it, since a
hundred axes are slow.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from experiments.plots.scales import epochs_below, scale_of, set_scale
from experiments.plots.style import (
    BLUE,
    DPI,
    GREEN,
    GREY,
    INK,
    ORANGE,
    STYLE,
    factor,
    save,
    text_of,
    title,
)
from jaxmlp.objectives.records import Metric, of_column

__all__ = [
    "confusion_matrix",
    "first_layer",
    "learning_curves",
    "predictions",
    "wrong_examples",
]

MARGIN = 0.62  # inches, left of each panel of curves
KINDS = {"train": BLUE, "validation": GREEN, "test": ORANGE}
MAX_WRONG, MAX_UNITS, MAX_PREDICTIONS = 25, 100, 24
MAX_BARS = 10  # classes in a bar chart; of more, the likeliest

Text = tuple[float, float, str, dict[str, Any]]  # x, y in pixels from the top left; what; how


def learning_curves(
    path: str | PathLike[str], history: Mapping[str, np.ndarray], metrics: Sequence[Metric] = ()
) -> Path:
    """Draws the loss and each metric over the epochs, and the learning rate if it changes.

    Args:
      path: the PNG to write.
      history: name -> (num_epochs,), as `jaxmlp.train` returns it; a line runs through the finite
        values of its array.
      metrics: as `tasks.metrics_of` has them; one that is none of them is read by its name.

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
        note = "train: mean over the epoch, before each update; the others: after the epoch"
        figure.text(MARGIN / width, 0.035, note, size=7.5, color=GREY)
        return save(path, figure)


def confusion_matrix(
    path: str | PathLike[str], labels: np.ndarray, predictions: np.ndarray, num_classes: int
) -> Path:
    """Draws how many examples of each class (rows) were taken for each class (columns).

    Colour follows the logarithm of the count, so that a few errors show beside thousands of hits.

    Args:
      path: the PNG to write.
      labels: (num_examples,) integers from 0 to num_classes - 1.
      predictions: (num_examples,) integers, the classes guessed.
      num_classes: how many; up to 20, the counts are written into the cells.

    Returns:
      The path.
    """
    labels, predictions = np.asarray(labels, np.int64), np.asarray(predictions, np.int64)
    cells = labels * num_classes + predictions
    counts = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    with matplotlib.rc_context(STYLE):
        figure = Figure((7.2, 6.6), DPI)
        axes = figure.add_axes((0.1, 0.1, 0.76, 0.76 * 7.2 / 6.6))
        norm = SymLogNorm(1, vmin=0, vmax=max(1, counts.max()))
        image = axes.imshow(counts, cmap="Blues", norm=norm)
        step = -(-num_classes // (24 if num_classes <= 100 else 16))
        axes.set_xticks(range(0, num_classes, step))
        axes.set_yticks(range(0, num_classes, step))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("guess")
        axes.set_ylabel("label")
        hits = int(np.trace(counts))
        share = f" ({100 * hits / len(labels):.2f} %)" if len(labels) else ""
        axes.set_title(f"{hits:,} of {len(labels):,} right{share}")
        if num_classes <= 20:
            _write_counts(axes, counts)
        bar = figure.colorbar(image, cax=figure.add_axes((0.89, 0.1, 0.02, 0.76 * 7.2 / 6.6)))
        bar.outline.set_visible(False)
        bar.set_ticks([0, *(10**i for i in range(10) if 10**i <= norm.vmax)])
        bar.formatter = StrMethodFormatter("{x:,.0f}")
        bar.minorticks_off()
        bar.set_label("examples (logarithmic scale)")
        return save(path, figure)


def wrong_examples(
    path: str | PathLike[str],
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    image_shape: tuple[int, ...],
) -> Path:
    """Draws the 25 examples that a network got wrong with the most confidence, or says: none.

    Args:
      path: the PNG to write.
      images: (num_examples, height * width) uint8, or float.
      labels: (num_examples,) integers.
      probabilities: (num_examples, num_classes); NaN counts as wrong.
      image_shape: (height, width).

    Returns:
      The path.
    """
    guesses, confidence = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero((guesses != labels) | np.isnan(confidence))
    if not len(wrong):
        text = f"All {len(labels):,} examples right: none to show."
        return _save_page(path, _page(120, 560), [(280, 60, text, {"ha": "center"})])
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:MAX_WRONG]
    tiles = _tiles(images[shown], image_shape, 196)
    texts: list[Text] = [
        (18, 24, f"{len(wrong):,} of {len(labels):,} wrong; the most confident first", {"size": 10})
    ]
    height, width = tiles.shape[1] + 36, max(tiles.shape[2], 190) + 18
    columns = min(5, len(shown))
    page = _page(48 + height * -(-len(shown) // columns), max(18 + width * columns, 460))
    for i, (example, tile) in enumerate(zip(shown, tiles, strict=True)):
        x, y = 18 + width * (i % columns), 48 + height * (i // columns)
        page[y : y + len(tile), x : x + tile.shape[1]] = tile
        guess = f"label {labels[example]}, guess {guesses[example]}"
        caption = f"{guess} ({100 * confidence[example]:.1f} %)"
        texts.append((x, y + len(tile) + 12, caption, {"size": 8}))
    return _save_page(path, page, texts)


def first_layer(
    path: str | PathLike[str], kernel: np.ndarray, image_shape: tuple[int, ...]
) -> Path:
    """Draws the weights into up to 100 hidden units as images, those of the largest norm first.

    Args:
      path: the PNG to write.
      kernel: (height * width, num_units), the first layer's.
      image_shape: (height, width).

    Returns:
      The path.
    """
    kernel = np.asarray(kernel, np.float64)
    order = np.argsort(-np.linalg.norm(kernel, axis=0), kind="stable")[:MAX_UNITS]
    weights = kernel[:, order].T
    finite = np.abs(weights[np.isfinite(weights)])
    limit = float(np.quantile(finite, 0.998)) if finite.size else 0.0
    mappable = ScalarMappable(Normalize(-(limit or 1), limit or 1), "RdBu_r")
    colours = _enlarged(mappable.to_rgba(weights, bytes=True)[..., :3], image_shape, 84)
    columns = min(10, len(order))
    height, width = colours.shape[1] + 6, colours.shape[2] + 6
    rows = -(-len(order) // columns)
    page = _page(max(58 + height * rows, 190), max(110 + width * columns, 520))
    for i, tile in enumerate(colours):
        x, y = 18 + width * (i % columns), 46 + height * (i // columns)
        page[y : y + len(tile), x : x + tile.shape[1]] = tile
    shown = f"{len(order)} of {kernel.shape[1]}"
    title = f"Weights into {shown} hidden units, the largest norm first"
    with matplotlib.rc_context(STYLE):
        figure = _page_figure(page, [(18, 24, title, {"size": 10})])
        x, y, high = 30 + width * columns, 46, max(height * rows - 6, 126)
        box = (x / page.shape[1], 1 - (y + high) / len(page), 14 / page.shape[1], high / len(page))
        bar = figure.colorbar(mappable, cax=figure.add_axes(box), extend="both")
        bar.outline.set_visible(False)
        bar.locator = MaxNLocator(5, symmetric=True)
        return save(path, figure)


def predictions(
    path: str | PathLike[str],
    images: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
    image_shape: tuple[int, ...],
) -> Path:
    """Draws up to 24 inputs as the network saw them, each beside its classes' probabilities.

    Args:
      path: the PNG to write.
      images: (num_examples, height * width) uint8, or float.
      probabilities: (num_examples, num_classes); of more than 10 classes, the likeliest are shown.
      names: of the examples, for example their files'.
      image_shape: (height, width).

    Returns:
      The path.
    """
    count = min(len(images), MAX_PREDICTIONS)
    tiles = _tiles(images[:count], image_shape, 112)
    height, width = max(tiles.shape[1], 130) + 44, tiles.shape[2] + 226
    columns = max(1, min(4, count))
    page = _page(18 + height * -(-count // columns) + 24, 18 + width * columns)
    texts: list[Text] = []
    for i, tile in enumerate(tiles):
        x, y = 18 + width * (i % columns), 18 + height * (i // columns)
        limit = (width - 24) // 8
        name = names[i] if len(names[i]) <= limit else f"…{names[i][1 - limit :]}"
        texts.append((x, y + 8, name, {"size": 8.5}))
        page[y + 24 : y + 24 + len(tile), x : x + tile.shape[1]] = tile
        _draw_bars(page, texts, probabilities[i], x + tile.shape[1] + 36, y + 24)
    if len(images) > count:
        note = f"the first {count} of {len(images):,}"
        texts.append((18, len(page) - 18, note, {"size": 7.5, "color": GREY}))
    return _save_page(path, page, texts)


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


def _write_counts(axes: Axes, counts: np.ndarray) -> None:
    """Numbers into the cells, white where the cell is dark; nothing into empty ones."""
    dark = np.log1p(counts) > 0.6 * np.log1p(counts.max())
    size = 10 if len(counts) <= 12 else 6.5
    for row, column in np.argwhere(counts):
        colour = "white" if dark[row, column] else INK
        text = f"{counts[row, column]}"
        axes.text(column, row, text, color=colour, size=size, ha="center", va="center")


def _draw_bars(
    page: np.ndarray, texts: list[Text], probabilities: np.ndarray, x: int, y: int
) -> None:
    """A bar for each class: painted into the page, its label and the highest's value as texts."""
    classes = np.arange(len(probabilities))
    if len(classes) > MAX_BARS:
        classes = np.argsort(-probabilities, kind="stable")[:MAX_BARS]
    guess = probabilities.argmax()
    for row, number in enumerate(classes):
        top, share = y + 13 * row, float(np.nan_to_num(probabilities[number]))
        length = max(1, round(100 * min(share, 1)))
        is_guess = number == guess
        page[top : top + 10, x : x + length] = _rgb(BLUE if is_guess else "#A9BCC9")
        style = {"size": 7, "color": INK if is_guess else GREY, "ha": "right"}
        texts.append((x - 5, top + 5, str(number), style))
        if is_guess:
            style = {"size": 7, "weight": "bold"}
            texts.append((x + length + 4, top + 5, f"{100 * share:.1f} %", style))


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def _tiles(images: np.ndarray, image_shape: tuple[int, ...], side: int) -> np.ndarray:
    """Images as (num_images, tile height, tile width, 3) uint8 in grey, as the network saw them.

    Pixels, and floats from 0 to 1, as they are; floats of a wider range squeezed into it together.
    """
    values = np.asarray(images, np.float64) / (255 if images.dtype == np.uint8 else 1)
    values = np.nan_to_num(values, posinf=0, neginf=0)
    low, high = min(values.min(initial=0), 0), max(values.max(initial=1), 1)
    grey = np.round(255 * (values - low) / (high - low)).astype(np.uint8)
    return _enlarged(np.stack([grey] * 3, axis=-1), image_shape, side)


def _enlarged(rows: np.ndarray, image_shape: tuple[int, ...], side: int) -> np.ndarray:
    """Rows (num_images, height * width, 3) as images of about `side` pixels, by a whole factor."""
    images = rows.reshape(len(rows), *image_shape, 3)
    factor, shrink = max(1, side // max(image_shape)), -(-max(image_shape) // (2 * side))
    return images[:, ::shrink, ::shrink].repeat(factor, axis=1).repeat(factor, axis=2)


def _page(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


def _page_figure(page: np.ndarray, texts: Sequence[Text]) -> Figure:
    """A figure that shows an array pixel for pixel, with texts over it."""
    height, width = page.shape[:2]
    figure = Figure((width / DPI, height / DPI), DPI)
    opaque = np.full((height, width, 1), 255, np.uint8)  # matplotlib is slower at adding it
    figure.figimage(np.concatenate([page, opaque], axis=-1), origin="upper", zorder=-1)
    for x, y, text, style in texts:
        placed = {"va": "center_baseline", "parse_math": False, **style}
        figure.text(x / width, 1 - y / height, text, **placed)
    return figure


def _save_page(path: str | PathLike[str], page: np.ndarray, texts: Sequence[Text]) -> Path:
    with matplotlib.rc_context(STYLE):
        return save(path, _page_figure(page, texts))
