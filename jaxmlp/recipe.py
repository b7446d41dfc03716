"""A recipe: all that decides a result, but for the data and the seed."""

import inspect
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmlp.tasks import Task
from jaxmlp.types import Array, Dataset, Model, PyTree

__all__ = ["Recipe", "build_optimizer", "check", "init_params", "split"]


SCALES = ("init_scale", "bias_scale")  # hyperparameters of the initial kernels and biases


class Recipe(NamedTuple):
    """All that decides a result, but for the data and the seed."""

    model: Model
    task: Task
    optimizer: Callable[..., optax.GradientTransformation]  # of the hyperparameters
    # By name, or as pairs of a name and a value. Floats are traced: a new value compiles nothing.
    # All are the optimizer's but those that the schedule takes by keyword, and init_scale and
    # bias_scale, which multiply the initial kernels and biases.
    hyperparameters: Mapping[str, Any] | tuple[tuple[str, Any], ...]
    batch_size: int = 256
    num_epochs: int = 10
    schedule: Callable[..., optax.Schedule] | None = None  # of learning_rate, num_steps


def split(recipe: Recipe) -> tuple[Recipe, dict[str, jax.Array]]:
    """The part of a recipe that makes the program, and the numbers that go into it.

    Returns:
      A hashable recipe, with the hyperparameters that are no floats as a tuple of pairs; and the
      floats, name -> () float32.

    >>> split(Recipe(None, None, None, {"learning_rate": 0.5, "nesterov": True}))[0].hyperparameters
    (('nesterov', True),)
    """
    numbers, rest = {}, []
    for name, value in dict(recipe.hyperparameters).items():
        if isinstance(value, float | np.floating | np.ndarray | jax.Array):
            numbers[name] = jnp.asarray(value, jnp.float32)
        else:
            rest.append((name, value))
    # How long a run is matters to a schedule alone; another length need not compile anew.
    num_epochs = recipe.num_epochs if recipe.schedule else 1
    return recipe._replace(hyperparameters=tuple(rest), num_epochs=num_epochs), numbers


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
    for name in SCALES:
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

    Args:
      recipe: the first result of `split`.
      numbers: the second.
      key: the run's for initialization.
    """
    params = recipe.model.init(key)
    scales = {**dict(recipe.hyperparameters), **numbers}

    def scaled(leaf: jax.Array) -> jax.Array:
        scale = scales.get("init_scale" if leaf.ndim > 1 else "bias_scale")
        return leaf if scale is None else leaf * scale

    return jax.tree.map(scaled, params)


def check(recipe: Recipe, data: Dataset) -> None:
    """Sees whether a recipe and data fit each other, without computing anything.

    Raises:
      ValueError: in one line, with what was expected and what came.
    """
    _check_whole("num_epochs", recipe.num_epochs)
    _check_whole("batch_size", recipe.batch_size)
    for name in ("test", "validation"):
        halves = [getattr(data, f"{name}_{half}") is None for half in ("inputs", "labels")]
        if any(halves) and not all(halves):
            raise ValueError(f"a {name} set needs inputs and labels, got one without the other")
    for name, (inputs, labels) in data.sets().items():
        try:
            check_examples(recipe, inputs, labels)
        except ValueError as error:
            raise ValueError(f"{name} set: {error}") from error
    if recipe.batch_size > len(data.train_inputs):
        raise ValueError(
            f"batch_size needs to be at most the {len(data.train_inputs)} training examples, "
            f"got {recipe.batch_size}"
        )
    if recipe.schedule is not None and "learning_rate" not in dict(recipe.hyperparameters):
        names = sorted(dict(recipe.hyperparameters))
        raise ValueError(f"a schedule needs the hyperparameter learning_rate, got {names}")
    try:
        build_optimizer(*split(recipe), num_steps=1)
    except TypeError as error:
        raise ValueError(f"hyperparameters need to be the optimizer's, got {error}") from error


def check_examples(recipe: Recipe, inputs: Array, labels: Array) -> None:
    """Sees whether inputs and labels suit a recipe's model and task; raises as `check` does."""
    inputs, labels = (x if hasattr(x, "dtype") else np.asarray(x) for x in (inputs, labels))
    if len(inputs) == 0 or len(inputs) != len(labels):
        raise ValueError(
            "inputs and labels need the same length, at least 1, "
            f"got {len(inputs)} inputs and {len(labels)} labels"
        )
    recipe.task.check_labels(labels)
    dtype = jnp.float32 if inputs.dtype == np.uint8 else jax.dtypes.canonicalize_dtype(inputs.dtype)
    example = jax.ShapeDtypeStruct(inputs.shape[1:], dtype)
    params = jax.eval_shape(recipe.model.init, jax.random.key(0))
    outputs = jax.eval_shape(recipe.model.apply, params, example)
    if outputs.shape != (recipe.task.num_outputs,):
        raise ValueError(
            f"the task needs {recipe.task.num_outputs} outputs, the model returns {outputs.shape}"
        )


def _check_whole(name: str, value: Any) -> None:
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} needs to be a whole number of at least 1, got {value}")
