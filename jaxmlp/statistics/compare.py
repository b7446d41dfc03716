"""What one setting has over another, seed by seed."""

import itertools
import math
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from jaxmlp.populations.runs import Runs
from jaxmlp.statistics.corrections import adjust
from jaxmlp.statistics.intervals import batch_size, check_level, moments, t_interval
from jaxmlp.statistics.settings import (
    OBSERVED,
    Setting,
    as_value,
    observations,
    overlap,
    settings_of,
)

__all__ = ["Comparison", "compare", "compare_all"]


class Comparison(NamedTuple):
    """What one setting has over another, over the seeds that both have, or over the folds."""

    effect: float  # the mean of a - b
    low: float  # the interval of the effect; NaN of fewer than two seeds
    high: float
    p_value: float  # 1 of fewer than two seeds
    num_seeds: int  # that have a value in both; or folds
    num_failed: int  # that have none in one or both
    seeds_needed: float  # inf where the effect is 0, NaN of fewer than two seeds, and of folds


def compare(
    runs: Runs,
    a: Setting,
    b: Setting,
    metric: str,
    confidence: float = 0.95,
    power: float = 0.8,
    num_resamples: int = 9999,
    seed: int = 0,
) -> Comparison:
    """What setting a has over setting b, seed by seed.

    The interval is Student's, of the paired differences. The p-value is of the test that gives
    each difference either sign, two-sided: of all the signs there are if they are at most
    `num_resamples`, else of so many drawn at random, the observed ones among them. Of n seeds it
    is at least 2 / 2**n: five can not show anything at 0.05.

    `seeds_needed` takes the effect and its spread as they were found, though few seeds find them
    badly: it is a plan for the next experiment, and says nothing about this one.

    Several folds, each the mean over its seeds, are compared instead of seeds. As they share most
    of their training examples, no sign is as likely as the other on its own: interval and p-value
    are then of the t-test whose variance has that in it. Where all differences are equal, p is that
    of the signs.

    Sources: Fisher, The Design of Experiments, 1935, for the test; Phipson and Smyth, Permutation
    P-values Should Never Be Zero, 2010; Nadeau and Bengio, Inference for the Generalization Error,
    2003, for folds; Cohen, Statistical Power Analysis, 1988, for the seeds.

    Args:
      runs: the members of both settings.
      a: a value for each axis longer than one but the seeds'.
      b: as `a`.
      metric: a name in their history; its last measured value is taken.
      confidence: how often the interval holds the effect.
      power: how often the seeds needed would show such an effect, in its direction, by a
        two-sided t-test at the level 1 - confidence.
      num_resamples: the most sign flips to try.
      seed: that of the sign flips drawn at random.

    Raises:
      ValueError: if the settings are not there or do not share their seeds, the history has no
        such metric, or an argument is out of range.

    >>> errors = np.float32([[[4], [5], [6], [7]], [[2], [4], [3], [4]]])
    >>> axes = {"width": (8, 16), "seed": (0, 1, 2, 3)}
    >>> runs = Runs(axes, {"error": errors}, np.ones((2, 4)), (), np.zeros((2, 4, 2)), {})
    >>> found = compare(runs, {"width": 8}, {"width": 16}, "error")
    >>> found.effect, found.p_value, found.num_seeds, found.seeds_needed
    (2.25, 0.125, 4, 4)
    """
    from scipy import stats

    check_level("confidence", confidence)
    check_level("power", power)
    if num_resamples < 1:
        raise ValueError(f"num_resamples needs to be at least 1, got {num_resamples}")
    if set(OBSERVED) & (set(a) ^ set(b)):
        raise ValueError(f"a and b need the same seeds to pair, got {a} and {b}")
    differences = observations(runs, metric, a) - observations(runs, metric, b)
    kept = differences[~np.isnan(differences)]
    num_failed = len(differences) - len(kept)
    effect, std = moments(kept)
    if len(kept) < 2:
        return Comparison(effect, math.nan, math.nan, 1.0, len(kept), num_failed, math.nan)
    if shared := overlap(runs.select(**a), metric):
        ends, p_value = t_interval(kept, confidence, shared), _corrected(effect, std, kept, shared)
        return Comparison(effect, *ends, p_value, len(kept), num_failed, math.nan)
    test = stats.permutation_test(
        (kept,),
        np.mean,
        permutation_type="samples",
        n_resamples=num_resamples,
        batch=batch_size(kept),
        rng=np.random.default_rng(seed),
    )
    needed = _seeds_needed(effect, std, 1 - confidence, power)
    low, high = t_interval(kept, confidence)
    return Comparison(effect, low, high, float(test.pvalue), len(kept), num_failed, needed)


def compare_all(
    runs: Runs,
    metric: str,
    baseline: Setting | None = None,
    correction: str = "holm",
    confidence: float = 0.95,
    power: float = 0.8,
    num_resamples: int = 9999,
    seed: int = 0,
) -> list[tuple[dict[str, Hashable], dict[str, Hashable], Comparison]]:
    """Every pair of settings, or every setting against one, with p-values for so many at once.

    The intervals, and the seeds needed, are each comparison's own, as of `compare`.

    Args:
      runs: the members.
      metric: a name in their history; its last measured value is taken.
      baseline: a setting that every other is compared with; None for all pairs.
      correction: what `adjust` does to the p-values.
      confidence: as of `compare`.
      power: as of `compare`.
      num_resamples: as of `compare`.
      seed: as of `compare`.

    Returns:
      A setting, another (the baseline, if there is one), and what the first has over the other.

    Raises:
      ValueError: as `compare` does, or if the baseline is not one setting.
    """
    settings = settings_of(runs)
    if baseline is None:
        pairs = list(itertools.combinations(settings, 2))
    else:
        runs.select(**baseline)
        wanted = {name: as_value(value) for name, value in baseline.items()}
        found = [setting for setting in settings if {**setting, **wanted} == setting]
        if len(found) != 1:
            raise ValueError(f"baseline needs to be one setting, got {len(found)} with {baseline}")
        pairs = [(setting, found[0]) for setting in settings if setting != found[0]]
    comparisons = [
        compare(runs, a, b, metric, confidence, power, num_resamples, seed) for a, b in pairs
    ]
    adjusted = adjust([comparison.p_value for comparison in comparisons], correction)
    return [
        (a, b, comparison._replace(p_value=p_value))
        for (a, b), comparison, p_value in zip(pairs, comparisons, adjusted, strict=True)
    ]


def _corrected(effect: float, std: float, differences: np.ndarray, shared: float) -> float:
    """Nadeau and Bengio's two-sided p-value; of equal differences the least that their signs give.

    >>> round(_corrected(1.0, 1.0, np.array([0.0, 1.0, 2.0]), 0.5), 4)
    0.3876
    """
    from scipy import stats

    count = len(differences)
    if not std:
        return 2.0 ** (1 - count) if effect else 1.0
    t = abs(effect) / (std * math.sqrt(1 / count + shared))
    return float(2 * stats.t.sf(t, count - 1))


def _seeds_needed(effect: float, std: float, alpha: float, power: float) -> float:
    """The fewest pairs whose two-sided t-test shows such an effect; std is that of a difference.

    The other tail, of tests that show an effect the wrong way round, does not count. SciPy 1.17 has
    NaN there for large effects.
    """
    from scipy import stats

    if not effect:
        return math.inf
    # At a million standard deviations two pairs are enough, and SciPy's sums still converge.
    size = min(abs(effect) / std, 1e6) if std else 1e6

    def is_enough(pairs: int) -> bool:
        freedom = float(pairs - 1)
        bound = stats.t.isf(alpha / 2, freedom)
        return bool(stats.nct.sf(bound, freedom, size * math.sqrt(pairs)) >= power)

    enough = 2
    while not is_enough(enough):
        enough *= 2
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if is_enough(middle) else (middle, enough)
    return enough
