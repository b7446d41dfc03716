import math

import numpy as np
import pytest
from measured_once import NAN, covers, population
from scipy import stats

from jaxmlp.statistics import until


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


ONE = population({"width": (8,), "seed": (1,)}, [1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
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
    ],
)
def test_what_can_not_be_is_said_in_one_line(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()
