"""What a network is for: its loss, its metrics, and what its outputs mean.

The same arguments give the same task, so that a recipe made twice is compiled once.
"""

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.naming import kind_of, name_of
from jaxmlp.nn import activations
from jaxmlp.objectives import losses, metrics
from jaxmlp.objectives.records import Function, Metric, metric_of
from jaxmlp.types import Array, Batch

# This library's hyperparameters of tasks, and what gives a task each.
RATES = {
    "label_smoothing": "classification(10, label_smoothing=0.1)",
    "mixup": "with_mixup(task, 0.2)",
    "vat": "with_vat(task)",
    "vat_epsilon": "with_vat(task)",
}
TOLERANCE = 1e-3  # of the sum of a distribution, which may have been rounded to float16

__all__ = [
    "RATES",
    "Task",
    "binary_classification",
    "check_rate",
    "classification",
    "metrics_of",
    "objective_of",
    "primary",
    "rated",
    "rates",
    "refuse_classes_only",
    "refuse_others",
    "regression",
    "takes",
    "with_rates",
]


class Task(NamedTuple):
    """Functions of one example's outputs, (outputs,), and of its label.

    >>> classification(10)._replace(metrics=(metrics.accuracy, metrics.top_k(3), metrics.f1(10)))
    Task(softmax_cross_entropy, accuracy, top_3_accuracy, f1)
    """

    loss: Callable[[jax.Array, jax.Array], jax.Array]  # outputs, label -> (): the reported one
    # What else is reported: functions like the loss, each with a name, or a `Metric` each.
    metrics: tuple[Any, ...]
    link: Callable[[jax.Array], jax.Array]  # outputs -> probabilities, or values: (outputs,)
    num_outputs: int
    # (num_examples, ...) -> the same as the loss takes them, or None for as they are; raises
    # ValueError. They come as arrays of whole numbers or floats.
    check_labels: Callable[[Array], Array | None]
    # outputs, label, and the rates by keyword -> (): what training goes down on where that is not
    # the reported loss. A history has the reported one alone, of the training set as of others.
    train_loss: Callable[..., jax.Array] | None = None
    # What the training loss, `mix` and `penalty` take, by names: hyperparameters, whose values are
    # traced. Each function is given those that its signature names.
    rates: tuple[tuple[str, Any], ...] = ()
    # label -> (): what an example weighs in the training loss, which is then the weighted mean.
    weight: Callable[[jax.Array], jax.Array] | None = None
    # "classification": outputs are classes, and the highest is the answer; "binary": each output is
    # a yes or no; "regression": they are values; "": not known.
    kind: str = ""
    # A batch, a key, and rates -> the batch as the network sees it: `with_mixup`.
    mix: Callable[..., Batch] | None = None
    # The network as a function of a batch's inputs, the inputs, the outputs, a key for each
    # example, which of them count, and rates -> (batch,): what is added to the training loss of
    # each example: `with_vat`.
    penalty: Callable[..., jax.Array] | None = None
    # What training measures each output in, as `regression` takes it.
    unit: tuple[float, ...] | None = None

    def __repr__(self) -> str:
        """The loss and the metrics by their names, and how training differs."""
        trained = {} if self.train_loss is None else {"train_loss": name_of(self.train_loss)}
        trained |= {} if self.weight is None else {"weight": name_of(self.weight)}
        for name, function in (("mix", self.mix), ("penalty", self.penalty)):
            if function is not None and not any(takes(function, rate) for rate, _ in self.rates):
                trained[name] = name_of(function)
        more = [f"{name}={value}" for name, value in (trained | dict(self.rates)).items()]
        return f"Task({', '.join([*map(name_of, (self.loss, *self.metrics)), *more])})"


def classification(
    num_classes: int,
    loss: Callable[[jax.Array, jax.Array], jax.Array] = losses.softmax_cross_entropy,
    *,
    label_smoothing: float | None = None,
    class_weights: Sequence[float] | None = None,
) -> Task:
    """One of several classes; labels are whole numbers, one-hot vectors or other distributions.

    Args:
      num_classes: how many, at least 2.
      loss: of one example: `losses.hinge` and `losses.perceptron` take integer labels only.
      label_smoothing: the share of each label that training spreads evenly over all classes; the
        reported loss stays that of the labels as they are. It is a hyperparameter, which a sweep
        may vary without compiling anew, once it is given here, 0.0 included. Source: Szegedy et
        al., Rethinking the Inception Architecture for Computer Vision, 2016, section 7.
      class_weights: what an example of each class weighs in the training loss, which becomes
        Σ weight loss / Σ weight over a batch, as of PyTorch and of scikit-learn's `sample_weight`;
        of a distribution the mean weight. Reported figures count all examples alike.

    Raises:
      ValueError: if there are fewer than two classes, the loss cannot take smoothed labels, the
        smoothing is not from 0 to less than 1, or the weights are not one a class, finite, not
        negative, and some above 0.

    >>> classification(4).link(np.zeros(4, np.float32)).tolist()
    [0.25, 0.25, 0.25, 0.25]
    >>> classification(4, label_smoothing=0.1)
    Task(softmax_cross_entropy, accuracy, train_loss=smoothed, label_smoothing=0.1)
    """
    if num_classes < 2:
        raise ValueError(f"num_classes needs to be at least 2, got {num_classes}")
    task = Task(
        loss,
        (metrics.accuracy,),
        jax.nn.softmax,
        num_classes,
        _check_classes(num_classes),
        kind="classification",
    )
    task = _smoothed(task, _smoothed_classes(loss), label_smoothing)
    return _weighted(task, num_classes, class_weights)


def binary_classification(
    num_outputs: int = 1,
    *,
    label_smoothing: float | None = None,
    class_weights: Sequence[float] | None = None,
) -> Task:
    """Yes or no, once or for several independent questions; labels are 0 or 1.

    Args:
      num_outputs: how many questions.
      label_smoothing: as of `classification`: training takes e / 2 for no, and 1 - e / 2 for yes.
      class_weights: as of `classification`, of no and yes; for one question alone.
    """
    task = Task(
        losses.sigmoid_cross_entropy,
        (metrics.binary_accuracy,),
        jax.nn.sigmoid,
        num_outputs,
        _check_answers(num_outputs),
        kind="binary",
    )
    if class_weights is not None and num_outputs != 1:
        raise ValueError(f"class_weights need a task with one output, got {num_outputs}")
    return _weighted(_smoothed(task, _smoothed_answers(), label_smoothing), 2, class_weights)


def regression(
    num_outputs: int = 1,
    loss: Callable[[jax.Array, jax.Array], jax.Array] = losses.squared_error,
    *,
    unit: Sequence[float] | None = None,
) -> Task:
    """One or several numbers; labels are float32.

    Args:
      num_outputs: how many.
      loss: of one example.
      unit: what training measures outputs and labels in, a number for each output, such as the
        labels' deviation, `scaling_of(labels).scale`: its loss is that of output / unit and
        label / unit, so that a learning rate means the same whether they are metres or miles. The
        reported loss stays that of the labels as they are.

    Raises:
      ValueError: if the units are not one an output, finite and above 0.

    >>> regression(unit=(2.0,))
    Task(squared_error, absolute_error, train_loss=in_units)
    """
    check_labels = _check_values(num_outputs)
    task = Task(
        loss,
        (losses.absolute_error,),
        activations.identity,
        num_outputs,
        check_labels,
        kind="regression",
    )
    if unit is None:
        return task
    units = tuple(_units(unit, num_outputs).tolist())
    return task._replace(train_loss=_loss_in_units(loss, units), unit=units)


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """The records of all that is reported: "loss", and then the metrics.

    >>> metrics_of(classification(10))
    (Metric(loss, lower is better), Metric(accuracy, higher is better, a share))
    """
    loss = Metric("loss", task.loss, higher_is_better=False)
    return (loss, *map(metric_of, task.metrics))


def primary(task: Task) -> Metric:
    """What a table shows first, and a sweep ranks by: the first metric, else the loss.

    >>> primary(regression())
    Metric(absolute_error, lower is better)
    """
    return metrics_of(task)[1 if task.metrics else 0]


def objective_of(task: Task) -> Function:
    """What training goes down on, of one example: the training loss with its rates, or the loss."""
    return rated(task, task.train_loss) or task.loss


def rated(task: Task, function: Callable[..., Any] | None) -> Any:
    """One of a task's functions, with those of its rates that it takes; None for None."""
    if function is None:
        return None
    own = {name: value for name, value in task.rates if takes(function, name)}
    return functools.partial(function, **own) if own else function


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has an argument of a name, or takes any.

    >>> takes(lambda outputs, label, *, alpha: outputs, "alpha"), takes(abs, "alpha")
    (True, False)
    """
    parameters = inspect.signature(function).parameters
    kinds = [each.kind for each in parameters.values()]
    return name in parameters or inspect.Parameter.VAR_KEYWORD in kinds


def rates(task: Task) -> dict[str, Any]:
    """The hyperparameters that are the task's: name -> value.

    >>> rates(classification(10, label_smoothing=0.1))
    {'label_smoothing': 0.1}
    """
    return dict(task.rates)


def with_rates(task: Task, values: Mapping[str, Any]) -> Task:
    """A task with other values of its hyperparameters, which may be traced.

    Args:
      task: as it is.
      values: by names; what is left out stays.

    Raises:
      ValueError: if the task has no such one, or a value is out of its range.

    >>> with_rates(classification(10, label_smoothing=0.1), {"label_smoothing": 0.2}).rates
    (('label_smoothing', 0.2),)
    """
    own = dict(task.rates)
    if unknown := [name for name in values if name not in own]:
        such_as = " and ".join(dict.fromkeys(RATES[name] for name in unknown if name in RATES))
        raise ValueError(
            f"the task needs to have {', '.join(unknown)}{such_as and f', as {such_as} has it'}, "
            f"got {', '.join(own) or 'none'}"
        )
    for name, value in values.items():
        check_rate(name, value)
    return task._replace(rates=tuple({**own, **values}.items()))


def check_rate(name: str, value: Any) -> None:
    """Raises ValueError if a rate of one of this library's tasks is out of its range.

    Those that are traced have been seen before.
    """
    if isinstance(value, jax.core.Tracer) or name not in RATES:
        return
    is_number = isinstance(value, Real | np.ndarray | jax.Array) and not isinstance(value, bool)
    if not is_number or np.ndim(value):
        raise ValueError(f"{name} needs to be a number, got {kind_of(value)}")
    number = float(value)
    if name == "label_smoothing" and not 0 <= number < 1:
        raise ValueError(f"{name} needs to be from 0 to less than 1, got {value}")
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} needs to be a number from 0 on, got {value}")


def refuse_others(name: str, task: Any) -> None:
    """Raises ValueError, by a function's name, for what is no task."""
    if not isinstance(task, Task):
        raise ValueError(f"{name} needs a Task such as classification(10), got {kind_of(task)}")


def refuse_classes_only(name: str, task: Task) -> None:
    """Raises ValueError, by a setting's name, if a task's training loss takes no distribution."""
    loss = objective_of(task)
    one = jax.ShapeDtypeStruct((task.num_outputs,), jnp.float32)
    try:
        jax.eval_shape(loss, one, one)
    except (TypeError, ValueError) as error:
        own = name_of(task.loss)
        raise ValueError(f"{name} needs a loss of distributions, got {own}") from error


def _units(unit: Sequence[float], num_outputs: int) -> np.ndarray:
    scale = _numbers("unit needs", unit, num_outputs, "one an output")
    if not (np.isfinite(scale) & (scale > 0)).all():
        raise ValueError(f"unit needs to be finite and above 0, got {scale.tolist()}")
    return scale


@functools.cache
def _loss_in_units(loss: Function, unit: tuple[float, ...]) -> Function:
    def in_units(outputs: jax.Array, label: jax.Array) -> jax.Array:
        by = jnp.array(unit, jnp.float32)
        return loss(outputs / by, label.reshape(outputs.shape) / by)

    return in_units


def _numbers(needs: str, given: Sequence[float], count: int, which: str) -> np.ndarray:
    try:
        values = np.asarray(given, np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"{needs} {count} numbers, {which}, got {kind_of(given)}") from None
    if values.shape != (count,):
        raise ValueError(f"{needs} {count} numbers, got {values.shape}")
    return values


def _smoothed(task: Task, smoothed: Callable[..., jax.Array], amount: float | None) -> Task:
    """A task that trains on smoothed labels."""
    if amount is None:
        return task
    check_rate("label_smoothing", amount)
    refuse_classes_only("label_smoothing", task)
    return task._replace(train_loss=smoothed, rates=(("label_smoothing", float(amount)),))


@functools.cache
def _smoothed_classes(loss: Function) -> Callable[..., jax.Array]:
    def smoothed(outputs: jax.Array, label: jax.Array, *, label_smoothing: Any) -> jax.Array:
        num_classes = len(outputs)
        target = label
        if not label.ndim:
            is_class = (label >= 0) & (label < num_classes)  # else NaN, as of the plain loss
            target = jnp.where(is_class, jax.nn.one_hot(label, num_classes), jnp.nan)
        return loss(outputs, (1 - label_smoothing) * target + label_smoothing / num_classes)

    return smoothed


@functools.cache
def _smoothed_answers() -> Callable[..., jax.Array]:
    def smoothed(outputs: jax.Array, label: jax.Array, *, label_smoothing: Any) -> jax.Array:
        target = (1 - label_smoothing) * label.astype(outputs.dtype) + label_smoothing / 2
        return losses.sigmoid_cross_entropy(outputs, target)

    return smoothed


def _weighted(task: Task, num_classes: int, weights: Sequence[float] | None) -> Task:
    """A task whose classes weigh differently in training."""
    if weights is None:
        return task
    values = _numbers("class_weights need", weights, num_classes, "one a class")
    if not (np.isfinite(values).all() and (values >= 0).all() and (values > 0).any()):
        got = values.tolist()
        raise ValueError(f"class_weights need to be finite, none negative, one above 0, got {got}")
    return task._replace(weight=_class_weight(tuple(values.tolist())))


@functools.cache
def _class_weight(weights: tuple[float, ...]) -> Callable[[jax.Array], jax.Array]:
    def class_weight(label: jax.Array) -> jax.Array:
        by_class = jnp.array(weights, jnp.float32)
        if label.size > 1:  # a distribution
            return by_class @ label.astype(jnp.float32)
        label = label.reshape(())
        if jnp.issubdtype(label.dtype, jnp.integer):
            return by_class[label]
        return by_class[0] + label * (by_class[1] - by_class[0])  # of an answer that is a float

    return class_weight


@functools.cache
def _check_classes(num_classes: int) -> Callable[[Array], Array]:
    def check_labels(labels: Array) -> Array:
        if labels.ndim == 2 and labels.shape[1] == 1:  # a column of a table
            labels = labels[:, 0]
        if labels.ndim == 2:
            _check_width(labels, num_classes)
            _check_distributions(np.asarray(labels))
            return labels
        if labels.ndim != 1:
            raise ValueError(
                "labels need to be integers (num_examples,) or one-hot vectors (num_examples, "
                f"{num_classes}), got {labels.dtype} {labels.shape}"
            )
        values = np.asarray(labels)
        _check_range(values, 0, num_classes - 1)
        if np.issubdtype(values.dtype, np.integer):
            return labels
        _check_all(values == np.round(values), values, "whole numbers")
        return labels.astype(np.int32)

    return check_labels


@functools.cache
def _check_answers(num_outputs: int) -> Callable[[Array], None]:
    def check_labels(labels: Array) -> None:
        if not (labels.ndim == 1 and num_outputs == 1):
            _check_width(labels, num_outputs)
        _check_range(np.asarray(labels), 0, 1)

    return check_labels


@functools.cache
def _check_values(num_outputs: int) -> Callable[[Array], None]:
    def check_labels(labels: Array) -> None:
        if not (labels.ndim == 1 and num_outputs == 1):
            _check_width(labels, num_outputs)
        values = np.asarray(labels)
        _check_all(np.isfinite(values), values, "finite")

    return check_labels


def _check_width(labels: Array, width: int) -> None:
    if labels.ndim != 2 or labels.shape[1] != width:
        raise ValueError(f"labels need the shape (num_examples, {width}), got {labels.shape}")


def _check_range(labels: np.ndarray, low: int, high: int) -> None:
    _check_all((labels >= low) & (labels <= high), labels, f"from {low} to {high}")


def _check_distributions(labels: np.ndarray) -> None:
    _check_range(labels, 0, 1)
    sums = labels.sum(axis=1, dtype=np.float64)
    is_one = np.abs(sums - 1) < TOLERANCE
    if not is_one.all():
        row = int(is_one.argmin())
        raise ValueError(f"labels need to sum to 1 in each row, got {sums[row]:g} in row {row}")


def _check_all(is_good: np.ndarray, labels: np.ndarray, what: str) -> None:
    """Names the first label that is not good, as none is that is NaN."""
    if not is_good.all():
        where = np.argwhere(~is_good)[0]
        raise ValueError(f"labels need to be {what}, got {labels[tuple(where)]} at {where[0]}")
