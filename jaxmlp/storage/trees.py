"""Trees from the names of their leaves, and whether that gives them back as they were."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxmlp.types import Dense, LadderDense, LadderNormed, Normed, PyTree, Variables

__all__ = ["KINDS", "check_same", "tree_of"]

# The named tuples that come back as such. Their fields tell them from a dict, whose names JAX
# sorts: of a dict "bias" would be first, and "running".
KNOWN = (Dense, Normed, LadderDense, LadderNormed, Variables)
KINDS: dict[tuple[str, ...], Any] = {kind._fields: kind for kind in KNOWN}


def tree_of(leaves: Mapping[str, np.ndarray]) -> PyTree:
    """The tree whose leaves have these names, in this order.

    >>> tree_of({"0/kernel": 1.0, "0/bias": 2.0, "1/a": 3.0})
    (Dense(kernel=1.0, bias=2.0), {'a': 3.0})
    """
    return _tree({tuple(name.split("/")) if name else (): leaf for name, leaf in leaves.items()})


def check_same(got: PyTree, expected: PyTree) -> None:
    """Sees whether trees have the same leaves at the same places, and as many nodes.

    Raises:
      ValueError: if they have not.
    """
    for ours, theirs in zip(_places(got), _places(expected), strict=True):
        if ours != theirs:
            raise ValueError(f"{theirs} would be {ours}")
    structures: Any = (jax.tree.structure(tree) for tree in (got, expected))
    ours, theirs = (structure.num_nodes for structure in structures)
    if ours != theirs:
        raise ValueError(f"of {theirs} nodes {ours} would be left")


def _places(tree: PyTree) -> list[tuple[int | str, ...]]:
    """The path of each leaf: indices, and names as texts, so that a dict is told from a tuple."""

    def step(entry: Any) -> Any:
        if hasattr(entry, "idx"):
            return entry.idx
        known = [getattr(entry, name) for name in ("key", "name") if hasattr(entry, name)]
        return f"{known[0]!r}" if known else entry

    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
    return [tuple(map(step, path)) for path in paths]


def _tree(leaves: dict[tuple[str, ...], np.ndarray]) -> PyTree:
    if () in leaves:
        return leaves[()]
    names = list(dict.fromkeys(path[0] for path in leaves))
    children = {
        name: _tree({path[1:]: leaf for path, leaf in leaves.items() if path[0] == name})
        for name in names
    }
    if sorted(names) == sorted(str(i) for i in range(len(names))):
        return tuple(children[str(i)] for i in range(len(names)))
    kind = KINDS.get(tuple(names))
    return kind(*children.values()) if kind else children
