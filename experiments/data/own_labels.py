"""The labels of all sets of a user's own data together: what they are for, and as which classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.data import targets
from experiments.data.idx import DataError
from experiments.data.plain_labels import texts

__all__ = ["OwnLabels", "checked_names", "classes_of", "read"]

OTHERWISE = {  # inferred task -> how to say that the labels are something else
    "classification": "--task=regression for values",
    "regression": "--task=classification for classes",
    "multilabel": "--task=regression for values",
}
SHOWN = 5  # classes in a message


class OwnLabels(NamedTuple):
    """Labels as a network takes them, and what was made of them."""

    task: str
    labels: list[np.ndarray]  # of each set
    class_names: tuple[str, ...]
    notes: tuple[str, ...]


def read(
    sets: Mapping[str, np.ndarray], task: str | None, names: tuple[str, ...], where: object
) -> OwnLabels:
    """The labels of some sets, of which training's come first.

    Args:
      sets: what each is called -> labels in any form that `targets.as_labels` takes.
      task: what they are for; None for what `targets.infer` says.
      names: of the classes, in their order; () where they are not given.
      where: the file, for messages.

    Raises:
      DataError: they are none of such a task, or not those of the names, or a set has classes that
        training has not.
    """
    sets = {name: _plain(values, f"{where}: {name}") for name, values in sets.items()}
    _check_alike(sets, where)
    together, notes = np.concatenate([*sets.values()]), list[str]()
    is_named = task is not None and task != targets.infer(together)[0]
    task, why = targets.decided(together, task)
    hint = "" if is_named or _is_text(together) else f" ({OTHERWISE[task]})"
    notes.append(why + hint)
    if task in ("regression", "multilabel"):
        each: list[np.ndarray] = [
            targets.as_labels(values, task, f"{where}: {name}").labels.reshape(values.shape)
            for name, values in sets.items()
        ]
        if task == "regression":
            targets.refuse_coarse(together, str(where))
        named = names if task == "multilabel" else ()
        if named and len(named) != each[0].shape[1]:
            got = f"{each[0].shape[1]} and {len(named)}"
            raise DataError(f"{where}: expected as many answers as class_names, got {got}")
        notes += ["class_names are left out: there are no classes"] * (named != names)
        return OwnLabels(task, each, named, tuple(notes))
    first, *others = sets
    found = _named(together, task, names, f"{where}: {first}")
    for name in others:
        _refuse_strange(sets[first], sets[name], first, name, where)
    ends = np.cumsum([len(values) for values in sets.values()])[:-1]
    labels = np.split(found.labels, ends)
    _check_each(labels[0], found.class_names, first, where)
    return OwnLabels(task, labels, found.class_names, (*notes, *found.notes))


def checked_names(values: np.ndarray, where: str) -> tuple[str, ...]:
    """Names of classes, (classes,) texts, as a tuple.

    Raises:
      DataError: if they are no such, or two are the same.
    """
    if values.ndim != 1 or values.dtype.kind not in "US" or not len(values):
        got = f"{values.dtype} {values.shape}"
        raise DataError(f"{where}: expected a text for each class, got {got}")
    names = tuple(texts(values, where).tolist())
    if bad := [name for name in names if not name.strip() or not name.isprintable()]:
        raise DataError(f"{where}: expected names of classes that print, got {bad[0]!a}")
    if len(again := [name for name in names if names.count(name) > 1]):
        raise DataError(f"{where}: expected a name for each class, got {again[0]} twice")
    return names


def classes_of(
    values: np.ndarray, names: Sequence[str], num_classes: int, where: object
) -> np.ndarray:
    """Labels of further examples as the classes of a network, where their form is known from it.

    Args:
      values: (N,) texts or numbers, (N, 1), or one-hot rows.
      names: of the network's classes, () where they are numbers from 0 on.
      num_classes: how many there are.
      where: the file, for messages.

    Returns:
      (N,) whole numbers; numbers that are in no form known as they are.

    Raises:
      DataError: a label is none of the names.

    >>> classes_of(np.array(["b", "a"]), ("a", "b"), 2, "file")
    array([1, 0])
    """
    values = _plain(values, f"{where}: labels")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2:
        is_one_hot = values.shape[1] == num_classes and (np.sort(values)[:, :-1] == 0).all()
        return values.argmax(axis=1) if is_one_hot and (values.max(axis=1) == 1).all() else values
    if not _is_text(values):
        known = np.unique(values)
        if values.dtype.kind == "b" or not names or not all(map(_is_whole, names)):
            are_others = (
                names and len(known) == len(names) and not 0 <= known[0] <= known[-1] < len(names)
            )
            return np.searchsorted(known, values) if are_others else values
        values = np.array([_number_text(value) for value in values.tolist()])
    place = {name: number for number, name in enumerate(names)}
    strange = np.array([value not in place for value in values.tolist()], bool)
    if strange.any():
        row = int(strange.argmax())
        known_names = _some(names) or f"0 to {num_classes - 1}"
        raise DataError(
            f"{where}: expected labels of the network's classes, {known_names}, got {values[row]} "
            f"in row {row}"
        )
    return np.array([place[value] for value in values.tolist()])


def _number_text(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _is_whole(name: str) -> bool:
    return name.removeprefix("-").isdecimal()


def _is_text(values: np.ndarray) -> bool:
    return values.dtype.kind in "US"


def _plain(values: np.ndarray, where: str) -> np.ndarray:
    """Labels of numbers or texts, (N,) or (N, columns)."""
    if values.ndim not in (1, 2) or values.dtype.kind not in "buifUS":
        got = f"{values.dtype} {values.shape}"
        raise DataError(
            f"{where}: expected numbers or texts (N,), or (N, columns) of numbers, got {got}"
        )
    return texts(values, where) if _is_text(values) else np.asarray(values)


def _check_alike(sets: Mapping[str, np.ndarray], where: object) -> None:
    """Raises DataError unless labels are texts in all sets, or in none, and of as many columns."""
    kinds = {(_is_text(values), values.shape[1:]) for values in sets.values()}
    if len(kinds) > 1:
        got = " and ".join(f"{values.dtype} {values.shape}" for values in sets.values())
        names = " and ".join(sets)
        raise DataError(f"{where}: expected labels alike in {names}, got {got}")


def _refuse_strange(
    known: np.ndarray, values: np.ndarray, name: str, other: str, where: object
) -> None:
    """Raises DataError if one set has classes that training has not."""
    if known.ndim == 1 and len(strange := np.setdiff1d(values, known)):
        raise DataError(
            f"{where}: expected classes in {other} that {name} has, got {_some(strange)}"
        )


def _named(values: np.ndarray, task: str, names: tuple[str, ...], where: str) -> targets.Labels:
    """Classes in the order of their names, where these are given."""
    if not names:
        return targets.as_labels(values, task, where)
    count = len(names)
    if task == "binary" and count != 2:
        raise DataError(f"{where}: expected two class_names for --task=binary, got {count}")
    if _is_text(values):
        values = values.reshape(-1) if values.shape[1:] == (1,) else values
        place = {name: number for number, name in enumerate(names)}
        strange = [value for value in np.unique(values).tolist() if value not in place]
        if strange or values.ndim > 1:
            raise DataError(
                f"{where}: expected labels of class_names, {_some(names)}, got {_some(strange)}"
            )
        labels = np.array([place[value] for value in values.tolist()], np.int32)
        return targets.Labels(labels, names, ())
    found = targets.as_labels(values, task, where)
    if values.ndim == 2 and values.shape[1] > 1:
        known = values.shape[1]
    elif values.min(initial=0) >= 0 and values.max(initial=0) < count:
        return targets.Labels(values.reshape(-1).astype(np.int32), names, ())
    else:
        known = len(np.unique(found.labels))
    if known != count:
        raise DataError(f"{where}: expected as many classes as class_names, got {known}, {count}")
    return targets.Labels(found.labels, names, found.notes)


def _check_each(labels: np.ndarray, names: tuple[str, ...], name: str, where: object) -> None:
    """Raises DataError unless training has every class there is, from 0 to the last."""
    there = np.unique(labels)
    last = max(int(there[-1]), len(names) - 1)
    if len(absent := np.setdiff1d(np.arange(last + 1), there)):
        got = _some([names[each] for each in absent] if names else absent)
        raise DataError(
            f"{where}: expected classes 0, 1, ... to {last} each to have an example in {name}, "
            f"got none of {got}"
        )


def _some(classes: Sequence[object] | np.ndarray) -> str:
    return ", ".join(map(str, classes[:SHOWN])) + (", ..." if len(classes) > SHOWN else "")
