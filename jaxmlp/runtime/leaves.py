"""The leaves of a tree by name: "0/kernel" is the kernel of the first layer."""

from typing import Any

import jax

from jaxmlp.types import PyTree

__all__ = ["leaf_name", "named_leaves"]


def leaf_name(path: tuple[Any, ...]) -> str:
    """The name of a leaf, or of a node: its path in the tree, as `jax.tree_util` has it.

    >>> leaf_name((jax.tree_util.SequenceKey(0), jax.tree_util.GetAttrKey("kernel")))
    '0/kernel'
    """
    return jax.tree_util.keystr(path, simple=True, separator="/")


def named_leaves(tree: PyTree) -> list[tuple[str, Any]]:
    """The leaves with their names, in JAX's order.

    Two can have one name, as those of {"a/b": 1, "a": {"b": 2}} have.

    >>> named_leaves({"b": (3.0, 4.0), "a": 5.0})
    [('a', 5.0), ('b/0', 3.0), ('b/1', 4.0)]
    """
    return [(leaf_name(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)]
