"""What the members of an ensemble say of rows: in blocks, by few programs."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxmlp.runtime.compilation import call
from jaxmlp.types import PyTree

__all__ = ["answers", "in_blocks"]

BLOCK = 128  # rows; a row's answer is the same to the bit whichever rows are asked beside it
MOST = 64  # blocks at a time


@functools.partial(jax.jit, static_argnums=(0, 1))
def in_blocks(
    apply: Callable[[PyTree, jax.Array], jax.Array],
    link: Callable[[jax.Array], jax.Array],
    params: PyTree,
    blocks: jax.Array,
) -> jax.Array:
    """One member after another, and of each one block after another.

    Args:
      apply: a model's, for one example.
      link: a task's.
      params: leaves (members, ...).
      blocks: (blocks, rows, features).

    Returns:
      (members, blocks, rows, outputs).
    """

    def of_one(member: PyTree) -> jax.Array:
        def of_block(rows: jax.Array) -> jax.Array:
            return jax.vmap(lambda row: link(apply(member, row)))(rows)

        return jax.lax.map(of_block, blocks)

    return jax.lax.map(of_one, params)


def answers(apply: Any, link: Any, params: PyTree, inputs: np.ndarray) -> np.ndarray:
    """The members' answers; compiled for seven numbers of blocks, whatever that of rows is.

    Args:
      apply: as of `in_blocks`.
      link: likewise.
      params: likewise.
      inputs: (num_examples, features) float32.

    Returns:
      (members, num_examples, outputs) float32.

    >>> ones = np.ones((1, 2), np.float32)
    >>> answers(lambda w, x: w * x, jax.nn.relu, ones, np.float32([[3.0, -4.0]])).tolist()
    [[[3.0, 0.0]]]
    """
    parts = []
    for first in range(0, len(inputs), BLOCK * MOST):
        rows = inputs[first : first + BLOCK * MOST]
        blocks = 1 << (-(-len(rows) // BLOCK) - 1).bit_length()
        padded = np.zeros((blocks * BLOCK, inputs.shape[1]), np.float32)
        padded[: len(rows)] = rows
        given = padded.reshape(blocks, BLOCK, -1)
        found = np.asarray(call(in_blocks, (apply, link), params, given))
        parts.append(found.reshape(len(found), blocks * BLOCK, -1)[:, : len(rows)])
    return np.concatenate(parts, axis=1)
