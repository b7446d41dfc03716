"""What a network of another library is, as pure functions of a batch, and the `Model` it makes."""

import inspect
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.types import Array, Context, Model, PyTree, Variables

__all__ = [
    "MODES",
    "Imported",
    "Passes",
    "as_variables",
    "check_call",
    "flags_of",
    "masked",
    "model_of",
]

# What the authors of modules call their mode, and what each is in training.
MODES = {
    "train": True,
    "training": True,
    "is_training": True,
    "is_train": True,
    "deterministic": False,
    "use_running_average": False,
    "inference": False,
    "is_eval": False,
}


class Passes(NamedTuple):
    """A network as its two passes over a batch; `running` is {} where there is nothing running."""

    source: Any  # what it was made from
    init: Callable[[jax.Array], Variables]  # key -> what is trained, and what is running
    evaluate: Callable[[Variables, jax.Array], Any]  # variables, (batch, ...) -> outputs
    train: Callable[[Variables, jax.Array, Context], tuple[Any, PyTree]]  # -> outputs, running
    differs: bool  # whether training is another function than evaluation
    least_batch: int  # as in `Model`

    def __eq__(self, other: object) -> bool:
        """By the source, so that models made of equal modules, in a loop say, look alike."""
        return isinstance(other, Passes) and self.source == other.source

    def __hash__(self) -> int:
        """Of the source; raises TypeError where that has none."""
        return hash(self.source)


class Imported(NamedTuple):
    """What a network from another library is; equal to none but itself."""

    name: str  # for a reader
    tree: Callable[[PyTree], Any]  # params -> the library's own tree
    module: Callable[[bool], Any]  # its module, in the mode of training or not

    def __repr__(self) -> str:
        """The name alone."""
        return self.name


def flags_of(call: Callable[..., Any], training: bool) -> dict[str, Any]:
    """What a module's call takes to be told of its mode, and what each is to be.

    >>> def call(inputs, train, deterministic=None): ...
    >>> flags_of(call, training=True)
    {'train': True, 'deterministic': False}
    """
    taken = inspect.signature(call).parameters
    for name, parameter in taken.items():
        if isinstance(parameter.default, bool) and name not in MODES:
            warnings.warn(
                f"{name} stays {parameter.default} in training too: from_flax knows the mode of a "
                f"module by {', '.join(MODES)}",
                stacklevel=4,
            )
    return {name: training is is_on for name, is_on in MODES.items() if name in taken}


def check_call(call: Callable[..., Any], handed: Iterable[str]) -> None:
    """Raises ValueError if a module's call takes more than a batch and what is handed to it."""
    signature = inspect.signature(call)
    try:
        signature.bind(None, **dict.fromkeys(handed))
    except TypeError as error:
        raise ValueError(
            f"from_flax needs a module that is called with a batch alone, got {signature}"
        ) from error


def as_variables(params: PyTree) -> Variables:
    """A model's parameters with what is running beside them, which may be nothing."""
    return params if isinstance(params, Variables) else Variables(params, {})


def masked(mask: jax.Array, given: jax.Array | None, inputs: jax.Array) -> jax.Array:
    """The mask for a layer that takes means over a batch.

    Args:
      mask: (batch,) bool, the examples that count.
      given: the mask that the module hands to the layer by itself, or None.
      inputs: (batch, ...) the layer's.

    Returns:
      (batch, 1, ...) bool, of as many axes as the inputs; or the given one without the padding.

    Raises:
      ValueError: if the first axis is not the batch.

    >>> masked(jnp.array([True, False]), None, jnp.zeros((2, 3))).tolist()
    [[True], [False]]
    """
    if inputs.ndim < 2 or len(inputs) != len(mask):
        raise ValueError(
            "module needs the batch as the first axis of what it normalizes, got the shape "
            f"{inputs.shape} for a batch of {len(mask)}"
        )
    whole = mask.reshape(-1, *(1,) * (inputs.ndim - 1))
    return whole if given is None else jnp.logical_and(whole, given)


def model_of(passes: Passes, example: Array, imported: Imported) -> Model:
    """A network from another library as a `Model`, checked by its shapes alone.

    Args:
      passes: its functions.
      example: one example, (features,) or any other shape.
      imported: what it is.

    Raises:
      ValueError: if it has no parameters, or does not return a batch; or training returns other
        running statistics, or outputs of another shape, than are there in evaluation.
    """
    variables = jax.eval_shape(passes.init, jax.random.key(0))
    if not jax.tree.leaves(variables.trained):
        kept = f"{sorted(variables.running)} alone" if variables.running else "none"
        raise ValueError(f"from_flax needs a module with parameters, got {kept}")
    batch_of_one = jax.eval_shape(lambda: jnp.asarray(example)[None])
    outputs = jax.eval_shape(passes.evaluate, variables, batch_of_one)
    if not hasattr(outputs, "shape") or outputs.shape[:1] != (1,):
        raise ValueError(f"module needs to return (1, ...) for a batch of one, got {outputs}")
    keeps = bool(variables.running)

    def init(key: jax.Array) -> PyTree:
        made = passes.init(key)
        return made if keeps else made.trained

    def apply(params: PyTree, inputs: jax.Array) -> jax.Array:
        return passes.evaluate(as_variables(params), inputs[None])[0]

    def train(params: PyTree, inputs: jax.Array, context: Context) -> tuple[jax.Array, PyTree]:
        outputs, running = passes.train(as_variables(params), inputs, context)
        return outputs, running if keeps else ()

    if not (keeps or passes.differs):
        return Model(init, apply, architecture=imported)
    for size in (2, 3):  # what depends on the batch's size by chance does not twice
        batch = jax.ShapeDtypeStruct((size, *batch_of_one.shape[1:]), batch_of_one.dtype)
        _check_training(passes, variables, batch, (size, *outputs.shape[1:]))
    return Model(init, apply, train, imported, passes.least_batch)


def _check_training(
    passes: Passes, variables: Variables, batch: jax.ShapeDtypeStruct, shape: tuple[int, ...]
) -> None:
    """Raises ValueError unless training gives outputs of a shape and the same running tree."""
    context = Context(jax.random.key(0), jnp.ones(shape[0], bool))
    outputs, running = jax.eval_shape(passes.train, variables, batch, context)
    if getattr(outputs, "shape", None) != shape:
        raise ValueError(
            f"module needs to return {shape} for a batch of {shape[0]} in training, got {outputs}"
        )
    before, after = _described(variables.running), _described(running)
    for name in before | after:
        was, became = before.get(name, "none"), after.get(name, "none")
        if was != became:
            raise ValueError(
                f"training needs to return the running statistics it got, got {became} of {name} "
                f"for {was}"
            )


def _described(tree: PyTree) -> dict[str, str]:
    """Each leaf's dtype and shape, by its place in a tree."""
    return {name: f"{leaf.dtype} {leaf.shape}" for name, leaf in named_leaves(tree)}
