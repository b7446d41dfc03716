"""Tables from files: of a text file every cell stays a text, and nothing is guessed but its form.

What the columns mean is said by `columns`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiments.data.idx import DataError
from experiments.data.tables import delimited, encodings, naming
from jaxmlp.naming import first_line
from jaxmlp.runtime import memory

__all__ = ["SUFFIXES", "delimiter_of", "is_table", "notes_of", "read"]

SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".arrow", ".feather")
INDEX = "__index_level_"  # begins the names of what pandas keeps of its own
CELL = 8  # bytes of a number
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
    _refuse_too_large(GROWTH * path.stat().st_size, path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a table, got {first_line(error)}") from error
    if data.startswith((b"PAR1", b"ARROW1")):
        return _checked(_typed(path, data), path, {}, least)
    text, note = encodings.decoded(data, path)
    table, delimiter = delimited.parsed(text, path)
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


def _refuse_too_large(needed: int, path: Path) -> None:
    if needed > (limit := memory.available(None)):
        got = f"{memory.gib(needed)}, of {memory.gib(limit)}"
        raise DataError(f"{path}: expected a table for the memory, got one that needs {got}")


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

    is_parquet = data.startswith(b"PAR1")
    kind = "a Parquet" if is_parquet else "an Arrow"
    try:
        source = pyarrow.BufferReader(data)
        if is_parquet:
            about = pyarrow.parquet.read_metadata(source)
            _refuse_too_large(about.num_rows * about.num_columns * CELL, path)
        table = (pyarrow.parquet if is_parquet else pyarrow.feather).read_table(source)
        table.validate(full=True)
    except DataError:
        raise
    except Exception as error:  # pyarrow has many for what it does not expect
        raise DataError(f"{path}: expected {kind} file, got {first_line(error)}") from error
    names = table.column_names
    return table.select([i for i, name in enumerate(names) if not name.startswith(INDEX)])
