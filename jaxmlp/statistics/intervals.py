"""Means of values, and their intervals."""

import math

import numpy as np

__all__ = [
    "batch_size",
    "bootstrap_interval",
    "check_level",
    "moments",
    "t_interval",
    "widened",
]

# scipy.stats takes longer to import than all of jaxmlp, so the functions that use it import it.


def moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation, NaN where there are too few values; of equal ones exactly 0."""
    if not len(values):
        return math.nan, math.nan
    above = values - values[0]
    std = float(above.std(ddof=1)) if len(values) > 1 else math.nan
    return float(values[0] + above.mean()), std


def t_interval(values: np.ndarray, confidence: float, overlap: float = 0.0) -> tuple[float, float]:
    """Student's, of the mean; of equal values of no width, NaN of fewer than two.

    Args:
      values: (count,).
      confidence: how often the interval holds the mean.
      overlap: as `settings.overlap` returns it.
    """
    from scipy import stats

    mean, std = moments(values)
    if math.isnan(std):
        return math.nan, math.nan
    quantile = float(stats.t.isf((1 - confidence) / 2, len(values) - 1))
    half_width = quantile * std * math.sqrt(1 / len(values) + overlap)
    return mean - half_width, mean + half_width


def bootstrap_interval(
    values: np.ndarray, confidence: float, num_resamples: int, seed: int
) -> tuple[float, float]:
    """Efron's, of the mean, bias-corrected and accelerated; of values that are not all equal."""
    from scipy import stats

    low, high = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=num_resamples,
        batch=batch_size(values),
        confidence_level=confidence,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(low), float(high)


def widened(
    values: np.ndarray, interval: tuple[float, float], overlap: float
) -> tuple[float, float]:
    """An interval of the mean of independent values as that of values which overlap.

    >>> widened(np.array([1.0, 3.0]), (1.5, 2.5), 1.5)
    (1.0, 3.0)
    """
    mean, factor = moments(values)[0], math.sqrt(1 + len(values) * overlap)
    low, high = (mean + factor * (end - mean) for end in interval)
    return low, high


def batch_size(values: np.ndarray) -> int:
    """How many resamples to hold at a time: bounds the memory, and does not change the result."""
    return 1 + 2_000_000 // len(values)


def check_level(name: str, level: float) -> None:
    """Raises a ValueError unless a level is between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"{name} needs to be between 0 and 1, got {level}")
