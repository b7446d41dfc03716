"""Names of functions, as a reader knows them."""

import functools
import reprlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["SETS", "first_line", "kind_of", "metric_names", "name_of"]

SETS = ("train", "validation", "test")  # of examples; a history's columns begin with one of them

# What a history, a line of metrics or the totals of an epoch have beside the metrics.
RESERVED = ("epoch", "learning_rate", "loss", "num_examples", "seconds", "step")


def name_of(function: Callable[..., Any]) -> str:
    """What to call a function: a partial goes by its function, an object by its name or its class.

    >>> name_of(functools.partial(max, key=len)), name_of(print)
    ('max', 'print')
    """
    if isinstance(function, functools.partial) and not hasattr(function, "__name__"):
        return name_of(function.func)
    own = getattr(function, "name", None)  # as a `Metric` has one
    return getattr(function, "__name__", own if isinstance(own, str) else type(function).__name__)


def metric_names(metrics: Sequence[Any]) -> list[str]:
    """The names of metrics, which are to be told apart.

    Raises:
      ValueError: if one is no function, has the name of another, or one that is reserved.

    >>> metric_names((max, min))
    ['max', 'min']
    """
    for metric in metrics:
        if not callable(metric):
            raise ValueError(
                f"metrics need to be functions of outputs and label, got {kind_of(metric)}"
            )
    names = [name_of(metric) for metric in metrics]
    taken = [name for name in names if name in RESERVED]
    taken += [name for name, count in Counter(names).items() if count > 1]
    if taken:
        raise ValueError(
            f"metrics need names of their own, and none of {', '.join(RESERVED)}; got "
            f"{', '.join(names)}: a __name__ can be set"
        )
    return names


def kind_of(value: Any) -> str:
    """A value that was not expected, in a few words.

    >>> kind_of("relu"), kind_of(max), kind_of([1, 2])
    ("'relu'", 'the function max', 'a list')
    """
    if isinstance(value, str | int | float | None):
        return reprlib.repr(value)
    if hasattr(value, "shape") and (
        hasattr(value, "__array__") or type(value).__name__ == "ShapeDtypeStruct"
    ):
        return f"an array {tuple(value.shape)}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the {'class' if isinstance(value, type) else 'function'} {value.__name__}"
    name = type(value).__name__
    return f"a{'n' if name[0].lower() in 'aeiou' else ''} {name}"


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
