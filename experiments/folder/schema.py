"""Records as files of JSON, and a small language for what a value has to be.

A schema is a `Kind`, `Fields`, an `Each` for all values of an object, or a list with one schema for
all items.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

LIMIT = 2**28  # bytes of a file, enough for half a million epochs
SHOWN = 60  # characters of a value that is not as expected


class Kind(NamedTuple):
    """What a value has to be."""

    text: str  # for a reader
    holds: Callable[[Any], bool]

    @property
    def optional(self) -> "Kind":
        """The same, or null."""
        return Kind(f"{self.text} or null", lambda value: value is None or self.holds(value))


class Fields(NamedTuple):
    """An object with fields of these names. Others may be there, for a comparison to name."""

    needed: Mapping[str, Any]  # name -> schema
    known: Mapping[str, Any] = {}  # those that may be missing
    agree: Callable[[Any], None] = lambda value: None  # raises ValueError if they contradict


class Each(NamedTuple):
    """An object whose values are all alike."""

    schema: Any


FLAG = Kind("true or false", lambda value: isinstance(value, bool))
TEXT = Kind("a text", lambda value: isinstance(value, str))
FACT = Kind(
    "a text, a number, true, false, null or a list of them",
    lambda value: all(
        item is None or isinstance(item, str | int | float)
        for item in (value if isinstance(value, list) else [value])
    ),
)


def whole(low: int, high: int = 2**63 - 1) -> Kind:
    """A whole number."""
    text = f"a whole number from {low} to {high}"
    return Kind(text, lambda value: type(value) is int and low <= value <= high)


def number(low: float = -math.inf, high: float = math.inf) -> Kind:
    """A number; in JSON all are finite."""
    bounds = [f"at least {low:g}"] * (low > -math.inf) + [f"at most {high:g}"] * (high < math.inf)
    text = " ".join(["a number", *([f"of {' and '.join(bounds)}"] if bounds else [])])
    return Kind(text, lambda value: type(value) in (int, float) and low <= value <= high)


def one_of(names: Iterable[str]) -> Kind:
    """One of some texts."""
    known = list(names)
    return Kind(f"one of {', '.join(known)}", lambda value: value in known)


def parse(text: str) -> Any:
    """What a JSON text says, if it says it once and as Python writes it.

    Raises:
      ValueError: if it is no JSON, has NaN or infinity, a field twice, or a number in other digits
        than Python's, as a flipped bit can leave it with its value.

    >>> parse('{"rate": 0.001}')
    {'rate': 0.001}
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_float=lambda digits: _as_written(float(digits), digits),
            parse_int=lambda digits: _as_written(int(digits[:30]), digits),
            parse_constant=lambda name: _as_written(None, name),
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def check(value: Any, schema: Any, where: object, field: str = "") -> None:
    """Sees whether a value is of a schema.

    Args:
      value: as `parse` returns it.
      schema: see above.
      where: the file, for a message.
      field: the value's name there.

    Raises:
      ValueError: if it is not: in a line that names the field, what was expected and what came.
    """
    if isinstance(schema, Kind):
        if not schema.holds(value):
            raise _wrong(schema.text, value, where, field)
    elif isinstance(schema, list):
        if not isinstance(value, list):
            raise _wrong("a list", value, where, field)
        for i, item in enumerate(value):
            check(item, schema[0], where, f"{field}[{i}]")
    elif not isinstance(value, dict):
        raise _wrong("an object", value, where, field)
    elif isinstance(schema, Each):
        check(value, Fields(dict.fromkeys(value, schema.schema)), where, field)
    else:
        for name, inner in {**schema.known, **schema.needed}.items():
            path = f"{field}.{name}" if field else name
            if name in value:
                check(value[name], inner, where, path)
            elif name in schema.needed:
                raise ValueError(f"{where} needs the field {path}, got none")
        try:
            schema.agree(value)
        except ValueError as error:
            raise ValueError(f"{where} needs {error}") from None


def read(path: Path, schema: Fields) -> dict[str, Any]:
    """Reads a record.

    Raises:
      ValueError: if it is not there, or not of the schema: in a line that names the field.
    """
    try:
        record: dict[str, Any] = parse(_text(path))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} needs to be a run's record: {error}") from error
    check(record, schema, path)
    return record


def read_lines(path: Path, schema: Fields) -> list[dict[str, Any]]:
    """The whole lines of a file of records; a line cut short by a crash is none.

    Returns:
      A record a line; [] where there is no file.

    Raises:
      ValueError: if one is not of the schema: in a line that names it and the field.
    """
    if not path.exists():
        return []
    records: list[dict[str, Any]] = []
    try:
        for number, line in enumerate(_text(path).split("\n")[:-1], 1):
            records.append(_parse_line(line, number))
            check(records[-1], schema, f"line {number}")
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} needs a record a line: {error}") from error
    return records


def _parse_line(line: str, number: int) -> Any:
    try:
        return parse(line)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from error


def _text(path: Path) -> str:
    """The text of a regular file: nothing to wait for, and nothing without an end."""
    if not path.is_file():
        got = (
            "a folder" if path.is_dir() else "no regular file" if path.exists() else "no such file"
        )
        raise ValueError(f"expected a file, got {got}")
    if (size := path.stat().st_size) > LIMIT:
        raise ValueError(f"expected at most {LIMIT:,} bytes, got {size:,}")
    return path.read_bytes().decode()


def _wrong(expected: str, value: Any, where: object, field: str) -> ValueError:
    got = "an object" if isinstance(value, dict) else repr(value)[: SHOWN + 1]
    got = "a list" if isinstance(value, list) else got
    got = got if len(got) <= SHOWN else f"{got[:SHOWN]}..."
    return ValueError(f"{where} needs {expected}{field and f' as {field}'}, got {got}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a field is there twice")
    return record


def _as_written(value: Any, text: str) -> Any:
    if repr(value) != text:
        raise ValueError(f"expected finite numbers as Python writes them, got {text[:SHOWN]}")
    return value
