"""When to stop early: functions of the history alone, so that a resumed run decides alike."""

import math
from collections.abc import Mapping, Sequence

from jaxmlp.objectives.records import Metric, of_column

__all__ = ["best_epoch", "has_reached", "is_exhausted", "score"]

History = Sequence[Mapping[str, float]]  # a line for each finished epoch


def score(line: Mapping[str, float], metric: str | Metric) -> float:
    """A metric's value, turned so that more is better; -inf where it was not measured.

    Args:
      line: an epoch's.
      metric: a name in it, or the record of that name, which says whether higher is better; a name
        alone is read as `metrics.by_name` has it.

    Raises:
      ValueError: if the line has no such metric.

    >>> score({"validation_loss": 0.5}, "validation_loss")
    -0.5
    """
    metric = of_column(metric)
    if metric.name not in line:
        raise ValueError(f"the history needs {metric.name}, got {', '.join(line)}")
    value = line[metric.name]
    if math.isnan(value):
        return -math.inf
    return value if metric.higher_is_better else -value


def best_epoch(history: History, metric: str | Metric) -> int:
    """The epoch with the best value, from 1, the earliest of equals; 0 before there is one.

    >>> best_epoch([{"test_accuracy": 0.8}, {"test_accuracy": 0.9}], "test_accuracy")
    2
    """
    scores = [score(line, metric) for line in history]
    return 1 + scores.index(max(scores)) if scores else 0


def is_exhausted(history: History, metric: str | Metric, patience: int) -> bool:
    """Whether the last `patience` epochs brought nothing better than what was before them.

    Source: Prechelt, Early Stopping - But When?, 1998.

    >>> history = [{"test_loss": loss} for loss in (3.0, 2.0, 2.5, 2.1)]
    >>> is_exhausted(history, "test_loss", 2), is_exhausted(history, "test_loss", 3)
    (True, False)
    """
    return len(history) - best_epoch(history, metric) >= patience if history else False


def has_reached(history: History, metric: str | Metric, target: float) -> bool:
    """Whether the last epoch's metric is at least as good as a target.

    >>> has_reached([{"test_loss": 0.5}], "test_loss", 0.6)
    True
    """
    metric = of_column(metric)
    return bool(history) and score(history[-1], metric) >= score({metric.name: target}, metric)
