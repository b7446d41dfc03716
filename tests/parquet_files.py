"""Parquet files of examples."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def lists(values):
    """(rows, ...) as lists of a fixed size, of such lists, ..."""
    array = pa.array(np.ascontiguousarray(values).ravel())
    for size in reversed(values.shape[1:]):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    return array


def write(path, group=7, **columns):
    """Writes columns, in row groups of so many rows."""
    arrays = {
        name: lists(values) if isinstance(values, np.ndarray) else values
        for name, values in columns.items()
    }
    path.parent.mkdir(exist_ok=True, parents=True)
    pq.write_table(pa.table(arrays), path, row_group_size=group)
    return path
