"""Which rows of a table train, validate and test: by the rows' order alone, the same for ever."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.data import division
from experiments.data.idx import DataError

__all__ = ["Rows", "divide", "folds"]


class Rows(NamedTuple):
    """The places of rows, each rising."""

    train: np.ndarray  # (n,) int64
    validation: np.ndarray  # (v,) int64, perhaps none
    test: np.ndarray  # (t,) int64


def divide(
    labels: np.ndarray,
    test_fraction: float,
    validation_fraction: float = 0.0,
    groups: np.ndarray | None = None,
    times: np.ndarray | None = None,
    where: object = "the table",
) -> Rows:
    """Divides rows in two or three sets.

    - By `division.split` where neither groups nor times are given: each class alike. A class whose
      rows would all be held out is trained on instead; if nothing else is held out, a row of the
      commonest is.
    - By groups: no group is in two sets. Shuffled groups are held out as long as their rows come
      nearer to the fraction.
    - By time: the latest rows test, and those before them validate; rows of one time stay
      together.

    Args:
      labels: (N,) or (N, outputs).
      test_fraction: of all rows.
      validation_fraction: of those that do not test.
      groups: (N,) whole numbers.
      times: (N,) numbers.
      where: the data's name, for messages.

    Raises:
      DataError: if a set would have no rows.
    """
    everything = np.arange(len(labels))
    rest, test = _in_two(everything, labels, test_fraction, groups, times, where)
    if not validation_fraction:
        return Rows(rest, rest[:0], test)
    train, validation = _in_two(rest, labels, validation_fraction, groups, times, where)
    return Rows(train, validation, test)


def folds(
    labels: np.ndarray,
    count: int,
    validation_fraction: float = 0.0,
    groups: np.ndarray | None = None,
    where: object = "the table",
) -> list[Rows]:
    """Divides rows so that each tests once.

    Classes are divided alike: rows are shuffled and sorted by class as `division.split` does, and
    every `count`-th is of one fold. Where the rows do not divide, a fold that tests one row less
    leaves one of the commonest class out of its training, so that all train on as many: members of
    one compiled program. Groups are dealt out whole, the largest first, to the fold that has the
    fewest rows; their folds differ in size.

    Args:
      labels: (N,) or (N, outputs).
      count: of folds, 2 at least.
      validation_fraction: of each fold's training rows.
      groups: (N,) whole numbers.
      where: the data's name, for messages.

    Raises:
      DataError: if there are fewer rows, or groups, than folds.
    """
    what, most = ("rows", len(labels)) if groups is None else ("groups", len(np.unique(groups)))
    if most < count:
        raise DataError(f"{where}: expected at least {count} {what} for {count} folds, got {most}")
    codes = _codes(labels)
    order = _order(codes)
    fold = np.empty(len(labels), np.int64)
    if groups is None:
        fold[order] = np.arange(len(labels)) % count
    else:
        fold = _dealt(groups, count)
    fewest = len(labels) - np.bincount(fold, minlength=count).max()
    found = []
    for number in range(count):
        test, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        if groups is None and len(rest) > fewest:
            rest = rest[rest != _spare(rest, codes, order, number)]
        validation = rest[:0]
        if validation_fraction:
            rest, validation = _in_two(rest, labels, validation_fraction, groups, None, where)
        found.append(Rows(rest, validation, test))
    return found


def _in_two(
    rows: np.ndarray,
    labels: np.ndarray,
    fraction: float,
    groups: np.ndarray | None,
    times: np.ndarray | None,
    where: object,
) -> tuple[np.ndarray, np.ndarray]:
    """Some rows without a fraction of them, and those."""
    if times is not None:
        held_out = _latest(times[rows], fraction, where)
    elif groups is not None:
        held_out = _whole_groups(groups[rows], fraction, where)
    else:
        held_out = _stratified(rows, _codes(labels)[rows], fraction, where)
    if held_out.all() or not held_out.any():
        got = f"{len(rows)} rows"
        raise DataError(
            f"{where}: expected rows for {100 * fraction:g} % and for the rest, got {got}"
        )
    return rows[~held_out], rows[held_out]


def _codes(labels: np.ndarray) -> np.ndarray:
    """Labels as (N,): of several outputs each combination is one of its own."""
    if labels.ndim == 1 or labels.shape[1] == 1:
        return labels.reshape(len(labels))
    if labels.dtype.kind == "f":
        return labels[:, 0]  # as `division.split` sorts values
    return np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)


def _stratified(rows: np.ndarray, codes: np.ndarray, fraction: float, where: object) -> np.ndarray:
    places = np.arange(len(rows))[:, None]
    *_, test, _ = division.split(places, codes, where, fraction)
    held_out = np.zeros(len(rows), bool)
    held_out[test[:, 0]] = True
    if codes.dtype.kind != "f":  # a class is to be trained on before it is tested
        lost = np.setdiff1d(codes[held_out], codes[~held_out])
        held_out &= ~np.isin(codes, lost)
        if not held_out.any() and np.unique(codes, return_counts=True)[1].max() > 1:
            held_out[_spare(np.arange(len(rows)), codes, _order(codes), 0)] = True
    return held_out


def _order(codes: np.ndarray) -> np.ndarray:
    """Rows shuffled as `division.split` does, then sorted by class."""
    order = np.random.RandomState(0).permutation(len(codes))
    return order[np.argsort(codes[order], kind="stable")]


def _spare(rest: np.ndarray, codes: np.ndarray, order: np.ndarray, fold: int) -> int:
    """The row that a fold leaves out: of the commonest class of its training the last in order.

    Of values it is one of the shuffled rows, another for each fold.
    """
    if codes.dtype.kind == "f":
        shuffled = np.random.RandomState(0).permutation(len(codes))
        return int(shuffled[np.isin(shuffled, rest)][fold % len(rest)])
    classes, counts = np.unique(codes[rest], return_counts=True)
    commonest = classes[counts.argmax()]
    of_class = np.isin(order, rest) & (codes[order] == commonest)
    return int(order[of_class][-1])


def _whole_groups(groups: np.ndarray, fraction: float, where: object) -> np.ndarray:
    names, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise DataError(f"{where}: expected at least 2 groups to keep some apart, got {len(names)}")
    wanted, taken = fraction * len(groups), 0
    chosen = np.zeros(len(names), bool)
    for group in np.random.RandomState(0).permutation(len(names)):
        if chosen.sum() == len(names) - 1:
            break
        if abs(taken + sizes[group] - wanted) < abs(taken - wanted):
            chosen[group], taken = True, taken + sizes[group]
    if not chosen.any():
        chosen[sizes.argmin()] = True
    return chosen[place.reshape(-1)]


def _dealt(groups: np.ndarray, count: int) -> np.ndarray:
    """The fold of each row: groups go, the largest first, where there are the fewest rows."""
    _, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    fold, load = np.empty(len(sizes), np.int64), np.zeros(count, np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        fold[group] = load.argmin()
        load[fold[group]] += sizes[group]
    return fold[place.reshape(-1)]


def _latest(times: np.ndarray, fraction: float, where: object) -> np.ndarray:
    """The latest rows: so many that the fraction is reached with all of one time together."""
    count = max(1, int(np.floor(round(fraction * len(times), 9))))
    first = np.sort(times)[len(times) - count]
    if first == times.min():
        raise DataError(f"{where}: expected earlier rows than the latest to train on, got one time")
    return times >= first
