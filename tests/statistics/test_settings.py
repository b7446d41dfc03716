import numpy as np
import pytest
from measured_once import GRID, NAN, population

from jaxmlp.statistics.settings import (
    as_value,
    finals_of,
    observations,
    observed_in,
    overlap,
    settings_of,
)

AXES = {"width": (8, 16), "shuffle_seed": (0, 1), "seed": (0, 1, 2)}
RUNS = population(AXES, [1, 2, 3, 3, 6, NAN, 0, 0, 0, 0, np.inf, 2], faults=[(1, 0, 0)])


def test_the_settings_are_all_but_the_seeds():
    assert settings_of(RUNS) == [{"width": 8}, {"width": 16}]
    assert settings_of(RUNS.select(width=8)) == [{}]
    assert settings_of(GRID)[1] == {"width": 8, "sizes": (4, 4)}


def test_a_member_that_failed_has_no_value():
    expected = [[[1, 2, 3], [3, 6, NAN]], [[NAN, 0, 0], [0, NAN, 2]]]
    assert np.array_equal(finals_of(RUNS, "m"), expected, equal_nan=True)


def test_a_seed_is_one_observation_whatever_its_shuffle_seeds():
    assert np.array_equal(observations(RUNS, "m", {"width": 8}), [2, 4, NAN], equal_nan=True)
    assert observations(RUNS, "m", {"width": 8, "seed": 1}).tolist() == [2, 6]
    assert observations(RUNS, "m", {"width": 8, "seed": 1, "shuffle_seed": 0}).tolist() == [2]
    with pytest.raises(ValueError, match="^a setting needs a value for width, got {'seed': 1}$"):
        observations(RUNS, "m", {"seed": 1})


def test_noise_seeds_are_observed_where_no_other_seed_varies():
    axes = {"noise_seed": (0, 1), "shuffle_seed": (0, 1, 2), "seed": (0,)}
    runs = population(axes, [1, 2, 3, 5, 6, 7])
    assert observations(runs, "m", {}).tolist() == [3, 4, 5]
    assert observations(runs, "m", {"shuffle_seed": 2}).tolist() == [3, 7]
    assert settings_of(runs) == [{}]


def test_folds_are_observed_each_by_the_mean_of_its_seeds():
    axes = {"width": (8,), "fold": (0, 1, 2), "seed": (0, 1)}
    runs = population(axes, [1, 3, 4, 4, NAN, 5])
    assert settings_of(runs) == [{"width": 8}]
    found = observations(runs, "m", {"width": 8})
    assert np.array_equal(found, [2, 4, NAN], equal_nan=True)
    assert observed_in(runs) == "fold"
    assert observations(runs, "m", {"width": 8, "fold": 0}).tolist() == [1, 3]
    assert observed_in(runs.select(fold=0)) == "seed"
    single = population({"fold": (0,), "seed": (0, 1)}, [1, 3])
    assert (observed_in(single), overlap(single, "m")) == ("seed", 0)
    assert observed_in(single.select(seed=0)) is None


def test_what_folds_share_follows_from_their_sizes():
    runs = population({"fold": (0, 1, 2), "seed": (0,)}, [1, 2, 3])
    assert overlap(runs, "test_m") == 1 / 2
    sizes = {"train": (8, 8, 9), "validation": (1, 1, 3), "test": (4, 4, 2)}
    runs = runs._replace(sizes=sizes)
    assert overlap(runs, "validation_m") == 5 / 25
    assert overlap(runs, "test_m") == overlap(runs, "train_m") == 10 / 25
    assert overlap(runs.select(fold=1), "test_m") == 0


def test_a_list_is_a_tuple():
    assert (as_value([4, 4]), as_value(8)) == ((4, 4), 8)
