"""How people name arrays: which of those in a file are inputs, and which labels, of which set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from experiments.data.idx import DataError

__all__ = ["SPLIT", "WHOLE", "class_names_of", "files_of", "find", "find_to_predict"]

SPLIT = ("x_train", "y_train", "x_test", "y_test")
WHOLE = ("x", "y")
INPUTS = ("x", "images", "image", "data", "inputs", "input", "features")
LABELS = ("y", "labels", "label", "targets", "target")
CLASS_NAMES = ("class_names", "target_names", "label_names", "classes")
SETS = {  # how names of a set's arrays begin or end
    "train": ("train", "training"),
    "test": ("test", "testing"),
}
LISTED = 12  # names in a message

Found = Mapping[str, str]  # such as x_train -> the array's own name


def find(names: Sequence[str], where: object) -> Found:
    """Which arrays are to be trained and tested on.

    `SPLIT`, as they are, come before all others, and then `WHOLE`; else they may be named in any of
    the usual ways, such as train_images, X_train, or features.

    Args:
      names: of the arrays that there are.
      where: the file, for messages.

    Returns:
      A name for each of `SPLIT`, or of `WHOLE`.

    Raises:
      DataError: not all of either are there, or one could be any of several.

    >>> find(["train_images", "train_labels", "test_images", "test_labels"], "mnist.npz")["x_test"]
    'test_images'
    >>> find(["target", "data", "feature_names"], "iris.npz")
    {'x': 'data', 'y': 'target'}
    """
    return _chosen(names, (SPLIT, WHOLE), where)


def find_to_predict(names: Sequence[str], where: object) -> Found:
    """Likewise which arrays are to be answered: x and y, x_test and y_test, or inputs alone."""
    found = _chosen(names, (WHOLE, SPLIT[2:], WHOLE[:1], SPLIT[2:3]), where)
    return {role[0]: name for role, name in found.items()}


def class_names_of(names: Sequence[str]) -> list[str]:
    """The arrays that may be the names of the classes, the likeliest first."""
    return [name for known in CLASS_NAMES for name in names if _plain(name) == _plain(known)]


def files_of(names: Sequence[str]) -> list[str]:
    """Those of some names that are any of the arrays of `SPLIT`."""
    return [name for name in names if any(_is(role, name) for role in SPLIT)]


def _chosen(names: Sequence[str], choices: Sequence[tuple[str, ...]], where: object) -> Found:
    for choice in choices:
        if {*choice} <= {*names}:
            return {role: role for role in choice}
    for choice in choices:
        found = {role: [name for name in names if _is(role, name)] for role in choice}
        if not all(found.values()):
            continue
        for role, several in found.items():
            if len(several) > 1:
                what = "inputs" if role[0] == "x" else "labels"
                got = " and ".join(several)
                raise DataError(
                    f"{where}: expected one array of {what}, {role}, got {got}, of {_listed(names)}"
                )
        return {role: name for role, (name,) in found.items()}
    expected = " or ".join(", ".join(choice) for choice in choices)
    raise DataError(f"{where}: expected the arrays {expected}, got {_listed(names) or 'none'}")


def _is(role: str, name: str) -> bool:
    """Whether a name is in the usual ways for a role, such as x_train."""
    what, _, part = role.partition("_")
    plain = _plain(name)
    for base in INPUTS if what == "x" else LABELS:
        if not part and plain == base:
            return True
        if any(plain in (base + word, word + base) for word in SETS.get(part, ())):
            return True
    return False


def _plain(name: str) -> str:
    return re.sub("[ _.-]", "", name.casefold())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
