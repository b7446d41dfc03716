"""Examples from Parquet files, whose inputs are read by rows, a few of them at a time."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.data.idx import DataError
from experiments.data.rows import Read, Rows, finite
from experiments.data.tfds_cache import first_line

__all__ = ["SUFFIX", "open_arrays", "open_files"]

SUFFIX = ".parquet"
INPUTS = ("x", "inputs")  # columns of lists, or of so many bytes that are pixels; without one of
# these, all columns that are no labels are to be numbers
LABELS = ("y", "label", "labels", "target")
INDEX = "__index_level_"  # begins the names of what pandas keeps of its own
BATCH = 2**22  # bytes, about, that are decoded at a time


class Columns(NamedTuple):
    """What is read of a table."""

    inputs: tuple[str, ...]
    label: str | None
    is_one: bool  # whether a row's inputs are all in one column, as a list


def open_arrays(path: Path, check_finite: bool = True) -> dict[str, Any]:
    """Finds examples in a Parquet file, or in those of a folder.

    Args:
      path: a file; or a folder with train*.parquet and test*.parquet, in it or below, or with
        others, which are then one set, in the order of their names.
      check_finite: whether NaN and infinity in inputs are errors, when they are read.

    Returns:
      x_train, y_train, x_test, y_test, or x, y: inputs as `Rows`, labels as arrays.

    Raises:
      DataError: the files are damaged, or have no such columns.
    """
    if not path.is_dir():
        found = {"": [path]}
    else:
        files = sorted(each for each in path.rglob(f"*{SUFFIX}") if each.is_file())
        parts = {
            part: [each for each in files if each.name.startswith(part)]
            for part in ("train", "test")
        }
        if any(parts.values()) and not all(parts.values()):
            got = next(part for part, each in parts.items() if each)
            raise DataError(
                f"{path}: expected files train*{SUFFIX} and test*{SUFFIX}, got those of {got} alone"
            )
        found = parts if all(parts.values()) else {"": files}
    arrays: dict[str, Any] = {}
    for part, files in found.items():
        x, y = (f"{name}_{part}" if part else name for name in "xy")
        arrays[x], arrays[y] = open_files(files, check_finite)
        if arrays[y] is None:
            raise DataError(
                f"{files[0]}: expected a column of labels, {', '.join(LABELS)}, got none of them"
            )
    return arrays


def open_files(files: Sequence[Path], check_finite: bool = True) -> tuple[Rows, np.ndarray | None]:
    """The inputs of some files that belong together, and their labels where they have some."""
    tables = [_opened(path) for path in files]
    schema = tables[0].schema_arrow
    for path, table in zip(files, tables, strict=True):
        if not table.schema_arrow.equals(schema):
            raise DataError(f"{path}: expected the columns of {files[0]}, got others")
    columns = _columns(files[0], schema)
    groups = [
        (path, group, table.metadata.row_group(group).num_rows)
        for path, table in zip(files, tables, strict=True)
        for group in range(table.metadata.num_row_groups)
    ]
    groups = [each for each in groups if each[-1]]
    if not groups:
        raise DataError(f"{files[0]}: expected examples, got none")
    first = _next(files[0], _batches(*groups[0][:2], columns.inputs, 1))
    example = _decoded(files[0], 0, first, columns)
    is_pixels = example.dtype == np.uint8
    labels = None
    if columns.label is not None:
        labels = np.concatenate(list(_labels(files, columns.label)))
    shape = sum(size for *_, size in groups), *example.shape[1:]
    read: Read = _Reader(groups, columns, example)
    if check_finite and not is_pixels:
        read = finite(read, files[0] if len(files) == 1 else files[0].parent)
    return Rows(read, shape, np.uint8 if is_pixels else np.float32), labels


def _opened(path: Path) -> Any:
    """A file that has not been read from yet but for what is at its end."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(f"{path}: expected pyarrow to be installed, got {error}") from error
    if not path.is_file():
        raise DataError(f"{path}: expected a Parquet file, got no such file")
    try:
        return pyarrow.parquet.ParquetFile(path, buffer_size=2**20, pre_buffer=False)
    except Exception as error:  # pyarrow has many for what it does not expect
        raise DataError(f"{path}: expected a Parquet file, got {first_line(error)}") from error


def _columns(path: Path, schema: Any) -> Columns:
    names = [name for name in schema.names if not name.startswith(INDEX)]
    label = next((name for name in LABELS if name in names), None)
    lists = [name for name in INPUTS if name in names]
    inputs = tuple(lists[:1] or [name for name in names if name != label])
    if not inputs:
        raise DataError(f"{path}: expected inputs in columns, got {', '.join(names) or 'none'}")
    for name in inputs:
        kind = inner = schema.field(name).type
        while _is_list(inner):
            inner = _storage(inner).value_type
        if not (_is_number(inner) or _is_bytes(inner)) or (inner is not kind and not lists):
            expected = "numbers, or lists of them," if lists else "numbers"
            raise DataError(f"{path}: expected {expected} in the column {name}, got {kind}")
    return Columns(inputs, label, bool(lists))


def _storage(kind: Any) -> Any:
    """The type that an extension's values, such as tensors of a fixed shape, are kept in."""
    return getattr(kind, "storage_type", kind)


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    kind = _storage(kind)
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    kind = getattr(kind, "value_type", kind) if types.is_dictionary(kind) else kind
    return types.is_string(kind) or types.is_large_string(kind)


def _is_bytes(kind: Any) -> bool:
    from pyarrow import types

    return types.is_fixed_size_binary(kind)


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)


class _Reader:
    """Reads rows by their numbers in all files; where they rise, each is decoded once at most."""

    def __init__(
        self, groups: Sequence[tuple[Path, int, int]], columns: Columns, example: np.ndarray
    ) -> None:
        """Of row groups, each with its file, its number there and how many rows it has."""
        self._groups, self._columns = groups, columns
        self._row, self._dtype = example.shape[1:], example.dtype
        self._size = max(1, BATCH // max(1, math.prod(self._row) * example.dtype.itemsize))
        self._starts = np.cumsum([0, *(size for *_, size in groups)])
        first = [place for place, (path, *_) in enumerate(groups) if path != groups[place - 1][0]]
        self._files = self._starts[first or [0]]  # where each file's rows begin
        self._lock = threading.Lock()
        self._group, self._start, self._batch = -1, 0, None
        self._batches: Iterator[Any] = iter(())

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        out, done = np.empty((len(numbers), *self._row), self._dtype), 0
        with self._lock:  # what is read next may be wanted by another thread
            while done < len(numbers):
                self._go_to(int(numbers[done]))
                batch: Any = self._batch
                end = int(np.searchsorted(numbers, self._start + len(batch)))
                path = self._groups[self._group][0]
                before = self._files[self._files <= self._start][-1]
                values = _decoded(path, self._start - before, batch, self._columns, self._row)
                out[done:end] = values[numbers[done:end] - self._start]
                done = end
        return out

    def _go_to(self, number: int) -> None:
        """Has the batch that a row is in; from where the last one was, if that is before."""
        group = int(np.searchsorted(self._starts, number, side="right")) - 1
        path, place, _ = self._groups[group]
        if group != self._group or number < self._start:
            self._batches = _batches(path, place, self._columns.inputs, self._size)
            self._group, self._start = group, int(self._starts[group])
            self._batch = _next(path, self._batches)
        while number >= self._start + len(self._batch):  # type: ignore[arg-type]
            self._start += len(self._batch)  # type: ignore[arg-type]
            self._batch = _next(path, self._batches)


def _batches(path: Path, group: int, names: Sequence[str], size: int) -> Iterator[Any]:
    """The rows of a row group, so many at a time."""
    batches: Iterator[Any] = _opened(path).iter_batches(
        size, row_groups=[group], columns=list(names)
    )
    return batches


def _next(path: Path, batches: Iterator[Any]) -> Any:
    try:
        return next(batches)
    except Exception as error:
        raise DataError(f"{path}: expected its rows, got {first_line(error)}") from error


def _decoded(
    path: Path, start: int, batch: Any, columns: Columns, row: tuple[int, ...] | None = None
) -> np.ndarray:
    """The inputs of a batch, (rows, ...), which are to have this shape each."""
    names = columns.inputs
    values = [_values(path, start, name, batch.column(name)) for name in names]
    if not columns.is_one:
        dtypes = {each.dtype for each in values}
        dtype = dtypes.pop() if len(dtypes) == 1 else np.dtype(np.float64)
        return np.stack([each.astype(dtype) for each in values], axis=1)
    found = values[0].reshape(len(values[0]), -1) if values[0].ndim == 1 else values[0]
    if row is not None and found.shape[1:] != row:
        got = f"{found.shape[1:]} from row {start} on"
        raise DataError(f"{path}: expected {row} numbers in each row of {names[0]}, got {got}")
    return found


def _values(path: Path, start: int, name: str, array: Any) -> np.ndarray:
    """A column's numbers, (rows, ...), lists as further axes."""
    shape, count, tensor = [len(array)], len(array), getattr(array.type, "shape", None)
    while True:
        array = getattr(array, "storage", array)
        if array.null_count:
            bad = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0]
            row = start + bad * count // max(1, len(array))
            raise DataError(f"{path}: expected numbers in {name}, got none in row {row}")
        if not _is_list(array.type):
            break
        lengths = array.value_lengths().to_numpy(zero_copy_only=False)
        if len(odd := np.flatnonzero(lengths != lengths[0])):
            row = start + odd[0] * count // len(lengths)
            raise DataError(
                f"{path}: expected {lengths[0]} numbers in each list of {name}, "
                f"got {lengths[odd[0]]} in row {row}"
            )
        shape.append(int(lengths[0]))
        array = array.flatten()
    if _is_bytes(array.type):
        shape.append(width := array.type.byte_width)
        pixels = np.frombuffer(array.buffers()[1], np.uint8)
        return pixels[array.offset * width :][: len(array) * width].reshape(shape)
    values = array.to_numpy(zero_copy_only=False)
    return values.reshape(count, *tensor) if tensor else values.reshape(shape)


def _texts(path: Path, start: int, name: str, array: Any) -> np.ndarray:
    """A column's texts, (rows,)."""
    if array.null_count:
        row = start + int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(f"{path}: expected texts in {name}, got none in row {row}")
    return np.array(array.to_pylist(), str)


def _labels(files: Sequence[Path], name: str) -> Iterator[np.ndarray]:
    """All labels, file by file."""
    for path in files:
        table, start = _opened(path), 0
        for batch in table.iter_batches(2**20, columns=[name]):
            values = batch.column(0)
            if _is_text(values.type):
                yield _texts(path, start, name, values)
            elif _is_number(values.type) or _is_list(values.type):
                yield _values(path, start, name, values)
            else:
                expected = "expected numbers or texts in the column"
                raise DataError(f"{path}: {expected} {name}, got {values.type}")
            start += len(batch)
