"""A recipe: all that decides a result, but for the data and the seed."""

import contextlib
import inspect
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmlp.naming import name_of
from jaxmlp.nn.mlp import rates, with_rates
from jaxmlp.objectives import tasks
from jaxmlp.objectives.tasks import Task
from jaxmlp.optim.averages import EvalParams
from jaxmlp.runtime.leaves import leaf_name
from jaxmlp.types import Model, PyTree, trained, with_trained

__all__ = [
    "SCALES",
    "Recipe",
    "build_model",
    "build_optimizer",
    "build_task",
    "init_params",
    "split",
]


ANY_RATE = 0.5  # of a model or a task whose rates are traced
SCALES = ("init_scale", "bias_scale")  # hyperparameters of the initial kernels and biases


class Recipe(NamedTuple):
    """All that decides a result, but for the data and the seed.

    A program is compiled for each recipe that differs in more than the numbers among its
    hyperparameters: for another model, task, batch size or, where there is a schedule, number of
    epochs; and for another function, which one that is made anew is, though it does the same. Equal
    partials of one function are one, and so are networks and tasks that this library made alike.

    >>> import jaxmlp
    >>> Recipe(jaxmlp.mlp((4, 3)), jaxmlp.regression(3), optax.adam, {"learning_rate": 0.1})
    Recipe(Model(4-3), Task(squared_error, absolute_error), adam(learning_rate=0.1),
           batch_size=256, num_epochs=10)
    """

    model: Model
    task: Task
    optimizer: Callable[..., optax.GradientTransformation]  # of the hyperparameters
    # By name, or as pairs of a name and a value. Numbers are traced, so that a new value compiles
    # nothing; but whole ones only where the default is no whole number. All are the optimizer's but
    # those that the schedule takes by keyword; the model's rates, such as dropout, in the place of
    # its own; and init_scale and bias_scale, which multiply the initial kernels and biases.
    hyperparameters: Mapping[str, Any] | tuple[tuple[str, Any], ...]
    batch_size: int = 256
    num_epochs: int = 10
    schedule: Callable[..., optax.Schedule] | None = None  # of learning_rate, num_steps
    # What to evaluate with and to return as a run's parameters, made from its state: averages, or,
    # of a network without running statistics,
    # lambda state: optax.contrib.schedule_free_eval_params(state.opt_state, state.params)
    eval_params: EvalParams | None = None

    def __repr__(self) -> str:
        """The pieces by their names."""
        values = [f"{name}={value!r}" for name, value in dict(self.hyperparameters).items()]
        functions = {name: getattr(self, name) for name in ("schedule", "eval_params")}
        rest = [f"{name}={name_of(f)}" for name, f in functions.items() if f is not None]
        optimizer = f"{name_of(self.optimizer)}({', '.join(values)})"
        rest = [f"batch_size={self.batch_size}", f"num_epochs={self.num_epochs}", *rest]
        pieces = f"{self.model!r}, {self.task!r}, {optimizer}"
        return f"Recipe({pieces},\n       {', '.join(rest)})"


def split(recipe: Recipe) -> tuple[Recipe, dict[str, jax.Array]]:
    """The part of a recipe that makes the program, and the numbers that go into it.

    Returns:
      A hashable recipe, with the hyperparameters that are no numbers as a tuple of pairs, and a
      model and a task with a fixed number in the place of each of their rates; and the numbers,
      name -> () float32: floats, whole numbers in the place of one, and the rates.

    >>> import jaxmlp
    >>> hyperparameters = {"learning_rate": 0.5, "nesterov": True}
    >>> model = jaxmlp.mlp((4, 8, 3), dropout=0.2)
    >>> static, numbers = split(Recipe(model, jaxmlp.regression(3), optax.sgd, hyperparameters))
    >>> static.hyperparameters, sorted(numbers)
    ((('nesterov', True),), ['dropout', 'learning_rate'])
    """
    model_rates, task_rates = rates(recipe.model), tasks.rates(recipe.task)
    both = {**model_rates, **task_rates}
    numbers = {name: jnp.asarray(rate, jnp.float32) for name, rate in both.items()}
    rest = []
    for name, value in dict(recipe.hyperparameters).items():
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        if isinstance(value, float | np.floating | np.ndarray | jax.Array) or (
            is_whole and _stands_for_a_float(recipe, name)
        ):
            numbers[name] = jnp.asarray(value, jnp.float32)
        else:
            rest.append((name, value))
    # How long a run is matters to a schedule alone; another length need not compile anew.
    num_epochs = recipe.num_epochs if recipe.schedule else 1
    model = with_rates(recipe.model, dict.fromkeys(model_rates, ANY_RATE))
    task = tasks.with_rates(recipe.task, dict.fromkeys(task_rates, ANY_RATE))
    pieces: dict[str, Any] = {"model": model, "task": task, "num_epochs": num_epochs}
    return recipe._replace(**pieces, hyperparameters=tuple(rest)), numbers


def build_model(recipe: Recipe, numbers: Mapping[str, jax.Array]) -> Model:
    """The model of a run, with its rates.

    Args:
      recipe: the first result of `split`.
      numbers: the second.
    """
    return with_rates(recipe.model, {name: numbers[name] for name in rates(recipe.model)})


def build_task(recipe: Recipe, numbers: Mapping[str, jax.Array]) -> Task:
    """The task of a run, with its rates: as `build_model`."""
    own = tasks.rates(recipe.task)
    return tasks.with_rates(recipe.task, {name: numbers[name] for name in own})


def build_optimizer(
    recipe: Recipe, numbers: Mapping[str, jax.Array], num_steps: int
) -> tuple[optax.GradientTransformation, optax.Schedule | None]:
    """The optimizer of a run, and its learning rate as a function of the step.

    Args:
      recipe: the first result of `split`.
      numbers: the second.
      num_steps: the whole run's.

    Returns:
      The optimizer; and the schedule, None where there is no hyperparameter `learning_rate`.
    """
    hyperparameters = {**dict(recipe.hyperparameters), **numbers}
    for name in (*SCALES, *rates(recipe.model), *tasks.rates(recipe.task)):
        hyperparameters.pop(name, None)
    rate = hyperparameters.get("learning_rate")
    if rate is None:
        return recipe.optimizer(**hyperparameters), None
    if recipe.schedule is None:
        schedule = rate if callable(rate) else optax.constant_schedule(rate)
        return recipe.optimizer(**hyperparameters), schedule
    names = inspect.signature(recipe.schedule).parameters
    by_keyword = [name for name, p in names.items() if p.kind is inspect.Parameter.KEYWORD_ONLY]
    own = {name: hyperparameters.pop(name) for name in by_keyword if name in hyperparameters}
    schedule = recipe.schedule(rate, num_steps, **own)
    return recipe.optimizer(**{**hyperparameters, "learning_rate": schedule}), schedule


def init_params(recipe: Recipe, numbers: Mapping[str, jax.Array], key: jax.Array) -> PyTree:
    """The parameters before training: the model's, times `init_scale` and `bias_scale`.

    Leaves with two axes or more are kernels, and others biases; but what goes by the name "scale",
    as the factors of a normalization do, or "merge", as those of a ladder, stays as it is.

    Args:
      recipe: the first result of `split`.
      numbers: the second.
      key: the run's for initialization.
    """
    params = recipe.model.init(key)
    scales = {**dict(recipe.hyperparameters), **numbers}

    def scaled(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
        scale = scales.get("init_scale" if leaf.ndim > 1 else "bias_scale")
        is_factor = leaf_name(path[-1:]) in ("scale", "merge")
        return leaf if scale is None or is_factor else leaf * scale

    return with_trained(params, jax.tree_util.tree_map_with_path(scaled, trained(params)))


def _stands_for_a_float(recipe: Recipe, name: str) -> bool:
    """Whether a whole number is one by chance: where the default is a float."""
    if name in ("learning_rate", *SCALES):
        return True
    for function in filter(callable, (recipe.optimizer, recipe.schedule)):
        with contextlib.suppress(KeyError, TypeError, ValueError):  # it has no such argument
            if isinstance(inspect.signature(function).parameters[name].default, float):
                return True
    return False
