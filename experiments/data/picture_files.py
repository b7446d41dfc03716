"""Picture files of any kind, of which nothing is believed before it is checked."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from os import PathLike
from typing import TypeVar

from PIL import Image, ImageOps, UnidentifiedImageError

__all__ = ["FORMATS", "ImageError", "ImageFile", "on_white", "read", "size", "upright"]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # no reader runs a program
TURNING = range(5, 9)  # orientations of a camera that lay on its side
ORIENTATION = 0x0112  # Exif's number for that

ImageFile = Image.Image
Made = TypeVar("Made")


class ImageError(ValueError):
    """A file that cannot become a network's input; the message is one line with the path."""


def read(path: str | PathLike[str], make: Callable[[Image.Image], Made]) -> Made:
    """What a function makes of an opened picture, of which it may read as much as it needs.

    Args:
      path: a PNG, JPEG, GIF, BMP, TIFF, WebP or PPM file; of several frames, the first is read.
      make: of the picture as it lies in the file.

    Raises:
      ImageError: no such file, not a picture, damaged, or too large to be safe.
    """
    if not os.path.isfile(path):
        got = "a directory" if os.path.isdir(path) else "no such file"
        raise ImageError(f"{path}: expected a picture file, got {got}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # for example odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=FORMATS) as file:
                return make(file)
        except ImageError:
            raise
        except UnidentifiedImageError:
            kinds = ", ".join(FORMATS)
            raise ImageError(f"{path}: expected a picture ({kinds}), got another kind") from None
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            most = f"{Image.MAX_IMAGE_PIXELS or 0:,}"
            raise ImageError(f"{path}: expected at most {most} pixels, got more") from None
        except Exception as error:  # the readers raise much, SyntaxError and struct.error included
            what = " ".join(f"{error}".split()) or type(error).__name__
            raise ImageError(f"{path}: expected an undamaged picture, got {what}") from error


def size(path: str | PathLike[str]) -> tuple[int, int]:
    """The (height, width) of a picture as it is to be looked at; raises as `read`."""
    return read(path, _size)


def _size(image: Image.Image) -> tuple[int, int]:
    turned = image.getexif().get(ORIENTATION) in TURNING
    return (image.width, image.height) if turned else (image.height, image.width)


def upright(image: Image.Image) -> Image.Image:
    """A picture as the camera was held."""
    return ImageOps.exif_transpose(image)


def on_white(image: Image.Image) -> Image.Image:
    """A picture in RGBA on a white sheet."""
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
