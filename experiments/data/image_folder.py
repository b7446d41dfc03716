"""Pictures in a folder for each class: FOLDER/<class>/*.png, or FOLDER/train/<class>/*.png.

Beside FOLDER/train there are then FOLDER/test, FOLDER/validation, or both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.data.idx import DataError

__all__ = ["ENDINGS", "Pictures", "in_order", "is_one", "read"]

ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
    *(".webp", ".ppm", ".pgm", ".pbm", ".pnm"),
)
SETS = {  # how folders of sets are called
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}
DEEPEST = ("*", "*/*", "*/*/*")  # where pictures are looked for
LISTED = 5  # files or classes in a message

Files = list[list[Path]]  # a list for each class


class Pictures(NamedTuple):
    """What such a folder holds."""

    arrays: dict[str, np.ndarray]  # x, y or x_train, y_train, ...; x is (N, height, width) uint8,
    # or (N, height, width, 3); y is (N,) int32
    class_names: tuple[str, ...]
    notes: tuple[str, ...]  # what a reader should know of it


def is_one(folder: Path) -> bool:
    """Whether there are pictures in a folder, or not far below."""
    return any(_is_picture(path) for pattern in DEEPEST for path in folder.glob(pattern))


def in_order(names: Iterable[str]) -> list[str]:
    """Names as people sort them: by the numbers in them.

    >>> in_order(["10", "9", "b2", "a", "B10"])
    ['9', '10', 'a', 'b2', 'B10']
    """
    return sorted(names, key=lambda name: (_parts(name), name))


def _parts(name: str) -> list[str | int]:
    found = re.split("([0-9]+)", name.casefold())  # texts and digits by turns
    return [int(part) if place % 2 else part for place, part in enumerate(found)]


def read(folder: Path, size: tuple[int, int] | None = None) -> Pictures:
    """Reads all pictures.

    Args:
      folder: with a folder for each class, whose name is the class's; or with folders train, and
        test or validation or both, that have these. Classes are numbered in the order of
        `in_order`, and pictures of one are in the order of their names.
      size: (height, width) to bring pictures to; None where all are of one size.

    Raises:
      DataError: there are no such folders, a class has no pictures, a set has a class that
        training has not, or the sizes differ.
      ImageError: a picture is damaged.
    """
    from experiments.data import picture_arrays  # which needs Pillow

    parts = _parts_of(folder)
    names = in_order(each.name for each in _folders(parts["train"]))
    _check_names(folder, parts["train"], names)
    files, left_out = {}, [path for path in _entries(folder) if not path.is_dir()]
    for part, place in parts.items():
        files[part] = _files(place, names, is_whole=part == "train")
        left_out += _left_out(place, names) if place != folder else []
        left_out += [path for name in names for path in _left_out(place / name, [])]
    some = ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
    notes = [f"{len(names):,} classes: {some}", *_of_parts(parts)]
    notes += _of_left_out(folder, left_out)
    all_files = [path for each in files.values() for paths in each for path in paths]
    found, more = picture_arrays.read(all_files, size)
    arrays, start = {}, 0
    for part, each in files.items():
        ending = f"_{part}" if len(files) > 1 else ""
        counts = [len(paths) for paths in each]
        arrays[f"x{ending}"] = found[start : start + sum(counts)]
        arrays[f"y{ending}"] = np.repeat(np.arange(len(names), dtype=np.int32), counts)
        start += sum(counts)
    return Pictures(arrays, tuple(names), (*notes, *more))


def _parts_of(folder: Path) -> dict[str, Path]:
    """The sets' folders, of which the first is train, and the last test if there is another."""
    there = {each.name.casefold(): each for each in _folders(folder)}
    parts: dict[str, Path] = {}
    for part, names in SETS.items():
        found = [there.pop(name) for name in names if name in there]
        if len(found) > 1:
            got = " and ".join(each.name for each in found)
            raise DataError(f"{folder}: expected one folder of a set for {part}, got {got}")
        if found:
            parts[part] = found[0]
    if "train" not in parts:
        if {*parts} and not there:
            raise DataError(f"{folder}: expected a folder train, got {', '.join(parts)} alone")
        return {"train": folder}  # in which a class may be called test
    if there:
        got = ", ".join(each.name for each in [*there.values()][:LISTED])
        raise DataError(
            f"{folder}: expected train, validation and test, or a folder for each class, got "
            f"{got} beside {parts['train'].name}"
        )
    if "test" not in parts and "validation" in parts:
        parts["test"] = parts.pop("validation")
    return parts


def _of_parts(parts: dict[str, Path]) -> Iterator[str]:
    if "test" in parts and parts["test"].name.casefold() not in SETS["test"]:
        yield f"no folder test: {parts['test'].name} is taken for testing"


def _check_names(folder: Path, place: Path, names: Sequence[str]) -> None:
    if not names:
        raise DataError(
            f"{place}: expected a folder of pictures for each class, got pictures in no folder"
            if any(map(_is_picture, _entries(place)))
            else f"{place}: expected a folder of pictures for each class, got none"
        )
    if len(names) == 1:
        raise DataError(f"{place}: expected folders of two classes or more, got {names[0]} alone")
    for name in names:
        if not name.isprintable():  # nor what is no UTF-8
            raise DataError(f"{folder}: expected names of classes that print, got {name!a}")


def _files(place: Path, names: Sequence[str], is_whole: bool) -> Files:
    """Each class's pictures in a set."""
    strange = in_order({each.name for each in _folders(place)} - {*names})
    if strange:
        got = ", ".join(strange[:LISTED])
        raise DataError(f"{place}: expected the classes of the training set, got {got} too")
    files = []
    for name in names:
        there = _entries(place / name) if (place / name).is_dir() else []
        found = [path for path in there if _is_picture(path) and not path.is_dir()]
        if not found and is_whole:
            raise DataError(f"{place / name}: expected pictures of the class {name}, got none")
        files.append(found)
    if not any(files):
        raise DataError(f"{place}: expected pictures, got none")
    return files


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not _is_hidden(path)


def _is_hidden(path: Path) -> bool:
    return path.name.startswith((".", "__MACOSX"))


def _entries(place: Path) -> list[Path]:
    return sorted(place.iterdir(), key=lambda path: path.name)


def _folders(place: Path) -> list[Path]:
    return [path for path in _entries(place) if path.is_dir() and not _is_hidden(path)]


def _left_out(place: Path, known: Sequence[str]) -> list[Path]:
    """What lies in a folder and is not looked at."""
    there = _entries(place) if place.is_dir() else []
    is_inside = not known  # a class's, whose pictures are
    return [
        path
        for path in there
        if path.name not in known and (path.is_dir() or not (is_inside and _is_picture(path)))
    ]


def _of_left_out(folder: Path, paths: Sequence[Path]) -> Iterator[str]:
    if paths:
        some = ", ".join(path.relative_to(folder).as_posix() for path in paths[:LISTED])
        more = ", ..." if len(paths) > LISTED else ""
        yield f"left out {len(paths):,} that are no pictures of a class: {some}{more}"
