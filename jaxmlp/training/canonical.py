"""A recipe in the form that tells recipes apart, once its pieces are what they should be."""

import math
from collections.abc import Iterable, Iterator
from numbers import Integral
from typing import Any

import jax
import numpy as np
import optax

from jaxmlp.naming import kind_of, metric_names
from jaxmlp.nn.architecture import RATES
from jaxmlp.nn.mlp import architecture_of, rates, variant
from jaxmlp.objectives import tasks
from jaxmlp.objectives.records import Metric, metric_of
from jaxmlp.objectives.tasks import Task
from jaxmlp.runtime.recompilation import canonical, warn_of_lookalikes
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Model

__all__ = ["canonical_recipe"]

OPTIONAL = ("schedule", "eval_params", "train_loss", "weight", "mix", "penalty")


def canonical_recipe(recipe: Recipe) -> Recipe:
    """A recipe with equal partials as one; raises ValueError if a piece is not what it should be.

    Recipes that are alike are then equal, as far as can be told, and compiled once. Where they
    cannot be told alike, a `RecompilationWarning` says so.
    """
    if not isinstance(recipe, Recipe):
        raise ValueError(f"recipe needs to be a Recipe, got {kind_of(recipe)}")
    _check_whole("num_epochs", recipe.num_epochs)
    _check_whole("batch_size", recipe.batch_size)
    for name, kind, such_as in (
        ("model", Model, "mlp((784, 256, 10)) or from_flax(module, example)"),
        ("task", Task, "classification(10)"),
    ):
        if not isinstance(piece := getattr(recipe, name), kind):
            raise ValueError(
                f"{name} needs to be a {kind.__name__}, such as {such_as}, got {kind_of(piece)}"
            )
    _check_functions(recipe)
    hyperparameters = _checked_hyperparameters(recipe.hyperparameters)
    _check_rates(recipe)
    own = _taken(hyperparameters, RATES if architecture_of(recipe.model) else ())
    model = variant(recipe.model, **own) if own else recipe.model
    task = tasks.with_rates(recipe.task, _taken(hyperparameters, tasks.rates(recipe.task)))
    recipe = recipe._replace(
        model=model._replace(**_canonical(model)),
        task=task._replace(**_canonical(task), metrics=tuple(map(_canonical_metric, task.metrics))),
        hyperparameters={name: canonical(value) for name, value in hyperparameters.items()},
    )
    recipe = recipe._replace(**_canonical(recipe))
    for name in ("optimizer", "schedule"):
        warn_of_lookalikes(name, getattr(recipe, name))
    warn_of_lookalikes("model", recipe.model.apply)
    for function in _functions_of(recipe.task):
        warn_of_lookalikes("loss or metric", function)
    return recipe


def _functions_of(task: Task) -> Iterator[Any]:
    """All that a task is computed by, those of its records too."""
    yield from (task.loss, task.train_loss, task.weight, task.mix, task.penalty)
    for metric in task.metrics:
        yield from (
            (metric.one, metric.accumulate, metric.finish)
            if isinstance(metric, Metric)
            else (metric,)
        )


def _canonical_metric(metric: Any) -> Any:
    if isinstance(metric, Metric):
        return metric._replace(**_canonical(metric))
    return canonical(metric)


def _canonical(piece: Any) -> dict[str, Any]:
    """The functions of a tuple with names, by these."""
    return {name: canonical(value) for name, value in piece._asdict().items() if callable(value)}


def _taken(hyperparameters: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of the names, which are then no longer among the hyperparameters."""
    own = {name: hyperparameters.pop(name) for name in names if name in hyperparameters}
    return {name: _as_float(value) for name, value in own.items()}


def _as_float(value: Any) -> Any:
    return float(value) if isinstance(value, np.ndarray | np.generic | jax.Array) else value


def _check_functions(recipe: Recipe) -> None:
    for name, function, such_as in (
        ("optimizer", recipe.optimizer, "optax.adam, of its hyperparameters"),
        ("schedule", recipe.schedule, "schedules.cosine, of learning_rate and num_steps"),
        ("eval_params", recipe.eval_params, "lambda state: state.params"),
        ("loss", recipe.task.loss, "losses.softmax_cross_entropy"),
        ("train_loss", recipe.task.train_loss, "the loss"),
        ("weight", recipe.task.weight, "lambda label: 1.0"),
        ("mix", recipe.task.mix, "lambda batch, key: batch"),
        (
            "penalty",
            recipe.task.penalty,
            "lambda forward, inputs, outputs, keys, mask: jnp.zeros(len(inputs))",
        ),
    ):
        if isinstance(function, optax.GradientTransformation):
            raise ValueError(
                f"{name} needs to be a function such as optax.adam, got what it returns: write "
                'optimizer=optax.adam, hyperparameters={"learning_rate": 1e-3}'
            )
        if not callable(function) and not (name in OPTIONAL and function is None):
            raise ValueError(
                f"{name} needs to be a function such as {such_as}, got {kind_of(function)}"
            )
    if not isinstance(recipe.task.metrics, tuple):
        raise ValueError(f"metrics need to be a tuple, got {kind_of(recipe.task.metrics)}")
    metric_names(recipe.task.metrics)
    for metric in recipe.task.metrics:
        metric_of(metric)


def _check_rates(recipe: Recipe) -> None:
    own = tasks.rates(recipe.task)
    if taken := own.keys() & rates(recipe.model).keys():
        raise ValueError(f"{min(taken)} needs to be the model's or the task's, got it in both")
    task = recipe.task
    functions = [each for each in (task.train_loss, task.mix, task.penalty) if each is not None]
    if idle := [n for n in own if not any(tasks.takes(function, n) for function in functions)]:
        raise ValueError(
            f"{', '.join(idle)} need a train_loss, mix or penalty that takes them, got none"
        )
    tasks.with_rates(recipe.task, own)


def _checked_hyperparameters(given: Any) -> dict[str, Any]:
    try:
        made = dict(given)
    except (TypeError, ValueError):
        made = {None: None}
    if not all(isinstance(name, str) for name in made):
        raise ValueError(
            f'hyperparameters need to be by name, such as {{"learning_rate": 1e-3}}, got '
            f"{kind_of(given)}"
        )
    for name, value in made.items():
        if isinstance(value, np.ndarray | jax.Array) and np.ndim(value):
            raise ValueError(f"{name} needs to be a number, got {kind_of(value)}")
        if isinstance(value, str) or (isinstance(value, float) and math.isnan(value)):
            raise ValueError(f"{name} needs to be a number, got {value!r}")
    rate = made.get("learning_rate", 1.0)
    if rate is None or (isinstance(rate, float) and math.isinf(rate)):
        raise ValueError(f"learning_rate needs to be finite, got {rate}")
    return made


def _check_whole(name: str, value: Any) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} needs to be a whole number of at least 1, got {kind_of(value)}")
