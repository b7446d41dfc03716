"""Which training it is, as a record: as far as can be told, so that another is not taken for it."""

import hashlib
import json
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxmlp.naming import name_of
from jaxmlp.nn.architecture import record_of
from jaxmlp.nn.description import TABLES, name_in
from jaxmlp.nn.mlp import architecture_of
from jaxmlp.runtime import receipt
from jaxmlp.runtime.fingerprint import fingerprint
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.training.engine import hosted, streamed
from jaxmlp.training.labels import label
from jaxmlp.training.recipe import Recipe, split
from jaxmlp.training.sources import Source, pieces
from jaxmlp.types import Dataset, Model

__all__ = ["as_read", "data_digest", "differences", "identity_of", "recipe_record"]

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
    return as_read({**record, "data": data_digest(data), "environment": receipt.describe()})


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


def data_digest(data: Dataset, rows: int | None = None) -> str:
    """`digest` of the sets, of which little is in memory at once.

    Args:
      data: as `check` returns it.
      rows: so many alone, spread over it, of a set that is read in windows; by default all.
    """
    sha256 = hashlib.sha256()
    for name, array in named_leaves({**hosted(data), **streamed(data)}):
        sha256.update(f"{name} {array.dtype} {array.shape}\n".encode())
        if rows is not None and isinstance(array, Source):
            some = np.linspace(0, len(array) - 1, rows).astype(np.int64)
            sha256.update(array[np.unique(some)].tobytes())
            continue
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


def as_read(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as JSON gives it back."""
    read: dict[str, Any] = json.loads(json.dumps(record))
    return read
