"""One seed, one key for each purpose."""

import contextlib
import operator
from numbers import Integral
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmlp.naming import kind_of

__all__ = ["Keys", "Seeds", "as_seed", "keys"]

GENERATOR = "threefry2x32"  # whatever JAX's default is: the same numbers on every platform


class Keys(NamedTuple):
    """A key for each thing that is drawn; none is ever carried from step to step."""

    init: jax.Array
    shuffle: jax.Array
    noise: jax.Array  # of training: dropout's, for one


class Seeds(NamedTuple):
    """The seeds that training draws by: numbers, () uint32, or (members,) uint32."""

    shuffle: Any  # decides the order of the examples
    noise: Any  # decides what a network draws in training


def keys(seed: int | jax.Array) -> Keys:
    """The keys of a run.

    Args:
      seed: a whole number from 0 to 2**32 - 1, or an uint32 scalar.

    Returns:
      Independent keys, the same on every platform. A purpose added later leaves the earlier ones
      as they are, because each is `fold_in` of its own number rather than a share of a split.

    Raises:
      ValueError: if `seed` is a number out of that range.

    >>> keys(0).init == keys(0).shuffle
    Array(False, dtype=bool)
    """
    root = jax.random.key(as_seed(seed), impl=GENERATOR)
    return Keys(*(jax.random.fold_in(root, purpose) for purpose in range(len(Keys._fields))))


def as_seed(seed: int | jax.Array) -> jax.Array:
    """A seed as an array, () uint32; raises ValueError as `keys` does."""
    if isinstance(seed, jax.core.Tracer):
        return seed.astype(jnp.uint32)
    with contextlib.suppress(TypeError):  # an array of one whole number is one, too
        seed = operator.index(seed)
    if not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        got = seed if isinstance(seed, str) else kind_of(seed)
        raise ValueError(f"seed needs to be a whole number from 0 to 4294967295, got {got}")
    return jnp.uint32(seed)
