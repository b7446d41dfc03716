"""What a run's pictures show, for the tests of them."""

import matplotlib
import numpy as np
from PIL import Image

from experiments.plots import pixels, run_confusion, run_curves, run_weights
from experiments.plots.style import STYLE

BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)


def drawn(monkeypatch, function, *arguments):
    """The figure that would be saved, with everything in its place."""
    figures = []
    for module in (pixels, run_confusion, run_curves, run_weights):
        monkeypatch.setattr(module, "save", lambda path, figure: figures.append(figure))
    function("anywhere", *arguments)
    [figure] = figures
    with matplotlib.rc_context(STYLE):
        figure.draw_without_rendering()
    return figure


def written(figure):
    """The texts of a figure, from the first to the last."""
    return [text.get_text().replace("\xa0", " ") for text in figure.texts]


def read(path):
    """A picture's pixels, (height, width, 3), after looking whether it is a sane PNG."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert all(100 <= side <= 2000 for side in image.size)
        return np.asarray(image.convert("RGB"))


def where(pixels, colour):
    """Rows and columns of the pixels of exactly this colour."""
    return np.nonzero((pixels == colour).all(axis=-1))


def contains(pixels, tile):
    """Whether a small picture, (height, width) grey, is in a large one, pixel for pixel."""
    tile = np.stack([tile] * 3, axis=-1)
    first = tile[0].tobytes()
    for row in range(len(pixels) - len(tile) + 1):
        at = pixels[row].tobytes().find(first)
        if at >= 0:
            x = at // 3
            return np.array_equal(pixels[row : row + len(tile), x : x + tile.shape[1]], tile)
    return False


def enlarged(image, factor):
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def history(num_epochs):
    epochs = np.arange(1, num_epochs + 1)
    return {
        "train_loss": 2 / epochs,
        "train_accuracy": 1 - 0.5 / epochs,
        "test_loss": 2.2 / epochs**0.8,
        "test_accuracy": 1 - 0.6 / epochs,
    }
