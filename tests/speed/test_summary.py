import numpy as np
import pytest
from scipy import stats

from experiments.speed import summary


def row(name, seconds, accuracies=(), networks=1, **more):
    return {
        **{"name": name, "num_networks": networks, "epoch_seconds": seconds},
        "tested_epoch_seconds": [3 * each for each in seconds[:2]],
        **{"accuracies": list(accuracies), "cold": None, "warm": [], **more},
    }


def test_ratios_are_medians_over_rounds_of_the_same_round():
    start = {"import": 1.0, "load": 0.5, "first_epoch": 7.0}
    alone = row("alone", [2.0, 4.0, 20.0], [0.9], cold=start, warm=[start])
    many = row("population", [8.0, 16.0, 80.0], [0.89, 0.9, 0.91], networks=8)
    slow = row("slow", [6.0, 12.0], [0.7], failed="in the third round")
    told = summary.of([alone, many, slow], 16e9)
    first, second, third = told["rows"]
    assert first["network_epoch_seconds"] == [3.0, 4.0, 12.0]
    assert second["network_epoch_seconds"] == [1.5, 2.0, 6.0]
    assert third["ratio_to_alone"] == [3.0] * 3
    assert third["ratio_to_population"] == [6.0] * 3
    assert first["ratio_to_population"] == [2.0] * 3
    assert second["ratio_to_alone"] == [0.5] * 3
    assert second["tested_epoch"] == [3.75, 4.5, 5.25]
    assert third["tested_ratio_to_population"] == [6.0] * 3
    assert [each["gflops"] for each in told["rows"]] == [4.0, 8.0, 16 / 9]
    assert told["gflop"] == 16.0
    assert first["compile_seconds"] == 7.0 - 4.0
    assert second["compile_seconds"] is None
    assert first["warm_start"] == start
    assert second["warm_start"] is None
    assert [each["is_alike"] for each in told["rows"]] == [True, True, False]
    assert told["accuracy_interval"] == summary.interval([0.89, 0.9, 0.91], 1)


def test_of_those_that_never_trained_nothing_is_said():
    alone, many = row("alone", []), row("population", [], networks=8)
    told = summary.of([alone, many], 1e9)
    assert told["accuracy_interval"] is None
    for each in told["rows"]:
        assert each["network_epoch_seconds"] is None
        assert each["ratio_to_alone"] is each["tested_epoch"] is None
        assert each["gflops"] is None
        assert each["is_alike"] is None


def test_the_interval_holds_what_the_seeds_say_it_does():
    random = np.random.default_rng(0)
    held = []
    for _ in range(2000):
        low, high = summary.interval(random.normal(size=8), 4)
        held.append(low <= random.normal(size=4).mean() <= high)
    assert np.mean(held) == pytest.approx(0.99, abs=0.006)
    low, high = summary.interval([1.0, 3.0], 1)
    half = stats.t.ppf(0.995, 1) * 2**0.5 * 1.5**0.5
    assert (low, high) == pytest.approx((2 - half, 2 + half))


def test_the_mean_of_many_is_held_to_a_narrower_interval_than_one_of_them():
    seeds = np.linspace(0.9, 0.91, 8)
    assert summary.is_alike([0.915], seeds)
    assert not summary.is_alike([0.915] * 8, seeds)


def test_one_network_says_nothing_of_others():
    assert summary.interval([0.9], 1) is None
    assert summary.is_alike([0.9], [0.9]) is None
    assert summary.is_alike([], [0.9, 0.91]) is None
