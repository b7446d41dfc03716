"""A network as a page runs it: data for JSON, with the weights in few bytes.

`templates/network.js` computes what this describes. Weights are rounded; all else is as it is:

- "float16" has 11 binary digits of a weight, where float32 has 24: half the bytes. The weights of a
  unit are over a power of two that brings the largest to between 1/2 and 1, so that none is too
  large or too small for float16.
- "int8" has 7 digits of the largest weight of a unit: a quarter of the bytes.
- "float32" is exact.

What rounding changes is measured, by `harm`, on the examples that a network was tested on.
"""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxmlp
from jaxmlp.nn.architecture import MLP
from jaxmlp.nn.description import LINKS, description_of, name_in
from jaxmlp.nn.ladder import without_way_back
from jaxmlp.nn.scaling import Scaling, arrays_of
from jaxmlp.types import PyTree, Variables, trained, with_trained

__all__ = [
    "DTYPES",
    "LIMIT",
    "Harm",
    "choose",
    "encode",
    "harm",
    "harmless",
    "num_bytes",
    "rounded",
]

DTYPES = {"float16": 2, "int8": 1, "float32": 4}  # of weights -> bytes of each
MOST_DIFFERENCE = 0.005  # of a probability, or of a value as a share of the values' deviation
MOST_EXAMPLES = 10_000  # on which rounding is measured
LIMIT = 9 * 2**20  # bytes of a page for its networks: 32 of 784-256-10 in int8; e-mails take it
LEVELS = 127  # of int8, on either side of 0


class Harm(NamedTuple):
    """What rounding the weights of a network changes of what it says."""

    difference: float  # the largest, of a probability; of a value, over its standard deviation
    num_changed: int  # examples whose likeliest class is another
    num_examples: int


def encode(recipe: jaxmlp.Recipe, params: PyTree, dtype: str = "float16") -> dict[str, Any]:
    """Describes a network as `templates/network.js` reads it.

    Args:
      recipe: its model, of `mlp`, and its task are used.
      params: the model's, finite.
      dtype: of the weights, one of `DTYPES`.

    Returns:
      Texts, numbers and lists; arrays as little-endian bytes in base64.

    Raises:
      ValueError: if the model is another's, or the parameters are not finite.
    """
    described = description_of(recipe.model)
    made: MLP = recipe.model.architecture
    layers, running = trained(params), params.running if isinstance(params, Variables) else ()
    if not is_finite(params):
        raise ValueError("a page needs a network of finite numbers, got NaN or infinity")
    encoded = [_layer(layer, dtype) for layer in layers]
    for layer, own, moments in zip(encoded, layers, running, strict=False):
        factor = jax.lax.rsqrt(moments["var"] + jnp.float32(made.norm_epsilon)) * own.scale
        layer |= {"mean": _text(moments["mean"]), "factor": _text(factor)}
    return {
        "sizes": described["sizes"],
        "activation": described["activation"],
        "norm": made.norm or "none",
        "epsilon": made.norm_epsilon or 0.0,
        "precision": made.precision,
        "link": name_in(LINKS, recipe.task.link),
        "input_scaling": _scaling(made.input_scaling),
        "output_scaling": _scaling(made.output_scaling),
        "layers": encoded,
    }


def rounded(params: PyTree, dtype: str) -> PyTree:
    """The parameters with the weights that a page has of them."""
    layers = [layer._replace(kernel=_rounded(layer.kernel, dtype)) for layer in trained(params)]
    return with_trained(params, tuple(layers))


def harm(recipe: jaxmlp.Recipe, params: PyTree, inputs: Any, dtype: str) -> Harm:
    """What rounding changes.

    Args:
      recipe: its model and task are used.
      params: the model's.
      inputs: (num_examples, features), of which the first `MOST_EXAMPLES` are used.
      dtype: of the weights.
    """
    examples = inputs if len(inputs) <= MOST_EXAMPLES else inputs[np.arange(MOST_EXAMPLES)]
    exact, other = (
        np.asarray(jaxmlp.predict(recipe, each, examples), np.float64)
        for each in (params, rounded(params, dtype))
    )
    kind = recipe.task.kind
    if kind == "regression":
        unit, changed = np.maximum(exact.std(axis=0), 1e-12), np.zeros(len(exact))
    else:
        unit, changed = np.ones(1), (_answers(kind, exact) != _answers(kind, other)).any(axis=1)
    difference = float((abs(exact - other) / unit).max(initial=0))
    return Harm(difference, int(changed.sum()), len(exact))


def harmless(found: Harm) -> bool:
    """Whether nobody would see that the weights are rounded."""
    return found.difference <= MOST_DIFFERENCE


def choose(
    recipe: jaxmlp.Recipe, params: PyTree, inputs: Any, limit: int = LIMIT
) -> tuple[str | None, Harm]:
    """The dtype of the weights of a page's own network, and what it changes.

    It is float16 where that is harmless on the examples, else float32, or the best of the others
    that there is room for; None where there is none for any.

    Args:
      recipe: its model and task are used.
      params: the model's.
      inputs: (num_examples, features).
      limit: the bytes that there is room for.
    """
    fitting = [
        dtype for dtype in ("float16", "float32", "int8") if num_bytes(params, dtype) <= limit
    ]
    if not fitting:
        return None, Harm(0.0, 0, 0)
    first = harm(recipe, params, inputs, fitting[0])
    if "float32" in fitting and not harmless(first):
        return "float32", Harm(0.0, 0, first.num_examples)
    return fitting[0], first


def num_bytes(params: PyTree, dtype: str) -> int:
    """About how long a network is in a page.

    >>> num_bytes(jaxmlp.mlp((784, 256, 10)).init(jax.random.key(0)), "float16")
    547376
    """
    layers = map(without_way_back, trained(params))
    sizes = [(layer.kernel.size, sum(map(np.size, layer[1:]))) for layer in layers]
    return sum((DTYPES[dtype] * weights + 8 * others) * 4 // 3 for weights, others in sizes)


def is_finite(params: PyTree) -> bool:
    """Whether a network came through its training, so that it has answers."""
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params))


def _answers(kind: str, probabilities: np.ndarray) -> np.ndarray:
    """(num_examples, answers): yes or no to each of several, or the likeliest class."""
    return probabilities > 0.5 if kind == "binary" else probabilities.argmax(axis=1)[:, None]


def _layer(layer: Any, dtype: str) -> dict[str, Any]:
    values, scale = _parts(layer.kernel, dtype)
    made = {"dtype": dtype, "kernel": _text(values, dtype), "bias": _text(layer.bias)}
    if scale is not None:
        made["scale"] = _text(scale)
    if hasattr(layer, "scale"):  # of a norm; the batch's has it in a factor
        made["factor"] = _text(layer.scale)
    return made


def _parts(kernel: Any, dtype: str) -> tuple[np.ndarray, np.ndarray | None]:
    """A kernel's values as they are kept, and what to multiply each unit's by, (outputs,)."""
    if dtype not in DTYPES:
        raise ValueError(f"weights need to be one of {', '.join(DTYPES)}, got {dtype}")
    kernel = np.asarray(kernel, np.float32)
    if dtype == "float32":
        return kernel, None
    largest = abs(kernel).max(axis=0, initial=0)
    largest[largest == 0] = 1
    if dtype == "float16":
        scale = np.ldexp(np.float32(1), np.frexp(largest)[1])
        return (kernel / scale).astype(np.float16), scale
    scale = np.maximum(largest / np.float32(LEVELS), np.finfo(np.float32).tiny)
    return np.clip(np.round(kernel / scale), -LEVELS, LEVELS).astype(np.int8), scale


def _rounded(kernel: Any, dtype: str) -> np.ndarray:
    values, scale = _parts(kernel, dtype)
    return values if scale is None else values.astype(np.float32) * scale


def _scaling(scaling: Scaling | None) -> Mapping[str, str] | None:
    if scaling is None:
        return None
    mean, scale = arrays_of(scaling)
    return {"mean": _text(mean), "scale": _text(scale)}


def _text(values: Any, dtype: str = "float32") -> str:
    """An array's numbers as little-endian bytes, in base64."""
    array = np.asarray(values, np.dtype(dtype).newbyteorder("<"))
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
