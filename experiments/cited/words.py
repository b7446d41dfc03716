"""Figures as the pages have them, and tables of them in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.cited import evidence
from jaxmlp.statistics import Comparison, Summary

__all__ = [
    *("NOT_RUN", "between", "difference", "duration", "interval", "mean", "percent", "points"),
    *("spread", "table", "why"),
]

NOT_RUN = "not run yet"
MINUS = "\N{MINUS SIGN}"


def percent(share: float, digits: int = 2) -> str:
    """A share in percent.

    >>> percent(0.98), percent(0.99412, 3)
    ('98.00 %', '99.412 %')
    """
    return f"{100 * share:.{digits}f} %"


def mean(found: Summary) -> str:
    """A mean, with a digit more than one network's figure can have."""
    return percent(found.mean, 3)


def interval(found: Summary, digits: int = 3) -> str:
    """An interval, which a single seed has not.

    >>> interval(Summary({}, 2, 0, 0.5, 0.1, 0.25, 0.75), 2)
    '25.00 to 75.00 %'
    """
    if found.num_seeds < 2:
        return "one seed has none"
    return f"{100 * found.low:.{digits}f} to {percent(found.high, digits)}"


def _signed(share: float) -> str:
    return f"{100 * share:+.3f}".replace("-", MINUS)


def difference(found: Comparison) -> str:
    """A difference of two shares, in percentage points, with its interval.

    >>> difference(Comparison(0.0012, -0.0001, 0.0025, 0.06, 5, 0, 8.0)).replace(MINUS, "-")
    '+0.120 (-0.010 to +0.250)'
    """
    if found.num_seeds < 2:
        return _signed(found.effect)
    return points(found.effect, found.low, found.high)


def points(effect: float, low: float, high: float) -> str:
    """The same, of its three numbers.

    >>> points(0.0012, 0.0001, 0.0025)
    '+0.120 (+0.010 to +0.250)'
    """
    return f"{_signed(effect)} ({_signed(low)} to {_signed(high)})"


def spread(values: Sequence[int]) -> str:
    """The mean and the range of whole numbers.

    >>> spread([27, 36, 30]), spread([4])
    ('31.0 (27 to 36)', '4')
    """
    if len(values) == 1:
        return str(values[0])
    return f"{sum(values) / len(values):.1f} ({min(values)} to {max(values)})"


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(2.71), duration(89), duration(600), duration(7200)
    ('2.7 s', '89 s', '10.0 min', '2.0 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def between(record: Mapping[str, Any], digits: int = 2) -> tuple[str, str]:
    """The worst seed's accuracy and the best one's."""
    shares = evidence.accuracies(record)
    return percent(min(shares), digits), percent(max(shares), digits)


def why(record: Mapping[str, Any] | None) -> str:
    """Why a command has no figures, by its record or for want of one.

    >>> why(None), why({"left_out": "no data"})
    ('not run yet', 'left out: no data')
    """
    return NOT_RUN if record is None else f"left out: {record['left_out']}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table.

    >>> table(["what", "errors"], [["one", "3"]])
    ['| what | errors |', '|---|---|', '| one | 3 |']
    """
    lines = [head, *rows]
    made = [f"| {' | '.join(cells)} |" for cells in lines]
    return [made[0], "|" + "---|" * len(head), *made[1:]]
