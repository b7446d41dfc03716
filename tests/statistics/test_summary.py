import math
import subprocess
import sys

import numpy as np
import pytest
from measured_once import GRID, NAN, covers, is_likely, population, widths
from scipy import stats

from jaxmlp.statistics import summarize


def test_each_setting_has_a_mean_and_a_student_interval():
    axes = {"width": (8, 16), "rate": ("a", "b"), "seed": (0, 1, 2)}
    runs = population(axes, [1, 2, 3, 4, 6, 8, 5, 5, 5, 0, 1, 5])
    found = summarize(runs, "m", interval="t")
    assert [summary.setting for summary in found] == [
        {"width": 8, "rate": "a"},
        {"width": 8, "rate": "b"},
        {"width": 16, "rate": "a"},
        {"width": 16, "rate": "b"},
    ]
    assert [summary.mean for summary in found] == [2, 6, 5, 2]
    assert [summary.std for summary in found] == pytest.approx([1, 2, 0, math.sqrt(7)])
    assert {(summary.num_seeds, summary.num_failed) for summary in found} == {(3, 0)}
    # Student's quantile at 0.975 with two degrees of freedom is 4.302653.
    assert found[1][5:] == pytest.approx((6 - 4.302653 * 2 / 3**0.5, 6 + 4.302653 * 2 / 3**0.5))
    assert summarize(runs, "m", 0.5, "t")[1].high == pytest.approx(6 + 0.816497 * 2 / 3**0.5)


def test_the_bootstrap_is_efrons():
    values = np.float32(np.random.default_rng(1).exponential(size=15)).astype(float)
    low, high = summarize(widths([values]), "m", 0.9)[0][5:]
    random = np.random.default_rng(2)
    means = np.sort([random.choice(values, 15).mean() for _ in range(40_000)])
    bias = stats.norm.ppf((means < values.mean()).mean())
    left_out = np.array([np.delete(values, i).mean() for i in range(15)])
    skew = left_out.mean() - left_out
    acceleration = (skew**3).sum() / (6 * (skew**2).sum() ** 1.5)
    for end, level in ((low, 0.05), (high, 0.95)):
        z = bias + stats.norm.ppf(level)
        expected = np.quantile(means, stats.norm.cdf(bias + z / (1 - acceleration * z)))
        assert end == pytest.approx(expected, abs=0.03 * (high - low))


def test_the_same_runs_have_the_same_bootstrap_interval_whatever_stands_beside_them():
    values = np.random.default_rng(0).normal(size=(2, 12))
    both = summarize(widths(values), "m", num_resamples=200)
    assert summarize(widths(values), "m", num_resamples=200) == both
    assert summarize(widths(values[::-1]), "m", num_resamples=200)[0][1:] == both[1][1:]
    assert summarize(widths(values), "m", num_resamples=200, seed=1) != both


def test_a_seed_without_a_value_is_counted_and_left_out():
    values = [[1, 2, NAN, 3], [4, math.inf, 5, 9], [NAN, NAN, NAN, 7], [NAN] * 4]
    found = summarize(widths(values, faults=[(1, 3)]), "m", interval="t")
    assert [summary.num_seeds for summary in found] == [3, 2, 1, 0]
    assert [summary.num_failed for summary in found] == [1, 2, 3, 4]
    assert [summary.mean for summary in found] == pytest.approx([2, 4.5, 7, NAN], nan_ok=True)
    assert found[1].low == pytest.approx(4.5 - 12.706205 * 0.5)


@pytest.mark.parametrize("interval", ["bootstrap", "t"])
def test_few_or_equal_values_have_no_interval_or_one_without_width(interval):
    one, equal, none = summarize(widths([[7, NAN, NAN], [0.1] * 3, [NAN] * 3]), "m", 0.95, interval)
    assert one[3:] == pytest.approx((7, NAN, NAN, NAN), nan_ok=True)
    assert equal[3:] == (np.float32(0.1), 0, np.float32(0.1), np.float32(0.1))
    assert none[3:] == pytest.approx((NAN,) * 4, nan_ok=True)


def test_members_that_share_a_seed_are_one_observation():
    axes = {"shuffle_seed": (0, 1), "seed": (0, 1, 2)}
    runs = population(axes, [[1, 2, 3], [3, 6, NAN]])
    assert summarize(runs, "m", interval="t")[0][:4] == ({}, 2, 1, 3)
    assert summarize(runs.select(seed=1), "m", interval="t")[0][1:4] == (2, 0, 4)
    assert summarize(runs.select(seed=1, shuffle_seed=0), "m")[0][1:4] == (1, 0, 2)
    single = population({"shuffle_seed": (0, 1), "seed": (0,)}, [1, 4])
    assert summarize(single, "m", interval="t")[0][1:4] == (2, 0, 2.5)


@pytest.mark.parametrize(("interval", "expected"), [("t", 0.95), ("bootstrap", 0.93)])
def test_the_intervals_hold_the_mean_as_often_as_they_say(interval, expected):
    # Of 20 normal values the bootstrap's is known to be somewhat too narrow.
    values = np.random.default_rng(0).normal(size=(1000, 20))
    found = summarize(widths(values), "m", interval=interval, num_resamples=299)
    assert is_likely(sum(map(covers, found)), 1000, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: summarize(GRID, "n"), "the history needs n, got m"),
        (lambda: summarize(GRID, "m", 95), "confidence needs to be between 0 and 1, got 95"),
        (
            lambda: summarize(GRID, "m", interval="z"),
            "interval needs to be one of bootstrap, t, got z",
        ),
        (
            lambda: summarize(GRID, "m", num_resamples=0),
            "num_resamples needs to be at least 1, got 0",
        ),
    ],
)
def test_what_can_not_be_is_said_in_one_line(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()


def test_the_interval_of_folds_knows_that_they_share_examples():
    axes = {"width": (8,), "fold": (0, 1, 2), "seed": (0, 1)}
    runs = population(axes, [0, 2, 1, 3, 3, 3])  # means 1, 2 and 3
    (found,) = summarize(runs, "m", interval="t")
    assert found[:5] == ({"width": 8}, 3, 0, 2, 1)
    half = 4.302653 * math.sqrt(1 / 3 + 1 / 2)  # each is tested on half of what it is trained on
    assert found[5:] == pytest.approx((2 - half, 2 + half))
    known = runs._replace(sizes={"train": (90,) * 3, "test": (9,) * 3})
    half = 4.302653 * math.sqrt(1 / 3 + 1 / 10)
    assert summarize(known, "m", interval="t")[0].high == pytest.approx(2 + half)
    one = runs.select(fold=0)  # of a single fold the seeds are what is observed
    assert summarize(one, "m", interval="t")[0].high == pytest.approx(1 + 12.7062)


def test_a_bootstrap_of_folds_is_wider_by_as_much():
    values = [0.1, 0.7, 0.3, 0.9, 0.4]
    folds = population({"fold": range(5), "seed": (0,)}, values)
    seeds = population({"seed": range(5)}, values)
    (wide,), (narrow,) = (summarize(runs, "m", num_resamples=99) for runs in (folds, seeds))
    assert wide.mean == narrow.mean
    assert wide.high - wide.mean == pytest.approx(1.5 * (narrow.high - narrow.mean))
    assert wide.mean - wide.low == pytest.approx(1.5 * (narrow.mean - narrow.low))


def test_the_import_leaves_scipy_alone():
    code = "import sys, jaxmlp.statistics; print('scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
