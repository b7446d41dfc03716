"""What a metric is: its name, how it is computed, and how its values are to be read."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax

from jaxmlp.naming import SETS, kind_of, name_of

__all__ = ["Function", "Metric", "by_name", "metric_of", "of_column"]

Function = Callable[[jax.Array, jax.Array], jax.Array]  # outputs, label -> () float32


class Metric(NamedTuple):
    """A metric that knows itself.

    It is the mean of a function of one example; or what `finish` makes of a sum over examples, for
    what is no mean, as precision is none. It has the one or the other, or neither where it is known
    by its name alone, from a file.

    >>> error = Metric("doubt", lambda outputs, label: 1 - outputs[label], higher_is_better=False)
    >>> error, error(jax.numpy.array([0.75, 0.25]), jax.numpy.array(0)).item()
    (Metric(doubt, lower is better), 0.25)
    """

    name: str  # what it is called in a history, without the set's
    one: Function | None = None  # outputs, label -> (): the metric is the mean over examples
    higher_is_better: bool = True
    is_share: bool = False  # from 0 to 1, and shown in percent
    # One example's contribution, an array of any shape, which is summed in float32; examples that
    # do not count are left out.
    accumulate: Function | None = None
    finish: Callable[[jax.Array], jax.Array] | None = None  # the sum -> (), by jax.numpy

    def __call__(self, outputs: jax.Array, label: jax.Array) -> jax.Array:
        """The metric of one example alone; `jax.vmap` takes `one`, which is a plain function."""
        if self.accumulate is not None and self.finish is not None:
            return self.finish(self.accumulate(outputs, label))
        if self.one is None:
            raise ValueError(f"{self.name} is known by its name alone, and cannot be computed")
        return self.one(outputs, label)

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean over examples."""
        return self.accumulate is None

    @property
    def reading(self) -> "Metric":
        """How its values are to be read, without the functions: what results keep of it."""
        return self._replace(one=None, accumulate=None, finish=None)

    def __repr__(self) -> str:
        """Its name, and how to read it."""
        share = ", a share" if self.is_share else ""
        better = "higher" if self.higher_is_better else "lower"
        return f"Metric({self.name}, {better} is better{share})"


# What is known of the library's own by their names, for results that come from a file, and for
# functions that are given bare.
KNOWN = {
    metric.name: metric
    for metric in (
        *(Metric(name, is_share=True) for name in ("accuracy", "binary_accuracy", "roc_auc")),
        *(Metric(name, is_share=True) for name in ("precision", "recall", "f1")),
        Metric("calibration_error", higher_is_better=False, is_share=True),
        Metric("r2"),
        *(
            Metric(name, higher_is_better=False)
            for name in (
                *("loss", "softmax_cross_entropy", "sigmoid_cross_entropy", "squared_error"),
                *("absolute_error", "huber", "hinge", "binary_hinge", "perceptron"),
            )
        ),
    )
}


def by_name(name: str) -> Metric:
    """What a name alone says of a metric: for old files, and for bare functions.

    The library's own are known; one class's, such as "recall_3", is as the mean over the classes.
    Of others higher is better, and they are no shares, but for the convention that of a name that
    ends in "loss" or "error" lower is better, and that one that ends in "accuracy" is a share. This
    is the one place that reads anything from a name: whoever makes a `Metric` says it.

    >>> by_name("top_5_accuracy"), by_name("recall_3"), by_name("my_error")
    (Metric(top_5_accuracy, higher is better, a share), Metric(recall_3, higher is better, a share),
     Metric(my_error, lower is better))
    """
    base, _, number = name.rpartition("_")
    known = KNOWN.get(base if number.isdigit() else name)
    if known is not None:
        return known._replace(name=name)
    is_lower, is_share = name.endswith(("loss", "error")), name.endswith("accuracy")
    return Metric(name, higher_is_better=not is_lower, is_share=is_share)


def metric_of(function: Any) -> Metric:
    """The record of a metric that may be given as a bare function of one example.

    Args:
      function: outputs, label -> (), or a `Metric`.

    Raises:
      ValueError: if it is no function, or a `Metric` that could not be computed.

    >>> from jaxmlp.objectives import losses
    >>> metric_of(losses.hinge)
    Metric(hinge, lower is better)
    """
    if not callable(function):
        raise ValueError(
            f"metrics need to be functions of outputs and label, got {kind_of(function)}"
        )
    if getattr(function, "__annotations__", {}).get("return") in (Metric, "Metric"):
        name = name_of(function)
        raise ValueError(
            "metrics need to be functions of outputs and label, or a Metric, which "
            f"{name} makes: write {name}(...)"
        )
    if not isinstance(function, Metric):
        return by_name(name_of(function))._replace(one=function)
    has = [field is not None for field in (function.one, function.accumulate, function.finish)]
    if has not in ([True, False, False], [False, True, True]):
        raise ValueError(
            f"metric {function.name} needs a function of one example, or accumulate and finish; "
            f"got {sum(has)} of the three"
        )
    return function


def of_column(column: str | Metric, metrics: Iterable[Metric] = ()) -> Metric:
    """The metric that a column of a history has, called as the column is.

    Args:
      column: such as "validation_accuracy"; what is a `Metric` stays as it is.
      metrics: those that there are, as `tasks.metrics_of` has them; one that is none of them is
        known by its name.

    >>> of_column("validation_loss")
    Metric(validation_loss, lower is better)
    """
    if isinstance(column, Metric):
        return column
    kind, _, rest = column.partition("_")
    name = rest if kind in SETS else column
    found = next((metric for metric in metrics if metric.name == name), None)
    return (found or by_name(name))._replace(name=column)
