"""Any picture file as the input of a network: found, cut out, scaled and centred as its data were.

A picture of exactly the network's size is taken as prepared: its pixels come through, inverted if it
is dark on light. Of any other, the figure is cut out of its background and put into the square:

- as MNIST's makers did: "the original black and white images were size normalized to fit in a 20x20
  pixel box while preserving their aspect ratio", grey by antialiasing, and "centered in a 28x28 image
  by computing the center of mass of the pixels, and translating the image so as to position this point
  at the center of the 28x28 field" (Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten
  digits; LeCun et al., Gradient-based learning applied to document recognition, 1998). In the data the
  centre is the pixel (14, 14). Other sizes keep the proportion 20 to 28.
- 8x8, as the makers of scikit-learn's digits did: a bitmap of 32x32, which the figure fills from top
  to bottom, 20 wide at most, and the share of black among each 4x4 (E. Alpaydin and C. Kaynak, Optical
  Recognition of Handwritten Digits, 1998).

Nothing can make a picture like the data of networks that were trained on something else, for example
Fashion-MNIST's clothes or photographs: give those pictures of exactly the network's size.
"""

from __future__ import annotations

import warnings
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

__all__ = ["ImageError", "read_image"]

FORMATS = ("PNG", "JPEG", "MPO", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # none that runs a program
WORKING_SIDE = 512  # pixels; a larger picture is reduced first
MIN_CONTRAST = 0.1  # of the way from black to white, below which a picture counts as blank
SPECK = 0.002  # of the figure's area at each side, taken for dirt
FULL=0.75
FILTER=Image.Resampling.BOX
STRETCH=True


class ImageError(ValueError):
    """A file that cannot become a network's input; the message is one line with the path."""


def read_image(path: str | PathLike[str], image_shape: tuple[int, ...]) -> np.ndarray:
    """Reads a picture of any size, light on dark or dark on light, as one input of a network.

    The background is the median of the border; the figure, what lies furthest from it in
    brightness. Transparent pixels count as white, or as black if nothing would show on white.

    Args:
      path: a PNG, JPEG, GIF, BMP, TIFF, WebP or PPM file; of several frames, the first is read.
      image_shape: (height, width) that the network takes.

    Returns:
      (height * width,) float32 from 0, the background, to 1.

    Raises:
      ImageError: no such file, not a picture, damaged, too large to be safe, or blank.
    """
    path = Path(path)
    if not path.is_file():
        got = "a directory" if path.is_dir() else "none there"
        raise ImageError(f"{path}: expected a picture file, got {got}")
    image = _open(path)
    for paper in ("white", "black"):
        grey = _grey(image, paper)
        ink, is_dark_on_light = _ink(grey)
        if ink.max() >= MIN_CONTRAST:
            break
    else:
        raise ImageError(f"{path}: expected something on a background, got a blank picture")
    if grey.shape == tuple(image_shape):
        pixels = 1 - grey if is_dark_on_light else grey
    elif tuple(image_shape) == (8, 8):
        pixels = _like_digits(ink)
    else:
        pixels = _like_mnist(ink, *image_shape)
    return pixels.astype(np.float32).ravel()


def _open(path: Path) -> Image.Image:
    """The picture as its viewer would see it, upright, in one of Pillow's grey or RGB modes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damage that does not matter, such as odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=FORMATS) as image:
                image = ImageOps.exif_transpose(image)
                if image.mode.startswith(("I", "F")):
                    return image.convert("F")
                return image.convert("RGBA" if image.has_transparency_data else "L")
        except UnidentifiedImageError:
            formats = ", ".join(FORMATS)
            raise ImageError(f"{path}: expected a picture ({formats}), got another kind") from None
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            most = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
            raise ImageError(f"{path}: expected at most {most} million pixels, got more") from None
        except Exception as error:  # Pillow's readers raise what they like, SyntaxError among them
            what = " ".join(f"{type(error).__name__} {error}".split())
            raise ImageError(f"{path}: expected an undamaged picture, got {what}") from error


def _grey(image: Image.Image, paper: str) -> np.ndarray:
    """Brightness as (height, width) float32 from 0 to 1, seen on paper of a colour."""
    if image.mode == "RGBA":
        sheet = Image.new("RGBA", image.size, paper)
        image = Image.alpha_composite(sheet, image).convert("L")
    image = image.reduce(-(-max(image.size) // WORKING_SIDE))
    grey = np.nan_to_num(np.asarray(image, np.float32))
    white = next((top for top in (255, 65535) if grey.max() <= top), grey.max())
    return np.clip(grey / (white if image.mode == "F" else 255), 0, 1)


def _ink(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """How far each pixel stands out from the background; and whether it is dark on light.

    The background is the median of the border, and what lies furthest from it is the figure.
    """
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    background = np.median(border)
    noise = 4 * np.median(abs(border - background))
    is_dark_on_light = bool(background - grey.min() > grey.max() - background)
    ink = background - grey if is_dark_on_light else grey - background
    return np.where(ink > min(noise, ink.max() / 4), ink, 0), is_dark_on_light


def _cut_out(ink: np.ndarray) -> Image.Image:
    """The figure's bounding box, its ink scaled to 1; dirt of little area beside it is left out."""
    full = np.quantile(ink[ink > ink.max() / 2], FULL)
    mask = ink > full / 2
    top, bottom = _extent(mask.sum(1))
    left, right = _extent(mask.sum(0))
    return Image.fromarray(np.minimum(ink / full, 1)[top:bottom, left:right])


def _extent(counts: np.ndarray) -> tuple[int, int]:
    """The slice that holds all of the counts but a speck at either end."""
    shares = np.cumsum(counts) / counts.sum()
    return int(np.searchsorted(shares, SPECK, "right")), int(np.searchsorted(shares, 1 - SPECK)) + 1


def _like_mnist(ink: np.ndarray, height: int, width: int) -> np.ndarray:
    figure = _cut_out(ink)
    scale = round(min(height, width) * 20 / 28) / max(figure.size)
    size = [max(1, round(side * scale)) for side in figure.size]
    figure = np.clip(np.asarray(figure.resize(size, FILTER)), 0, 1)
    figure = figure / figure.max()
    pixels = np.zeros((height, width))
    mass = figure.sum()
    corner = []
    for axis, side in enumerate((height, width)):
        centre = (figure.sum(1 - axis) @ np.arange(figure.shape[axis])) / mass
        corner.append(int(np.clip(round(side / 2 - centre), 0, side - figure.shape[axis])))
    y, x = corner
    pixels[y : y + figure.shape[0], x : x + figure.shape[1]] = figure
    return pixels


def _like_digits(ink: np.ndarray) -> np.ndarray:
    figure = _cut_out(ink)
    if STRETCH: width = 20
    else: width = max(1, min(20, round(32 * figure.width / figure.height)))
    bitmap = np.asarray(figure.resize((width, 32), FILTER))
    bitmap = bitmap > bitmap.max() / 2
    left = (32 - width) // 2
    pixels = np.pad(bitmap, ((0, 0), (left, 32 - width - left)))
    return pixels.reshape(8, 4, 8, 4).mean((1, 3))
