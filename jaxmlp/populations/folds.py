"""What a population is trained on: one data set for all members, or one for each fold."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import numpy as np

from jaxmlp.naming import kind_of
from jaxmlp.populations.grid import Grid, Program, some_of
from jaxmlp.training.checks import check
from jaxmlp.training.engine import Shapes, shapes_of, streamed
from jaxmlp.types import Dataset

__all__ = [
    "Data",
    "as_data",
    "by_shapes",
    "checked",
    "data_of",
    "folds_of",
    "like",
    "num_folds",
    "sizes_of",
]

Data: TypeAlias = Dataset | tuple[Dataset, ...]  # one for all members, or one a fold


def as_data(data: Any) -> Data:
    """One data set as it is, and the data sets of folds as a tuple.

    Raises:
      ValueError: if there are none, one is none, or they do not go together.

    >>> as_data([])
    Traceback (most recent call last):
    ValueError: data needs a Dataset, or one for each fold, got none
    """
    if isinstance(data, Dataset):
        return data
    is_listed = isinstance(data, list | tuple)
    if is_listed and not len(data):
        raise ValueError("data needs a Dataset, or one for each fold, got none")
    if not is_listed or not any(isinstance(each, Dataset) for each in data):
        raise ValueError(
            "data needs to be a Dataset(train_inputs, train_labels, ...), or a list of one for "
            f"each fold, got {kind_of(data)}"
        )
    for fold, each in enumerate(data):
        if not isinstance(each, Dataset):
            raise ValueError(f"fold {fold} needs to be a Dataset, got {kind_of(each)}")
    _refuse_unlike(data)
    return tuple(data)


def num_folds(data: Data) -> int | None:
    """How many folds there are; None where there is one data set for all."""
    return None if isinstance(data, Dataset) else len(data)


def folds_of(data: Data) -> tuple[Dataset, ...]:
    """The data set of each fold; the only one, where there are none."""
    return (data,) if isinstance(data, Dataset) else data


def data_of(program: Program, data: Data) -> Dataset:
    """What a program's first member is trained on: other folds of it have the same shapes."""
    return data if isinstance(data, Dataset) else data[program.folds[0]]


def checked(grid: Grid, data: Data, window: int | None = None) -> Data:
    """The data as all programs take them, once all is seen to fit; raises as `check` does."""
    if isinstance(data, Dataset):
        for program in grid.programs:
            _, data = check(program.recipe, data, window=window)
        return data
    found = list(data)
    for program in grid.programs:
        for fold in np.unique(program.folds):
            try:
                _, found[fold] = check(program.recipe, found[fold], window=window)
            except ValueError as error:
                raise ValueError(f"fold {fold}: {error}") from error
    if names := [name for each in found for name in streamed(each)]:
        raise ValueError(
            f"folds need their data in memory, got {names[0]} in windows of {window} bytes"
        )
    return tuple(found)


def by_shapes(grid: Grid, data: Data) -> Grid:
    """The grid with a program for each shape of training sets among a program's folds.

    Other sets may be of other lengths: to look at them compiles little, and is no part of training.

    Args:
      grid: whose programs have members of all folds.
      data: as `checked` returns it.
    """
    if isinstance(data, Dataset):
        return grid
    kinds = np.array(_firsts([_trained_as(shapes_of(each)) for each in data]))
    programs = [
        some_of(program, kinds[program.folds] == kind)
        for program in grid.programs
        for kind in dict.fromkeys(kinds[program.folds].tolist())
    ]
    return grid._replace(programs=tuple(programs))


def like(program: Program, data: Data) -> dict[int, int]:
    """Of each fold of a program's, the first one whose sets all have the same shapes."""
    own = np.unique(program.folds).tolist()
    firsts = _firsts([_as_key(dict(shapes_of(folds_of(data)[fold]))) for fold in own])
    return {fold: own[first] for fold, first in zip(own, firsts, strict=True)}


def sizes_of(data: Data) -> dict[str, tuple[int, ...]]:
    """How many examples each set has in each fold; nothing where there are no folds."""
    if isinstance(data, Dataset):
        return {}
    return {
        name: tuple(len(each.sets()[name][0]) for each in data) for name in folds_of(data)[0].sets()
    }


def _trained_as(shapes: Shapes) -> Any:
    """What has to be equal for two folds to be trained by one program."""
    rows = {
        name: [jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype) for leaf in leaves]
        for name, leaves in shapes.items()
    }
    return _as_key((shapes["train"], rows))


def _as_key(shapes: Any) -> Any:
    leaves, structure = jax.tree.flatten(shapes)
    return structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)


def _firsts(keys: Sequence[Any]) -> list[int]:
    """Where each key comes first.

    >>> _firsts(["a", "b", "a"])
    [0, 1, 0]
    """
    return [keys.index(key) for key in keys]


def _refuse_unlike(folds: Sequence[Dataset]) -> None:
    """Raises ValueError unless one network could be trained on each."""
    facts: dict[str, list[Any]] = {
        "the same sets": [", ".join(each.sets()) for each in folds],
        "examples of one shape": [_row(each.train_inputs) for each in folds],
        "labels of one shape": [_row(each.train_labels) for each in folds],
        "the same number of classes": [each.num_classes or None for each in folds],
    }
    for what, found in facts.items():
        known = [(fold, fact) for fold, fact in enumerate(found) if fact is not None]
        for fold, fact in known:
            if fact != known[0][1]:
                raise ValueError(
                    f"folds need {what}, got {known[0][1]} in fold {known[0][0]} and {fact} in "
                    f"fold {fold}"
                )


def _row(values: Any) -> tuple[int, ...]:
    return tuple(np.shape(values)[1:])
