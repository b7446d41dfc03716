"""From the names of an estimator's parameters to a recipe."""

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, NamedTuple

import jax

from jaxmlp.nn import activations, initializers
from jaxmlp.nn.mlp import mlp
from jaxmlp.objectives.losses import squared_error
from jaxmlp.objectives.tasks import Task, binary_classification, classification, regression
from jaxmlp.optim import optimizers, schedules
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Model

__all__ = [
    "Settings",
    "batch_size_of",
    "half_squared_error",
    "model_of",
    "recipe_of",
    "settings_of",
    "task_of",
]

# scikit-learn's names for what goes by another one here.
ACTIVATIONS = {"logistic": "sigmoid"}
WITHOUT_SLOPE = ("sign", "step")  # which nothing is learned through
BENT_AT_ZERO = ("elu", "gelu", "leaky_relu", "relu", "selu", "silu", "softplus")
LARGEST_BATCH = 200  # that "auto" takes


class Settings(NamedTuple):
    """What an estimator's parameters say of its networks, seen to be good."""

    hidden_layer_sizes: tuple[int, ...]
    activation: str  # a name of `activations`
    optimizer: Callable[..., Any]  # of hyperparameters
    schedule: Callable[..., Any] | None
    learning_rate: float
    alpha: float
    dropout: float | None
    norm: str | None
    num_epochs: int


def half_squared_error(outputs: jax.Array, label: jax.Array) -> jax.Array:
    """Half the squared difference, summed over outputs: whose gradient scikit-learn goes down.

    >>> import numpy as np
    >>> half_squared_error(np.float32([1.0, 2.0]), np.float32([3.0, 2.0])).item()
    2.0
    """
    return 0.5 * squared_error(outputs, label)


def settings_of(parameters: Any) -> Settings:
    """An estimator's parameters as pieces of a recipe.

    Args:
      parameters: the estimator.

    Raises:
      ValueError: in one line, for the first that is not good.
    """
    p = parameters
    _check_number("alpha", p.alpha, lambda alpha: alpha >= 0, "at least 0")
    _check_number("learning_rate_init", p.learning_rate_init, lambda rate: rate > 0, "above 0")
    for name in ("max_iter", "n_iter_no_change", "n_members"):
        _check_whole(name, getattr(p, name))
    if p.tol is not None:
        _check_number("tol", p.tol, lambda tol: tol >= 0, "at least 0")
    share = p.validation_fraction
    _check_number("validation_fraction", share, lambda share: 0 < share < 1, "between 0 and 1")
    if p.dropout is not None:
        _check_number("dropout", p.dropout, lambda rate: 0 <= rate < 1, "from 0 to below 1")
    optimizer, schedule = p.optimizer, p.schedule
    if not callable(optimizer):
        optimizer = getattr(optimizers, _one_of("optimizer", optimizer, optimizers.__all__))
    if schedule is not None and not callable(schedule):
        schedule = getattr(schedules, _one_of("schedule", schedule, schedules.__all__))
    known = [*sorted(set(activations.__all__) - {*WITHOUT_SLOPE}), *ACTIVATIONS]
    activation = _one_of("activation", p.activation, known)
    return Settings(
        _sizes(p.hidden_layer_sizes),
        ACTIVATIONS.get(activation, activation),
        optimizers.regularized(optimizer),
        schedule,
        float(p.learning_rate_init),
        float(p.alpha),
        None if p.dropout is None else float(p.dropout),
        None if p.norm is None else _one_of("norm", p.norm, ("batch", "layer")),
        int(p.max_iter),
    )


def batch_size_of(given: int | str, num_examples: int, norm: str | None) -> int:
    """How many examples a batch has.

    Args:
      given: the parameter: a number, or "auto" for 200, or all where there are fewer; and with a
        batch norm one less as long as the last batch would be of one example.
      num_examples: to be trained on.
      norm: of the network.

    Raises:
      ValueError: if it is neither.

    >>> batch_size_of("auto", 1000, None), batch_size_of("auto", 201, "batch")
    (200, 199)
    """
    if not isinstance(given, str):
        _check_whole("batch_size", given)
        return min(int(given), num_examples)
    _one_of("batch_size", given, ("auto",))
    size = min(LARGEST_BATCH, num_examples)
    while norm == "batch" and size > 2 and num_examples % size == 1:
        size -= 1
    return size


def model_of(settings: Settings, num_inputs: int, num_outputs: int) -> Model:
    """The network, without scalings; its kernels begin as suits the activation.

    >>> relu = Settings((8,), "relu", print, None, 0.1, 0.0, None, None, 1)
    >>> model_of(relu, 4, 3)
    Model(4-8-3, relu)
    """
    is_bent = settings.activation in BENT_AT_ZERO
    return mlp(
        (num_inputs, *settings.hidden_layer_sizes, num_outputs),
        getattr(activations, settings.activation),
        initializers.he if is_bent else initializers.xavier,
        dropout=settings.dropout,
        norm=settings.norm,
    )


def task_of(kind: str, num_outputs: int) -> Task:
    """The task of a kind, as `Task.kind` has it.

    >>> task_of("regression", 1)
    Task(half_squared_error, absolute_error)
    """
    if kind == "classification":
        return classification(num_outputs)
    if kind == "binary":
        return binary_classification(num_outputs)
    return regression(num_outputs, half_squared_error)


def recipe_of(
    settings: Settings, task: Task, num_inputs: int, batch_size: int, batch_weight: float
) -> Recipe:
    """The recipe by which an estimator trains on scaled rows.

    Args:
      settings: of the estimator.
      task: its own.
      num_inputs: columns of X.
      batch_size: examples of a batch.
      batch_weight: what these weigh together. The penalty is alpha over it, as of scikit-learn's
        own.

    Returns:
      A recipe in which learning rate, alpha and dropout are numbers: others compile nothing anew.
    """
    model = model_of(settings, num_inputs, task.num_outputs)
    return Recipe(
        model=model,
        task=task,
        optimizer=settings.optimizer,
        hyperparameters={
            "learning_rate": settings.learning_rate,
            "l2": settings.alpha / batch_weight,
        },
        batch_size=batch_size,
        num_epochs=settings.num_epochs,
        schedule=settings.schedule,
    )


def _sizes(given: Any) -> tuple[int, ...]:
    sizes = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    for size in sizes:
        _check_whole("hidden_layer_sizes", size)
    return tuple(int(size) for size in sizes)


def _one_of(name: str, value: Any, known: Iterable[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} needs to be one of {', '.join(known)}, got {value!r}")
    return value


def _check_whole(name: str, value: Any) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} needs a whole number of at least 1, got {value!r}")


def _check_number(name: str, value: Any, is_good: Callable[[Any], bool], expected: str) -> None:
    if not isinstance(value, Real) or isinstance(value, bool) or not is_good(value):
        raise ValueError(f"{name} needs a number {expected}, got {value!r}")
