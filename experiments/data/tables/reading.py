"""Tables from files: of a text file every cell stays a text, and nothing is guessed but its form.

What the columns mean is said by `columns`.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.data.idx import DataError
from experiments.data.tables import encodings, naming
from jaxmlp.naming import first_line
from jaxmlp.runtime import memory

__all__ = ["SUFFIXES", "delimiter_of", "is_table", "notes_of", "read"]

TEXTS = (".csv", ".tsv", ".tab", ".txt")
SUFFIXES = (*TEXTS, ".parquet", ".arrow", ".feather")
DELIMITERS = ("\t", ";", ",", "|")
INDEX = "__index_level_"  # begins the names of what pandas keeps of its own
HEAD = 2**16  # characters that the delimiter is found in
BLOCK = 2**24  # bytes, at least what the longest row has
GROWTH = 4  # times as much memory as the file, at least, for its cells


def is_table(name: str) -> bool:
    """Whether a file is called as a table is.

    >>> is_table("iris.CSV"), is_table("iris.npz")
    (True, False)
    """
    return name.lower().endswith(SUFFIXES)


def read(path: Path, least: int = 2) -> Any:
    """Reads a table.

    - Text: comma, semicolon, tab or bar between the fields, whichever all lines agree on, or what
      a first line `sep=;` says; the first line has the names. UTF-8, UTF-16 or Windows-1252. Rows
      and unnamed columns in which nothing is are left out. Cells are texts, with no spaces around.
    - Parquet, Arrow and Feather: known by their first bytes, with the types that they say.

    Args:
      path: the file.
      least: columns that it needs.

    Returns:
      A `pyarrow.Table` of at least one row, whose columns have names that are not empty and differ.
      `notes_of` and `delimiter_of` say how it was read.

    Raises:
      DataError: no such file, or no such table: in one line that says what was expected.
    """
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        raise DataError(f"{path}: expected a table, got {got}")
    size = path.stat().st_size
    if GROWTH * size > (limit := memory.available(None)):
        got = f"{memory.gib(GROWTH * size)}, of {memory.gib(limit)}"
        raise DataError(f"{path}: expected a table for the memory, got one that needs {got}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a table, got {first_line(error)}") from error
    if data.startswith((b"PAR1", b"ARROW1")):
        return _checked(_typed(path, data), path, {}, least)
    text, note = encodings.decoded(data, path)
    table, delimiter = _of_text(text, path)
    record = {"delimiter": delimiter, "notes": [note] if note else []}
    return _checked(table, path, record, least)


def notes_of(table: Any) -> list[str]:
    """What `read` has to say of a table."""
    return list(_record(table).get("notes", ()))


def delimiter_of(table: Any) -> str:
    """What was between the fields of a text file; "" of one that has types."""
    return str(_record(table).get("delimiter", ""))


def _record(table: Any) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((table.schema.metadata or {}).get(b"reading", b"{}"))
    return record


def _checked(table: Any, path: Path, record: dict[str, Any], least: int) -> Any:
    """The same with good names and without what is empty."""
    names = naming.stripped(table.column_names)
    table = naming.without_empty(table.rename_columns(naming.placed(names)), names)
    naming.refuse_twice(table.column_names, path)
    if table.num_columns < least:
        got = ", ".join(map(naming.shown, table.column_names)) or "none"
        raise DataError(
            f"{path}: expected columns, a target and inputs, with a comma, a semicolon, a tab or a "
            f"bar between, got one column: {got}"
        )
    if not table.num_rows:
        raise DataError(f"{path}: expected rows below the names, got none")
    if odd := naming.like_values(names):
        record.setdefault("notes", []).append(
            f"columns are called {odd}: is the first line of {path.name} one of names?"
        )
    return table.replace_schema_metadata({"reading": json.dumps(record)})


def _typed(path: Path, data: bytes) -> Any:
    """The table of a Parquet, Arrow or Feather file."""
    import pyarrow.feather
    import pyarrow.parquet

    kind, read_table = (
        ("Parquet", pyarrow.parquet.read_table)
        if data.startswith(b"PAR1")
        else ("Arrow", pyarrow.feather.read_table)
    )
    try:
        table = read_table(pyarrow.BufferReader(data))
        table.validate(full=True)
    except Exception as error:  # pyarrow has many for what it does not expect
        raise DataError(f"{path}: expected a {kind} file, got {first_line(error)}") from error
    names = table.column_names
    return table.select([i for i, name in enumerate(names) if not name.startswith(INDEX)])


def _of_text(text: str, path: Path) -> tuple[Any, str]:
    """The table of a text, of texts, and what is between its fields."""
    first, _, rest = text.partition("\n")
    said = first.strip().strip('"').lower()
    if said.startswith("sep=") and len(said) <= 5:
        delimiter = said[4:] or first.strip().strip('"')[4:] or "\t"
        text = rest
    else:
        delimiter = _sniffed(text, path)
    header: list[str] = next((row for row in _rows(text, delimiter, path) if any(row)), [])
    if not header:
        raise DataError(f"{path}: expected a table, got an empty file")
    return _parsed(text, delimiter, header, path), delimiter


def _sniffed(text: str, path: Path) -> str:
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


def _rows(text: str, delimiter: str, path: Path) -> Any:
    """The rows one by one: slow, and with the line where something is wrong."""
    reader = csv.reader(_lines(text), delimiter=delimiter)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{path}: expected fields, got {first_line(error)} in the row that ends in line "
                f"{reader.line_num:,}; is a quote left open?"
            ) from error


def _parsed(text: str, delimiter: str, header: Sequence[str], path: Path) -> Any:
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
        table = None
    if table is None or table.num_columns != len(header):
        return _slowly(text, delimiter, path)
    table = table.slice(1)
    if '"' in text and table.num_rows and '"' in "".join(_last(table)):
        return _slowly(text, delimiter, path)  # a quote that is not closed swallows the rest
    return table.rename_columns(list(header))


def _last(table: Any) -> list[str]:
    return [str(column[-1].as_py()) for column in table.columns]


def _slowly(text: str, delimiter: str, path: Path) -> Any:
    """The same where rows differ in length, as far as that can be mended: by empty fields."""
    import pyarrow

    reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if not any(row):
                continue
            width = len(rows[0]) if rows else len(row)
            if len(row) < width or any(row[width:]):
                raise DataError(
                    f"{path}: expected {width} fields in line {reader.line_num:,}, as the names "
                    f"have, got {len(row)}"
                )
            rows.append(row[:width])
    except csv.Error as error:
        raise DataError(
            f"{path}: expected fields, got {first_line(error)} in the row that ends in line "
            f"{reader.line_num:,}; is a quote left open?"
        ) from error
    columns = [pyarrow.array(cells, pyarrow.string()) for cells in zip(*rows[1:], strict=True)]
    columns = columns or [pyarrow.array([], pyarrow.string()) for _ in rows[0]]
    return pyarrow.Table.from_arrays(columns, rows[0])
