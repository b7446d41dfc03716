"""What a run may ask for, in memory and in steps, seen before anything is allocated."""

import math

import jax
import numpy as np

from jaxmlp.runtime.compilation import default_device, shape_of
from jaxmlp.runtime.memory import available, gib, num_bytes
from jaxmlp.training.batches import num_steps
from jaxmlp.training.sources import Source
from jaxmlp.types import Dataset, PyTree

__all__ = ["refuse_too_large"]

INT32 = 2**31 - 1


def refuse_too_large(
    params: PyTree, opt_state: PyTree, data: Dataset, batch_size: int, num_epochs: int
) -> None:
    """Sees whether a run could be held in memory, and counted.

    What is counted of memory is what cannot be done without: the data, a batch, the gradient, and
    parameters and optimizer state twice, as a step makes new ones out of the old. What a step needs
    in between comes on top.

    Args:
      params: or their `jax.ShapeDtypeStruct`.
      opt_state: likewise.
      data: what on. What is a `jax.Array` already takes no more memory, nor does a `Source`.
      batch_size: examples a step.
      num_epochs: passes over the training set.

    Raises:
      ValueError: with the limit.
    """
    num_examples = max(len(inputs) for inputs, _ in data.sets().values())
    if num_examples + batch_size > INT32:  # positions in a batch reach beyond the last example
        raise ValueError(
            f"a set needs fewer than {INT32 - batch_size} examples, got {num_examples}"
        )
    steps = num_steps(len(data.train_inputs), batch_size)
    if steps * num_epochs > INT32:
        raise ValueError(
            f"num_epochs needs to be at most {INT32 // steps}, as steps are counted up to {INT32} "
            f"and an epoch has {steps}, got {num_epochs}"
        )
    weights, state = num_bytes(params), num_bytes((params, opt_state))
    held = (a for a in jax.tree.leaves(data.sets()) if not isinstance(a, jax.Array | Source))
    arrays = [shape_of(array) for array in held]
    batch = 4 * batch_size * math.prod(np.shape(data.train_inputs)[1:])
    needed = weights + 2 * state + num_bytes(arrays) + batch
    if needed > (limit := available(default_device())):
        raise ValueError(
            f"training needs at least {gib(needed)} of memory, "
            f"{gib(weights + 2 * state)} of them for parameters of {gib(weights)} and their "
            f"optimizer, got {gib(limit)}"
        )
