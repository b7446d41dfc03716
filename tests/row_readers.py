"""Examples that are read by their rows, as from a file that is larger than memory."""

import numpy as np


class Rows:
    """What a reader of some file format gives: a shape, a dtype and rows."""

    def __init__(self, array):
        self.shape, self.dtype, self._array = array.shape, array.dtype, array
        self.count = 0  # of the rows that have been read

    def __len__(self):
        return len(self._array)

    def __getitem__(self, rows):
        assert rows.dtype.kind == "i"
        assert (np.diff(rows) > 0).all(), "rows rise"
        self.count += len(rows)
        return self._array[rows]
