"""Which training it is, as a record: as far as can be told, so that another is not taken for it."""

import hashlib
import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxmlp.naming import name_of
from jaxmlp.nn.architecture import record_of
from jaxmlp.nn.mlp import architecture_of
from jaxmlp.populations.grid import Grid
from jaxmlp.populations.labels import label
from jaxmlp.runtime import receipt
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.storage.description import TABLES, name_in
from jaxmlp.storage.fingerprint import fingerprint
from jaxmlp.training.engine import hosted, streamed
from jaxmlp.training.recipe import Recipe, split
from jaxmlp.training.sources import pieces
from jaxmlp.types import Dataset, Model

__all__ = ["differences", "identity_of", "identity_of_many", "recipe_record"]

SEEDS = ("seed", "shuffle_seed", "noise_seed")
LONGEST = 300  # characters of what differs


def identity_of(recipe: Recipe, data: Dataset, seeds: Mapping[str, int]) -> dict[str, Any]:
    """A network's training: its recipe, the data by their digest, the seeds, and what it runs on.

    Functions go by their names, and by a digest of their code and of the numbers, texts and arrays
    that they hold; what else they hold goes by the name of its kind.

    Args:
      recipe: as `check` returns it.
      data: as `check` returns it.
      seeds: name -> seed.
    """
    record = {"recipe": recipe_record(recipe), "seeds": dict(seeds)}
    return _as_read({**record, "data": _digest(data), "environment": receipt.describe()})


def identity_of_many(grid: Grid, data: Dataset, shuffle: str) -> dict[str, Any]:
    """The same of a population's: its first recipe, and a digest of all.

    Args:
      grid: its members.
      data: as `check` returns it.
      shuffle: "own" or "shared".
    """
    recipes = [recipe_record(recipe) for recipe in grid.recipes]
    axes = {
        name: _ranges(values) if name in SEEDS else [label(value) for value in values]
        for name, values in grid.axes.items()
    }
    record = {"axes": axes, "shuffle": shuffle, "recipe": recipes[0]}
    record["recipes"] = hashlib.sha256(json.dumps(recipes).encode()).hexdigest()
    return _as_read({**record, "data": _digest(data), "environment": receipt.describe()})


def recipe_record(recipe: Recipe) -> dict[str, Any]:
    """A recipe as JSON can hold it.

    >>> import jaxmlp, optax
    >>> recipe = Recipe(
    ...     jaxmlp.mlp((4, 3)), jaxmlp.regression(3), optax.sgd, {"learning_rate": 1}, num_epochs=2
    ... )
    >>> record = recipe_record(recipe)
    >>> record["optimizer"], record["hyperparameters"], record["num_epochs"]
    ('sgd', {'learning_rate': 1.0}, 2)
    """
    static, numbers = split(recipe)
    values: dict[str, Any] = {n: label(value) for n, value in dict(static.hyperparameters).items()}
    # In the digits that they were given in: 0.1, not 0.10000000149011612.
    values |= {name: float(str(np.float32(number))) for name, number in numbers.items()}
    functions = {name: getattr(recipe, name) for name in ("optimizer", "schedule", "eval_params")}
    return {
        "model": _model(recipe.model),
        "task": str(recipe.task),
        "code": fingerprint((_own(recipe.model), recipe.task, recipe.optimizer, recipe.schedule)),
        **{name: None if f is None else label(f) for name, f in functions.items()},
        "hyperparameters": dict(sorted(values.items())),
        "batch_size": int(recipe.batch_size),
        "num_epochs": int(recipe.num_epochs),
    }


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two records, in a line; "" for nothing.

    >>> differences({"seeds": {"seed": 1}, "data": "a"}, {"seeds": {"seed": 2}, "data": "a"})
    'seeds.seed: expected 1, got 2'
    """
    return textwrap.shorten("; ".join(receipt.differences(saved, now)), LONGEST, placeholder=" ...")


def _digest(data: Dataset) -> str:
    """`digest` of the sets, of which little is in memory at once."""
    sha256 = hashlib.sha256()
    for name, array in named_leaves({**hosted(data), **streamed(data)}):
        sha256.update(f"{name} {array.dtype} {array.shape}\n".encode())
        for piece in pieces(array):
            sha256.update(piece.tobytes())
    return sha256.hexdigest()


def _own(model: Model) -> Any:
    """What a network is besides what its architecture says."""
    return None if architecture_of(model) is not None else model


def _model(model: Model) -> Any:
    made = architecture_of(model)
    if made is None:
        return str(model)
    record = record_of(made)
    for field, table in TABLES.items():
        record[field] = name_in(table, record[field]) or name_of(record[field])
    return record


def _ranges(seeds: Sequence[Any]) -> str:
    """Seeds in few words, in their order.

    >>> _ranges((0, 1, 2, 7, 3, 4))
    '0-2, 7, 3-4'
    """
    starts = [i for i, seed in enumerate(seeds) if i == 0 or seed != seeds[i - 1] + 1]
    parts = [seeds[i:j] for i, j in zip(starts, [*starts[1:], len(seeds)], strict=True)]
    return ", ".join(f"{p[0]}" if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)


def _as_read(record: Mapping[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(record))
    return read
