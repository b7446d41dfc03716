"""Sees whether recipe and data fit each other, before anything is computed."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxmlp.naming import first_line, kind_of, metric_names
from jaxmlp.nn.precision import refuse_precision
from jaxmlp.objectives.records import Metric
from jaxmlp.objectives.tasks import objective_of
from jaxmlp.randomness import as_seed
from jaxmlp.runtime.compilation import default_device
from jaxmlp.training.canonical import canonical_recipe
from jaxmlp.training.examples import as_array, as_inputs, as_labels, as_weights
from jaxmlp.training.limits import refuse_too_large
from jaxmlp.training.placement import held
from jaxmlp.training.recipe import Recipe
from jaxmlp.training.sources import (
    as_source,
    check_sources,
    check_window,
    is_streamed,
    refuse_other_lengths,
    whole,
)
from jaxmlp.training.trial import try_a_pass, try_a_step, try_the_goal
from jaxmlp.types import Array, Dataset

__all__ = ["check", "check_examples", "check_inputs", "check_set", "refuse_traced"]


def check(
    recipe: Recipe,
    data: Dataset,
    *seeds: int,
    window: int | None = None,
    mesh: Mesh | None = None,
) -> tuple[Recipe, Dataset]:
    """Sees whether a recipe and data fit each other, without computing anything.

    Args:
      recipe: to be trained.
      data: to be trained on; see `Dataset` for what it may hold.
      seeds: the run's.
      window: bytes of examples, as of `train`.
      mesh: as of `train`.

    Returns:
      Both as training takes them: equal partials as one, and examples as `check_set` has them.

    Raises:
      ValueError: in one line, with what was expected and what came.
    """
    if not isinstance(data, Dataset):
        raise ValueError(
            f"data needs to be a Dataset(train_inputs, train_labels, ...), got {kind_of(data)}"
        )
    refuse_traced(jnp.zeros(()), *data, *seeds)
    if jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        raise ValueError("training needs compiled loops, got jax_disable_jit: leave that context")
    recipe = canonical_recipe(recipe)
    refuse_precision(recipe.model, default_device().platform)
    refuse_traced(*dict(recipe.hyperparameters).values())
    for seed in seeds:
        as_seed(seed)
    check_window(window)
    state = try_a_step(recipe)
    if data.train_inputs is None or data.train_labels is None:
        raise ValueError("training needs train_inputs and train_labels, got none")
    for name in ("test", "validation"):
        halves = [getattr(data, f"{name}_{half}") is None for half in ("inputs", "labels")]
        if any(halves) and not all(halves):
            raise ValueError(f"a {name} set needs inputs and labels, got one without the other")
    for name, examples in data.sets().items():
        try:
            inputs, labels = check_set(recipe, *examples, window)
        except ValueError as error:
            raise ValueError(f"{name} set: {error}") from error
        taken: dict[str, Any] = {f"{name}_inputs": inputs, f"{name}_labels": labels}
        data = data._replace(**taken)
    if data.train_weights is not None:
        weights: Any = as_weights(data.train_weights, len(data.train_inputs))
        data = data._replace(train_weights=weights)
    if recipe.batch_size > len(data.train_inputs):
        raise ValueError(
            f"batch_size needs to be at most the {len(data.train_inputs)} training examples, "
            f"got {recipe.batch_size}"
        )
    try_a_pass(recipe, state[0], data.train_inputs)
    try_the_goal(recipe, state[0], data.train_inputs, data.train_labels)
    if isinstance(mesh, Mesh) and mesh.devices.flat[0].platform != "cpu":
        state = held(mesh, recipe.model, state)  # of each device, where each has its own memory
    refuse_too_large(*state, data, recipe.batch_size, recipe.num_epochs)
    return recipe, data


def refuse_traced(*values: Any) -> None:
    """Raises ValueError if one is an array of a function that JAX is tracing."""
    if any(isinstance(value, jax.core.Tracer) for value in values):
        raise ValueError(
            "training needs arrays, got traced values: it compiles by itself, so call it outside "
            "of jit, vmap and grad; train_many trains many networks at once"
        )


def check_set(recipe: Recipe, inputs: Any, labels: Any, window: int | None = None) -> Any:
    """Sees whether a set suits a recipe; raises as `check` does.

    Returns:
      As of `check_examples`; of a set of more bytes than a window, a `Source` of each.
    """
    check_window(window)
    if window is not None:
        inputs, labels = as_source("inputs", inputs), as_source("labels", labels)
        refuse_other_lengths(inputs, labels)
        if is_streamed(window, inputs, labels):
            check_few = functools.partial(check_examples, recipe)
            return check_sources(check_few, recipe.task.check_labels, inputs, labels)
        inputs, labels = whole(inputs), whole(labels)
    return check_examples(recipe, inputs, labels)


def check_examples(recipe: Recipe, inputs: Any, labels: Any) -> tuple[Array, Array]:
    """Sees whether inputs and labels suit a recipe's model and task; raises as `check` does.

    Returns:
      Both as arrays of the dtypes that `Dataset` names; what is one stays as it is.
    """
    inputs, labels = as_array("inputs", inputs), as_labels(labels)
    refuse_other_lengths(inputs, labels)
    as_the_task_has_them = recipe.task.check_labels(labels)
    labels = labels if as_the_task_has_them is None else as_the_task_has_them
    inputs, outputs = _through_the_model(recipe, inputs)
    if getattr(outputs, "shape", None) != (recipe.task.num_outputs,):
        got = getattr(outputs, "shape", kind_of(outputs))
        raise ValueError(
            f"the task needs {recipe.task.num_outputs} outputs, the model returns {got}"
        )
    label = jax.ShapeDtypeStruct(labels.shape[1:], jax.dtypes.canonicalize_dtype(labels.dtype))
    names = ["loss", *metric_names(recipe.task.metrics), "train_loss"]
    functions = (recipe.task.loss, *recipe.task.metrics, objective_of(recipe.task))
    for name, function in zip(names, functions, strict=True):
        try:
            # JAX keeps weak references to functions, which a tuple does not have.
            called = function.__call__ if isinstance(function, Metric) else function
            value = jax.eval_shape(called, outputs, label)
        except Exception as error:
            raise ValueError(
                f"{name} cannot take labels {label.dtype} {label.shape}: {first_line(error)}"
            ) from error
        if getattr(value, "shape", None) != ():
            got = getattr(value, "shape", kind_of(value))
            raise ValueError(f"{name} needs to return one number for an example, got {got}")
    return inputs, labels


def check_inputs(recipe: Recipe, inputs: Any) -> Array:
    """The same for inputs alone."""
    return _through_the_model(recipe, as_array("inputs", inputs))[0]


def _through_the_model(recipe: Recipe, inputs: Array) -> tuple[Array, Any]:
    """Inputs as the model takes them, and the shape of its outputs for one of them."""
    refuse_precision(recipe.model, default_device().platform)
    params = jax.eval_shape(recipe.model.init, jax.random.key(0))

    def outputs_of(shape: tuple[int, ...], dtype: Any) -> Any:
        return jax.eval_shape(recipe.model.apply, params, jax.ShapeDtypeStruct(shape, dtype))

    def is_taken(shape: tuple[int, ...], dtype: Any) -> bool:
        try:
            outputs_of(shape, dtype)
        except Exception:
            return False
        return True

    whole = jax.dtypes.canonicalize_dtype(inputs.dtype)
    if jnp.issubdtype(whole, np.integer) and inputs.dtype != np.uint8:
        shape = inputs.shape[1:]
        if is_taken(shape, whole) and not is_taken(shape, jnp.float32):  # an embedding
            return inputs, outputs_of(shape, whole)
    inputs = as_inputs(inputs)
    dtype = jnp.float32 if inputs.dtype == np.uint8 else inputs.dtype
    try:
        return inputs, outputs_of(inputs.shape[1:], dtype)
    except Exception as error:
        if is_taken(inputs.shape, dtype):
            raise ValueError(
                f"inputs need to be (num_examples, ...), got one example {inputs.shape}: "
                "inputs[None] is a batch of it"
            ) from error
        what = f"{inputs.dtype} examples {inputs.shape[1:]}"
        raise ValueError(f"the model cannot take {what}: {first_line(error)}") from error
