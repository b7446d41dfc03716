"""Texts of fields and lines, as CSV is: by pyarrow, or row by row to mend what can be mended."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.data.idx import DataError
from jaxmlp.naming import first_line

__all__ = ["DELIMITERS", "parsed"]

DELIMITERS = ("\t", ";", ",", "|")
SEP = re.compile(
    r"\s*\"?sep=([^\r\n\"]?)\"?[ ]*(?:\r\n|\r|\n|$)", re.IGNORECASE
)  # Excel's own line
HEAD = 2**16  # characters that the delimiter is found in
BLOCK = 2**24  # bytes, at least what the longest row has


def parsed(text: str, path: Path) -> tuple[Any, str]:
    r"""The table of a text.

    Returns:
      A `pyarrow.Table` of texts, whose columns are called as the first line says, and what is
      between the fields.

    Raises:
      DataError: if rows have not as many fields as there are names, or a quote is left open.

    >>> table, delimiter = parsed("a;b\n1,5;x\n", Path("table.csv"))
    >>> table.to_pydict(), delimiter
    ({'a': ['1,5'], 'b': ['x']}, ';')
    """
    if said := SEP.match(text):
        delimiter, text = said[1] or "\t", text[said.end() :]
    else:
        delimiter = _sniffed(text)
    header = next((row for _, row in _rows(text, delimiter, path)), [])
    if not header:
        raise DataError(f"{path}: expected a table, got an empty file")
    table = _quickly(text, delimiter, header)
    return (_slowly(text, delimiter, path) if table is None else table), delimiter


def _sniffed(text: str) -> str:
    """What is between fields: that by which most lines have as many, of several the most."""
    head = text[:HEAD]
    if len(text) > HEAD:
        head = head[: max(head.rfind("\n"), head.rfind("\r")) + 1] or head

    def agreement(delimiter: str) -> tuple[bool, float, int]:
        try:
            widths = [len(row) for row in csv.reader(_lines(head), delimiter=delimiter) if any(row)]
        except csv.Error:
            return False, 0.0, 0
        width, count = Counter(widths).most_common(1)[0] if widths else (0, 0)
        return width > 1, count / max(1, len(widths)), width

    return max(DELIMITERS, key=agreement)


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline="")  # a field may have ends of lines of its own


def _rows(
    text: str, delimiter: str, path: Path, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty one by one, each with the line where it ends."""
    reader = csv.reader(_lines(text), delimiter=delimiter, strict=strict)
    try:
        for row in reader:
            if any(row):
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(
            f"{path}: expected fields, got {first_line(error)} in the row that ends in line "
            f"{reader.line_num:,}; is a quote left open?"
        ) from error


def _quickly(text: str, delimiter: str, header: Sequence[str]) -> Any | None:
    """The table as pyarrow reads it; None where that is not to be relied on."""
    import pyarrow
    import pyarrow.csv

    fields = [f"f{place}" for place in range(len(header))]
    try:
        table = pyarrow.csv.read_csv(
            pyarrow.BufferReader(text.encode()),
            pyarrow.csv.ReadOptions(autogenerate_column_names=True, block_size=BLOCK),
            pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(fields, pyarrow.string()), strings_can_be_null=False
            ),
        )
    except pyarrow.ArrowInvalid:
        return None
    if table.column_names != fields or [column[0].as_py() for column in table.columns] != [*header]:
        return None
    last = "".join(str(column[-1].as_py()) for column in table.columns)
    if '"' in last or "\n" in last:  # a quote that is left open swallows the rest
        return None
    return table.slice(1).rename_columns([*header])


def _slowly(text: str, delimiter: str, path: Path) -> Any:
    """The same where rows differ in length, as far as that can be mended: by empty fields."""
    import pyarrow

    rows: list[list[str]] = []
    for line, row in _rows(text, delimiter, path, strict=True):
        if not rows:
            width = max(place for place, name in enumerate(row, 1) if name)
        if len(row) < width or any(row[width:]):
            got = len(row)
            raise DataError(
                f"{path}: expected {width} fields in line {line:,}, as there are names, got {got}"
            )
        rows.append(row[:width])
    names, *others = rows
    columns = zip(*others, strict=True) if others else [()] * width
    return pyarrow.Table.from_arrays([pyarrow.array(c, pyarrow.string()) for c in columns], names)
