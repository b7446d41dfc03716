"""What a network is worth, and what it says: means over examples, and predictions."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from jaxmlp.naming import metric_names
from jaxmlp.runtime.compilation import Call, call, default_device
from jaxmlp.training import shards
from jaxmlp.training.batches import num_steps, scale_pixels, take_batch
from jaxmlp.training.checks import check_inputs, check_set
from jaxmlp.training.measures import Measure, figures, finished, is_sum, means_of, zeros_of
from jaxmlp.training.parallel import Parallel, as_parallel
from jaxmlp.training.recipe import Recipe
from jaxmlp.training.sources import Source
from jaxmlp.training.streams import steps_in_window, windows
from jaxmlp.types import Array, Batch, PyTree, Run, TrainState

__all__ = [
    "call_in_windows",
    "calls_of",
    "evaluate",
    "functions_of",
    "linked",
    "masked_means",
    "num_batches",
    "predict",
    "sums",
    "sums_in_window",
    "sums_of",
]

BATCH = 1000  # examples at a time: bounds the memory

Apply = Callable[[PyTree, jax.Array], jax.Array]


def masked_means(
    apply: Apply, functions: Sequence[Measure], params: PyTree, batch: Batch
) -> tuple[list[jax.Array], jax.Array]:
    """Each function's mean over the examples of a batch that count.

    Args:
      apply: a model's, for one example.
      functions: losses or metrics, of one example.
      params: the model's.
      batch: the examples.

    Returns:
      As of `measures.means_of`.
    """
    outputs = jax.vmap(apply, (None, 0))(params, scale_pixels(batch.inputs))
    return means_of(functions, outputs, batch)


def evaluate(
    recipe: Recipe,
    params: PyTree,
    inputs: Array,
    labels: Array,
    *,
    window: int | None = None,
    mesh: Mesh | None = None,
    mode: str | None = None,
) -> dict[str, float]:
    """The loss and the metrics over examples, every one of them counted.

    Args:
      recipe: its model and task are used.
      params: the model's.
      inputs: (num_examples, features) float32, or uint8 pixels; see `Dataset` for others.
      labels: (num_examples, ...), as the task has them.
      window: bytes, as of `train`: more examples than that are read piece by piece, to the same
        figures.
      mesh: devices that divide the examples among them, as of `train`: to the figures in the
        history of a training on that mesh. Without one they are equal within rounding.
      mode: of a mesh, as of `train`.

    Returns:
      "loss", and the task's metrics by their names.

    Raises:
      ValueError: if the examples do not suit the recipe, or the mesh does not suit the mode.
    """
    parallel = _parallel(mesh, mode)
    inputs, labels = check_set(recipe, inputs, labels, window)
    _check_params(recipe, params)
    static = recipe.model.apply, functions_of(recipe)
    totals = _totals(recipe, params, inputs, labels, window, parallel)
    names = ["loss", *metric_names(recipe.task.metrics)]
    finish = functools.partial(call, finished, static[1:])
    found = figures(static[1], totals, lambda total: float(total) / len(inputs), finish)
    return {name: float(figure) for name, figure in zip(names, found, strict=True)}


def _totals(
    recipe: Recipe,
    params: PyTree,
    inputs: Any,
    labels: Any,
    window: int | None,
    parallel: Parallel | None,
) -> list[jax.Array]:
    """What is carried of each function, over examples that suit the recipe."""
    static = recipe.model.apply, functions_of(recipe)
    outputs = jax.ShapeDtypeStruct((recipe.task.num_outputs,), np.float32)
    label = jax.ShapeDtypeStruct(labels.shape[1:], jax.dtypes.canonicalize_dtype(labels.dtype))
    zeros = zeros_of(static[1], outputs, label)
    if parallel is not None:
        return shards.totals_of((*static, parallel), params, (inputs, labels), window, zeros)
    if not isinstance(inputs, Source):
        return call(sums, static, params, inputs, labels, num_batches(len(inputs)))
    assert window is not None
    run = functools.partial(call, sums_in_window, (*static, len(inputs)), params)
    return sums_of(run, (inputs, labels), window, default_device(), zeros)


def _parallel(mesh: Mesh | None, mode: str | None) -> Parallel | None:
    if mesh is None and mode is not None:
        raise ValueError(f"mode needs a mesh, whose devices it is for, got {mode} and no mesh")
    return None if mesh is None else as_parallel(mesh, mode)


def predict(
    recipe: Recipe,
    params: PyTree,
    inputs: Array,
    *,
    mesh: Mesh | None = None,
    mode: str | None = None,
) -> jax.Array:
    """What a network says of examples: its outputs through the task's link.

    Args:
      recipe: its model and task are used.
      params: the model's.
      inputs: (num_examples, features) float32, or uint8 pixels; see `Dataset` for others.
      mesh: devices that divide the examples among them, as of `train`; all have the answers.
      mode: of a mesh, as of `train`.

    Returns:
      (num_examples, outputs) float32: the classes' probabilities, or a regression's values.

    Raises:
      ValueError: if the inputs do not suit the model, or the mesh does not suit the mode.

    >>> import jaxmlp, optax
    >>> recipe = Recipe(jaxmlp.mlp((8, 4)), jaxmlp.classification(4), optax.adam, {})
    >>> params = recipe.model.init(jax.random.key(0))
    >>> predict(recipe, params, np.zeros((2, 8), np.float32)).tolist()
    [[0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]]
    """
    parallel, static = _parallel(mesh, mode), (recipe.model.apply, recipe.task.link)
    inputs = check_inputs(recipe, inputs)
    _check_params(recipe, params)
    if parallel is None:
        return call(linked, static, params, inputs)
    batches = num_batches(len(inputs), parallel)
    return shards.together(parallel, shards.linked, (*static, parallel), params, inputs, batches)


def calls_of(
    recipe: Recipe,
    params: PyTree,
    sets: Mapping[str, tuple[jax.ShapeDtypeStruct, ...]],
    device: jax.Device,
) -> dict[str, Call]:
    """What `evaluate` runs of each set, and `predict` of the test set, to be compiled.

    Args:
      recipe: its model and task are used.
      params: the model's, or their shapes.
      sets: name -> the shapes of inputs and labels.
      device: where it is to run.
    """
    static, count = (recipe.model.apply, functions_of(recipe)), num_batches(1)
    calls = {
        f"evaluate {name}": Call(sums, static, (params, *examples, count), device)
        for name, examples in sets.items()
    }
    if "test" in sets:
        link = recipe.model.apply, recipe.task.link
        calls["predict"] = Call(linked, link, (params, sets["test"][0]), device)
    return calls


def _check_params(recipe: Recipe, params: PyTree) -> None:
    """Raises ValueError if parameters are not a model's: by the shapes of their arrays."""
    if isinstance(params, Run | TrainState):
        raise ValueError(f"params needs parameters, got a {type(params).__name__}: write .params")
    expected = jax.tree.leaves(jax.eval_shape(recipe.model.init, jax.random.key(0)))
    shapes = [leaf.shape for leaf in expected]
    got = [np.shape(leaf) for leaf in jax.tree.leaves(params)]
    if got != shapes:
        raise ValueError(f"params needs arrays of the shapes {shapes}, got {got}")


def functions_of(recipe: Recipe) -> tuple[Measure, ...]:
    """What is evaluated: the loss and the metrics."""
    return (recipe.task.loss, *recipe.task.metrics)


def num_batches(num_examples: int, parallel: Parallel | None = None) -> np.int32:
    """How many batches an evaluation takes; on several devices, each part of it."""
    if parallel is not None:
        return np.int32(shards.divide(num_examples, parallel.parts).num_batches)
    return np.int32(num_steps(num_examples, BATCH))


@functools.partial(jax.jit, static_argnums=(0, 1))
def sums(
    apply: Apply,
    functions: tuple[Measure, ...],
    params: PyTree,
    inputs: jax.Array,
    labels: jax.Array,
    num_batches: int | jax.Array,
) -> list[jax.Array]:
    """Each function's sum over examples, () float32; the number of batches is traced.

    Of a metric that is no mean it is the sum of its contributions, of their shape.
    """
    outputs = jax.eval_shape(lambda: apply(params, scale_pixels(inputs[0])))
    zeros = zeros_of(functions, outputs, labels[0])
    return _looped(apply, functions, params, inputs, labels, zeros, 0, num_batches)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def sums_in_window(
    apply: Apply,
    functions: tuple[Measure, ...],
    num_examples: int,
    params: PyTree,
    inputs: jax.Array,
    labels: jax.Array,
    totals: list[jax.Array],
    first: jax.Array,
    stop: jax.Array,
) -> list[jax.Array]:
    """The same sums, to the bit, with a window's batches, from the first to the stop, added."""
    within = num_examples, first * min(BATCH, num_examples)
    return _looped(apply, functions, params, inputs, labels, totals, first, stop, within)


def _looped(
    apply: Apply,
    functions: tuple[Measure, ...],
    params: PyTree,
    inputs: jax.Array,
    labels: jax.Array,
    totals: list[jax.Array],
    first: int | jax.Array,
    stop: int | jax.Array,
    within: tuple[int, jax.Array] | None = None,
) -> list[jax.Array]:
    """Traces the loop over batches; `within` as `take_batch` has it."""
    batch_size = min(BATCH, len(inputs) if within is None else within[0])

    def body(step: jax.Array, totals: list[jax.Array]) -> list[jax.Array]:
        batch = take_batch(inputs, labels, step, batch_size, within=within)
        means, count = masked_means(apply, functions, params, batch)
        pairs = zip(functions, means, strict=True)
        values = [value if is_sum(function) else value * count for function, value in pairs]
        return [t + value.astype(t.dtype) for t, value in zip(totals, values, strict=True)]

    return jax.lax.fori_loop(first, stop, body, totals)


def sums_of(
    run: Callable[..., list[jax.Array]],
    arrays: tuple[Any, ...],
    window: int,
    device: jax.Device,
    totals: list[jax.Array],
) -> list[jax.Array]:
    """What `sums` returns, of a set that is read in windows.

    Args:
      run: `sums_in_window` of all that comes before the inputs.
      arrays: sources of inputs and labels.
      window: bytes.
      device: where it runs.
      totals: before the first batch.
    """
    num_examples = len(arrays[0])
    steps = _steps_in_window(window, arrays)
    for index, examples in enumerate(windows(arrays, steps * min(BATCH, num_examples), device)):
        first, stop = index * steps, min((index + 1) * steps, int(num_batches(num_examples)))
        bounds = jax.device_put((np.int32(first), np.int32(stop)), device)
        totals = jax.block_until_ready(run(*examples, totals, *bounds))
    return totals


def call_in_windows(
    recipe: Recipe,
    params: PyTree,
    arrays: tuple[Any, ...],
    totals: list[jax.Array],
    window: int,
    device: jax.Device,
) -> Call:
    """What `sums_of` runs, to be compiled; arguments as of it, and the parameters' shapes."""
    size = _steps_in_window(window, arrays) * min(BATCH, len(arrays[0]))
    examples = (jax.ShapeDtypeStruct((size, *a.shape[1:]), a.dtype) for a in arrays)
    step = jax.ShapeDtypeStruct((), np.int32)
    static = recipe.model.apply, functions_of(recipe), len(arrays[0])
    return Call(sums_in_window, static, (params, *examples, totals, step, step), device)


def _steps_in_window(window: int, arrays: tuple[Any, ...]) -> int:
    return steps_in_window(window, min(BATCH, len(arrays[0])), *arrays)


@functools.partial(jax.jit, static_argnums=(0, 1))
def linked(
    apply: Apply, link: Callable[[jax.Array], jax.Array], params: PyTree, inputs: jax.Array
) -> jax.Array:
    """The outputs for each example, through the link."""

    def one(example: jax.Array) -> jax.Array:
        return link(apply(params, scale_pixels(example)))

    return jax.lax.map(one, inputs, batch_size=BATCH)
