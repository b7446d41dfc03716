"""Pictures as they are, in grey or in colour, as a network sees them that was trained on files.

`images` takes a figure from its paper; here nothing is taken for paper. Transparent pixels are
white, 16 bits a pixel become 8, and where a size is given, a picture's middle is brought to it.
"""

from __future__ import annotations

from os import PathLike

import numpy as np
from PIL import Image, ImageOps

from experiments.data import picture_files
from experiments.data.picture_files import ImageError, on_white, upright

__all__ = ["in_colour", "in_grey", "read"]

GREYS = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I")  # modes without colour


def read(path: str | PathLike[str], size: tuple[int, int] | None = None) -> np.ndarray:
    """A picture's pixels, (height, width) uint8 of a grey one, (height, width, 3) in colour.

    A picture is grey where no pixel of it has a colour, however it is kept in the file.

    Args:
      path: the file.
      size: (height, width) to bring it to: its middle, of as large a part in these proportions as
        there is. None for as large as it is.

    Raises:
      ImageError: no such file, not a picture, damaged, too large, or in numbers that are no pixels.
    """

    def pixels(file: Image.Image) -> np.ndarray:
        image = _plain(path, upright(file))
        if size is not None and (image.height, image.width) != size:
            image = ImageOps.fit(image, size[::-1], Image.Resampling.LANCZOS)
        return np.asarray(image)

    found = picture_files.read(path, pixels)
    is_grey = found.ndim == 2 or bool((found == found[..., :1]).all())
    return np.ascontiguousarray(found[..., 0]) if is_grey and found.ndim == 3 else found


def _plain(path: str | PathLike[str], image: Image.Image) -> Image.Image:
    """The picture in mode L or RGB."""
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        if not 0 <= deep.min() <= deep.max() < 2**16:
            got = f"numbers from {deep.min()} to {deep.max()}"
            raise ImageError(f"{path}: expected at most 16 bits a pixel, got {got}")
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ImageError(f"{path}: expected 8 or 16 bits a pixel, got floats")
    is_grey = image.mode in GREYS
    if image.has_transparency_data:
        image = on_white(image.convert("RGBA"))
    return image.convert("L" if is_grey else "RGB")


def in_colour(pixels: np.ndarray) -> np.ndarray:
    """(height, width) as (height, width, 3); what has colours is as it was.

    >>> in_colour(np.uint8([[7]])).tolist()
    [[[7, 7, 7]]]
    """
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=-1)


def in_grey(pixels: np.ndarray) -> np.ndarray:
    """(height, width, 3) as (height, width), by what an eye sees; what is grey is as it was.

    >>> in_grey(np.uint8([[[255, 0, 0]]])).tolist()
    [[76]]
    """
    return pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("L"))
