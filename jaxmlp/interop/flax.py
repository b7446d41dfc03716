"""Networks written in Flax as a `Model`, and a `Model` as Flax has it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jaxmlp.interop import linen as of_linen
from jaxmlp.interop import nnx as of_nnx
from jaxmlp.interop.nnx_modules import parts_of
from jaxmlp.interop.passes import Imported, model_of
from jaxmlp.interop.perceptron import as_linen
from jaxmlp.naming import kind_of
from jaxmlp.nn.mlp import architecture_of
from jaxmlp.types import Array, Model, PyTree

if TYPE_CHECKING:
    from flax import linen

__all__ = ["flax_module", "from_flax", "to_flax"]


def from_flax(module: "linen.Module | Callable[..., Any]", example: Array) -> Model:
    """A Flax module as a `Model`, to train through the same update as an `mlp`.

    Args:
      module: of linen. Or what makes one of nnx, for each `init` is to make fresh parameters: a
        function of `rngs` such as its class, or `functools.partial(Net, 784, 10)`. The module is
        called with a batch, as most are written for; in evaluation with a batch of one.
      example: one example, (features,) or any other shape, of the dtype that the module takes.

    Returns:
      A model, a new one for each call, and so compiled anew: make it once. `init(key)` gives the
      module's own "params", those of `module.init(key, batch)` or of `Net(rngs=nnx.Rngs(key))`;
      where it keeps anything beside them, such as "batch_stats", `Variables`.

      `apply` evaluates, and `train` trains; there is no `train` where that is the same. The mode is
      what the module's call takes as one: `train`, `training` and `is_training`, or `deterministic`
      and `use_running_average`. Of linen, a field of the module that is one of these is set, and a
      layer that has none, as in `linen.Sequential([linen.Dense(9), linen.BatchNorm()])`, is handed
      it; a layer that was made with one keeps it. Of nnx, `module.train()` and `.eval()` set all.

      What training draws comes from the step's key, and nothing of it is carried to the next. Of
      linen, "dropout" is the key itself, and other names draw from `fold_in(key, 1)`. Of nnx, the
      streams are reseeded as by `nnx.reseed(module, name=fold_in(key, zlib.crc32(b"name")))`; a
      module that keeps none, or needs `rngs` in its call, is called with `nnx.Rngs` of the name
      "rngs", made in the same way.

      A ragged batch is filled up with examples that do not count. Flax's BatchNorm, and what
      inherits from it, leaves them out of its means; and as Flax draws by the place in an array,
      the batch first, the rest draw what they would draw alone (with `jax_threefry_partitionable`,
      JAX's default). What a module's own code takes over a batch counts them. Where there are
      "batch_stats", or `nnx.BatchStat`, a batch needs two examples.

    Raises:
      ValueError: if it is no such module, has no parameters, does not return a batch, draws in
        evaluation, normalizes what has the batch on another axis than the first, or returns other
        running statistics than it got.

    >>> import jax.numpy as jnp
    >>> from flax import linen
    >>> model = from_flax(
    ...     linen.Sequential([linen.Dense(32), linen.relu, linen.Dense(10)]), jnp.zeros(784)
    ... )
    >>> model.apply(model.init(jax.random.key(0)), jnp.zeros(784)).shape
    (10,)
    """
    from flax import linen, nnx

    if isinstance(module, linen.Module) and callable(module):
        passes, imported = of_linen.passes_of(module, example), of_linen.imported(module)
    elif (
        callable(module)
        and not isinstance(module, linen.Module | nnx.Module)
        and not _is_linen_class(module)
    ):
        parts = parts_of(module)
        passes, imported = of_nnx.passes_of(parts, example), of_nnx.imported(parts)
    else:
        raise ValueError(
            "from_flax needs a module of linen, or a function of rngs that makes one of nnx, such "
            f"as lambda rngs: Net(rngs=rngs), got {kind_of(module)}"
        )
    return model_of(passes, example, imported)


def to_flax(model: Model, params: PyTree) -> Any:
    """A network's parameters as Flax's own tree.

    Args:
      model: from `mlp`, or from `from_flax`.
      params: the model's.

    Returns:
      Of an `mlp` or a linen module the variables, {"params": ..., "batch_stats": ...}, for
      `module.apply(variables, batch)`; of nnx an `nnx.State`, for `nnx.update(module, state)`.
      `flax_module(model)` gives the module: that of an `mlp` is a `linen.Sequential`.

    Raises:
      ValueError: if the model is neither, or the parameters are not the model's.

    >>> import jax.numpy as jnp, jaxmlp
    >>> from flax import linen
    >>> model = jaxmlp.mlp((4, 8, 3))
    >>> variables = to_flax(model, model.init(jax.random.key(0)))
    >>> sequence = linen.Sequential([linen.Dense(8), linen.relu, linen.Dense(3)])
    >>> sequence.apply(variables, jnp.zeros((1, 4))).shape
    (1, 3)
    """
    imported = _imported(model, "to_flax")
    expected, got = map(_shapes, (jax.eval_shape(model.init, jax.random.key(0)), params))
    if got != expected:
        raise ValueError(f"params needs {expected}, got {got}")
    return imported.tree(params)


def flax_module(model: Model, training: bool = False) -> Any:
    """The Flax module that a tree of `to_flax` belongs to.

    Args:
      model: from `mlp`, or from `from_flax`.
      training: the mode that the module is to be in: in training dropout drops, and batch norms
        take their means over the batch. A module whose call takes its mode is the same for both.

    Returns:
      A module of linen, or one of nnx with parameters that `nnx.update` is to replace. That of an
      `mlp` computes the same in evaluation, but that products are what JAX takes by default; in
      training dropout draws other numbers, and Flax has no layers for noise and ladders.

    Raises:
      ValueError: if the model is neither, or has noise or a ladder and is to train.

    >>> import jaxmlp
    >>> sequence = flax_module(jaxmlp.mlp((4, 8, 3), norm="layer"))
    >>> [getattr(layer, "__name__", type(layer).__name__) for layer in sequence.layers]
    ['Dense', 'LayerNorm', 'relu', 'Dense']
    """
    return _imported(model, "flax_module").module(training)


def _imported(model: Model, name: str) -> Imported:
    if (made := architecture_of(model)) is not None:
        return as_linen(made)
    if not isinstance(model.architecture, Imported):
        raise ValueError(f"{name} needs a model from mlp or from_flax, got {model}")
    return model.architecture


def _shapes(params: PyTree) -> str:
    """Parameters by their shapes, for a reader."""
    return str(jax.tree.map(np.shape, params))


def _is_linen_class(module: Any) -> bool:
    from flax import linen

    return isinstance(module, type) and issubclass(module, linen.Module)
