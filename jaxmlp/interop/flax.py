"""Networks written in Flax as a `Model`, and a `Model` as Flax has it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jaxmlp.interop import linen as of_linen
from jaxmlp.interop import nnx as of_nnx
from jaxmlp.interop.passes import Imported, model_of
from jaxmlp.naming import kind_of
from jaxmlp.types import Array, Model, PyTree

if TYPE_CHECKING:
    from flax import linen

__all__ = ["flax_module", "from_flax", "to_flax"]


def from_flax(module: "linen.Module | Callable[..., Any]", example: Array) -> Model:
    """A Flax module as a `Model`, to train through the same update as an `mlp`.

    Args:
      module: of linen; or what makes one of nnx, a function of `rngs` such as its class or
        `functools.partial(Net, 784, 10)`, for each `init` is to make fresh parameters. It is called
        with a batch, since most modules are written for batches; in evaluation with a batch of one.
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

      Flax draws by the batch, from the step's key: linen's "dropout" is the key itself, other names
      come from `fold_in(key, 1)` as its "params"; of nnx, each stream is reseeded, as
      `nnx.reseed` does it, with `fold_in(key, zlib.crc32(name))`, and the call's `rngs` likewise.
      Nothing of it is carried from step to step.

      Flax's own BatchNorm, and what inherits from it, leaves out the examples that only fill a
      batch; and what these draw is not taken from the others, as long as the batch is the first
      axis, and JAX's generator threefry with its default, `jax_threefry_partitionable`. What a
      module's own code takes over a batch counts them. For a mean and a variance it needs a batch
      of at least two.

    Raises:
      ValueError: if it is no such module, has no parameters, does not return a batch, draws in
        evaluation, normalizes what has the batch on another axis than the first, or returns other
        running statistics than it got.

    >>> import jax, jax.numpy as jnp
    >>> from flax import linen
    >>> model = from_flax(
    ...     linen.Sequential([linen.Dense(32), linen.relu, linen.Dense(10)]), jnp.zeros(784)
    ... )
    >>> model.apply(model.init(jax.random.key(0)), jnp.zeros(784)).shape
    (10,)
    """
    from flax import linen, nnx

    if isinstance(module, linen.Module):
        passes, imported = of_linen.passes_of(module, example), of_linen.imported(module)
    elif callable(module) and not isinstance(module, nnx.Module) and not _is_linen_class(module):
        passes, imported = of_nnx.passes_of(module, example), of_nnx.imported(module)
    else:
        raise ValueError(
            "from_flax needs a module of linen, or a function of rngs that makes one of nnx, such "
            f"as lambda rngs: Net(rngs=rngs), got {kind_of(module)}"
        )
    return model_of(passes, example, imported)


def to_flax(model: Model, params: PyTree) -> Any:
    """A network's parameters as Flax's own tree.

    Args:
      model: from `from_flax`.
      params: the model's.

    Returns:
      Of linen the variables, {"params": ..., "batch_stats": ...}, for `module.apply(variables,
      batch)`; of nnx an `nnx.State`, for `nnx.update(module, state)`. `flax_module(model)` gives
      the module.

    Raises:
      ValueError: if the model is neither.

    >>> import jax, jax.numpy as jnp
    >>> from flax import linen
    >>> model = from_flax(linen.Dense(2), jnp.zeros(3))
    >>> variables = to_flax(model, model.init(jax.random.key(0)))
    >>> linen.Dense(2).apply(variables, jnp.zeros((1, 3))).shape
    (1, 2)
    """
    return _imported(model, "to_flax").tree(params)


def flax_module(model: Model, training: bool = False) -> Any:
    """The Flax module that a tree of `to_flax` belongs to.

    Args:
      model: from `from_flax`.
      training: the module's mode, where it has fields that say so: dropout drops, and batch norms
        take their means over the batch.

    Returns:
      A module of linen, or one of nnx with parameters that `nnx.update` is to replace.

    Raises:
      ValueError: as `to_flax` does.

    >>> import numpy as np
    >>> from flax import linen
    >>> flax_module(from_flax(linen.Dense(2), np.zeros(3))).features
    2
    """
    return _imported(model, "flax_module").module(training)


def _imported(model: Model, name: str) -> Imported:
    if not isinstance(model.architecture, Imported):
        raise ValueError(f"{name} needs a model from from_flax, got {model}")
    return model.architecture


def _is_linen_class(module: Any) -> bool:
    from flax import linen

    return isinstance(module, type) and issubclass(module, linen.Module)
