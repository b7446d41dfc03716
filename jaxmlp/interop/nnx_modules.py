"""What makes an nnx module, and the module itself apart: what it is, and what it keeps."""

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmlp.naming import kind_of, name_of
from jaxmlp.types import PyTree, Variables

if TYPE_CHECKING:
    from flax import nnx

__all__ = ["Parts", "build", "merged", "parts_of", "state_of", "variables_of"]


class Parts(NamedTuple):
    """A module apart, with shapes in the place of arrays."""

    make: Callable[..., Any]  # rngs -> nnx.Module
    module: Any  # the whole
    graph: Any  # what it is
    states: tuple[Any, ...]  # what is trained, what it draws from, what runs along, and the rest


def parts_of(make: Callable[..., Any]) -> Parts:
    """A module apart.

    Args:
      make: a function of `rngs`.

    Raises:
      ValueError: if it takes more than rngs, makes no module of nnx, or returns the same each time.
    """
    from flax import nnx

    made: list[nnx.Module] = []

    def remembered() -> nnx.Module:
        made.append(build(make, 0))
        return made[-1]

    module = nnx.eval_shape(remembered)
    nnx.eval_shape(remembered)
    if made[0] is made[1]:
        raise ValueError(
            "from_flax needs a function that makes the nnx module anew, got one that returns the "
            f"same {type(made[0]).__name__}"
        )
    graph, *states = nnx.split(module, *_kinds(), ...)
    return Parts(make, module, graph, tuple(states))


def build(make: Callable[..., Any], key: jax.Array | int) -> "nnx.Module":
    """The module with fresh parameters."""
    from flax import nnx

    try:
        signature = _signature(make)
        by_name = "rngs" in signature.parameters
        signature.bind(**{"rngs": None}) if by_name else signature.bind(None)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "from_flax needs a function of rngs alone, such as functools.partial(Net, 784, 10), "
            f"got {name_of(make)}"
        ) from error
    rngs = nnx.Rngs(key)
    module = make(rngs=rngs) if by_name else make(rngs)
    if not isinstance(module, nnx.Module):
        raise ValueError(f"from_flax needs rngs to make an nnx module, got {kind_of(module)}")
    return module


def variables_of(module: "nnx.Module") -> Variables:
    """What is trained of a module, and what runs along, as dicts of arrays."""
    from flax import nnx

    trained, _, running = nnx.state(module, *_kinds())
    return Variables(nnx.to_pure_dict(trained), nnx.to_pure_dict(running))


def merged(parts: Parts, variables: Variables) -> Any:
    """The module with these variables; what it draws from begins anew."""
    from flax import nnx

    trained, drawn, running, rest = parts.states
    drawn, rest = jax.tree.map(_blank, (drawn, rest))
    trained, running = _filled(trained, variables.trained), _filled(running, variables.running)
    return nnx.merge(parts.graph, trained, drawn, running, rest)


def state_of(parts: Parts, variables: Variables) -> Any:
    """The variables as the state of the module."""
    from flax import nnx

    trained, _, running, _ = parts.states
    return nnx.merge_state(_filled(trained, variables.trained), _filled(running, variables.running))


def _signature(make: Callable[..., Any]) -> inspect.Signature:
    """What a function takes; of a class of nnx, whose own call takes anything, its `__init__`."""
    bound = make if isinstance(make, functools.partial) else functools.partial(make)
    taking: Any = bound.func
    if isinstance(bound.func, type):
        taking = functools.partial(taking.__init__, None)
    return inspect.signature(functools.partial(taking, *bound.args, **bound.keywords))


def _kinds() -> tuple[Any, ...]:
    from flax import nnx

    running = nnx.Not(nnx.Any(nnx.Param, nnx.RngState, nnx.Intermediate))
    return nnx.Param, nnx.RngState, running


def _filled(state: PyTree, values: PyTree) -> Any:
    return jax.tree.unflatten(jax.tree.structure(state), jax.tree.leaves(values))


def _blank(leaf: jax.ShapeDtypeStruct) -> jax.Array:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jnp.broadcast_to(jax.random.key(0), leaf.shape)
    return jnp.zeros(leaf.shape, leaf.dtype)
