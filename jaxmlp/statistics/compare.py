"""What many seeds say: intervals, paired comparisons, how many seeds are enough, what varies.

A setting is a value for every axis but "seed" and "shuffle_seed". Its observations are its seeds:
where "shuffle_seed" is an axis too, a seed's value is the mean over it, for members that share a
seed are not independent; of a single seed, the shuffle seeds are the observations. A seed whose
member ended in a fault or has no finite value is left out, and counted as failed.
"""

import itertools
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxmlp.populations.runs import Runs, join, label

__all__ = [
    "Comparison",
    "Summary",
    "Until",
    "Variance",
    "adjust",
    "compare",
    "compare_all",
    "summarize",
    "until",
    "variance",
]

# scipy.stats takes longer to import than all of jaxmlp, so the functions that use it import it.

Setting = Mapping[str, Hashable]

SEEDS = ("shuffle_seed", "seed")
INTERVALS = ("bootstrap", "t")
CORRECTIONS = ("holm", "bonferroni", "benjamini_hochberg")


class Summary(NamedTuple):
    """A setting's mean over its seeds."""

    setting: dict[str, Hashable]
    num_seeds: int  # that have a value
    num_failed: int  # that have none
    mean: float  # NaN of no seed
    std: float  # of a seed, with num_seeds - 1 degrees of freedom; NaN of fewer than two
    low: float  # the interval of the mean; NaN of fewer than two
    high: float


class Comparison(NamedTuple):
    """What one setting has over another, over the seeds that both have."""

    effect: float  # the mean of a - b
    low: float  # the interval of the effect; NaN of fewer than two seeds
    high: float
    p_value: float  # 1 of fewer than two seeds
    num_seeds: int  # that have a value in both
    num_failed: int  # that have none in one or both
    seeds_needed: float  # inf where the effect is 0, NaN of fewer than two seeds


class Until(NamedTuple):
    """What was trained until the mean was known well enough, or the seeds ran out.

    Its intervals assume that a setting's values are normal: of skewed ones they are too narrow.
    """

    num_seeds: int
    is_reached: bool
    half_widths: tuple[float, ...]  # of the widest interval at each look
    summaries: list[Summary]  # their intervals are the last look's
    runs: Runs

    def __repr__(self) -> str:
        """The settings a line each, and what their intervals assume."""
        lines = [
            f"  {', '.join(f'{name}={label(v)}' for name, v in each.setting.items()) or 'all'}: "
            f"{each.mean:.6g} in {each.low:.6g} to {each.high:.6g}, of {each.num_seeds} seeds"
            for each in self.summaries
        ]
        end = "known well enough" if self.is_reached else "not known well enough yet"
        head = f"Until({self.num_seeds} seeds: {end}; intervals assume normal values"
        return "\n".join([head, *lines]) + ")"


class Variance(NamedTuple):
    """Where a metric's variance comes from."""

    initialization: float
    data_order: float
    interaction: float  # and all that neither explains
    total: float
    shares: dict[str, float]  # of the total, by the names above; NaN where the total is 0


def summarize(
    runs: Runs,
    metric: str,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    num_resamples: int = 9999,
    seed: int = 0,
) -> list[Summary]:
    """Each setting's mean with its interval, in the order of the axes.

    Equal values have an interval of no width. Both kinds take the seeds that are there to show how
    far seeds go, and few of them do not: of 5 normal values the 95 % bootstrap interval holds the
    mean 84 % of the time and of 20 values 93 %, where t is exact; of 5 and of 20 exponential
    values they hold it 80 % and 90 %, t 88 % and 91 %.

    Source: Efron, Better Bootstrap Confidence Intervals, 1987.

    Args:
      runs: the members.
      metric: a name in their history; its last measured value is taken.
      confidence: how often the interval holds the mean.
      interval: "bootstrap", bias-corrected and accelerated; or "t", Student's.
      num_resamples: of the bootstrap.
      seed: the bootstrap's, so that the same runs have the same interval.

    Raises:
      ValueError: if the history has no such metric, or an argument is out of range.

    >>> losses = np.float32([[[1], [2], [3]], [[5], [5], [np.nan]]])
    >>> axes = {"width": (8, 16), "seed": (0, 1, 2)}
    >>> runs = Runs(axes, {"loss": losses}, np.ones((2, 3)), (), np.zeros((2, 3, 2)), {})
    >>> narrow, wide = summarize(runs, "loss", interval="t")
    >>> f"{narrow.mean} in {narrow.low:.3f} to {narrow.high:.3f}"
    '2.0 in -0.484 to 4.484'
    >>> wide.setting, wide.num_seeds, wide.num_failed, wide.mean, wide.low, wide.high
    ({'width': 16}, 2, 1, 5.0, 5.0, 5.0)
    """
    _check_level("confidence", confidence)
    if interval not in INTERVALS:
        raise ValueError(f"interval needs to be one of {', '.join(INTERVALS)}, got {interval}")
    if num_resamples < 1:
        raise ValueError(f"num_resamples needs to be at least 1, got {num_resamples}")
    summaries = []
    for setting in _settings(runs):
        values = _values(runs, metric, setting)
        kept = values[~np.isnan(values)]
        mean, std = _moments(kept)
        if interval == "t" or not std > 0:
            low, high = _t_interval(kept, confidence)
        else:
            low, high = _bootstrap_interval(kept, confidence, num_resamples, seed)
        num_failed = len(values) - len(kept)
        summaries.append(Summary(setting, len(kept), num_failed, mean, std, low, high))
    return summaries


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

    Sources: Fisher, The Design of Experiments, 1935, for the test; Phipson and Smyth, Permutation
    P-values Should Never Be Zero, 2010; Cohen, Statistical Power Analysis, 1988, for the seeds.

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

    _check_level("confidence", confidence)
    _check_level("power", power)
    if num_resamples < 1:
        raise ValueError(f"num_resamples needs to be at least 1, got {num_resamples}")
    if set(SEEDS) & (set(a) ^ set(b)):
        raise ValueError(f"a and b need the same seeds to pair, got {a} and {b}")
    differences = _values(runs, metric, a) - _values(runs, metric, b)
    kept = differences[~np.isnan(differences)]
    num_failed = len(differences) - len(kept)
    effect, std = _moments(kept)
    if len(kept) < 2:
        return Comparison(effect, math.nan, math.nan, 1.0, len(kept), num_failed, math.nan)
    test = stats.permutation_test(
        (kept,),
        np.mean,
        permutation_type="samples",
        n_resamples=num_resamples,
        batch=_batch(kept),
        rng=np.random.default_rng(seed),
    )
    needed = _seeds_needed(effect, std, 1 - confidence, power)
    low, high = _t_interval(kept, confidence)
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
    settings = _settings(runs)
    if baseline is None:
        pairs = list(itertools.combinations(settings, 2))
    else:
        runs.select(**baseline)
        wanted = {name: _as_value(value) for name, value in baseline.items()}
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


def adjust(p_values: Sequence[float], correction: str = "holm") -> list[float]:
    """P-values for many tests at once, to be held against one level.

    Sources: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979; Benjamini and
    Hochberg, Controlling the False Discovery Rate, 1995.

    Args:
      p_values: one a test.
      correction: "holm" or "bonferroni" bound the chance of a single false finding, and Holm's
        finds no less; "benjamini_hochberg" bounds the share of false ones among the findings, of
        tests that are independent or positively dependent.

    Returns:
      The adjusted p-values, in the same order.

    Raises:
      ValueError: if the correction is none of these, or a p-value is not from 0 to 1.

    >>> adjust([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    from scipy import stats

    if correction not in CORRECTIONS:
        raise ValueError(
            f"correction needs to be one of {', '.join(CORRECTIONS)}, got {correction}"
        )
    if wrong := [p_value for p_value in p_values if not 0 <= p_value <= 1]:
        raise ValueError(f"p_values need to be from 0 to 1, got {wrong[0]}")
    values = np.asarray(p_values, np.float64)
    if correction == "benjamini_hochberg":
        return stats.false_discovery_control(values).tolist()
    if correction == "bonferroni":
        return np.minimum(len(values) * values, 1.0).tolist()
    order = np.argsort(values)
    stepped = np.arange(len(values), 0, -1) * values[order]
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted.tolist()


def until(
    train: Callable[[range], Runs],
    metric: str,
    ci: float,
    block: int = 8,
    max_seeds: int = 256,
    confidence: float = 0.95,
    start: int = 0,
) -> Until:
    """Train more seeds until each setting's mean is known to within `ci` on either side.

    An interval that is looked at until it is narrow enough holds the mean less often than it
    says. Look k therefore has an interval at the level 6 alpha / (pi k)^2, where alpha is
    1 - confidence: over all looks these sum to alpha, so that a setting's interval holds its mean
    whenever the looking ends. The intervals are Student's, of the seeds that have a value, and so
    assume normal ones: of exponential values, those of nominally 95 % held the mean 91 % of the
    time.

    A first block of equal values has an interval of no width, and ends it.

    Source: Darling and Robbins, Confidence Sequences for Mean, Variance, and Median, 1967, for
    intervals that hold at every look; the sum over looks is Bonferroni's inequality.

    Args:
      train: trains these seeds, and returns them along the axis "seed".
      metric: a name in the history; its last measured value is taken.
      ci: the half-width wanted of the widest interval, in the metric's unit.
      block: how many seeds to add at a time.
      max_seeds: where to end in any case.
      confidence: how often a setting's last interval holds its mean.
      start: the first seed.

    Raises:
      ValueError: if an argument is out of range, or `train` does not return the seeds asked for.
    """
    _check_level("confidence", confidence)
    if not ci > 0:
        raise ValueError(f"ci needs to be greater than 0, got {ci}")
    if not 2 <= block <= max_seeds:
        raise ValueError(
            f"block needs to be from 2 to max_seeds, got block={block} and max_seeds={max_seeds}"
        )
    parts: list[Runs] = []
    half_widths: list[float] = []
    end = start + max_seeds
    for look, first in enumerate(range(start, end, block), 1):
        seeds = range(first, min(first + block, end))
        part = train(seeds)
        if part.axes.get("seed") != tuple(seeds):
            raise ValueError(f"train needs to return seeds {seeds}, got {part.axes.get('seed')}")
        parts.append(part)
        runs = join(parts)
        alpha = 6 * (1 - confidence) / (math.pi * look) ** 2
        summaries = summarize(runs, metric, 1 - alpha, "t")
        half_widths.append(float(np.max([(each.high - each.low) / 2 for each in summaries])))
        if half_widths[-1] <= ci:
            break
    return Until(len(runs.axes["seed"]), half_widths[-1] <= ci, tuple(half_widths), summaries, runs)


def variance(runs: Runs, metric: str) -> Variance:
    """How much of a metric's variance is the initialisation's, and how much the data's order's.

    Two crossed random effects without replication, from the mean squares: a source's component is
    its mean square less the interaction's, over how many values each of its means has. Such an
    estimate can fall below 0, and is then given as 0.

    Source: Searle, Casella and McCulloch, Variance Components, 1992, chapter 4.

    Args:
      runs: crossed members: every "seed", of the initialisation, with every "shuffle_seed".
      metric: a name in their history; its last measured value is taken.

    Raises:
      ValueError: if an axis is missing or too many, a member has no value, or the history has no
        such metric.

    >>> axes = {"shuffle_seed": (0, 1), "seed": (0, 1)}
    >>> losses = np.float32([[[1], [3]], [[1], [3]]])
    >>> runs = Runs(axes, {"loss": losses}, np.ones((2, 2)), (), np.zeros((2, 2, 2)), {})
    >>> variance(runs, "loss")[:4]
    (2.0, 0.0, 0.0, 2.0)
    """
    lengths = {name: len(values) for name, values in runs.axes.items() if len(values) > 1}
    if set(lengths) != set(SEEDS):
        raise ValueError(
            "variance needs two or more values of shuffle_seed and of seed, and one of any other "
            f"axis, got {lengths}"
        )
    finals = _finals(runs, metric)
    if failed := int(np.isnan(finals).sum()):
        raise ValueError(f"variance needs a value of every member, got {failed} without")
    names = [name for name in runs.axes if name in lengths]
    table = finals.reshape([lengths[name] for name in names])
    if names[0] == "seed":
        table = table.T
    num_orders, num_inits = table.shape
    inits = table.mean(axis=0, keepdims=True)
    orders = table.mean(axis=1, keepdims=True)
    residual = table - inits - orders + table.mean()
    interaction = float((residual**2).sum()) / ((num_orders - 1) * (num_inits - 1))
    components = {
        "initialization": max(float(inits.var(ddof=1)) - interaction / num_orders, 0.0),
        "data_order": max(float(orders.var(ddof=1)) - interaction / num_inits, 0.0),
        "interaction": interaction,
    }
    total = sum(components.values())
    shares = {name: part / total if total else math.nan for name, part in components.items()}
    return Variance(**components, total=total, shares=shares)


def _settings(runs: Runs) -> list[dict[str, Hashable]]:
    names = [name for name in runs.axes if name not in SEEDS]
    combinations = itertools.product(*(runs.axes[name] for name in names))
    return [dict(zip(names, values, strict=True)) for values in combinations]


def _finals(runs: Runs, metric: str) -> np.ndarray:
    """Each member's value, (*axes) float64, NaN where it failed."""
    finals = np.array(runs.final(metric), np.float64)
    for position in runs.faults:
        finals[position] = np.nan
    return np.where(np.isfinite(finals), finals, np.nan)


def _values(runs: Runs, metric: str, setting: Setting) -> np.ndarray:
    """A setting's observations, (num_seeds,) float64, NaN where one failed."""
    chosen = runs.select(**setting)
    lengths = {name: len(values) for name, values in chosen.axes.items()}
    if open_axes := [name for name in lengths if lengths[name] > 1 and name not in SEEDS]:
        raise ValueError(f"a setting needs a value for {', '.join(open_axes)}, got {setting}")
    observed = "seed" if lengths.get("seed", 1) > 1 else "shuffle_seed"
    others = tuple(i for i, name in enumerate(lengths) if name != observed)
    return np.atleast_1d(_finals(chosen, metric).mean(axis=others))


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation, NaN where there are too few values; of equal ones exactly 0."""
    if not len(values):
        return math.nan, math.nan
    above = values - values[0]
    std = float(above.std(ddof=1)) if len(values) > 1 else math.nan
    return float(values[0] + above.mean()), std


def _t_interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    from scipy import stats

    mean, std = _moments(values)
    if math.isnan(std):
        return math.nan, math.nan
    quantile = float(stats.t.isf((1 - confidence) / 2, len(values) - 1))
    half_width = quantile * std / math.sqrt(len(values))
    return mean - half_width, mean + half_width


def _bootstrap_interval(
    values: np.ndarray, confidence: float, num_resamples: int, seed: int
) -> tuple[float, float]:
    from scipy import stats

    low, high = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=num_resamples,
        batch=_batch(values),
        confidence_level=confidence,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(low), float(high)


def _batch(values: np.ndarray) -> int:
    """How many resamples to hold at a time: bounds the memory, and does not change the result."""
    return 1 + 2_000_000 // len(values)


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


def _as_value(value: Hashable) -> Hashable:
    """An axis's value, which may be written as a list, as `Runs.select` takes it."""
    return tuple(value) if isinstance(value, list) else value


def _check_level(name: str, level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"{name} needs to be between 0 and 1, got {level}")
