import itertools
import math
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from jaxmlp.populations.runs import Runs, join
from jaxmlp.statistics import (
    adjust,
    compare,
    compare_all,
    summarize,
    until,
    variance,
)
from jaxmlp.statistics.compare import CORRECTIONS
from jaxmlp.types import Fault, TrainState

NAN = math.nan
FAULT = Fault(3, 1, "loss", "layer_0", "")


def population(axes, values, faults=(), first=0.0):
    """Members whose one parameter is `first` and on, and whose metric m was measured once."""
    shape = tuple(map(len, axes.values()))
    values = np.float32(values).reshape(shape)
    rows = np.arange(values.size)
    params = (first + rows).astype(np.float32)[:, None]
    return Runs(
        axes={name: tuple(labels) for name, labels in axes.items()},
        history={"m": values[..., None]},
        stopped_at=np.ones(shape, np.int32),
        states=(TrainState(params, (), jnp.zeros(len(rows), int)),),
        places=np.stack([np.zeros(shape, np.int32), rows.reshape(shape)], -1).astype(np.int32),
        faults=dict.fromkeys(faults, FAULT),
    )


def widths(values, **kwargs):
    values = np.asarray(values)
    axes = {"width": range(len(values)), "seed": range(values.shape[1])}
    return population(axes, values, **kwargs)


def pairs(differences):
    """Two settings whose seeds differ from one another by far more than the settings do."""
    seeds = 64.0 * np.arange(len(differences))
    return widths([seeds + differences, seeds])


def compare_pairs(differences, **kwargs):
    return compare(pairs(differences), {"width": 0}, {"width": 1}, "m", **kwargs)


def is_likely(hits, repetitions, chance):
    """Whether so many hits are among the middle 99.9 % of what the chance gives."""
    low, high = stats.binom.interval(0.999, repetitions, chance)
    return low <= hits <= high


def covers(summary):
    return summary.low <= 0 <= summary.high


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


def test_a_comparison_is_made_seed_by_seed():
    differences = np.array([1.0, 2.0, 4.0, -1.0, 3.0, 2.5])
    found = compare_pairs(differences)
    assert found.effect == pytest.approx(11.5 / 6)
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    flips = list(itertools.product([1, -1], repeat=6))
    extreme = [abs(np.dot(signs, differences)) >= 11.5 for signs in flips]
    assert found.p_value == sum(extreme) / 64
    assert (found.num_seeds, found.num_failed) == (6, 0)
    turned = compare_pairs(-differences)
    assert turned.effect == -found.effect
    assert turned[3:] == found[3:]
    narrower = compare_pairs(differences, confidence=0.5)
    assert narrower.high - narrower.effect == pytest.approx(
        0.726687 * differences.std(ddof=1) / 6**0.5, rel=1e-6
    )


def test_a_pair_with_one_failed_member_is_counted_and_left_out():
    runs = widths([[1, 2, NAN, 5, 9], [0, NAN, 0, 1, 0]], faults=[(0, 4)])
    found = compare(runs, {"width": 0}, {"width": 1}, "m")
    assert (found.effect, found.num_seeds, found.num_failed) == (2.5, 2, 3)


def test_fewer_than_two_pairs_show_nothing():
    runs = widths([[3, NAN, NAN], [1, NAN, 4], [NAN, 1, NAN]])
    one = compare(runs, {"width": 0}, {"width": 1}, "m")
    assert one == pytest.approx((2, NAN, NAN, 1, 1, 2, NAN), nan_ok=True)
    none = compare(runs, {"width": 0}, {"width": 2}, "m")
    assert none == pytest.approx((NAN, NAN, NAN, 1, 0, 3, NAN), nan_ok=True)


def test_many_sign_flips_are_sampled():
    differences = np.random.default_rng(3).integers(-90, 150, size=16) / 64  # exact in float32
    exact = compare_pairs(differences, num_resamples=2**16).p_value
    sums = np.array(list(itertools.product([1, -1], repeat=16))) @ differences
    assert exact == (np.abs(sums) >= sums[0]).mean()
    sampled = compare_pairs(differences).p_value
    assert sampled == pytest.approx(exact, abs=5 * math.sqrt(exact / 9999))
    assert sampled == compare_pairs(differences).p_value
    assert sampled != compare_pairs(differences, seed=1).p_value
    certain = np.linspace(1, 2, 30)
    assert compare_pairs(certain, num_resamples=99).p_value == 0.02  # never 0


@pytest.mark.parametrize("num_resamples", [99, 9999])  # sampled, and exact
def test_p_values_are_uniform_where_there_is_no_effect(num_resamples):
    random = np.random.default_rng(0)
    p_values = np.array(
        [
            compare_pairs(random.normal(size=8), num_resamples=num_resamples, seed=i).p_value
            for i in range(400)
        ]
    )
    for level in (0.0625, 0.125, 0.25, 0.5, 0.75):
        assert is_likely((p_values <= level).sum(), 400, level)


def paired(size):
    """Differences whose mean is so many of their standard deviations."""
    noise = np.array([-3.0, -1.0, 1.0, 3.0] * 4)
    return noise + size * noise.std(ddof=1)


@pytest.mark.parametrize(("size", "needed"), [(0.2, 199), (0.5, 34), (0.8, 15), (-0.8, 15)])
def test_the_seeds_needed_are_those_of_the_tables(size, needed):
    assert compare_pairs(paired(size)).seeds_needed == needed


@pytest.mark.parametrize(("confidence", "power"), [(0.95, 0.8), (0.99, 0.9), (0.9, 0.5)])
@pytest.mark.parametrize("size", [0.3, 1.0, 2.0, 4.0, 10.0])
def test_the_seeds_needed_are_the_fewest_with_that_power(size, confidence, power):
    found = compare_pairs(paired(size), num_resamples=99, confidence=confidence, power=power)

    def power_of(count):
        bound = stats.t.ppf((1 + confidence) / 2, count - 1)

        def shown(square):  # given the sum of squares about the mean
            reach = bound * math.sqrt(square / (count - 1))
            tail = stats.norm.sf(reach - size * math.sqrt(count))
            return tail * stats.chi2.pdf(square, count - 1)

        return integrate.quad(shown, 0, 4 * count + 60)[0]

    assert power_of(found.seeds_needed) >= power
    assert found.seeds_needed == 2 or power_of(found.seeds_needed - 1) < power


def test_no_effect_needs_ever_more_seeds_and_one_without_spread_two():
    none = compare_pairs([1.0, -1.0, 2.0, -2.0])
    assert (none.effect, none.p_value, none.seeds_needed) == (0, 1, math.inf)
    assert compare_pairs([0.0] * 4)[:4] == (0, 0, 0, 1)
    assert compare_pairs([2.0] * 4) == (2, 2, 2, 0.125, 4, 0, 2)
    almost = widths([[1, 1], [0, 2.0**-52]])
    assert compare(almost, {"width": 0}, {"width": 1}, "m").seeds_needed == 2
    # Their mean is no float32, and a sum of seven of them is rounded.
    runs = population({"shuffle_seed": range(3), "seed": range(7)}, np.repeat([0.1, 0.2, 0.2], 7))
    assert summarize(runs, "m")[0].std == 0


def test_settings_can_differ_in_a_seed_but_not_in_which():
    axes = {"shuffle_seed": (0, 1), "seed": (0, 1, 2)}
    runs = population(axes, [[1, 2, 3], [3, 6, 9]])
    found = compare(runs, {"shuffle_seed": 1}, {"shuffle_seed": 0}, "m")
    assert (found.effect, found.num_seeds) == (4, 3)
    with pytest.raises(ValueError, match="^a and b need the same seeds to pair, got {'shuffle_"):
        compare(runs, {"shuffle_seed": 0}, {"seed": 0}, "m")


GRID = population(
    {"width": (8, 16), "sizes": ((4,), (4, 4)), "seed": range(6)},
    np.arange(24.0) + np.random.default_rng(0).normal(0, 4, 24),
)


def test_all_pairs_are_compared_and_their_p_values_adjusted():
    found = compare_all(GRID, "m", correction="bonferroni")
    settings = [summary.setting for summary in summarize(GRID, "m", interval="t")]
    assert [(a, b) for a, b, _ in found] == list(itertools.combinations(settings, 2))
    for a, b, comparison in found:
        alone = compare(GRID, a, b, "m")
        assert comparison == alone._replace(p_value=min(1, 6 * alone.p_value))
    assert [pair[2].p_value for pair in compare_all(GRID, "m")] == adjust(
        [compare(GRID, a, b, "m").p_value for a, b, _ in found], "holm"
    )


def test_a_baseline_is_what_all_others_are_compared_with():
    options = {"confidence": 0.9, "power": 0.5, "num_resamples": 30, "seed": 5}
    found = compare_all(GRID, "m", {"width": 16, "sizes": [4]}, "benjamini_hochberg", **options)
    others = [{"width": 8, "sizes": (4,)}, {"width": 8, "sizes": (4, 4)}]
    others += [{"width": 16, "sizes": (4, 4)}]
    assert [a for a, _, _ in found] == others
    assert [b for _, b, _ in found] == [{"width": 16, "sizes": (4,)}] * 3
    alone = [compare(GRID, a, b, "m", **options) for a, b, _ in found]
    adjusted = stats.false_discovery_control([each.p_value for each in alone])
    assert [pair[2] for pair in found] == [
        each._replace(p_value=p_value) for each, p_value in zip(alone, adjusted, strict=True)
    ]


def test_corrections_are_those_of_r():
    p_values = [0.03, 0.01, 0.05, 0.02, 0.04]
    assert adjust(p_values, "holm") == pytest.approx([0.09, 0.05, 0.09, 0.08, 0.09])
    assert adjust(p_values, "bonferroni") == pytest.approx([0.15, 0.05, 0.25, 0.1, 0.2])
    assert adjust(p_values, "benjamini_hochberg") == pytest.approx([0.05] * 5)
    assert adjust([0.6, 0.9], "holm") == [1, 1]
    assert adjust([0.6, 0.9], "bonferroni") == [1, 1]
    assert [adjust([], correction) for correction in CORRECTIONS] == [[], [], []]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_between_bonferroni_and_false_discoveries(p_values):
    bonferroni, holm, discovery = (
        np.array(adjust(p_values, correction))
        for correction in ("bonferroni", "holm", "benjamini_hochberg")
    )
    assert (bonferroni >= holm).all()
    assert (holm >= discovery - 1e-12).all()
    assert (discovery >= np.array(p_values) - 1e-12).all()


def trainer(values, start=0):
    """A `train` of made-up values, (settings, seeds)."""

    def train(seeds):
        part = values[:, seeds.start - start : seeds.stop - start]
        return population({"width": range(len(values)), "seed": seeds}, part, first=seeds.start)

    return train


def test_seeds_are_added_until_the_widest_interval_is_narrow_enough():
    values = np.random.default_rng(1).normal(0, [[1], [2]], size=(2, 40))
    found = until(trainer(values, 100), "m", 1.1, block=5, max_seeds=40, start=100)
    looks = []
    for look, count in enumerate(range(5, 41, 5), 1):
        level = 0.05 * 6 / (math.pi**2 * look**2)
        quantile = stats.t.ppf(1 - level / 2, count - 1)
        looks.append(max(values[:, :count].std(axis=1, ddof=1)) * quantile / count**0.5)
        if looks[-1] <= 1.1:
            break
    assert found.half_widths == pytest.approx(tuple(looks), rel=1e-5)
    assert found.half_widths[-1] <= 1.1 < min(found.half_widths[:-1])
    assert found.is_reached
    assert found.num_seeds == count
    assert 10 < count < 40
    assert found.runs.axes["seed"] == tuple(range(100, 100 + count))
    assert found.runs.final("m") == pytest.approx(np.float32(values[:, :count]))
    assert (found.summaries[1].high - found.summaries[1].low) / 2 == pytest.approx(looks[-1])


def test_the_seeds_can_run_out():
    values = np.random.default_rng(1).normal(size=(1, 7))
    found = until(trainer(values), "m", 0.01, block=3, max_seeds=7)
    assert (found.num_seeds, found.is_reached, len(found.half_widths)) == (7, False, 3)


def test_what_is_shown_says_what_the_intervals_assume():
    values = np.random.default_rng(1).normal(size=(2, 6))
    for ci, end in ((0.01, "not known well enough yet"), (100, "known well enough")):
        head, *lines = repr(until(trainer(values), "m", ci, block=3, max_seeds=6)).splitlines()
        assert head.endswith(f"seeds: {end}; intervals assume normal values")
        assert len(lines) == 2


def test_a_block_without_values_does_not_end_it():
    values = np.array([[NAN] * 4 + [1.0, 1.0]])
    found = until(trainer(values), "m", 0.5, block=2, max_seeds=6)
    assert found.half_widths == pytest.approx((NAN, NAN, 0), nan_ok=True)
    assert found.is_reached
    assert found.summaries[0].num_failed == 4


def test_looking_again_and_again_leaves_the_coverage():
    # Without the correction the last interval holds the mean 91 % of the time.
    random = np.random.default_rng(0)
    found = [
        until(trainer(random.normal(size=(1, 256))), "m", 0.5, block=4).summaries[0]
        for _ in range(300)
    ]
    assert sum(map(covers, found)) >= 0.95 * 300
    assert len({summary.num_seeds for summary in found}) > 5


def test_runs_of_different_seeds_are_joined():
    first = population({"width": (8, 16), "seed": (0, 1)}, [[1, 2], [3, 4]], faults=[(1, 0)])
    second = population(
        {"width": (8, 16), "seed": (5, 6, 7)}, [[5, 6, 7], [8, 9, 10]], [(0, 2)], first=100.0
    )
    second = second._replace(states=(None, *second.states), places=second.places + np.int32([1, 0]))
    second = second._replace(share_of_work=0.5)
    third = population({"width": (8, 16), "seed": (9,)}, [[0], [1]], [(1, 0)], first=200.0)
    joined = join([first, second, third])
    assert joined.axes == {"width": (8, 16), "seed": (0, 1, 5, 6, 7, 9)}
    assert joined.final("m").tolist() == [[1, 2, 5, 6, 7, 0], [3, 4, 8, 9, 10, 1]]
    assert joined.params[..., 0].tolist() == [
        [0, 1, 100, 101, 102, 200],
        [2, 3, 103, 104, 105, 201],
    ]
    assert joined.member(width=16, seed=6).params == [104]
    assert joined.faults == {(1, 0): FAULT, (0, 4): FAULT, (1, 5): FAULT}
    assert joined.stopped_at.tolist() == [[1] * 6] * 2
    assert joined.share_of_work == (2 + 0.5 * 3 + 1) / 6
    assert joined.places.dtype == np.int32


def test_seeds_need_not_be_the_last_axis():
    parts = [
        population({"seed": seeds, "width": (8, 16)}, np.add.outer(seeds, [0, 10]), faults)
        for seeds, faults in (((0, 1), [(1, 1)]), ((2,), [(0, 1)]))
    ]
    joined = join(parts)
    assert joined.final("m").tolist() == [[0, 10], [1, 11], [2, 12]]
    assert joined.faults == {(1, 1): FAULT, (2, 1): FAULT}
    assert list(joined.axes) == ["seed", "width"]


ONE, TWO = (population({"width": (8,), "seed": (seed,)}, [seed]) for seed in (1, 2))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "join needs runs, got none"),
        ([ONE, TWO.select(seed=2)], "join needs an axis seed, got width"),
        ([ONE, TWO, ONE], "join needs every seed once, got 1 twice"),
        (
            [ONE, population({"width": (9,), "seed": (2,)}, [2])],
            r"join needs the same other axes, got {'width': \(8,\), .*} and {'width': \(9,\), .*}",
        ),
        (
            [ONE, population({"seed": (2,), "width": (8,)}, [2])],
            r"join needs the same other axes, got {'width': .*} and {'seed': .*}",
        ),
        (
            [ONE, TWO._replace(history={"n": TWO.history["m"]})],
            "join needs the same metrics and epochs, got {'m': 1} and {'n': 1}",
        ),
        (
            [ONE, TWO._replace(history={"m": np.zeros((1, 1, 3), np.float32)})],
            "join needs the same metrics and epochs, got {'m': 1} and {'m': 3}",
        ),
    ],
)
def test_runs_that_do_not_belong_together_are_not_joined(parts, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        join(parts)


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
        (
            lambda: compare(GRID, {"width": 8}, {"width": 16}, "m"),
            "a setting needs a value for sizes, got {'width': 8}",
        ),
        (
            lambda: compare_pairs([1.0, 2.0], num_resamples=0),
            "num_resamples needs to be at least 1, got 0",
        ),
        (lambda: compare_pairs([1.0, 2.0], power=1), "power needs to be between 0 and 1, got 1"),
        (
            lambda: compare_pairs([1.0, 2.0], confidence=NAN),
            "confidence needs to be between 0 and 1, got nan",
        ),
        (
            lambda: compare_all(GRID, "m", {"width": 16}),
            "baseline needs to be one setting, got 2 with {'width': 16}",
        ),
        (
            lambda: compare_all(GRID, "m", {"width": 9}),
            r"width needs to be one of \(8, 16\), got 9",
        ),
        (
            lambda: adjust([0.5], "tukey"),
            "correction needs to be one of holm, bonferroni, benjamini_hochberg, got tukey",
        ),
        (lambda: adjust([0.5, 1.5]), "p_values need to be from 0 to 1, got 1.5"),
        (lambda: adjust([NAN]), "p_values need to be from 0 to 1, got nan"),
        (lambda: until(trainer(np.ones((1, 9))), "m", 0), "ci needs to be greater than 0, got 0"),
        (
            lambda: until(trainer(np.ones((1, 9))), "m", 1, confidence=1),
            "confidence needs to be between 0 and 1, got 1",
        ),
        (
            lambda: until(trainer(np.ones((1, 9))), "m", 1, block=1),
            "block needs to be from 2 to max_seeds, got block=1 and max_seeds=256",
        ),
        (
            lambda: until(trainer(np.ones((1, 9))), "m", 1, max_seeds=7),
            "block needs to be from 2 to max_seeds, got block=8 and max_seeds=7",
        ),
        (
            lambda: until(lambda seeds: ONE, "m", 1, block=2),
            r"train needs to return seeds range\(0, 2\), got \(1,\)",
        ),
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


def test_the_import_leaves_scipy_alone():
    code = "import sys, jaxmlp.statistics; print('scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
