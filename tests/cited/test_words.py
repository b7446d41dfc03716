"""Figures as the pages have them."""

import math

import pytest

from experiments.cited import words
from jaxmlp.statistics import Comparison, Summary

ALONE = Summary({}, 1, 0, 0.5, math.nan, math.nan, math.nan)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(9.94, "9.9 s"), (119.4, "119 s"), (120, "2.0 min"), (5400, "1.5 h")],
)
def test_a_time_is_in_its_unit(seconds, said):
    assert words.duration(seconds) == said


def test_a_single_seed_has_no_interval():
    assert words.interval(ALONE) == "one seed has none"
    alone = Comparison(-0.001, math.nan, math.nan, 1.0, 1, 0, math.nan)
    assert words.difference(alone) == f"{words.MINUS}0.100"


def test_the_worst_comes_first():
    record = {"num_test": 200, "errors": [3, 1, 2]}
    assert words.between(record) == ("98.50 %", "99.50 %")
    assert words.mean(ALONE) == "50.000 %"
