"""Whether the network was worth it: its answers against each baseline's, row by row."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from experiments.scores.baselines import is_simplest
from experiments.scores.classes import answers_of
from experiments.scores.figures import as_classes
from experiments.scores.numerals import plain
from jaxmlp.statistics import adjust

__all__ = ["LEVEL", "NETWORK", "Paired", "compare", "conclusion", "merits", "rows_text", "verdict"]

LEVEL = 0.05
NETWORK = "network"


class Paired(NamedTuple):
    """What the network has over a baseline, on the same rows."""

    num_better: int  # rows
    num_worse: int
    p_value: float  # two-sided, were there no difference


def merits(task: str, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """How good each answer is, (N,): the more the better.

    Of classes 1 where it is right, else 0; of several questions the share that is; of values the
    absolute error times -1, of several the mean over them in units of each one's deviation.
    """
    labels, outputs = np.asarray(labels), np.asarray(outputs, np.float64)
    if task == "regression":
        labels = labels.reshape(outputs.shape).astype(np.float64)
        unit = labels.std(axis=0) if outputs.shape[1] > 1 else np.ones(1)
        return -(np.abs(labels - outputs) / np.where(unit > 0, unit, 1.0)).mean(axis=1)
    if task != "classification" and outputs.shape[1] > 1:
        return (np.where(np.isnan(outputs), -1, outputs > 0.5) == labels).mean(axis=1)
    labels, outputs = as_classes(labels, outputs)
    return (answers_of(outputs) == labels).astype(float)


def compare(task: str, network: np.ndarray, baseline: np.ndarray) -> Paired:
    """A paired test of merits.

    Of classes and questions it is the exact sign test over the rows where one is better than the
    other, which for right and wrong is McNemar's; of values Student's, of the differences. Where
    these are all equal, p is that of their signs.

    Sources: McNemar, Note on the Sampling Error of the Difference between Correlated Proportions or
    Percentages, 1947; Dietterich, Approximate Statistical Tests for Comparing Supervised
    Classification Learning Algorithms, 1998.

    Args:
      task: as of `merits`.
      network: (N,) its merits.
      baseline: (N,) the baseline's, of the same rows.

    >>> compare("binary", np.array([1, 1, 1, 1, 0, 1]), np.array([0, 0, 0, 0, 1, 1])).p_value
    0.375
    """
    from scipy import stats

    differences = network - baseline
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    if not better + worse or not np.isfinite(differences).all():
        return Paired(better, worse, 1.0)
    if task != "regression":
        return Paired(better, worse, float(stats.binomtest(better, better + worse).pvalue))
    if len(differences) < 2:
        return Paired(better, worse, 1.0)
    if (differences == differences[0]).all():  # without a spread
        return Paired(better, worse, 2.0 ** (1 - len(differences)))
    return Paired(better, worse, float(stats.ttest_1samp(differences, 0.0).pvalue))


def verdict(task: str, labels: np.ndarray, outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Whether the network is better than the best baseline, in a sentence, and the p-values.

    The best baseline is picked by the same rows, so its p-value is corrected for all of them.

    Args:
      task: as of `merits`.
      labels: of the rows.
      outputs: of the network, under `NETWORK`, and of each baseline.

    Returns:
      "text"; "best_baseline"; and "p_values", of each baseline, by Holm's correction.

    >>> labels = np.array([0, 1, 1])
    >>> outputs = {
    ...     "network": np.array([[0.2], [0.9], [0.8]]),
    ...     "commonest_class": np.full((3, 1), 0.7),
    ... }
    >>> verdict("binary", labels, outputs)["text"]  # doctest: +NORMALIZE_WHITESPACE
    'The network is not shown to be better than always saying the commonest class: these 3 rows
    cannot tell them apart (accuracy 100.00 % against 66.67 %, p = 1).'
    """
    names = [name for name in outputs if name != NETWORK]
    of_each = {name: merits(task, labels, answers) for name, answers in outputs.items()}
    own = of_each[NETWORK]
    found = [compare(task, own, of_each[name]).p_value for name in names]
    p_values = dict(zip(names, adjust(found), strict=True))
    means = {name: float(merit.mean()) for name, merit in of_each.items()}
    is_of_several = outputs[NETWORK].shape[1] > 1
    return conclusion(task, means, p_values, rows_text(len(labels)), is_of_several)


def conclusion(
    task: str,
    of_each: Mapping[str, float],
    p_values: Mapping[str, float],
    judges: str,
    is_of_several: bool,
) -> dict[str, Any]:
    """What `verdict` returns, of what is known.

    Args:
      task: as of `merits`.
      of_each: mean merits of the network and of each baseline.
      p_values: of each baseline, corrected for all of them.
      judges: how many of what they are of, such as "these 30 rows".
      is_of_several: whether there are several outputs.
    """
    best = max(p_values, key=lambda name: of_each[name])  # the first of equals
    means = of_each[NETWORK], of_each[best]
    is_sure, words = p_values[best] < LEVEL, _words(best)
    if not means[0] > means[1]:  # NaN is not
        said = f"{'worse' if is_sure else 'no better'} than {words}"
    elif is_sure:
        said = f"better than {words}, the best baseline"
    else:
        said = f"not shown to be better than {words}: {judges} cannot tell them apart"
    figures = f"{_figure(task, is_of_several)} {' against '.join(_shown(task, m) for m in means)}"
    return {
        "text": f"The network is {said} ({figures}, p = {p_values[best]:.2g}).",
        "best_baseline": best,
        "p_values": {name: float(f"{value:.6g}") for name, value in p_values.items()},
    }


def rows_text(count: int) -> str:
    """Rows that judge, as `conclusion` has them."""
    return f"these {count:,} rows" if count > 1 else "this one row"


def _figure(task: str, is_of_several: bool) -> str:
    if task != "regression":
        return "accuracy"
    return f"mean absolute error{' in deviations' if is_of_several else ''}"


def _words(name: str) -> str:
    words = name.replace("_", " ")
    return f"always saying the {words}" if is_simplest(name) else words


def _shown(task: str, mean: float) -> str:
    """A mean of merits."""
    if not np.isfinite(mean):
        return "unknown"
    return plain(-mean) if task == "regression" else f"{100 * mean:.2f} %"
