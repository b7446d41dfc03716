"""What real seeds say: a whole sweep on digits, against plain loops and SciPy."""

import numpy as np
import optax
import pytest
from scipy import stats

from jaxmlp import Recipe, classification, mlp, statistics, train_many

RATES = [float(rate) for rate in np.geomspace(1e-3, 0.3, 8)]
SEEDS = 64


@pytest.fixture(scope="module")
def runs(digits):
    data = digits._replace(
        train_inputs=digits.train_inputs[:400], train_labels=digits.train_labels[:400]
    )
    recipe = Recipe(mlp((64, 8, 10)), classification(10), optax.adam, {}, 32, 5)
    return train_many(recipe, data, range(SEEDS), {"learning_rate": RATES}, mode="fast")


def test_summaries_are_those_of_plain_loops(runs):
    finals = runs.history["test_accuracy"][..., -1].astype(np.float64)
    summaries = statistics.summarize(runs, "test_accuracy")
    for i, summary in enumerate(summaries):
        values = [float(value) for value in finals[i]]
        mean = sum(values) / SEEDS
        std = (sum((value - mean) ** 2 for value in values) / (SEEDS - 1)) ** 0.5
        assert summary.setting == {"learning_rate": RATES[i]}
        assert summary.mean == pytest.approx(mean, rel=1e-12)
        assert summary.std == pytest.approx(std, rel=1e-9)
        # A bootstrap of this many seeds agrees with the t interval to a few hundredths of it.
        width = 2 * std / SEEDS**0.5 * stats.t.ppf(0.975, SEEDS - 1)
        assert summary.high - summary.low == pytest.approx(width, rel=0.15)
        assert summary.low < mean < summary.high
    for i, summary in enumerate(statistics.summarize(runs, "test_accuracy", interval="t")):
        expected = stats.ttest_1samp(finals[i], 0).confidence_interval(0.95)
        assert (summary.low, summary.high) == pytest.approx(tuple(expected), rel=1e-9)


@pytest.mark.parametrize("pair", [(0, 7), (4, 5), (2, 3)])
def test_comparisons_are_those_of_a_plain_loop(runs, pair):
    a, b = ({"learning_rate": RATES[i]} for i in pair)
    found = statistics.compare(runs, a, b, "test_accuracy")
    finals = runs.history["test_accuracy"][..., -1].astype(np.float64)
    gaps = finals[pair[0]] - finals[pair[1]]
    expected = stats.ttest_rel(finals[pair[0]], finals[pair[1]]).confidence_interval(0.95)
    assert found.effect == pytest.approx(gaps.mean(), rel=1e-9)
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-9)
    assert found.num_seeds == SEEDS

    random, count, draws = np.random.default_rng(1), 0, 4000
    for _ in range(draws):
        flipped = gaps * random.choice([-1, 1], SEEDS)
        count += abs(flipped.mean()) >= abs(gaps.mean()) - 1e-15
    p_value = (count + 1) / (draws + 1)
    assert found.p_value == pytest.approx(p_value, abs=4 * (p_value / draws) ** 0.5 + 2 / draws)


def test_intervals_of_few_seeds_hold_the_mean_of_many_as_often_as_they_say(runs):
    """Groups of 8 of the 64 seeds against the mean of all 64, over all rates and many draws."""
    random = np.random.default_rng(0)
    finals = runs.history["test_accuracy"][..., -1].astype(np.float64)
    held = []
    for values in finals:
        for _ in range(200):
            few = random.choice(
                values, 8
            )  # with replacement, from a population whose mean is known
            interval = stats.ttest_1samp(few, 0).confidence_interval(0.95)
            fake = runs.select(learning_rate=RATES[0])._replace(
                axes={"seed": tuple(range(8))},
                history={"test_accuracy": few[:, None].astype(np.float32)},
                stopped_at=np.ones(8, np.int32),
            )
            (summary,) = statistics.summarize(fake, "test_accuracy", interval="t")
            assert summary.low == pytest.approx(interval.low, rel=1e-4)
            held.append(summary.low <= values.mean() <= summary.high)
    share = np.mean(held)
    assert 0.90 < share < 0.99, share
