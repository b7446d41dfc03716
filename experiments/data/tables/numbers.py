"""Texts as numbers: with a decimal point or comma, separated thousands, a unit that all have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["UNITS", "decimal_of", "is_code", "parse", "unit_of"]

UNITS = ("%", "€", "$", "£", "¥", "EUR", "USD", "GBP", "CHF")
MINUS = "−"  # of a typesetter
SPACES = " \u00a0\u202f'’"  # between thousands, beside a comma or a point
PATTERN = (
    r"^[+-]?(([0-9]+|[1-9][0-9]{{0,2}}([{between}][0-9]{{3}})+)({sign}[0-9]*)?|{sign}[0-9]+)"
    r"([eE][+-]?[0-9]+)?$|^[+-]?(inf|infinity)$"
)
POINT = PATTERN.format(between="," + SPACES, sign=r"\.")
COMMA = PATTERN.format(between="." + SPACES, sign=",")
THOUSANDS = {".": "," + SPACES, ",": "." + SPACES}  # what may be between thousands, by the decimal
CODE = r"^[+-]?0[0-9]"  # digits after a leading zero are those of a code, as in 02134


def parse(texts: Any, decimal: str = ".", unit: str = "") -> np.ndarray:
    """Texts as numbers.

    Args:
      texts: a `pyarrow` array of texts without spaces around, null where a value is missing.
      decimal: "." or ",".
      unit: what is left out of each, such as "%".

    Returns:
      (N,) float64, with NaN where there is no number.

    >>> import pyarrow
    >>> parse(pyarrow.array(["1.234,5", "7", None, "x"]), ",").tolist()
    [1234.5, 7.0, nan, nan]
    """
    import pyarrow
    import pyarrow.compute as compute

    texts = compute.replace_substring(texts, MINUS, "-")
    if unit:
        texts = compute.utf8_trim_whitespace(compute.replace_substring(texts, unit, ""))
    if decimal == ".":
        try:
            return _floats(texts)
        except pyarrow.ArrowInvalid:
            pass  # some are no plain numbers
    pattern = COMMA if decimal == "," else POINT
    is_number = compute.match_substring_regex(texts, pattern, ignore_case=True)
    texts = compute.if_else(is_number, texts, None)
    texts = compute.replace_substring_regex(texts, f"[{THOUSANDS[decimal]}]", "")
    if decimal == ",":
        texts = compute.replace_substring(texts, ",", ".")
    return _floats(texts)


def _floats(texts: Any) -> np.ndarray:
    import pyarrow
    import pyarrow.compute as compute

    values = compute.cast(texts, pyarrow.float64())
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)


def unit_of(texts: Any) -> str:
    """What all texts begin or end with beside their number, where one of `UNITS` is it, else "".

    >>> import pyarrow
    >>> unit_of(pyarrow.array(["12 %", None, "7%"])), unit_of(pyarrow.array(["12 %", "7"]))
    ('%', '')
    """
    import pyarrow.compute as compute

    texts = compute.drop_null(texts)
    if not len(texts):
        return ""
    first = str(texts[0].as_py())
    for unit in UNITS:
        if unit in first and compute.all(_has_once(texts, unit)).as_py():
            return unit
    return ""


def _has_once(texts: Any, unit: str) -> Any:
    import pyarrow.compute as compute

    bare = compute.utf8_ltrim(texts, "+-" + MINUS)
    is_outside = compute.or_(compute.starts_with(bare, unit), compute.ends_with(bare, unit))
    return compute.and_(is_outside, compute.equal(compute.count_substring(texts, unit), 1))


def is_code(texts: Any) -> bool:
    """Whether texts are codes made of digits, by a leading zero."""
    import pyarrow.compute as compute

    return bool(compute.any(compute.match_substring_regex(texts, CODE)).as_py())


def decimal_of(columns: Sequence[Any], delimiter: str, trained: str = "") -> str:
    """Whether numbers have a decimal point or a comma.

    What can only be one of both decides; "1,234" alone could be both, and is a thousand, unless
    semicolons separate the fields, as where the comma is taken.

    Args:
      columns: `pyarrow` arrays of texts.
      delimiter: what separates the fields of the file.
      trained: "." or "," of the table that networks were trained on, which decides what could be
        both; "" where there is none.

    Returns:
      "." or ",".
    """
    if trained != "," and not any(map(_has_comma, columns)):
        return "."
    points = commas = doubtful = False
    for texts in columns:
        as_point, as_comma = _matches(texts, POINT), _matches(texts, COMMA)
        if as_point == as_comma:
            doubtful |= as_point[1] and _has_comma(texts)
            continue
        points |= as_point[0] > as_comma[0]
        commas |= as_comma[0] > as_point[0]
    if commas != points:
        return "," if commas else "."
    if trained:
        return trained
    return "," if not points and doubtful and delimiter == ";" else "."


def _matches(texts: Any, pattern: str) -> tuple[int, bool]:
    """How many texts are such numbers, and whether all are."""
    import pyarrow.compute as compute

    is_number = compute.match_substring_regex(texts, pattern, ignore_case=True)
    count = int(compute.sum(is_number).as_py() or 0)
    return count, count > 0 and bool(compute.all(is_number).as_py())


def _has_comma(texts: Any) -> bool:
    import pyarrow.compute as compute

    return bool(compute.any(compute.match_substring(texts, ",")).as_py())
