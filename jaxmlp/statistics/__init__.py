"""Statistics over the members of a population."""

from jaxmlp.statistics.compare import (
    Comparison,
    Summary,
    Until,
    Variance,
    adjust,
    compare,
    compare_all,
    summarize,
    until,
    variance,
)

__all__ = [
    "Comparison",
    "Summary",
    "Until",
    "Variance",
    "adjust",
    "compare",
    "compare_all",
    "summarize",
    "until",
    "variance",
]
