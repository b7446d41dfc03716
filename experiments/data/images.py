"""Any picture file as the input of a network: cut out, scaled and centred as the data were.

A picture of exactly the network's size counts as prepared: its pixels come through as they are, or
inverted if they are dark on light. Of any other, `figure` takes the strokes from the paper, which
are put into the network's square as the makers of the data did it:

- MNIST: "the original black and white images were size normalized to fit in a 20x20 pixel box while
  preserving their aspect ratio", grey by antialiasing, and "centered in a 28x28 image by computing
  the center of mass of the pixels, and translating the image so as to position this point at the
  center of the 28x28 field" (Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten
  digits; LeCun et al., Gradient-based learning applied to document recognition, 1998). In the data,
  that centre is pixel (14, 14). Other squares keep the proportion of 20 to 28.
- scikit-learn's digits, 8x8: a black and white image of 32x32, and of each 4x4 of it the share that
  is on (E. Alpaydin, C. Kaynak, Optical recognition of handwritten digits, 1998). In the data, the
  digit reaches from the top to the bottom, is at most about 20 of the 32 wide, stands upright, and
  its strokes are broad; so that is done here.

Data of another making, for example clothes, need pictures of exactly their size. A network that
sees colours takes a photograph as it is: its middle, as large a square as there is, made smaller.
"""

from __future__ import annotations

from os import PathLike
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from experiments.data import figure, photographs, picture_files, strokes
from experiments.data.photographs import in_colour, in_grey
from experiments.data.picture_files import ImageError, on_white, upright

__all__ = ["ImageError", "Picture", "read_as_it_is", "read_image", "read_picture"]

WORKING_SIDE = 512  # pixels; a picture with more than twice as many is reduced first
MIN_INK = 0.25  # the share of an 8x8 digit's 32x32 that is on; data have 0.30 in the mean
TURNS = (0, -14, 14, -28, 28)  # degrees; what stands aslant is upright in one of them or nearly


class Picture(NamedTuple):
    """A picture as a network may take it."""

    # (num_views, height * width) float32 from 0, the background, to 1; or uint8 pixels
    rows: np.ndarray
    oddity: str  # what makes it unlike a handwritten character; empty if nothing does


def read_image(path: str | PathLike[str], image_shape: tuple[int, ...]) -> np.ndarray:
    """Reads a picture of any size as one input of a network: the first of `read_picture`'s rows."""
    return read_picture(path, image_shape).rows[0]


def read_picture(path: str | PathLike[str], image_shape: tuple[int, ...]) -> Picture:
    """Reads a picture of any size, light on dark or dark on light, as inputs of a network.

    Transparent pixels count as white, or as black if nothing shows on white.

    Args:
      path: a PNG, JPEG, GIF, BMP, TIFF, WebP or PPM file; of several frames, the first is read.
      image_shape: (height, width) that the network takes, or (height, width, 3) in colour.

    Returns:
      The figure as it stands, then turned either way. One view of a picture of exactly the
      network's size, which is as it is, and for 8x8, where it is set upright.

    Raises:
      ImageError: no such file, not a picture, damaged, too large to be safe, or blank.
    """
    if len(image_shape) == 3:
        image = _open(path, "RGB")
        return Picture(_photograph(image, image_shape).reshape(1, -1), "")
    image = _open(path)
    for paper in ("white", "black"):
        grey = _grey(image, paper)
        if np.ptp(grey) < figure.MIN_CONTRAST:
            continue
        if grey.shape == tuple(image_shape):
            return Picture(_light_on_dark(grey).reshape(1, -1), "")
        ink = figure.find(grey)
        if ink.any():
            return _prepare(ink, image_shape)
    raise ImageError(f"{path}: expected a figure on a background, got a blank picture")


def read_as_it_is(path: str | PathLike[str], image_shape: tuple[int, ...]) -> Picture:
    """Reads a picture as those are read that a network is trained on from files; see `photographs`.

    Args:
      path: as of `read_picture`.
      image_shape: (height, width), or (height, width, 3) in colour.

    Raises:
      ImageError: no such file, not a picture, damaged, or too large to be safe.
    """
    pixels = photographs.read(path, (image_shape[0], image_shape[1]))
    pixels = in_colour(pixels) if len(image_shape) == 3 else in_grey(pixels)
    return Picture(pixels.reshape(1, -1), "")


def _photograph(image: Image.Image, image_shape: tuple[int, ...]) -> np.ndarray:
    """The middle of a picture in colour, (height, width, 3) float32 from 0 to 1."""
    if image.mode == "RGBA":
        image = on_white(image)
    elif image.mode == "F":
        image = Image.fromarray((255 * _grey(image, "white")).astype(np.uint8))
    height, width = image_shape[:2]
    whole = ImageOps.fit(image.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
    return np.asarray(whole, np.float32) / 255


def _light_on_dark(grey: np.ndarray) -> np.ndarray:
    """A picture as it is, or inverted if most of its border is nearer to its lightest pixel."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return 1 - grey if 2 * np.median(border) > grey.min() + grey.max() else grey


def _prepare(ink: np.ndarray, image_shape: tuple[int, ...]) -> Picture:
    """The figure cut out and put into the network's square, as it stands and turned."""
    cut = _cut_out(ink)
    if tuple(image_shape) == (8, 8):
        views = [_like_digits(cut)]  # upright by itself
    else:
        turned = [cut.rotate(turn, Image.Resampling.BILINEAR, expand=True) for turn in TURNS]
        views = [_like_mnist(_cut_out(np.asarray(view)), image_shape) for view in turned]
    rows = np.stack(views).astype(np.float32).reshape(len(views), -1)
    return Picture(rows, strokes.oddity(cut))


def _open(path: str | PathLike[str], opaque: str = "L") -> Image.Image:
    """The picture upright, not too large, in mode L or RGBA (or F, with more than 8 bits).

    Args:
      path: the file.
      opaque: the mode where nothing is transparent: "RGB" keeps colours.
    """

    def made(file: Image.Image) -> Image.Image:
        image = upright(file)
        if image.mode.startswith(("I", "F")):
            image = image.convert("F")
        else:
            image = image.convert("RGBA" if image.has_transparency_data else opaque)
        return image.reduce(max(1, max(image.size) // WORKING_SIDE))

    return picture_files.read(path, made)


def _grey(image: Image.Image, paper: str) -> np.ndarray:
    """Brightness, (height, width) float32 from 0 to 1, as seen on paper of a colour."""
    if image.mode == "RGBA":
        sheet = Image.new("RGBA", image.size, paper)
        image = Image.alpha_composite(sheet, image).convert("L")
    grey = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0)
    if image.mode == "L":
        return grey / 255
    white = next((top for top in (1, 255, 4095, 65535) if grey.max() <= top), grey.max())
    return np.clip(grey / white, 0, 1)


def _cut_out(ink: np.ndarray) -> Image.Image:
    """The figure within its bounding box."""
    is_on = ink > 0.5 * ink.max()
    rows, columns = (_extent(is_on.any(axis)) for axis in (1, 0))
    return Image.fromarray(ink[rows, columns])


def _extent(is_on: np.ndarray) -> slice:
    first, *_, last = np.flatnonzero(is_on)[[0, -1]]
    return slice(int(first), int(last) + 1)


def _centre(ink: np.ndarray) -> tuple[float, float]:
    """The centre of mass, (row, column)."""
    rows, columns = np.indices(ink.shape)
    return (ink * rows).sum() / ink.sum(), (ink * columns).sum() / ink.sum()


def _like_mnist(cut: Image.Image, image_shape: tuple[int, ...]) -> np.ndarray:
    """(height, width): the longer side 20/28 of the square's, the centre of mass in the middle."""
    scale = min(image_shape) * 20 / 28 / max(cut.size)
    width, height = (max(1, round(side * scale)) for side in cut.size)
    small = np.asarray(cut.resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)
    pixels = np.zeros(image_shape, np.float32)
    top, left = (
        int(np.clip(round(side / 2 - middle), 0, side - length))
        for side, middle, length in zip(image_shape, _centre(small), small.shape, strict=True)
    )
    pixels[top : top + height, left : left + width] = small / small.max()
    return pixels


def _like_digits(cut: Image.Image) -> np.ndarray:
    """(8, 8): of each 4x4 of a bitmap, which the upright figure fills in height, the share on."""
    cut = _cut_out(_upright(cut))
    width = min(20, max(1, round(32 * cut.width / cut.height)))
    small = np.asarray(cut.resize((width, 32), Image.Resampling.BOX))
    bitmap = np.zeros((32, 32), np.uint8)
    left = (32 - width) // 2
    bitmap[:, left : left + width] = small > small.max() / 2
    for _ in range(3):
        if bitmap.mean() < MIN_INK:
            bitmap = np.asarray(Image.fromarray(bitmap).filter(ImageFilter.MaxFilter(3)))
    shares: np.ndarray = bitmap.reshape(8, 4, 8, 4).mean((1, 3))
    return shares


def _upright(figure: Image.Image) -> np.ndarray:
    """The figure sheared sideways until its rows and columns covary no more."""
    ink = np.asarray(figure)
    middle = _centre(ink)
    rows, columns = (index - at for index, at in zip(np.indices(ink.shape), middle, strict=True))
    lean = (ink * rows * columns).sum() / max((ink * rows * rows).sum(), 1e-6)
    room = int(np.ceil(abs(lean) * figure.height))
    size = (figure.width + 2 * room, figure.height)
    back = (1, lean, -lean * middle[0] - room, 0, 1, 0)  # output pixel -> where it comes from
    upright = figure.transform(size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    return np.asarray(upright)
