"""Texts as dates: days since 1970, in the form that a column has."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["FORMS", "MONTH_FIRST", "parse", "parsed_best"]

TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:[.,]\d+)?))?"
    r" ?(?P<half>[AaPp]\.?[Mm]\.?)?)? ?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?$"
)
YEAR_FIRST, DAY_FIRST, MONTH_FIRST, NAMED = "year first", "day first", "month first", "month named"
PATTERNS = {
    YEAR_FIRST: (r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2}))?" + TIME,),
    DAY_FIRST: (r"^(?P<day>\d{1,2})[-/.] ?(?P<month>\d{1,2})[-/.] ?(?P<year>\d{4}|\d{2})" + TIME,),
    MONTH_FIRST: (r"^(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.](?P<year>\d{4}|\d{2})" + TIME,),
    NAMED: (
        r"^(?:[A-Za-z]+, )?(?P<day>\d{1,2})[-. ]+(?P<month>[A-Za-z]{3,9})[-., ]+(?P<year>\d{4})"
        + TIME,
        r"^(?:[A-Za-z]+, )?(?P<month>[A-Za-z]{3,9})\.? (?P<day>\d{1,2}),? (?P<year>\d{4})" + TIME,
    ),
}
FORMS = tuple(PATTERNS)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LONG = "january february march april may june july august september october november december"
CENTURY = 69  # years of two digits from here on are of the last century, as POSIX has it
PARTS = ("year", "month", "day", "hour", "minute", "second", "half", "zone")


def parsed_best(texts: Any, day_first: bool = False) -> tuple[np.ndarray, str, bool]:
    """Texts as dates, in the form that fits the most.

    Args:
      texts: a `pyarrow` array of texts, null where missing.
      day_first: what is taken where the day could as well be the month; where points separate
        them, as in 3.4.2024, the day is first.

    Returns:
      (N,) float64 days, NaN where there is no date; the form, "" where nothing is a date; and
      whether it was taken in doubt.
    """
    found = {form: parse(texts, form) for form in FORMS}
    counts = {form: int(np.isfinite(days).sum()) for form, days in found.items()}
    is_pointed = counts[DAY_FIRST] and _is_pointed(texts)
    likely = DAY_FIRST if is_pointed or day_first else MONTH_FIRST
    best = max(FORMS, key=lambda form: (counts[form], form == likely))
    if not counts[best]:
        return found[best], "", False
    both = counts[DAY_FIRST] == counts[MONTH_FIRST] == counts[best]
    differ = not np.array_equal(found[DAY_FIRST], found[MONTH_FIRST], equal_nan=True)
    return found[best], best, bool(both and differ and not is_pointed)


def parse(texts: Any, form: str) -> np.ndarray:
    """Texts as days since 1970-01-01, in one form; zones become UTC.

    Args:
      texts: a `pyarrow` array of texts, null where missing.
      form: of `FORMS`.

    Returns:
      (N,) float64, NaN where there is no date of this form.

    >>> import pyarrow
    >>> parse(pyarrow.array(["1970-01-02T12:00", "1970-02-30"]), "year first").tolist()
    [1.5, nan]
    """
    days = np.full(len(texts), np.nan)
    for pattern in PATTERNS[form]:
        found = _days(texts, pattern)
        days = np.where(np.isnan(days), found, days)
    return days


def _is_pointed(texts: Any) -> bool:
    import pyarrow.compute as compute

    return bool(compute.any(compute.match_substring_regex(texts, r"^\d{1,2}\.")).as_py())


def _days(texts: Any, pattern: str) -> np.ndarray:
    import pyarrow.compute as compute

    texts = compute.fill_null(texts, "")
    is_date = compute.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    days = np.full(len(texts), np.nan)
    where = np.flatnonzero(is_date)
    if not len(where):
        return days
    found = compute.extract_regex(compute.take(texts, where), pattern)
    if hasattr(found, "combine_chunks"):
        found = found.combine_chunks()
    parts = {
        name: np.asarray(found.field(name).to_numpy(zero_copy_only=False), str)
        for name in PARTS
        if found.type.get_field_index(name) >= 0
    }
    days[where] = _day(parts) + _time(parts) - _zone(parts["zone"])
    return days


def _numbers(texts: np.ndarray, empty: float = 0.0) -> np.ndarray:
    texts = np.char.replace(texts, ",", ".")
    return np.where(texts == "", str(empty), texts).astype(np.float64)


def _day(parts: dict[str, np.ndarray]) -> np.ndarray:
    """The day of a date, NaN where the calendar has none."""
    year = _numbers(parts["year"])
    is_short = np.char.str_len(parts["year"]) == 2
    year = np.where(is_short, year + np.where(year < CENTURY, 2000, 1900), year)
    month, day = _month(parts["month"]), _numbers(parts["day"], 1.0)
    known = (month >= 1) & (month <= 12) & (day >= 1) & (year >= 1)
    months = np.where(known, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]").astype(np.float64) + day - 1
    end = (months + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.float64)
    return np.where(known & (days < end), days, np.nan)


def _month(texts: np.ndarray) -> np.ndarray:
    if not np.char.isalpha(texts).all():
        return _numbers(texts)
    texts = np.char.lower(texts)
    month = np.zeros(len(texts))
    for number, (short, long) in enumerate(zip(MONTHS, LONG.split(), strict=True), 1):
        month[(texts == short) | (texts == long) | ((texts == "sept") & (short == "sep"))] = number
    return month


def _time(parts: dict[str, np.ndarray]) -> np.ndarray:
    """The share of a day, NaN where a clock has no such time."""
    hour, minute, second = (_numbers(parts[name]) for name in ("hour", "minute", "second"))
    half = np.char.lower(parts["half"])
    is_half = half != ""
    known = (hour <= 23) & (minute <= 59) & (second < 61)
    known &= ~is_half | ((hour >= 1) & (hour <= 12))
    hour = np.where(is_half, hour % 12 + 12 * np.char.startswith(half, "p"), hour)
    return np.where(known, (hour * 3600 + minute * 60 + second) / 86400, np.nan)


def _zone(zone: np.ndarray) -> np.ndarray:
    """How far a zone is ahead of UTC, in days."""
    digits = np.char.replace(zone, ":", "")
    is_given = np.char.isdigit(np.char.lstrip(digits, "+-")) & (digits != "")
    digits = np.where(is_given, digits, "+0000")
    value = np.char.lstrip(digits, "+-").astype(np.float64)
    sign = np.where(np.char.startswith(digits, "-"), -1, 1)
    return sign * (value // 100 * 60 + value % 100) / 1440
