"""What a network is worth, and what it says: means over examples, and predictions."""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from jaxmlp.naming import metric_names
from jaxmlp.runtime.compilation import Call, call
from jaxmlp.training.batches import num_steps, scale_pixels, take_batch
from jaxmlp.training.checks import check_examples, check_inputs
from jaxmlp.training.measures import Measure, figures, finished, is_sum, means_of, zeros_of
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Array, Batch, PyTree, Run, TrainState

__all__ = [
    "calls_of",
    "evaluate",
    "functions_of",
    "linked",
    "masked_means",
    "num_batches",
    "predict",
    "sums",
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


def evaluate(recipe: Recipe, params: PyTree, inputs: Array, labels: Array) -> dict[str, float]:
    """The loss and the metrics over examples, every one of them counted.

    Args:
      recipe: its model and task are used.
      params: the model's.
      inputs: (num_examples, features) float32, or uint8 pixels; see `Dataset` for others.
      labels: (num_examples, ...), as the task has them.

    Returns:
      "loss", and the task's metrics by their names.

    Raises:
      ValueError: if the examples do not suit the recipe.
    """
    inputs, labels = check_examples(recipe, inputs, labels)
    _check_params(recipe, params)
    static = recipe.model.apply, functions_of(recipe)
    totals = call(sums, static, params, inputs, labels, num_batches(len(inputs)))
    names = ["loss", *metric_names(recipe.task.metrics)]
    finish = functools.partial(call, finished, static[1:])
    found = figures(static[1], totals, lambda total: float(total) / len(inputs), finish)
    return {name: float(figure) for name, figure in zip(names, found, strict=True)}


def predict(recipe: Recipe, params: PyTree, inputs: Array) -> jax.Array:
    """What a network says of examples: its outputs through the task's link.

    Args:
      recipe: its model and task are used.
      params: the model's.
      inputs: (num_examples, features) float32, or uint8 pixels; see `Dataset` for others.

    Returns:
      (num_examples, outputs) float32: the classes' probabilities, or a regression's values.

    Raises:
      ValueError: if the inputs do not suit the model.

    >>> import jaxmlp, optax
    >>> recipe = Recipe(jaxmlp.mlp((8, 4)), jaxmlp.classification(4), optax.adam, {})
    >>> params = recipe.model.init(jax.random.key(0))
    >>> predict(recipe, params, np.zeros((2, 8), np.float32)).tolist()
    [[0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]]
    """
    static = recipe.model.apply, recipe.task.link
    inputs = check_inputs(recipe, inputs)
    _check_params(recipe, params)
    return call(linked, static, params, inputs)


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


def num_batches(num_examples: int) -> np.int32:
    """How many batches an evaluation takes."""
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

    def body(step: jax.Array, totals: list[jax.Array]) -> list[jax.Array]:
        batch = take_batch(inputs, labels, step, min(BATCH, len(inputs)))
        means, count = masked_means(apply, functions, params, batch)
        pairs = zip(functions, means, strict=True)
        values = [value if is_sum(function) else value * count for function, value in pairs]
        return [t + value.astype(t.dtype) for t, value in zip(totals, values, strict=True)]

    outputs = jax.eval_shape(lambda: apply(params, scale_pixels(inputs[0])))
    zeros = zeros_of(functions, outputs, labels[0])
    return jax.lax.fori_loop(0, num_batches, body, zeros)


@functools.partial(jax.jit, static_argnums=(0, 1))
def linked(
    apply: Apply, link: Callable[[jax.Array], jax.Array], params: PyTree, inputs: jax.Array
) -> jax.Array:
    """The outputs for each example, through the link."""

    def one(example: jax.Array) -> jax.Array:
        return link(apply(params, scale_pixels(example)))

    return jax.lax.map(one, inputs, batch_size=BATCH)
