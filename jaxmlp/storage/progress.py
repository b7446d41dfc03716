"""A whole training in a checkpoint, and out of it again: of one network, or of a population."""

from typing import Any

import jax
from jax.sharding import Mesh

from jaxmlp.populations.many import Population
from jaxmlp.storage.checkpoint import Checkpoint
from jaxmlp.training import loop
from jaxmlp.training.parallel import as_parallel
from jaxmlp.training.placement import parts_of, placed
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Dataset, Fault, Progress, PyTree

__all__ = [
    "as_population",
    "as_progress",
    "population_parts",
    "progress_like",
    "progress_parts",
]


def progress_parts(progress: Progress) -> tuple[int, PyTree, dict[str, Any]]:
    """What a checkpoint takes of a network's training: `checkpoints.save(*progress_parts(...))`.

    Args:
      progress: what `train` calls back with.

    Returns:
      The number of steps that are done, the arrays, and what JSON holds of the rest.
    """
    tree = {"state": progress.state, "totals": progress.totals}
    return int(progress.state.step), tree, {"history": progress.history, "faults": progress.faults}


def as_progress(checkpoint: Checkpoint) -> Progress:
    """What was saved of `progress_parts`: `train(..., start=...)` goes on from it."""
    tree, record = checkpoint.tree, checkpoint.record
    faults = tuple(Fault(*fault) for fault in record["faults"])
    return Progress(tree["state"], tree["totals"], tuple(record["history"]), faults)


def progress_like(recipe: Recipe, data: Dataset, mesh: Mesh | None = None) -> PyTree:
    """The shapes of the arrays of `progress_parts`, to restore it by; nothing is computed.

    Args:
      recipe: as trained, such as `check` returns it.
      data: as trained on.
      mesh: as trained on. Where it divides layers, the shapes say where their parts belong.
    """
    start = jax.eval_shape(lambda: loop.beginning(recipe, data, 0))
    state = start.state
    if mesh is not None and parts_of(mesh) > 1:
        state = placed(as_parallel(mesh, "fast").mesh, recipe.model, state)
    return {"state": state, "totals": start.totals}


def population_parts(population: Population) -> tuple[int, PyTree, dict[str, Any]]:
    """The same of a population's training, by the number of epochs that its members have finished.

    Args:
      population: a snapshot of what `train_many` calls back with, a copy or not: `Checkpoints`
        makes its own.
    """
    faults = {str(member): fault._asdict() for member, fault in population.faults.items()}
    return int(population.epochs.sum()), population._replace(faults={}), {"faults": faults}


def as_population(checkpoint: Checkpoint, like: Population) -> Population:
    """What was saved of `population_parts`: `train_many(..., start=...)` goes on from it.

    Args:
      checkpoint: restored by `like`.
      like: from `population_like`, whose history's order the result has.
    """
    population = Population(*checkpoint.tree)
    history = {name: population.history[name] for name in like.history}
    record = checkpoint.record["faults"]
    faults = {int(member): Fault(**fault) for member, fault in record.items()}
    return population._replace(history=history, faults=faults)
