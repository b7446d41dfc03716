"""What records say: means over seeds, and what one command has over another."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.scores import worth
from jaxmlp import statistics
from jaxmlp.populations.runs import Runs
from jaxmlp.statistics import Comparison, Summary
from jaxmlp.statistics.intervals import t_interval

__all__ = [
    *("LEVEL", "Deciding", "accuracies", "best_two", "compare", "deciding", "gain_together"),
    *("is_luck", "summary", "together_or_alone", "was_run"),
]

LEVEL = 0.05
ACCURACY, WHICH = "accuracy", "which"  # a metric and an axis


class Deciding(NamedTuple):
    """The test examples that one network gets right and another of the same seed wrong."""

    first: list[int]  # a seed: how many the first alone gets right
    second: list[int]  # and the second
    p_values: list[float]  # a seed, McNemar's

    @property
    def counts(self) -> list[int]:
        """A seed: how many of the two get right that the other does not."""
        return [a + b for a, b in zip(self.first, self.second, strict=True)]


def was_run(record: Mapping[str, Any] | None) -> bool:
    """Whether a command has a record, and figures in it: it was not left out."""
    return record is not None and "left_out" not in record


def accuracies(record: Mapping[str, Any]) -> list[float]:
    """The share of test examples that each seed's network gets right."""
    return [1 - errors / record["num_test"] for errors in record["errors"]]


def _runs(records: Sequence[Mapping[str, Any]]) -> Runs:
    """Records with the same seeds, as results with named axes."""
    values = np.array([accuracies(record) for record in records])
    axes = {WHICH: tuple(range(len(records))), "seed": tuple(records[0]["seeds"])}
    places = np.full((*values.shape, 2), -1)
    stopped_at = np.ones(values.shape, np.int32)
    return Runs(axes, {ACCURACY: values[..., None]}, stopped_at, (), places, {})


def summary(record: Mapping[str, Any]) -> Summary:
    """The mean accuracy over the seeds, with Student's 95 % interval.

    >>> found = summary({"num_test": 100, "errors": [1, 2, 3], "seeds": [0, 1, 2]})
    >>> f"{found.mean:.2f} in {found.low:.4f} to {found.high:.4f}"
    '0.98 in 0.9552 to 1.0048'
    """
    return statistics.summarize(_runs([record]), ACCURACY, interval="t")[0]


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> Comparison:
    """What the accuracy of one command's networks has over another's, seed by seed.

    Raises:
      ValueError: if they are not of the same seeds and test examples.
    """
    _check_pair(first, second)
    return statistics.compare(_runs([first, second]), {WHICH: 0}, {WHICH: 1}, ACCURACY)


def deciding(first: Mapping[str, Any], second: Mapping[str, Any]) -> Deciding:
    """The test examples that decide between two commands, seed by seed; raises as `compare`.

    >>> one = {"seeds": [0], "num_test": 9, "data_sha256": "", "wrong": [[1, 5]]}
    >>> deciding(one, {**one, "wrong": [[2, 3, 5]]})
    Deciding(first=[2], second=[1], p_values=[1.0])
    """
    _check_pair(first, second)
    found = []
    for wrong, other in zip(first["wrong"], second["wrong"], strict=True):
        merits = np.ones((2, first["num_test"]))
        merits[0, wrong], merits[1, other] = 0, 0
        found.append(worth.compare("classification", *merits))
    return Deciding(
        [each.num_better for each in found],
        [each.num_worse for each in found],
        [each.p_value for each in found],
    )


def together_or_alone(record: Mapping[str, Any]) -> Deciding:
    """The test examples that decide between all networks of a record together and each alone."""
    wrong = record["together"]["wrong"]
    return deciding({**record, "wrong": [wrong] * len(record["seeds"])}, record)


def gain_together(record: Mapping[str, Any]) -> tuple[float, float, float]:
    """What all networks of a record together have over one of them, on the average over these.

    Returns:
      The difference of the accuracies, and the ends of its 95 % interval, Student's, over test
      examples: each is one difference, which pairs them.
    """
    gains = np.zeros(record["num_test"])
    for wrong in record["wrong"]:
        gains[wrong] += 1 / len(record["wrong"])
    gains[record["together"]["wrong"]] -= 1
    return float(gains.mean()), *t_interval(gains, 1 - LEVEL)


def _check_pair(first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    for name in ("seeds", "data_sha256", "num_test"):
        if first[name] != second[name]:
            pair = f"{first[name]} and {second[name]}"
            raise ValueError(f"a paired comparison needs the same {name}, got {pair}")


def is_luck(found: Comparison) -> bool:
    """Whether a difference may be none: its interval over the seeds has 0 in it, or is none."""
    return not (found.low > 0 or found.high < 0)


def best_two(records: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Which records have the best mean accuracies, the best first; of equals the later one."""
    order = sorted(range(len(records)), key=lambda i: (summary(records[i]).mean, i), reverse=True)
    return order[0], order[1]
