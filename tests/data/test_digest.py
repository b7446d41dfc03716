import hashlib

import numpy as np

from experiments.data.digest import sha256_of
from experiments.data.rows import Rows


def test_the_digest_is_of_types_shapes_and_bytes():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    expected = hashlib.sha256(b"<f4 (2, 3)\n" + array.tobytes()).hexdigest()
    assert sha256_of([array]) == expected
    assert sha256_of([array.T.copy().T]) == expected  # in whatever order it lies
    assert sha256_of([Rows(lambda numbers: array[numbers], (2, 3), np.float32)]) == expected
    others = [[array.ravel()], [array.astype(np.float64)], [array, array], []]
    assert len({sha256_of(each) for each in [*others, [array]]}) == 5
