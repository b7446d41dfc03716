import math

import numpy as np
import pytest
from measured_once import GRID, NAN, population

from jaxmlp.statistics import variance


def crossed(table, **kwargs):
    num_orders, num_inits = np.shape(table)
    axes = {"width": (8,), "shuffle_seed": range(num_orders), "seed": range(num_inits)}
    return population(axes, table, **kwargs)


def test_the_components_are_those_of_the_mean_squares():
    table = np.array([[3.0, 9, 4, 8], [1, 6, 4, 5], [4, 8, 3, 10]])
    orders, inits = table.shape
    mean = table.mean()
    square_inits = orders * sum((column.mean() - mean) ** 2 for column in table.T) / (inits - 1)
    square_orders = inits * sum((row.mean() - mean) ** 2 for row in table) / (orders - 1)
    left = sum((value - mean) ** 2 for value in table.flat)
    left -= square_inits * (inits - 1) + square_orders * (orders - 1)
    square_left = left / ((inits - 1) * (orders - 1))
    expected = (square_inits - square_left) / 3, (square_orders - square_left) / 4, square_left
    found = variance(crossed(table), "m")
    assert found[:3] == pytest.approx(expected)
    assert found.total == pytest.approx(sum(expected))
    assert list(found.shares) == ["initialization", "data_order", "interaction"]
    assert list(found.shares.values()) == pytest.approx(np.array(expected) / sum(expected))
    turned = population({"seed": range(4), "shuffle_seed": range(3)}, table.T)
    assert variance(turned, "m")[:4] == pytest.approx(found[:4])


def test_planted_components_are_recovered():
    random = np.random.default_rng(0)
    found = []
    for _ in range(300):
        inits, orders = random.normal(0, 3, 12), random.normal(0, 2, (10, 1))
        found.append(variance(crossed(inits + orders + random.normal(0, 1, (10, 12))), "m")[:3])
    # Each estimate is without bias, and the means' standard errors are about 0.25, 0.12 and 0.01.
    for mean, planted, error in zip(np.mean(found, 0), (9, 4, 1), (0.25, 0.12, 0.01), strict=True):
        assert abs(mean - planted) < 4 * error


def test_what_is_estimated_below_zero_is_zero():
    found = variance(crossed([[0, 1], [1, 0]]), "m")
    assert found[:4] == (0, 0, 1, 1)
    equal = variance(crossed(np.full((3, 3), 0.1)), "m")
    assert equal[:4] == (0, 0, 0, 0)
    assert all(math.isnan(share) for share in equal.shares.values())


BOTH = {"width": (8, 16), "shuffle_seed": (0, 1), "seed": (0, 1)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: variance(population(BOTH, np.ones(8)), "m"),
            "variance needs two or more values of shuffle_seed and of seed, and one of any other "
            "axis, got {'width': 2, 'shuffle_seed': 2, 'seed': 2}",
        ),
        (
            lambda: variance(GRID.select(width=8, sizes=(4,)), "m"),
            "variance needs two or more values .*, got {'seed': 6}",
        ),
        (
            lambda: variance(crossed([[1, NAN], [2, 3]], faults=[(0, 1, 1)]), "m"),
            "variance needs a value of every member, got 2 without",
        ),
    ],
)
def test_what_can_not_be_is_said_in_one_line(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()
