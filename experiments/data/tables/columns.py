"""What the columns of a table mean: numbers, yes or no, dates, categories, or nothing of use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.data.idx import DataError
from experiments.data.tables import dates, numbers, remarks
from experiments.data.tables.cells import is_date, is_text, plain, texts_of, typed
from experiments.data.tables.naming import shown
from experiments.data.tables.reading import delimiter_of

__all__ = ["INPUT_KINDS", "Column", "decimal_of", "describe", "of_kind", "whole"]

INPUT_KINDS = ("number", "boolean", "date", "category")
WORDS = (  # what answers are called: no and yes
    *(("no", "yes"), ("false", "true"), ("n", "y"), ("f", "t"), ("off", "on"), ("0", "1")),
    *(("nein", "ja"), ("falsch", "wahr"), ("non", "oui"), ("faux", "vrai"), ("no", "sí")),
)
NO = {no for no, _ in WORDS} | {"0.0", "0,0"}
YES = {yes for _, yes in WORDS} | {"1.0", "1,0"}
MOSTLY = 0.9  # of the values have to be numbers, or dates, for the others to be taken as missing
SHARE, MANY = 0.5, 50  # more different texts than this share of the rows, and this many, are no
# categories but texts
FEW = 5  # rows, from which on texts that all differ are none either


class Column(NamedTuple):
    """A column as it is understood."""

    name: str
    kind: str  # of INPUT_KINDS; or "text", "constant", "missing" or "strange"
    # (N,) float64, NaN where missing; of categories, texts and constants int64 places in
    # `categories`, -1 where missing
    values: np.ndarray
    categories: tuple[str, ...] = ()  # sorted
    form: str = ""  # the unit of numbers, and how dates are written
    words: tuple[str, ...] = ()  # no and yes, as a yes-or-no column says them
    notes: tuple[str, ...] = ()  # for a reader

    @property
    def is_missing(self) -> np.ndarray:
        """(N,) bool."""
        return np.isnan(self.values) if self.values.dtype.kind == "f" else self.values < 0


def describe(table: Any, categories: Sequence[str] = ()) -> list[Column]:
    """Says what each column of a table is.

    Args:
      table: as `reading.read` returns it.
      categories: columns whose numbers are names of categories.

    Returns:
      A column each, in the table's order. Of a column that is mostly of numbers, or of dates, the
      few other values are taken as missing, and a note says so.
    """
    decimal = decimal_of(table)
    return [
        _described(name, column, decimal, name in categories)
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]


def of_kind(table: Any, name: str, kind: str, form: str = "", decimal: str = ".") -> Column:
    """A column whose kind is known, as it was in another table.

    Args:
      table: as `reading.read` returns it.
      name: of the column.
      kind: of `INPUT_KINDS`.
      form: as of `Column`.
      decimal: the table's, as of `decimal_of`.

    Returns:
      The column; values that are none of this kind are missing, and a note says so.

    Raises:
      DataError: if no value is of this kind.
    """
    from pyarrow import types

    column = table.column(name)
    if kind == "category":
        return _categories(name, kind, texts_of(column).dictionary_encode())
    what = {"boolean": "yes or no", "date": "dates", "number": "numbers"}[kind]
    if not is_text(column.type):
        values = typed(column)
        is_other = is_date(column.type) != (kind == "date") and not types.is_null(column.type)
        if values is None or is_other:
            got = column.type
            raise DataError(f"{shown(name)}: expected {what}, as it had in training, got {got}")
        if kind != "boolean":
            notes = remarks.bare(name, None, values, form) if kind == "number" else ()
            return Column(name, kind, values, notes=notes)
        texts, values = texts_of(column), np.where(np.isin(values, (0.0, 1.0)), values, np.nan)
        return Column(name, kind, values, notes=remarks.odd(name, texts, values, what))
    texts = texts_of(column)
    if kind == "boolean":
        values = _answers(texts.dictionary_encode(), decimal)
    elif kind == "date":
        values = dates.parse(texts, form or dates.FORMS[0])
    else:
        values = numbers.parse(texts, decimal, form)
    if np.isnan(values).all() and texts.null_count < len(texts):
        got = shown(str(texts.drop_null()[0]))
        raise DataError(f"{shown(name)}: expected {what}, as it had in training, got {got}")
    said = remarks.odd(name, texts, values, what)
    said += remarks.bare(name, texts, values, form) if kind == "number" else ()
    return Column(name, kind, values, notes=said)


def whole(column: Column, table: Any) -> bool:
    """Whether numbers are written without a fraction, as those that count or name something."""
    from pyarrow import types

    array = table.column(column.name)
    if not is_text(array.type):
        return bool(types.is_integer(array.type)) and _is_exact(column.values)
    values = column.values
    if not np.array_equal(values, np.round(values), equal_nan=True) or not _is_exact(values):
        return False
    import pyarrow.compute as compute

    pattern = r"[eE]|\.[0-9]{0,2}$|[.,]0*$"
    return not compute.any(compute.match_substring_regex(texts_of(array), pattern)).as_py()


def _is_exact(values: np.ndarray) -> bool:
    """Whether float64 has these whole numbers and those beside them."""
    return not (np.abs(values) > 2**53).any()


def decimal_of(table: Any, trained: str = "") -> str:
    """The decimal sign of a text table, as its columns together have it.

    Args:
      table: as `reading.read` returns it.
      trained: that of the table that networks were trained on, for texts that allow both.
    """
    if not (delimiter_of(table) or trained):
        return "."
    texts = [texts_of(column) for column in table.columns if is_text(column.type)]
    return numbers.decimal_of(texts, delimiter_of(table), trained)


def _described(name: str, column: Any, decimal: str, is_category: bool) -> Column:
    from pyarrow import types

    kind = plain(column).type
    if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        return Column(name, "strange", np.full(len(column), np.nan), form=str(kind))
    texts = texts_of(column) if is_text(kind) or is_category else None
    if texts is not None:
        return _of_texts(name, texts, decimal, is_category)
    values = typed(column)
    if values is None:
        return Column(name, "strange", np.full(len(column), np.nan), form=str(kind))
    there = values[~np.isnan(values)]
    if is_date(kind):
        return _settled(Column(name, "date", values, form=dates.FORMS[0]), there)
    if types.is_boolean(kind):
        return _settled(Column(name, "boolean", values, words=("false", "true")), there)
    return _settled(Column(name, "number", values), there)


def _settled(column: Column, there: np.ndarray) -> Column:
    """A column of numbers, unless there is nothing to learn from, or they are no and yes."""
    if not len(there):
        return column._replace(kind="missing")
    low, high = there.min(), there.max()
    if low == high and len(there) == len(column.values):
        return column._replace(kind="constant")
    is_answer = column.kind == "number" and not column.form and (low, high) == (0.0, 1.0)
    if is_answer and np.isin(there, (0.0, 1.0)).all():
        return column._replace(kind="boolean", words=("0", "1"))
    return column


def _of_texts(name: str, texts: Any, decimal: str, is_category: bool) -> Column:
    count = len(texts) - texts.null_count
    if not count:
        return Column(name, "missing", np.full(len(texts), np.nan))
    encoded = texts.dictionary_encode()
    known = encoded.dictionary
    if len(known) == 1 and count == len(texts):
        return _categories(name, "constant", encoded)
    if is_category:
        return _categories(name, "category", encoded)
    if len(known) <= 4 and (words := _words(known.to_pylist())) is not None:
        return Column(name, "boolean", _answers(encoded, decimal), words=words)
    found = _as_numbers(name, texts, decimal) or _as_dates(name, texts, encoded, decimal)
    if found is not None:
        return found
    kind = "text" if _is_no_category(len(known), count) else "category"
    return _categories(name, kind, encoded)


def _as_numbers(name: str, texts: Any, decimal: str) -> Column | None:
    """Texts as a column of numbers, if most are."""
    if numbers.is_code(texts):
        return None
    unit = numbers.unit_of(texts)
    values = numbers.parse(texts, decimal, unit)
    there = values[~np.isnan(values)]
    if len(there) < MOSTLY * (len(texts) - texts.null_count):
        return None
    notes = remarks.odd(name, texts, values, "numbers")
    notes += (f"{shown(name)}: numbers of {unit}",) if unit else ()
    found = _settled(Column(name, "number", values, form=unit, notes=notes), there)
    if found.kind != "boolean":
        return found
    values = _answers(texts.dictionary_encode(), decimal)  # as `of_kind` reads them
    return found._replace(values=values, notes=remarks.odd(name, texts, values, "yes or no"))


def _as_dates(name: str, texts: Any, encoded: Any, decimal: str) -> Column | None:
    """Texts as a column of dates, if most are."""
    days, form, is_doubtful = dates.parsed_best(encoded.dictionary, day_first=decimal == ",")
    values = np.array([*days, np.nan])[_places(encoded)]
    there = values[~np.isnan(values)]
    if not form or len(there) < MOSTLY * (len(texts) - texts.null_count):
        return None
    notes = remarks.odd(name, texts, values, "dates")
    if is_doubtful:
        first = shown(str(texts.drop_null()[0]))
        notes += (f"{shown(name)}: dates such as {first} are read {form}",)
    return _settled(Column(name, "date", values, form=form, notes=notes), there)


def _is_no_category(different: int, count: int) -> bool:
    """Whether there are too many different texts for each to be one that comes again."""
    return (different == count and count >= FEW) or different > max(MANY, SHARE * count)


def _categories(name: str, kind: str, encoded: Any) -> Column:
    """The different texts, sorted, and which of them is where."""
    found = np.array(encoded.dictionary.to_pylist(), object)
    order = np.argsort(found, kind="stable") if len(found) else np.array([], np.int64)
    places = np.empty(len(found) + 1, np.int64)
    places[order] = np.arange(len(found))
    places[-1] = -1
    return Column(name, kind, places[_places(encoded)], tuple(found[order].tolist()))


def _places(encoded: Any) -> np.ndarray:
    """Where in its dictionary each value is; after its end where one is missing."""
    indices = encoded.indices.fill_null(len(encoded.dictionary))
    return np.asarray(indices.to_numpy(zero_copy_only=False), np.int64)


def _words(found: Sequence[str]) -> tuple[str, ...] | None:
    """The words for no and yes, as they are written, where texts are nothing but such."""
    by_word = {text.casefold(): text for text in found}
    for no, yes in WORDS:
        if by_word.keys() == {no, yes}:
            return by_word[no], by_word[yes]
    return None


def _answers(encoded: Any, decimal: str) -> np.ndarray:
    """Texts as 0 for no and 1 for yes, (N,) float64, NaN where they are neither."""
    known = [text.casefold() for text in encoded.dictionary.to_pylist()]
    values = numbers.parse(encoded.dictionary, decimal)
    values = np.where(np.isin(values, (0.0, 1.0)), values, np.nan)
    values[[text in NO for text in known]] = 0.0
    values[[text in YES for text in known]] = 1.0
    return np.array([*values, np.nan])[_places(encoded)]
