"""Numbers for a reader, and for a file."""

from typing import Any

import numpy as np

__all__ = ["exact", "plain"]

LARGEST = 1e12  # that is written with all its digits


def plain(value: float, digits: int = 4) -> str:
    """A number with some digits at least, and with all those before the point.

    >>> plain(32407.3), plain(1234.4), plain(0.123456), plain(-2.5e20)
    ('32,407', '1,234', '0.1235', '-2.5e+20')
    """
    is_long = 10 ** (digits - 1) - 0.5 <= abs(value) < LARGEST
    return f"{value:,.0f}" if is_long else f"{value:.{digits}g}"


def exact(value: Any) -> str:
    """The shortest text that a float32 is read back from; without an exponent if it is not long.

    >>> exact(17051084.0), exact(0.1), exact(1e-9)
    ('17051084', '0.1', '1e-09')
    """
    number = np.float32(value)
    if number and not 1e-4 <= abs(number) < LARGEST:
        return str(number)
    return np.format_float_positional(number, trim="-")
