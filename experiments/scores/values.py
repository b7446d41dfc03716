"""Figures of answers that are values."""

from typing import Any

import numpy as np

from jaxmlp.statistics.intervals import t_interval

__all__ = ["LEAST_ROWS", "figures"]

LEAST_ROWS = 10  # for an interval: of fewer errors Student's says more than it knows


def figures(labels: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Those of one value or several; of several the means over them, in whatever units they are.

    Args:
      labels: (N, V).
      values: (N, V); with one that is not finite none of the figures is known.

    Returns:
      The mean absolute error with Student's 95 % interval of it, which takes rows to be
      independent; the root of the mean squared error; and the share of the labels' variance that is
      explained, None where the labels do not differ.

    >>> float(figures(np.array([[1.0], [2.0]]), np.array([[1.0], [4.0]]))["mae"])
    1.0
    """
    if not np.isfinite(values).all():
        return dict.fromkeys(("mae", "mae_low", "mae_high", "rmse", "r2"))
    errors = np.abs(labels - values)
    low, high = None, None
    if len(errors) >= LEAST_ROWS:
        low, high = t_interval(errors.mean(axis=1), 0.95)
        low = max(low, 0.0)
    r2 = None
    if (labels != labels[0]).any(axis=0).all():
        about_mean = ((labels - labels.mean(axis=0)) ** 2).sum(axis=0)
        r2 = (1 - (errors**2).sum(axis=0) / about_mean).mean()
    return {
        **{"mae": errors.mean(), "mae_low": low, "mae_high": high},
        "rmse": np.sqrt((errors**2).mean(axis=0)).mean(),
        "r2": r2,
    }
