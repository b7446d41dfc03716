"""What is to be compiled for a recipe and its data: which programs, for which shapes, and where."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.naming import metric_names
from jaxmlp.optim import averages
from jaxmlp.randomness import Seeds
from jaxmlp.runtime.compilation import Call, Place, shape_of
from jaxmlp.runtime.memory import host_array
from jaxmlp.training import evaluation, shards
from jaxmlp.training.diagnosis import is_finite
from jaxmlp.training.measures import finished, is_sum, zeros_of
from jaxmlp.training.parallel import Parallel
from jaxmlp.training.placement import placed, put
from jaxmlp.training.programs import (
    init,
    learning_rate,
    order_of,
    run_in_parts,
    run_in_window,
    run_steps,
    run_steps_together,
)
from jaxmlp.training.recipe import Recipe, split
from jaxmlp.training.sources import Source
from jaxmlp.training.streams import window_shapes
from jaxmlp.types import Dataset, Model

__all__ = [
    "Sets",
    "Shapes",
    "calls_for",
    "calls_of",
    "first_of",
    "hosted",
    "measured",
    "no_totals",
    "ordered_zeros",
    "place",
    "shapes_of",
    "streamed",
]

Shapes = Mapping[str, tuple[jax.ShapeDtypeStruct, ...]]  # set -> inputs, labels, perhaps weights
Sets = Mapping[str, tuple[jax.Array, ...]]  # the same, of the data on a device


def measured(recipe: Recipe) -> list[str]:
    """The names of what is evaluated."""
    return ["loss", *metric_names(recipe.task.metrics)]


def no_totals(recipe: Recipe, labels: Any) -> dict[str, jax.Array]:
    """The totals before an epoch's first step.

    Args:
      recipe: with the task.
      labels: of the training set, or their shape.
    """
    outputs = jax.ShapeDtypeStruct((recipe.task.num_outputs,), jnp.float32)
    label = jax.ShapeDtypeStruct(labels.shape[1:], jax.dtypes.canonicalize_dtype(labels.dtype))
    zeros = zeros_of(evaluation.functions_of(recipe), outputs, label)
    return {**dict(zip(measured(recipe), zeros, strict=True)), "num_examples": jnp.float32(0.0)}


def ordered_zeros(recipe: Recipe, labels: Any) -> list[jax.Array]:
    """The same of another set, in their order."""
    zeros = no_totals(recipe, labels)
    return [zeros[name] for name in measured(recipe)]


def hosted(data: Dataset) -> dict[str, tuple[np.ndarray, ...]]:
    """The sets as arrays that a CPU's devices share; that of training may have weights, too."""
    return {
        name: tuple(map(host_array, arrays))
        for name, arrays in _arrays_of(data).items()
        if name not in streamed(data)
    }


def streamed(data: Dataset) -> dict[str, tuple[Any, ...]]:
    """The sets that are read in windows, as `check` leaves them."""
    arrays = _arrays_of(data).items()
    return {name: each for name, each in arrays if isinstance(each[0], Source)}


def _arrays_of(data: Dataset) -> dict[str, tuple[np.ndarray, ...]]:
    weights = () if data.train_weights is None else (data.train_weights,)
    return {**data.sets(), "train": (*data.sets()["train"], *weights)}


def place(sets: Mapping[str, tuple[np.ndarray, ...]], device: Place) -> Sets:
    """The sets, from `hosted`, on a device; in their order, which `device_put` would not keep."""
    return {name: put(examples, device) for name, examples in sets.items()}


def shapes_of(data: Dataset) -> Shapes:
    """The shapes of the sets, with the dtypes that JAX gives them."""
    return {name: tuple(map(shape_of, arrays)) for name, arrays in _arrays_of(data).items()}


def calls_of(recipe: Recipe, shapes: Shapes, where: jax.Device | Parallel) -> dict[str, Call]:
    """What training a network runs, to be compiled.

    Args:
      recipe: whole.
      shapes: of the training set, and of those that are looked at.
      where: it is to run: on a device, or on several together.

    Returns:
      "run", "init", "rate" and "is_finite" for the functions below; "params" for the parameters to
      evaluate with, where they are not the trained ones; "finish" for the figures of metrics that
      are no means, where there are some; and "validation" and "test", where they are there, for
      `evaluation.sums` of these sets.
    """
    static, numbers = split(recipe)
    run: tuple[Any, tuple[Any, ...]] = run_steps, (static,)
    device: Any = where
    if isinstance(where, Parallel):
        run, device = (run_steps_together, (static, where)), where.everywhere
    num_examples = shapes["train"][0].shape[0]
    numbers = jax.tree.map(shape_of, numbers)
    seed, step = (jax.ShapeDtypeStruct((), dtype) for dtype in (jnp.uint32, jnp.int32))
    state = jax.eval_shape(functools.partial(init, static, num_examples), numbers, seed)
    if isinstance(where, Parallel):
        state = placed(where.mesh, recipe.model, state)
    carried = state, jax.eval_shape(lambda: no_totals(recipe, shapes["train"][1]))
    steps = numbers, Seeds(seed, seed), shapes["train"], *carried, step
    calls = {
        "run": Call(*run, steps, device),
        "init": Call(init, (static, num_examples), (numbers, seed), device),
        "rate": Call(learning_rate, (static, num_examples), (numbers, step), device),
        "is_finite": Call(is_finite, (), (carried,), device),
    }
    params = state.params
    if recipe.eval_params is not None:
        derived = Call(averages.derived, (recipe.eval_params,), (state,), device)
        params, calls["params"] = jax.eval_shape(averages.derived, *derived.static, state), derived
        if isinstance(where, Parallel):
            params = placed(where.mesh, recipe.model, params)
    evaluated: Any = recipe.model.apply, evaluation.functions_of(recipe)
    totals = [carried[1][name] for name in measured(recipe)]
    if sums := tuple(t for f, t in zip(evaluated[1], totals, strict=True) if is_sum(f)):
        calls["finish"] = Call(finished, evaluated[1:], (sums,), device)
    added: Any = evaluation.sums
    if isinstance(where, Parallel):
        added, evaluated = shards.sums, (*evaluated, where)
    for name, examples in shapes.items():
        if name != "train":
            calls[name] = Call(added, evaluated, (params, *examples, step), device)
    if isinstance(where, Parallel) and where.has_parts:
        made = calls.keys() & {"init", "params"}
        calls |= {name: _in_parts(where, recipe.model, calls[name]) for name in made}
    return calls


def _in_parts(parallel: Parallel, model: Model, each: Call) -> Call:
    """What returns arrays as they belong on a mesh by which layers are divided."""
    static = parallel, model, each.function, each.static
    return each._replace(function=run_in_parts, static=static)


def calls_for(
    recipe: Recipe, data: Dataset, where: jax.Device | Parallel, window: int | None
) -> dict[str, Call]:
    """The same of data from `check`, some of which may be read in windows of so many bytes."""
    calls = calls_of(recipe, shapes_of(data), where)
    parallel = where if isinstance(where, Parallel) else None
    for name, arrays in streamed(data).items():
        assert window is not None
        _, static, given, device = calls["run" if name == "train" else name]
        num_examples = len(arrays[0])
        if name == "train":
            lies = parallel.by_rows if parallel else None
            shapes = window_shapes(arrays, recipe.batch_size, window, lies)
            given = *given[:2], shapes, *given[3:]
            static = split(recipe)[0], num_examples, parallel
            calls["run"] = Call(run_in_window, static, given, device)
            seed = given[1].shuffle
            calls["order"] = Call(order_of, (num_examples,), (seed, given[-1]), first_of(device))
        elif parallel:
            evaluated: Any = static
            totals = ordered_zeros(recipe, arrays[1])
            found = shards.call_in_windows(evaluated, given[0], arrays, window, totals)
            calls[name], calls["added"] = found
        else:
            totals = ordered_zeros(recipe, arrays[1])
            calls[name] = evaluation.call_in_windows(
                recipe, given[0], arrays, totals, window, device
            )
    return calls


def first_of(where: Place) -> jax.Device:
    """A device of this process's, for what has nothing to do with the others."""
    return where if isinstance(where, jax.Device) else next(iter(where.addressable_devices))
