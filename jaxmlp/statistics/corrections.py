"""P-values for many tests at once."""

from collections.abc import Sequence

import numpy as np

__all__ = ["CORRECTIONS", "adjust"]

CORRECTIONS = ("holm", "bonferroni", "benjamini_hochberg")


def adjust(p_values: Sequence[float], correction: str = "holm") -> list[float]:
    """P-values for many tests at once, to be held against one level.

    Sources: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979; Benjamini and
    Hochberg, Controlling the False Discovery Rate, 1995.

    Args:
      p_values: one a test.
      correction: "holm" or "bonferroni" bound the chance of a single false finding, and Holm's
        finds no less; "benjamini_hochberg" bounds the share of false ones among the findings, of
        tests that are independent or positively dependent.

    Returns:
      The adjusted p-values, in the same order.

    Raises:
      ValueError: if the correction is none of these, or a p-value is not from 0 to 1.

    >>> adjust([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    from scipy import stats

    if correction not in CORRECTIONS:
        raise ValueError(
            f"correction needs to be one of {', '.join(CORRECTIONS)}, got {correction}"
        )
    if wrong := [p_value for p_value in p_values if not 0 <= p_value <= 1]:
        raise ValueError(f"p_values need to be from 0 to 1, got {wrong[0]}")
    values = np.asarray(p_values, np.float64)
    if correction == "benjamini_hochberg":
        return stats.false_discovery_control(values).tolist()
    if correction == "bonferroni":
        return np.minimum(len(values) * values, 1.0).tolist()
    order = np.argsort(values)
    stepped = np.arange(len(values), 0, -1) * values[order]
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted.tolist()
