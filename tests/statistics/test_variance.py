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


def contrasts(axes, sizes):
    """A table of two values an axis: each set of axes adds or takes off its size."""
    signs = dict(zip(axes, np.meshgrid(*[[-1, 1]] * len(axes), indexing="ij"), strict=True))
    table = sum(size * math.prod(signs[axis] for axis in own) for own, size in sizes.items())
    names = {"i": "seed", "o": "shuffle_seed", "n": "noise_seed"}
    return population({names[axis]: (3, 5) for axis in axes}, table)


@pytest.mark.parametrize("axes", ["ion", "noi", "oin"])
def test_three_sources_come_apart(axes):
    sizes = {"i": 4, "o": 3, "n": 2, "io": 2, "in": 1, "on": 1, "ion": 0.5}
    found = variance(contrasts(axes, sizes), "m")
    # The variances of the effects are 2, 4 and 8 times the squares of one, two and three axes.
    expected = {
        "initialization": 32 - 16 / 2 - 4 / 2 + 2 / 4,
        "data_order": 18 - 16 / 2 - 4 / 2 + 2 / 4,
        "noise": 8 - 4 / 2 - 4 / 2 + 2 / 4,
        "initialization_and_data_order": 16 - 2 / 2,
        "initialization_and_noise": 4 - 2 / 2,
        "data_order_and_noise": 4 - 2 / 2,
        "interaction": 2,
    }
    assert found[:4] == (22.5, 8.5, 2, 58.5)
    assert found.noise == 4.5
    assert found.pairs == {name: size for name, size in expected.items() if "_and_" in name}
    assert list(found.shares) == list(expected)
    assert found.shares == {name: size / 58.5 for name, size in expected.items()}


def test_any_two_sources_are_crossed():
    found = variance(contrasts("no", {"o": 3, "n": 2, "on": 1}), "m")
    assert math.isnan(found.initialization)
    assert found[1:4] == (18 - 4 / 2, 4, 26)
    assert (found.noise, found.pairs) == (8 - 4 / 2, {})
    assert found.shares == {"data_order": 16 / 26, "noise": 6 / 26, "interaction": 4 / 26}
    assert math.isnan(variance(crossed(np.eye(2)), "m").noise)


def test_three_planted_sources_are_recovered_from_a_table_of_unequal_sides():
    random = np.random.default_rng(0)
    axes = {"shuffle_seed": range(4), "noise_seed": range(6), "width": (8,), "seed": range(5)}
    sides = {"i": (1, 1, 5), "o": (4, 1, 1), "n": (1, 6, 1)}
    sides |= {"io": (4, 1, 5), "in": (1, 6, 5), "on": (4, 6, 1), "ion": (4, 6, 5)}
    planted = {"i": 7, "o": 6, "n": 5, "io": 4, "in": 3, "on": 2, "ion": 1}
    found = []
    for _ in range(300):
        table = sum(random.normal(0, planted[own] ** 0.5, sides[own]) for own in planted)
        each = variance(population(axes, table), "m")
        found.append([*each[:2], each.noise, *each.pairs.values(), each.interaction])
    errors = np.std(found, 0) / 300**0.5
    assert (np.abs(np.mean(found, 0) - list(planted.values())) < 4 * errors + 0.1).all()
    assert (errors < 0.5).all()


BOTH = {"width": (8, 16), "shuffle_seed": (0, 1), "seed": (0, 1)}


def test_folds_are_a_source_beside_the_seeds():
    table = np.array([[3.0, 9, 4, 8], [1, 6, 4, 5], [4, 8, 3, 10]])
    found = variance(population({"fold": range(3), "seed": range(4)}, table), "m")
    known = variance(crossed(table), "m")  # the same numbers, of orders
    expected = known.data_order, known.initialization
    assert (found.fold, found.initialization) == pytest.approx(expected)
    assert list(found.shares) == ["fold", "initialization", "interaction"]
    assert math.isnan(known.fold)
    four = {"fold": (0, 1), "shuffle_seed": (0, 1), "noise_seed": (0, 1), "seed": (0, 1)}
    of_four = variance(population(four, np.repeat([0.0, 2.0], 8)), "m")
    assert of_four.shares["fold"] == 1
    assert "fold_and_initialization_and_data_order" in of_four.shares


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: variance(population(BOTH, np.ones(8)), "m"),
            "variance needs two or more values of at least two of fold, seed, shuffle_seed, "
            "noise_seed, and one of any other axis, got {'width': 2, 'shuffle_seed': 2, 'seed': 2}",
        ),
        (
            lambda: variance(population({"width": (8, 16), "seed": (0, 1)}, np.ones(4)), "m"),
            "variance needs two or more values .*, got {'width': 2, 'seed': 2}",
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
