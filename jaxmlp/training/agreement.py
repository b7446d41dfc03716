"""What the processes that train one network have to agree on: how long a block is, when to stop."""

from collections.abc import Mapping
from typing import Any

import jax

from jaxmlp.runtime import processes
from jaxmlp.runtime.exchange import coordinator
from jaxmlp.runtime.rounds import next_exchange, refuse_differences
from jaxmlp.training.engine import shapes_of
from jaxmlp.training.identity import data_digest, recipe_record
from jaxmlp.training.parallel import Parallel
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Dataset

__all__ = ["agreed", "facts_of", "refuse_others"]

ROWS = 16  # that are compared of a set that is read in windows, and not by one process alone


def refuse_others(
    parallel: Parallel | None, recipe: Recipe, data: Dataset, options: Mapping[str, Any]
) -> None:
    """Sees to it that all processes of a mesh are about to train the same.

    Args:
      parallel: the devices; where they are of one process there is nothing to see to.
      recipe: as `check` returns it.
      data: likewise.
      options: all else that has to be the same.

    Raises:
      ValueError: in all of them, naming what differs.
    """
    if parallel is None or not processes.spans_processes(parallel.mesh):
        return
    devices, store = list(parallel.mesh.devices.flat), coordinator()
    assert store is not None  # where there are other processes
    every = sorted({device.process_index for device in devices})
    exchange = next_exchange(store, "training", every, jax.process_index())
    facts: dict[str, Any] = {"mesh": [dict(parallel.mesh.shape), [device.id for device in devices]]}
    facts |= {"mode": parallel.mode, **options, **facts_of(data)}
    refuse_differences(exchange, {**facts, "recipe": recipe_record(recipe)})


def facts_of(data: Dataset) -> dict[str, str]:
    """What processes compare of their data: shapes, and the contents by a digest.

    Of a set that is read in windows a few rows alone: to read all of it may take hours.
    """
    return {"data": str(shapes_of(data)), "the data's contents": data_digest(data, ROWS)[:16]}


def agreed(parallel: Parallel | None, seconds: float, wants_to_stop: object) -> tuple[float, bool]:
    """What all processes go by: the time of the slowest, and whether any of them wants to stop.

    Args:
      parallel: the devices; where they are of one process there is nothing to agree on.
      seconds: that this process took.
      wants_to_stop: whether this one does.

    >>> agreed(None, 0.25, None)
    (0.25, False)
    """
    if parallel is None or not processes.spans_processes(parallel.mesh):
        return seconds, bool(wants_to_stop)
    slowest, wanted = processes.largest([seconds, bool(wants_to_stop)], parallel.mesh).tolist()
    return slowest, bool(wanted)
