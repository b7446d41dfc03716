"""What many seeds say: intervals, paired comparisons, how many seeds are enough, what varies."""

from jaxmlp.statistics.compare import Comparison, compare, compare_all
from jaxmlp.statistics.corrections import CORRECTIONS, adjust
from jaxmlp.statistics.settings import OBSERVED, SEEDS
from jaxmlp.statistics.summary import Summary, summarize
from jaxmlp.statistics.until import Until, until
from jaxmlp.statistics.variance import Variance, variance

__all__ = [
    "CORRECTIONS",
    "OBSERVED",
    "SEEDS",
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
