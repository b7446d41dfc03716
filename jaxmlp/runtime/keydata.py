"""Typed random keys as plain arrays, where NumPy or a file is to hold them.

An optimizer that draws noise keeps a key in its state, and NumPy has no dtype for such a key.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp.types import PyTree

__all__ = ["KeyData", "is_key", "plain", "typed"]


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["bits"], meta_fields=["generator"]
)
@dataclasses.dataclass(frozen=True)
class KeyData:
    """Random keys, with the name of their generator, which is no leaf."""

    bits: Any  # (*keys, words) uint32
    generator: Any  # as `jax.random.key_impl` has it


def plain(tree: PyTree) -> PyTree:
    """A tree whose typed keys are `KeyData`; all other leaves are as they were.

    Args:
      tree: of arrays, or of `jax.ShapeDtypeStruct`.

    >>> plain({"key": jax.random.key(7), "step": 3})["key"].bits.tolist()
    [0, 7]
    """

    def of(leaf: Any) -> Any:
        if not is_key(leaf):
            return leaf
        if isinstance(leaf, jax.ShapeDtypeStruct):
            return jax.eval_shape(_data, leaf)
        return _data(leaf)

    return jax.tree.map(of, tree)


def typed(tree: PyTree) -> PyTree:
    """The tree that `plain` was given.

    >>> typed(plain(jax.random.key(7))) == jax.random.key(7)
    Array(True, dtype=bool)
    """

    def of(node: Any) -> Any:
        if not isinstance(node, KeyData):
            return node
        return jax.random.wrap_key_data(node.bits, impl=node.generator)

    return jax.tree.map(of, tree, is_leaf=lambda node: isinstance(node, KeyData))


def is_key(leaf: Any) -> bool:
    """Whether a leaf is an array of typed random keys."""
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _data(keys: jax.Array) -> KeyData:
    return KeyData(jax.random.key_data(keys), jax.random.key_impl(keys))
