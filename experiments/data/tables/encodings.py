"""The text of a file, in the encoding that it is in; what is no text is refused by its kind."""

from pathlib import Path

from experiments.data.idx import DataError

__all__ = ["decoded"]

MARKS = (  # the longer before what it begins with
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
OTHERS = (  # first bytes of files that are no text -> what they are, and what helps
    (b"PK\x03\x04", "a zip archive or an Excel workbook: save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save the sheet as CSV"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"BZh", "a bzip2 archive: unpack it"),
    (b"\xfd7zXZ", "an xz archive: unpack it"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive: unpack it"),
    (b"%PDF", "a PDF: copy its table into a spreadsheet, and save it as CSV"),
    (b"SQLite format 3", "an SQLite database: export the table as CSV"),
    (b"\x89HDF", "an HDF5 file: write the table as CSV or Parquet"),
    (b"\x93NUMPY", "an array of NumPy: numpy.savez makes the .npz that --dataset takes"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"FEA1", "a Feather file of version 1: write it anew"),
)
BEGINNINGS = (  # of texts that are no tables
    ("<", "XML or HTML: save the table as CSV"),
    ("{", "JSON: write the table as CSV"),
    ("[{", "JSON: write the table as CSV"),
    ("@relation", "an ARFF file: write the table as CSV"),
)
CONTROLS = bytes({*range(32)} - {*b"\t\n\v\f\r\x1a"}) + b"\x7f"
SAMPLE = 2**16  # bytes


def decoded(data: bytes, path: Path) -> tuple[str, str]:
    """The text of a file.

    Returns:
      The text; and a note where it is not as it should be, or "".

    Raises:
      DataError: if it is none, or empty.

    >>> decoded("Größe".encode("utf-16"), Path("table.csv"))
    ('Größe', '')
    """
    other = next((what for first, what in OTHERS if data.startswith(first)), None)
    if other is not None:
        raise DataError(f"{path}: expected a table, got {other}")
    text, note = _text(data, path)
    if not text.strip():
        raise DataError(f"{path}: expected a table, got an empty file")
    start = text.lstrip()[:20].lower()
    other = next((what for first, what in BEGINNINGS if start.startswith(first)), None)
    if other is not None:
        raise DataError(f"{path}: expected a table, got {other}")
    return text, note


def _text(data: bytes, path: Path) -> tuple[str, str]:
    mark = next((name for first, name in MARKS if data.startswith(first)), None)
    if mark is None and _is_wide(data):
        mark = "utf-16-le" if not data[1:SAMPLE:2].strip(b"\0") else "utf-16-be"
    if mark is not None:
        try:
            return _without_controls(data.decode(mark), path), ""
        except UnicodeDecodeError as error:
            raise _no_text(path, f"{mark} that is damaged at byte {error.start:,}") from None
    try:
        return _without_controls(data.decode(), path), ""
    except UnicodeDecodeError as error:
        where = error.start
    line = data.count(b"\n", 0, where) + 1
    try:
        text = _without_controls(data.decode("cp1252"), path)
    except UnicodeDecodeError:
        got = f"bytes that are neither UTF-8 nor Windows-1252 in line {line:,}"
        raise _no_text(path, got) from None
    return text, f"{path.name} is read as Windows-1252, since line {line:,} is no UTF-8"


def _is_wide(data: bytes) -> bool:
    """Whether every other byte is 0, as in UTF-16 of a Western text."""
    head = data[:SAMPLE]
    return len(data) > 1 and len(data) % 2 == 0 and (not any(head[1::2]) or not any(head[::2]))


def _without_controls(text: str, path: Path) -> str:
    """The same, if a few control characters at most are in it."""
    data = text.encode()
    controls = len(data) - len(data.translate(None, CONTROLS))
    if "\0" in text or controls > len(data) / 1000:
        raise _no_text(path, "binary data")
    return text


def _no_text(path: Path, got: str) -> DataError:
    return DataError(f"{path}: expected a table as text, Parquet or Arrow, got {got}")
