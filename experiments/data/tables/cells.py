"""The cells of a column: as texts, or as numbers where they have types.

Missing are null, NaN, and the texts of `MISSING`, in either case.
"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

__all__ = ["MISSING", "is_date", "is_text", "plain", "texts_of", "typed"]

MISSING = (
    *("", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "nat", "null", "none", "nil", "(null)"),
    *("?", "-", "--", "---", ".", "..", "\\n", "missing", "#null!", "#div/0!", "#value!"),
    *("#ref!", "#name?", "#num!", "#nv"),
)


def texts_of(column: Any) -> Any:
    """The values of a column as texts, null where one is missing; numbers as Python writes them."""
    import pyarrow
    import pyarrow.compute as compute
    from pyarrow import types

    column = plain(column)
    if not is_text(column.type):
        if types.is_nested(column.type) or types.is_binary(column.type):
            return pyarrow.nulls(len(column), pyarrow.string())
        return pyarrow.array([_written(value) for value in column.to_pylist()], pyarrow.string())
    texts = compute.utf8_trim_whitespace(compute.cast(column, pyarrow.string()))
    folded = compute.utf8_lower(texts)
    is_missing = compute.is_in(folded, pyarrow.array(MISSING))
    texts = compute.if_else(is_missing, None, texts)
    return texts.combine_chunks() if isinstance(texts, pyarrow.ChunkedArray) else texts


def plain(column: Any) -> Any:
    """A column in one piece, with the values that a dictionary stands for."""
    import pyarrow
    import pyarrow.compute as compute
    from pyarrow import types

    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
    if types.is_dictionary(column.type):
        column = compute.cast(column, column.type.value_type)
    return column


def is_text(kind: Any) -> bool:
    """Whether a type is of texts."""
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def is_date(kind: Any) -> bool:
    """Whether a type is of days, or of moments."""
    from pyarrow import types

    return bool(types.is_date(kind) or types.is_timestamp(kind))


def _written(value: Any) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def typed(column: Any) -> np.ndarray | None:
    """Numbers, bools, dates and times as float64, NaN where missing; None of other types."""
    import pyarrow
    import pyarrow.compute as compute
    from pyarrow import types

    column = plain(column)
    kind, unit = column.type, 1.0
    if types.is_null(kind):
        return np.full(len(column), np.nan)
    if is_date(kind):
        column, unit = compute.cast(column, pyarrow.timestamp("us"), safe=False), 86400e6
    elif types.is_time(kind) or types.is_duration(kind):
        column, unit = _in_units(column), 1e6
    elif not (types.is_boolean(kind) or types.is_decimal(kind) or _is_number(kind)):
        return None
    if column.type != kind or types.is_temporal(column.type):
        column = compute.cast(column, pyarrow.int64())
    values = compute.cast(column, pyarrow.float64(), safe=False).fill_null(np.nan)
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64) / unit


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind))


def _in_units(column: Any) -> Any:
    """Times of day and spans, in microseconds."""
    import pyarrow
    import pyarrow.compute as compute
    from pyarrow import types

    unit = pyarrow.time64("us") if types.is_time(column.type) else pyarrow.duration("us")
    return compute.cast(compute.cast(column, unit, safe=False), pyarrow.int64())
