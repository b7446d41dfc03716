"""The names of columns: every one has one of its own, and a wrong one is met with the nearest."""

import difflib
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from experiments.data.idx import DataError

__all__ = [
    "find",
    "flag",
    "like_values",
    "listed",
    "placed",
    "printable",
    "refuse_twice",
    "several",
    "shown",
    "stripped",
    "without_empty",
]

SHOWN = 40  # characters of a name in a message
SEVERAL = 6  # names in a message
LISTED = 12  # columns in one that says which there are
LAST = 3  # of more the last, where a target mostly is
NUMBER = re.compile(r"[-+]?\d+[.,]\d+|-\d+")


def stripped(names: Iterable[str]) -> list[str]:
    """Names without spaces around, and with single ones inside."""
    return [" ".join(str(name).replace("\ufeff", "").split()) for name in names]


def placed(names: Sequence[str]) -> list[str]:
    """Names, with one by its place for each that is empty.

    >>> placed(["", "age"])
    ['column_1', 'age']
    """
    return [name or f"column_{place}" for place, name in enumerate(names, 1)]


def refuse_twice(names: Sequence[str], path: Path) -> None:
    """Raises DataError if two columns have one name."""
    if len(set(names)) == len(names):
        return
    for name in names:
        if names.count(name) > 1:
            first = names.index(name)
            second = names.index(name, first + 1)
            raise DataError(
                f"{path}: expected a name of its own for each column, got {shown(name)} for "
                f"columns {first + 1} and {second + 1}"
            )


def like_values(names: Sequence[str]) -> str:
    """Some names, if most are numbers with a fraction or below 0, which few columns are called."""
    odd = [name for name in names if NUMBER.fullmatch(name)]
    return several(odd) if len(odd) > len(names) / 2 else ""


def without_empty(table: Any, names: Sequence[str]) -> Any:
    """A table without columns that have neither a name nor a value, and without empty rows.

    Args:
      table: a `pyarrow.Table`.
      names: those of its columns in the file.
    """
    import pyarrow
    import pyarrow.compute as compute

    kept, is_row = [], None
    for place, (column, text) in enumerate(zip(table.columns, names, strict=True)):
        is_text = pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type)
        there = compute.is_valid(column)
        if is_text:
            trimmed = compute.utf8_trim_whitespace(column)
            there = compute.and_(there, compute.not_equal(compute.fill_null(trimmed, ""), ""))
        if text or compute.any(there).as_py():
            kept.append(place)
        is_row = there if is_row is None else compute.or_(is_row, there)
    table = table.select(kept)
    return table if is_row is None else table.filter(is_row)


def find(wanted: Sequence[str], names: Sequence[str], where: str) -> list[str]:
    """Columns by their names.

    Raises:
      DataError: if one is not there; the message has the nearest.

    >>> find(["age"], ["Age", "town"], "--ignore")
    Traceback (most recent call last):
    experiments.data.idx.DataError: --ignore needs columns of the table, got age; did you mean Age?
    """
    for name in wanted:
        if name not in names:
            folded = {each.casefold(): each for each in names}
            close = difflib.get_close_matches(name.casefold(), folded, n=1)
            hint = (
                f"did you mean {shown(folded[close[0]])}?" if close else f"it has {listed(names)}"
            )
            raise DataError(f"{where} needs columns of the table, got {shown(name)}; {hint}")
    return list(wanted)


def several(names: Sequence[str]) -> str:
    """Names for a message, the first of many.

    >>> several(["a", "b"]), several([str(i) for i in range(9)])
    ('a, b', '0, 1, 2, 3, 4, 5, ... (9 in all)')
    """
    some = ", ".join(map(shown, names[:SEVERAL]))
    return some + (f", ... ({len(names):,} in all)" if len(names) > SEVERAL else "")


def flag(name: str, column: str) -> str:
    """A flag that names a column, for a reader to copy: one word in a shell, whatever the name.

    >>> print(flag("ignore", "age"), flag("log", "it's <b>"), flag("log", "town, land"))
    --ignore=age '--log=it'"'"'s <b>' '--log="town, land"'
    """
    text = printable(column)
    if "," in text or '"' in text:  # as `command_line.NamesParser` takes it
        doubled = text.replace('"', '""')
        text = f'"{doubled}"'
    return shlex.quote(f"--{name}={text}")


def listed(names: Sequence[str]) -> str:
    """The names of all columns for a message, of very many the first and the last.

    >>> listed([*"abcdefghijklmnopqrs"])
    'a, b, c, d, e, f, ..., q, r, s (19 in all)'
    """
    if len(names) <= LISTED:
        return ", ".join(map(shown, names))
    first, last = (", ".join(map(shown, part)) for part in (names[:SEVERAL], names[-LAST:]))
    return f"{first}, ..., {last} ({len(names):,} in all)"


def shown(name: str) -> str:
    """A name or a value for a message: in one line, and not long."""
    text = printable(name[: SHOWN + 1])
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def printable(text: str) -> str:
    """A text in one line, whatever is in it."""
    return "".join(each if each.isprintable() else "?" for each in text)
