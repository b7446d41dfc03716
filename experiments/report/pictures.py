"""Pictures as bytes, which the page's scripts draw."""

import base64

import numpy as np

__all__ = ["as_text", "pixels", "shown_shape", "signed"]

LONGEST = 64  # pixels of a side; of more, every second or third


def pixels(rows: np.ndarray, image_shape: tuple[int, ...]) -> np.ndarray:
    """Images as the network saw them: those of floats are squeezed into 0 to 255 together.

    Args:
      rows: (num_images, features) uint8, or float.
      image_shape: (height, width), or (height, width, 3).

    Returns:
      (num_images, *shown_shape(image_shape)) uint8.
    """
    values = np.asarray(rows)
    if values.dtype != np.uint8:
        values = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
        low, high = min(values.min(initial=0), 0), max(values.max(initial=1), 1)
        values = np.round(255 * (values - low) / (high - low)).astype(np.uint8)
    step = _step(image_shape)
    return values.reshape(-1, *image_shape)[:, ::step, ::step]


def signed(rows: np.ndarray, image_shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
    """Weights as images of which 128 is 0, and the weight that 255 stands for.

    Few weights are far larger than the others: those of the last 0.2 % are cut.
    """
    weights = np.asarray(rows, np.float64)
    finite = np.abs(weights[np.isfinite(weights)])
    limit = (float(np.quantile(finite, 0.998)) if finite.size else 0.0) or 1.0
    whole = np.clip(np.round(np.nan_to_num(weights) / limit * 127), -127, 127)
    step = _step(image_shape)
    shown = (whole + 128).astype(np.uint8).reshape(-1, *image_shape)[:, ::step, ::step]
    return shown, limit


def shown_shape(image_shape: tuple[int, ...]) -> list[int]:
    """Height, width and colours of an image as it is shown.

    >>> shown_shape((28, 28)), shown_shape((96, 100, 3))
    ([28, 28, 1], [48, 50, 3])
    """
    step = _step(image_shape)
    return [*(-(-side // step) for side in image_shape[:2]), *(image_shape[2:] or (1,))]


def _step(image_shape: tuple[int, ...]) -> int:
    return -(-max(image_shape[:2]) // LONGEST)


def as_text(values: np.ndarray) -> str:
    """The bytes of an array of uint8 in base64."""
    return base64.b64encode(np.ascontiguousarray(values, np.uint8).tobytes()).decode()
