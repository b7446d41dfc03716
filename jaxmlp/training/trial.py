"""One step of a recipe, tried without computing anything: by shapes alone."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.naming import first_line, name_of
from jaxmlp.training.batches import scale_pixels
from jaxmlp.training.goals import goal_of
from jaxmlp.training.passes import refuse_misfits
from jaxmlp.training.recipe import (
    Recipe,
    build_model,
    build_optimizer,
    build_task,
    init_params,
    split,
)
from jaxmlp.training.step import descend, objective
from jaxmlp.types import Array, Batch, Context, PyTree, TrainState, trained, with_trained

__all__ = ["try_a_pass", "try_a_step", "try_the_goal"]


def try_a_step(recipe: Recipe) -> tuple[PyTree, PyTree]:
    """Sees whether an optimizer takes its hyperparameters, and a step.

    Returns:
      The shapes of the parameters, and of the optimizer's state.
    """
    if recipe.schedule is not None and "learning_rate" not in dict(recipe.hyperparameters):
        names = sorted(dict(recipe.hyperparameters))
        raise ValueError(f"a schedule needs the hyperparameter learning_rate, got {names}")
    static, numbers = split(recipe)
    try:
        hash(static)
    except TypeError as error:
        raise ValueError(f"a recipe needs pieces that can be told apart, got {error}") from error
    try:
        build_optimizer(static, numbers, num_steps=1)
    except ValueError as error:  # the optimizer's own, of a number out of its range
        raise ValueError(first_line(error)) from error
    except Exception as error:
        raise ValueError(
            f"hyperparameters need to be the optimizer's, got {first_line(error)}"
        ) from error
    return _try_a_step(static, tuple(numbers))


@functools.lru_cache(maxsize=256)
def _try_a_step(static: Recipe, names: tuple[str, ...]) -> tuple[PyTree, PyTree]:
    """Sees whether a step leaves parameters and state as they are, but for their values.

    Returns:
      The shapes of both.
    """

    def states(numbers: Mapping[str, jax.Array]) -> tuple[Any, Any]:
        optimizer, _ = build_optimizer(static, numbers, num_steps=1)
        params = init_params(static, numbers, jax.random.key(0))
        weights = trained(params)
        opt_state = optimizer.init(weights)
        loss = functools.partial(jax.tree.reduce, lambda total, leaf: total + leaf.sum())

        def value_fn(weights: PyTree) -> jax.Array:
            return jnp.float32(loss(weights, jnp.float32(0)))

        value, gradient = jax.value_and_grad(value_fn)(weights)
        after, new_state = descend(optimizer, gradient, opt_state, weights, value, value_fn)
        return (params, opt_state), (with_trained(params, after), new_state)

    try:
        numbers = dict.fromkeys(names, jax.ShapeDtypeStruct((), jnp.float32))
        before, after = jax.eval_shape(states, numbers)
    except AttributeError as error:
        if "has no attribute 'fast'" not in str(error):
            raise ValueError(
                f"{name_of(static.optimizer)} cannot take a step of this model: {first_line(error)}"
            ) from error
        raise ValueError(
            "optax.lookahead takes pairs of parameters, fast and slow, which no model here has: "
            "use the optimizer inside it, and Recipe.eval_params for an average"
        ) from error
    except Exception as error:
        name = name_of(static.optimizer)
        raise ValueError(f"{name} cannot take a step of this model: {first_line(error)}") from error
    if jax.tree.map(_shape, before) != jax.tree.map(_shape, after):
        raise ValueError(
            f"{name_of(static.optimizer)} needs a step to leave the shapes of parameters and state "
            "as they are, got others"
        )
    if static.eval_params is not None:
        params, opt_state = after
        step: Any = jax.ShapeDtypeStruct((), jnp.int32)
        state = TrainState(params, opt_state, step)
        try:
            params = jax.eval_shape(static.eval_params, state)
        except Exception as error:
            raise ValueError(f"eval_params cannot take the state: {first_line(error)}") from error
        if jax.tree.map(_shape, params) != jax.tree.map(_shape, state.params):
            raise ValueError("eval_params needs to return parameters of the model, got others")
    shapes: tuple[PyTree, PyTree] = before
    return shapes


def try_a_pass(recipe: Recipe, params: PyTree, inputs: Array) -> None:
    """Sees whether the network's own training pass, where it has one, suits batches of the inputs.

    Args:
      recipe: to be trained.
      params: their shapes.
      inputs: of the training set, as the model takes them.
    """
    model, size, num_examples = recipe.model, recipe.batch_size, len(inputs)
    if model.train is None:
        return
    last = num_examples % size or size
    if min(size, last) < model.least_batch:
        what = f"batch_size {size}" if size < model.least_batch else f"a last batch of {last}"
        raise ValueError(
            f"the network needs batches of at least {model.least_batch} examples to train on, got "
            f"{what}: {num_examples} examples in batches of {size}"
        )
    static, numbers = split(recipe)

    def forward(numbers: Mapping[str, jax.Array], params: PyTree, batch: jax.Array) -> Any:
        train: Any = build_model(static, numbers).train
        context = Context(jax.random.key(0), jnp.ones(size, bool))
        return train(params, scale_pixels(batch), context)

    batch: Any = jax.ShapeDtypeStruct((size, *inputs.shape[1:]), inputs.dtype)
    try:
        returned = jax.eval_shape(forward, numbers, params, batch)
    except Exception as error:
        raise ValueError(
            f"train cannot take a batch {inputs.dtype} {batch.shape}: {first_line(error)}"
        ) from error
    refuse_misfits(params, size, returned)
    outputs = returned[0]
    expected = (size, recipe.task.num_outputs)
    if outputs.shape != expected:
        raise ValueError(f"train needs to return outputs {expected}, got {outputs.shape}")


def try_the_goal(recipe: Recipe, params: PyTree, inputs: Array, labels: Array) -> None:
    """Sees whether what a task makes of a batch, and adds to its losses, suits network and data.

    Args:
      recipe: to be trained.
      params: their shapes.
      inputs: of the training set, as the model takes them.
      labels: likewise, as the task takes them.
    """
    if recipe.task.mix is None and recipe.task.penalty is None:
        return
    static, numbers = split(recipe)

    def value(numbers: Mapping[str, jax.Array], params: PyTree, batch: Batch) -> jax.Array:
        model, goal = build_model(static, numbers), goal_of(build_task(static, numbers))
        known = jax.random.key(0), jnp.int32(0), goal
        return objective(model, (recipe.task.loss,), params, batch, *known)(trained(params))[0]

    size = recipe.batch_size

    def some(rows: Array) -> Any:
        dtype = jax.dtypes.canonicalize_dtype(rows.dtype)
        return jax.ShapeDtypeStruct((size, *rows.shape[1:]), dtype)

    batch = Batch(some(inputs), some(labels), some(np.zeros(1, bool)))
    try:
        jax.eval_shape(value, numbers, params, batch)
    except Exception as error:
        raise ValueError(f"{recipe.task} cannot take a batch: {first_line(error)}") from error


def _shape(leaf: Any) -> tuple[Any, ...]:
    return leaf.shape, leaf.dtype
