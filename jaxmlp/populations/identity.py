"""Which population it is, as a record: as far as can be told."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from jaxmlp.populations.folds import Data
from jaxmlp.populations.grid import Grid
from jaxmlp.runtime import receipt
from jaxmlp.training.identity import as_read, data_digest, recipe_record
from jaxmlp.training.labels import label
from jaxmlp.types import Dataset

__all__ = ["identity_of_many", "population_record"]

SEEDS = ("seed", "shuffle_seed", "noise_seed")


def identity_of_many(grid: Grid, data: Data, shuffle: str) -> dict[str, Any]:
    """As `identity_of` of a network: `population_record`, the data, and what it runs on.

    Args:
      grid: its members.
      data: as `check` returns it.
      shuffle: "own" or "shared".
    """
    record = population_record(grid, shuffle)
    if isinstance(data, Dataset):
        digests: Any = data_digest(data)
    else:
        digests = {f"fold {fold}": data_digest(each) for fold, each in enumerate(data)}
    return as_read({**record, "data": digests, "environment": receipt.describe()})


def population_record(grid: Grid, shuffle: str) -> dict[str, Any]:
    """A population's axes, its first recipe, and a digest of all recipes, as JSON can hold them."""
    recipes = [recipe_record(recipe) for recipe in grid.recipes]
    axes = {
        name: _ranges(values) if name in SEEDS else [label(value) for value in values]
        for name, values in grid.axes.items()
    }
    record: dict[str, Any] = {"axes": axes, "shuffle": shuffle, "recipe": recipes[0]}
    record["recipes"] = hashlib.sha256(json.dumps(recipes).encode()).hexdigest()
    return record


def _ranges(seeds: Sequence[Any]) -> str:
    """Seeds in few words, in their order.

    >>> _ranges((0, 1, 2, 7, 3, 4))
    '0-2, 7, 3-4'
    """
    starts = [i for i, seed in enumerate(seeds) if i == 0 or seed != seeds[i - 1] + 1]
    parts = [seeds[i:j] for i, j in zip(starts, [*starts[1:], len(seeds)], strict=True)]
    return ", ".join(f"{p[0]}" if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)
