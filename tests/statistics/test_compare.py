import itertools
import math

import numpy as np
import pytest
from measured_once import GRID, NAN, is_likely, population, widths
from scipy import integrate, stats

from jaxmlp.statistics import adjust, compare, compare_all, summarize


def pairs(differences):
    """Two settings whose seeds differ from one another by far more than the settings do."""
    seeds = 64.0 * np.arange(len(differences))
    return widths([seeds + differences, seeds])


def compare_pairs(differences, **kwargs):
    return compare(pairs(differences), {"width": 0}, {"width": 1}, "m", **kwargs)


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


def test_folds_are_compared_by_a_test_that_knows_what_they_share():
    axes = {"width": (8, 16), "fold": (0, 1, 2), "seed": (0, 1)}
    runs = population(axes, [1, 1, 3, 3, 5, 5, 0, 0, 1, 1, 2, 2])  # the differences: 1, 2 and 3
    found = compare(runs, {"width": 8}, {"width": 16}, "m")
    t = 2 / math.sqrt(1 / 3 + 1 / 2)
    assert found.effect == 2
    assert found.p_value == pytest.approx(2 * stats.t.sf(t, 2))
    half = 4.302653 * math.sqrt(1 / 3 + 1 / 2)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))
    assert (found.num_seeds, found.num_failed) == (3, 0)
    assert math.isnan(found.seeds_needed)
    same = population(axes, [1] * 6 + [0] * 6)
    assert compare(same, {"width": 8}, {"width": 16}, "m").p_value == 0.25
    assert compare(same, {"width": 8}, {"width": 8}, "m").p_value == 1
    of_one = compare(runs, {"width": 8, "fold": 0}, {"width": 16, "fold": 0}, "m")
    assert (of_one.num_seeds, of_one.p_value) == (2, 0.5)
    with pytest.raises(ValueError, match=r"^a and b need the same seeds to pair, got "):
        compare(runs, {"width": 8, "fold": 0}, {"width": 16}, "m")


@pytest.mark.parametrize(
    ("call", "message"),
    [
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
    ],
)
def test_what_can_not_be_is_said_in_one_line(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()
