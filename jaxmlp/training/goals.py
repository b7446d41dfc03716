"""What training goes down on, where that is not the mean of the reported loss."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmlp.naming import kind_of
from jaxmlp.objectives.records import Function
from jaxmlp.objectives.tasks import Task, objective_of, rated
from jaxmlp.training.batches import scale_pixels
from jaxmlp.types import Batch, Model

__all__ = ["Goal", "draws", "goal_of", "key_of", "penalties", "seen"]

# What a step's key is folded with, beside the places of the examples, which are below.
MIX, PENALTY = 2**32 - 1, 2**32 - 2

Forward = Callable[[jax.Array], jax.Array]  # (batch, ...) -> (batch, outputs)


class Goal(NamedTuple):
    """What training goes down on, where that is not the mean of the reported loss."""

    loss: Function  # outputs, label -> ()
    weight: Callable[[jax.Array], jax.Array] | None = None  # label -> (): the mean is weighted
    mix: Callable[..., Batch] | None = None  # as of `Task`, with its rates
    penalty: Callable[..., jax.Array] | None = None  # likewise


def goal_of(task: Task) -> Goal | None:
    """A task's, with the rates that it has; None where it is the reported loss."""
    if all(each is None for each in (task.train_loss, task.weight, task.mix, task.penalty)):
        return None
    return Goal(objective_of(task), task.weight, rated(task, task.mix), rated(task, task.penalty))


def draws(model: Model, goal: Goal | None) -> bool:
    """Whether a step draws anything, and so needs a key."""
    is_drawn = goal is not None and (goal.mix is not None or goal.penalty is not None)
    return model.train is not None or is_drawn


def key_of(
    model: Model, key: jax.Array | None, step: jax.Array, goal: Goal | None = None
) -> jax.Array | None:
    """The key of a step; None where nothing is drawn.

    Raises:
      ValueError: for what is no key, or where training draws more than the network does, and there
        is none.
    """
    if key is not None and not hasattr(key, "dtype"):
        raise ValueError(f"key needs to be one such as jax.random.key(0), got {kind_of(key)}")
    if key is None and model.train is None and draws(model, goal):
        raise ValueError(
            "the task draws in training and needs a key, such as "
            "update(state, batch, jax.random.key(0)); got none"
        )
    return jax.random.fold_in(key, step) if key is not None and draws(model, goal) else None


def seen(goal: Goal | None, batch: Batch, key: jax.Array | None) -> Batch:
    """A batch as the network is to see it, of whose inputs the outputs are reported too.

    Args:
      goal: what training goes down on.
      batch: the whole of it.
      key: the step's.
    """
    if goal is None or goal.mix is None or key is None:
        return batch
    scaled = batch._replace(inputs=scale_pixels(batch.inputs))
    return goal.mix(scaled, jax.random.fold_in(key, MIX))


def penalties(
    goal: Goal | None,
    forward: Forward,
    batch: Batch,
    outputs: jax.Array,
    key: jax.Array | None,
    cost: jax.Array | None = None,
    first: jax.Array | int = 0,
) -> jax.Array | None:
    """What is added to the loss of each example, (batch,) float32; None for nothing.

    Args:
      goal: what training goes down on.
      forward: the network as it is in this step, with the same noise for whatever inputs.
      batch: as the network has seen it.
      outputs: (batch, outputs), what it made of that.
      key: the step's.
      cost: (batch,), what the network adds by itself.
      first: the place of the first example in the batch, where these are a part of one.

    Raises:
      ValueError: while tracing, if that is not a number for each example.
    """
    if goal is None or goal.penalty is None or key is None:
        return cost
    size = len(batch.inputs)
    places = jnp.arange(size, dtype=jnp.uint32) + jnp.asarray(first, jnp.uint32)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.fold_in(key, PENALTY), places)
    mask = jnp.ones(size, bool) if batch.mask is None else jnp.asarray(batch.mask)
    added = goal.penalty(forward, scale_pixels(batch.inputs), outputs, keys, mask)
    if (shape := getattr(added, "shape", None)) != (size,):
        got = kind_of(added) if shape is None else shape
        raise ValueError(f"a penalty needs to return a number for each example, got {got}")
    return added if cost is None else cost + added
