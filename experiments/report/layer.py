"""The weights into the first hidden units of a network of pictures, as pictures."""

import math
from typing import Any

import numpy as np

from experiments.report import pictures
from experiments.report.subject import Subject
from jaxmlp.types import trained

__all__ = ["of"]

UNITS, BYTES = 100, 300_000


def of(subject: Subject) -> dict[str, Any] | None:
    """Those of the largest norm, by their norms; None where inputs are no pictures."""
    shape = subject.job.data.image_shape
    if not shape:
        return None
    kernel = np.asarray(trained(subject.params)[0].kernel, np.float64)  # (features, units)
    norms = np.linalg.norm(kernel, axis=0)
    size = math.prod(pictures.shown_shape(shape))
    order = np.argsort(-norms, kind="stable")[: max(1, min(UNITS, BYTES // size))]
    images, limit = pictures.signed(kernel[:, order].T, shape)
    return {
        "units": order.tolist(),
        "norms": norms[order].tolist(),
        "num_units": kernel.shape[1],
        "limit": limit,
        "shape": pictures.shown_shape(shape),
        "weights": pictures.as_text(images),
    }
