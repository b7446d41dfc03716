import re

import numpy as np
import pytest

from experiments.data import columns
from experiments.data.rows import Rows

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(size=(500, 4)).astype(np.float32)


def with_column(values):
    return np.column_stack([NORMAL, values]).astype(np.float32)


@pytest.mark.parametrize(
    "inputs",
    [
        RANDOM.integers(0, 256, (50, 4), np.uint8),
        NORMAL,
        NORMAL * 90,
        with_column(np.full(500, 1e6)),  # the same everywhere: no scale of it is known
        with_column((np.arange(500) == 3) * 0.5),  # a pixel at the edge of pictures
        with_column(5 + NORMAL[:, 0]),
        RANDOM.integers(0, 10, (50, 4)).astype(np.float32),  # counts
        np.full((3, 2), np.nan, np.float32),
    ],
)
def test_nothing_is_said_of_what_can_be_learned_from(inputs):
    assert list(columns.findings(inputs)) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (650 + 350 * NORMAL[:, 0], "column 4 of the inputs is 6[0-9]{2} in the mean, with a dev"),
        (
            2000 + 5 * NORMAL[:, 0],
            r"column 4 of the inputs is 2e\+03 in the mean, with a deviation",
        ),
        (200 * NORMAL[:, 0], "with a deviation of (19|20)[0-9]"),
        (1e-4 * NORMAL[:, 0], "with a deviation of (9|0.0001|1e)"),
    ],
)
def test_a_column_of_another_size_is_named_with_the_flag(values, said):
    (line,) = columns.findings(with_column(values))
    assert "; --standardize brings all columns to a mean of 0" in line
    assert "more of" not in line
    assert re.search(said, line)


def test_how_many_more_there_are_is_counted_and_nan_is_looked_over():
    inputs = NORMAL * np.float32([1, 1000, 1000, 1])
    inputs[7] = np.nan
    (line,) = columns.findings(inputs)
    assert "hard to learn from, as 1 more of 4 are; " in line


def test_pixels_that_are_not_uint8_are_named_with_what_mends_them():
    pixels = RANDOM.integers(0, 256, (50, 4)).astype(np.float32)
    (line,) = columns.findings(pixels)
    assert re.match("inputs are from [0-5] to 25[0-5], as pixels are, but not uint8", line)
    assert "x.astype('uint8')" in line
    assert "--standardize" in line
    assert list(columns.findings(pixels * np.float32(0.99))) == []  # four columns of any kind
    (line,) = columns.findings(np.tile(pixels * np.float32(0.99), 20))
    assert "x.astype('uint8')" in line


def test_rows_that_are_not_in_memory_are_looked_at_here_and_there(monkeypatch):
    monkeypatch.setattr(columns, "PLACES", 3)
    monkeypatch.setattr(columns, "EACH", 2)
    read = []

    def some(numbers):
        read.extend(numbers.tolist())
        return np.float32(NORMAL[numbers] * 1000)

    (line,) = columns.findings(Rows(some, (500, 4), np.float32))
    assert "--standardize" in line
    assert read == [0, 1, 249, 250, 498, 499]


@pytest.mark.parametrize(
    ("inputs", "white"),
    [
        (np.uint8([[0, 7]]), 1),  # which are from 0 to 1 to a network
        (np.float32([[0, 1]]), 1),
        (np.float32([[0, 0]]), 1),
        (np.float32([[3, 201]]), 255),
        (np.float32([[0, 255]]), 255),
        (np.float32([[0, 16]]), 16),
        (np.float32([[0, 4095]]), 4095),
        (np.float32([[-0.5, 2.5]]), None),
        (np.float32([[np.nan, -1], [0, 16]]), 16),
        (np.full((2, 2), np.nan, np.float32), 1),
    ],
)
def test_white_is_what_the_brightest_pixels_say(inputs, white):
    assert columns.white(inputs) == white


def test_of_wide_rows_fewer_are_looked_at(monkeypatch):
    monkeypatch.setattr(columns, "MOST", 40)
    inputs = np.zeros((100, 4), np.float32)
    assert columns._some(inputs).shape == (10, 4)
    inputs[99, 3] = 9  # the last is always among them
    assert columns.white(inputs) == 9
