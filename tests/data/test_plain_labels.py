"""Labels are texts or numbers, and what is neither is one line."""

from fractions import Fraction

import numpy as np
import pytest

from experiments.data.idx import DataError
from experiments.data.plain_labels import plain, texts


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array(["b", "a"]), ["b", "a"]),
        (np.array(["Köln", "Ulm"], object), ["Köln", "Ulm"]),
        (np.array(["Köln".encode(), b"Ulm"]), ["Köln", "Ulm"]),
        (np.array([[1], [2]], np.uint8), [1, 2]),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.array([[3.5]], object), [3.5]),
        (np.array([3, 0.5], object), [3, 0.5]),
        (np.array([True, np.False_], object), [True, False]),
    ],
)
def test_labels_in_all_forms_are_texts_or_numbers(values, expected):
    found = plain(values, "y")
    assert found.tolist() == expected
    assert found.dtype.kind in ("OU" if isinstance(expected[0], str) else "buif")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([]), "^y: expected labels, got none$"),
        (np.zeros((3, 0)), "^y: expected labels, got none$"),
        (np.array(["a", 1, "b"], object), "^y: .* all texts or all numbers, got str and int$"),
        (np.array([1, None], object), "^y: .* all texts or all numbers, got int and NoneType$"),
        (np.array([Fraction(1, 3), 2], object), "^y: .* or all numbers, got Fraction and int$"),
        (np.array([b"a", b"\xff"]), "^y: expected texts in UTF-8, got .*0xff"),
    ],
)
def test_labels_that_are_neither_are_one_line(values, message):
    with pytest.raises(DataError, match=message) as refused:
        plain(values, "y")
    assert "\n" not in str(refused.value)


def test_bytes_are_texts_by_utf_8():
    assert texts(np.array(["ä".encode()]), "y").tolist() == ["ä"]
    with pytest.raises(DataError, match="^y: expected texts in UTF-8, got "):
        texts(np.array([b"\xff"]), "y")
