"""Examples as a network saw them, and what it took them for."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from experiments.plots.pixels import Text, blank, save_page, tiles
from experiments.plots.style import BLUE, DPI, GREY, INK, shortened, text_width

__all__ = ["predictions", "wrong_examples"]

MAX_WRONG, MAX_PREDICTIONS = 25, 24
MAX_BARS = 10  # classes in a bar chart; of more, the likeliest
LONGEST = 22  # letters of a class's name


def wrong_examples(
    path: str | PathLike[str],
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    image_shape: tuple[int, ...],
    class_names: Sequence[str] = (),
) -> Path:
    """Draws the 25 examples that a network got wrong with the most confidence, or says: none.

    Args:
      path: the PNG to write.
      images: (num_examples, height * width) uint8, or float.
      labels: (num_examples,) integers.
      probabilities: (num_examples, num_classes); NaN counts as wrong.
      image_shape: (height, width), or (height, width, 3) in colour.
      class_names: a name for each class, or none where they are numbers.

    Returns:
      The path.
    """
    guesses, confidence = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero((guesses != labels) | np.isnan(confidence))
    if not len(wrong):
        text = f"All {len(labels):,} examples right: none to show."
        return save_page(path, blank(120, 560), [(280, 60, text, {"ha": "center"})])
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:MAX_WRONG]
    pictures = tiles(images[shown], image_shape, 196)
    texts: list[Text] = [
        (18, 24, f"{len(wrong):,} of {len(labels):,} wrong; the most confident first", {"size": 10})
    ]
    captions = [
        _caption(labels[each], guesses[each], confidence[each], class_names) for each in shown
    ]
    widest = max(text_width(line, 8) for lines in captions for line in lines) * DPI
    room = max(190, pictures.shape[2], round(widest) if class_names else 0)
    height, width = pictures.shape[1] + 20 + 16 * len(captions[0]), room + 18
    columns = min(5, len(shown))
    page = blank(48 + height * -(-len(shown) // columns), max(18 + width * columns, 460))
    for i, (lines, tile) in enumerate(zip(captions, pictures, strict=True)):
        x, y = 18 + width * (i % columns), 48 + height * (i // columns)
        page[y : y + len(tile), x : x + tile.shape[1]] = tile
        for line, text in enumerate(lines):
            texts.append((x, y + len(tile) + 12 + 16 * line, text, {"size": 8}))
    return save_page(path, page, texts)


def _caption(label: int, guess: int, confidence: float, names: Sequence[str]) -> list[str]:
    """What an example is and what it was taken for, in a line, or with names in one of each."""
    share = f"({100 * confidence:.1f} %)"
    if not names:
        return [f"label {label}, guess {guess} {share}"]
    label_name, guess_name = (shortened(names[each], LONGEST) for each in (label, guess))
    return [f"label {label_name}", f"guess {guess_name} {share}"]


def predictions(
    path: str | PathLike[str],
    images: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
    image_shape: tuple[int, ...],
    class_names: Sequence[str] = (),
) -> Path:
    """Draws up to 24 inputs as the network saw them, each beside its classes' probabilities.

    Args:
      path: the PNG to write.
      images: (num_examples, height * width) uint8, or float.
      probabilities: (num_examples, num_classes); of more than 10 classes, the likeliest are shown.
      names: of the examples, for example their files'.
      image_shape: (height, width), or (height, width, 3) in colour.
      class_names: a name for each class, or none where they are numbers.

    Returns:
      The path.
    """
    classes = [shortened(name, LONGEST) for name in class_names]
    room = round(DPI * max((text_width(name, 7) for name in classes), default=0))
    count = min(len(images), MAX_PREDICTIONS)
    pictures = tiles(images[:count], image_shape, 112)
    height, width = max(pictures.shape[1], 130) + 44, pictures.shape[2] + 226 + room
    columns = max(1, min(4, count))
    page = blank(18 + height * -(-count // columns) + 24, 18 + width * columns)
    texts: list[Text] = []
    for i, tile in enumerate(pictures):
        x, y = 18 + width * (i % columns), 18 + height * (i // columns)
        limit = (width - 24) // 8
        name = names[i] if len(names[i]) <= limit else f"…{names[i][1 - limit :]}"
        texts.append((x, y + 8, name, {"size": 8.5}))
        page[y + 24 : y + 24 + len(tile), x : x + tile.shape[1]] = tile
        at = x + tile.shape[1] + 36 + room, y + 24
        _draw_bars(page, texts, probabilities[i], at, classes)
    if len(images) > count:
        note = f"the first {count} of {len(images):,}"
        texts.append((18, len(page) - 18, note, {"size": 7.5, "color": GREY}))
    return save_page(path, page, texts)


def _draw_bars(
    page: np.ndarray,
    texts: list[Text],
    probabilities: np.ndarray,
    at: tuple[int, int],
    names: Sequence[str],
) -> None:
    """A bar for each class: painted into the page, its label and the highest's value as texts."""
    classes = np.arange(len(probabilities))
    if len(classes) > MAX_BARS:
        classes = np.argsort(-probabilities, kind="stable")[:MAX_BARS]
    guess = probabilities.argmax()
    for row, number in enumerate(classes):
        top, share = at[1] + 13 * row, float(np.nan_to_num(probabilities[number]))
        length = max(1, round(100 * min(share, 1)))
        is_guess = number == guess
        page[top : top + 10, at[0] : at[0] + length] = _rgb(BLUE if is_guess else "#A9BCC9")
        style = {"size": 7, "color": INK if is_guess else GREY, "ha": "right"}
        texts.append((at[0] - 5, top + 5, names[int(number)] if names else str(number), style))
        if is_guess:
            style = {"size": 7, "weight": "bold"}
            texts.append((at[0] + length + 4, top + 5, f"{100 * share:.1f} %", style))


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))
