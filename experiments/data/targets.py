"""What labels are for, by their values, and how a network takes them, in whatever form they are."""

from typing import NamedTuple

import numpy as np

from experiments.data.idx import DataError
from experiments.data.plain_labels import plain
from jaxmlp.nn.scaling import Scaling

__all__ = ["Labels", "as_labels", "coarse", "decided", "infer", "refuse_coarse"]

FEW = 10  # different floats, all whole, that may still be classes
SOME = 20  # different whole numbers that are classes however few examples each has
EACH = 10  # examples that each of more whole numbers needs, to be a class
STEPS = 100  # of float32 that values need in a deviation, for them to be learned
SHOWN = 3  # labels in a message


class Labels(NamedTuple):
    """Labels as a network takes them."""

    labels: np.ndarray  # (N,) int32 classes, (N, L) int32 of no and yes, or values float32
    class_names: tuple[str, ...]  # of the classes, () where they are numbers from 0 on
    notes: tuple[str, ...]  # what was made of them, for a reader; () where they are as they were


def infer(values: np.ndarray) -> tuple[str, str]:
    """What labels are for, where nobody says.

    Texts and bools are classes. Floats are values, unless all are whole and at most 10 different
    ones. Whole numbers are classes, unless there are more than 20 different ones with fewer than
    10 examples for each. Of several columns one-hot rows are classes, and others of 0 and 1 are
    answers of their own.

    Args:
      values: (N,) or (N, columns), of numbers, bools or texts.

    Returns:
      "classification", "multilabel" or "regression", and why, for a reader.

    Raises:
      DataError: if there are none, or texts and numbers among each other.

    >>> infer(np.array([0.5, 1.0, 2.5]))
    ('regression', 'float target with 3 values: regression')
    >>> infer(np.array(["a", "b", "a"]))
    ('classification', 'text target with 2 values: classification')
    """
    values = plain(values, "labels")
    if values.ndim > 1:
        return _infer_of_several(values)
    count, kind = len(np.unique(values)), _kind(values)
    is_value = False
    if values.dtype.kind == "f":
        finite = values[np.isfinite(values)]
        is_value = count > FEW or not (finite == np.round(finite)).all()
    elif values.dtype.kind in "iu":
        is_value = count > SOME and len(values) < EACH * count
    task = "regression" if is_value else "classification"
    return task, f"{kind} target with {count:,} values: {task}"


def decided(values: np.ndarray, task: str | None) -> tuple[str, str]:
    """The task that was asked for, else the inferred one, and why, as `infer` says it.

    Whoever names what would be inferred gets the same words, as a run does that goes on by its
    record.

    >>> decided(np.array([1, 2, 2]), "regression")
    ('regression', 'whole-number target with 2 values: regression, as --task says')
    """
    inferred, why = infer(values)
    if task is None or task == inferred:
        return inferred, why
    return task, f"{why.rpartition(':')[0]}: {task}, as --task says"


def as_labels(values: np.ndarray, task: str, where: str = "labels") -> Labels:
    """Labels in any form as a network takes them.

    Args:
      values: (N,) or (N, columns): texts, bools, any whole numbers, floats that are whole, or
        one-hot rows for classes; for values numbers.
      task: "classification", "binary", "multilabel" or "regression".
      where: what they are called, for messages.

    Returns:
      Classes from 0 on in the order of what they are made from: texts as sorted, numbers by size;
      whole numbers from 0 on without a gap, and answers of 0 and 1, stay as they are.

    Raises:
      DataError: if they are no labels of such a task.

    >>> as_labels(np.array([1, 3, 3]), "classification")
    Labels(labels=array([0, 1, 1], dtype=int32), class_names=('1', '3'),
           notes=('labels 1, 3 are the classes 0 to 1',))
    """
    values = plain(np.asarray(values), where)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int((~np.isfinite(values)).reshape(len(values), -1).any(axis=1).argmax())
        raise DataError(f"{where}: expected finite labels, got {values[row]} in row {row}")
    if task == "regression":
        return Labels(_values(values, where), (), ())
    if task == "multilabel":
        return Labels(_answers(values, where), (), ())
    found = _classes(values, where)
    if task == "binary" and (count := len(np.unique(found.labels))) > 2:
        raise DataError(f"{where}: expected two classes for --task=binary, got {count:,}")
    return found


def refuse_coarse(values: np.ndarray, where: str) -> None:
    """Refuses values of which float32 leaves little: far from 0, and near together.

    Args:
      values: (N,) or (N, columns) numbers, of all sets.
      where: what they are called, for messages.

    Raises:
      DataError: if a column is rounded, and has fewer than 100 steps of float32 in its deviation.

    >>> refuse_coarse(np.array([1.6e9, 1.6e9 + 300, 1.6e9 + 700]), "y")
    Traceback (most recent call last):
    experiments.data.idx.DataError: y: expected values that float32 tells apart, got a deviation of
        287 where its steps are 128: subtract 1600000000 from all
    """
    for column in np.atleast_2d(values.T):
        rounded = column.astype(np.float32)
        if (column == rounded).all() or (column == column[0]).all():
            continue
        step, deviation = np.spacing(abs(rounded).max()), column.std(dtype=np.float64)
        if STEPS * step > deviation:
            raise DataError(
                f"{where}: expected values that float32 tells apart, got a deviation of "
                f"{deviation:.3g} where its steps are {step:.3g}: subtract {column.min():.15g} "
                "from all"
            )


def coarse(scaling: Scaling) -> Scaling:
    """A scaling near another, of few bits: a power of two, and a mean that is a multiple of it.

    Labels so scaled are as good to train on, scaling them is exact, and those of the folds of one
    table, which differ a little, mostly have the same: networks of them are then one program.

    >>> coarse(Scaling((152.3, -7.0), (77.0, 1.0)))._asdict()
    {'mean': (128.0, -7.0), 'scale': (64.0, 1.0)}
    """
    scale = 2.0 ** np.round(np.log2(np.asarray(scaling.scale, np.float64)))
    mean = np.round(np.asarray(scaling.mean, np.float64) / scale) * scale + 0.0
    return Scaling(tuple(mean.tolist()), tuple(scale.tolist()))


def _kind(values: np.ndarray) -> str:
    if values.dtype.kind in "OUST":
        return "text"
    return {"f": "float", "b": "yes-or-no"}.get(values.dtype.kind, "whole-number")


def _infer_of_several(values: np.ndarray) -> tuple[str, str]:
    columns = values.shape[1]
    what = f"target of {columns} columns"
    if values.dtype.kind in "buif" and np.isin(values, (0, 1)).all():
        if (values.sum(axis=1) == 1).all():
            return "classification", f"{what}, one-hot: classification"
        return "multilabel", f"{what} of 0 and 1: multilabel"
    return "regression", f"{what}: regression"


def _values(values: np.ndarray, where: str) -> np.ndarray:
    if values.dtype.kind not in "buif" or values.ndim not in (1, 2) or not values.size:
        got = f"{values.dtype} {values.shape}"
        raise DataError(f"{where}: expected values (N,) or (N, values), got {got}")
    with np.errstate(over="ignore"):
        made = values.astype(np.float32)
    if (bad := ~np.isfinite(made)).any():
        row = int(bad.reshape(len(made), -1).any(axis=1).argmax())
        raise DataError(f"{where}: expected finite float32 values, got {values[row]} in row {row}")
    return made


def _answers(values: np.ndarray, where: str) -> np.ndarray:
    is_answers = values.dtype.kind in "buif" and values.ndim == 2 and np.isin(values, (0, 1)).all()
    if not is_answers:
        got = f"{values.dtype} {values.shape}"
        raise DataError(f"{where}: expected labels (N, answers) of 0 and 1, got {got}")
    return values.astype(np.int32)


def _classes(values: np.ndarray, where: str) -> Labels:
    if values.ndim == 2:
        columns = values.shape[1]
        is_known = values.dtype.kind in "buif" and np.isin(values, (0, 1)).all()
        if not is_known or not (values.sum(axis=1) == 1).all():
            got = f"{values.dtype} {values.shape}"
            raise DataError(f"{where}: expected classes (N,) or one-hot rows, got {got}")
        note = f"one-hot rows are the classes 0 to {columns - 1}"
        return Labels(values.argmax(axis=1).astype(np.int32), (), (note,))
    if values.ndim != 1 or values.dtype.kind not in "buifOUST":
        got = f"{values.dtype} {values.shape}"
        raise DataError(f"{where}: expected classes (N,), got {got}")
    if values.dtype.kind == "f" and not (values == np.round(values)).all():
        row = int((values != np.round(values)).argmax())
        raise DataError(
            f"{where}: expected classes as texts or whole numbers, got {values[row]} in row {row}"
        )
    is_number = values.dtype.kind in "buif"
    known, labels = np.unique(values if is_number else values.astype(str), return_inverse=True)
    labels = labels.astype(np.int32)
    if is_number and known.dtype.kind != "b" and np.array_equal(known, np.arange(len(known))):
        return Labels(labels, (), ())
    names = tuple(str(int(each)) if known.dtype.kind in "iuf" else str(each) for each in known)
    some = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return Labels(labels, names, (f"labels {some} are the classes 0 to {len(names) - 1}",))
