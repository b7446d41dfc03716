"""What networks are asked about: pictures, a file of arrays, or a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.app import answers
from experiments.app.voters import Voters
from experiments.data.images import Picture, read_as_it_is, read_picture
from experiments.data.own import ENDINGS
from experiments.data.own_labels import classes_of
from experiments.data.rows import Rows
from experiments.data.tables import cells, loading, reading, unlike
from experiments.data.tables.inputs import IDENTIFIES
from experiments.folder.workdir import user_path

SHOWN = 100  # examples whose inputs are looked at again, at the most


class Examples(NamedTuple):
    """What to guess at."""

    names: list[str]
    inputs: Any  # (num_examples, features) float32, or uint8 pixels; an array, or `Rows`
    labels: np.ndarray | None  # (num_examples, ...) where they are known
    pictures: Sequence[Picture] = ()  # that the inputs come from, where they do
    keys: Mapping[str, Sequence[str]] = {}  # of a table, its columns that say which row it is
    folds: Mapping[int, np.ndarray] = {}  # the inputs, as each fold of a table prepares them
    notes: Sequence[str] = ()  # for a reader
    called: str = "name"  # what the names are
    unlike: Sequence[str] = ()  # of a table, why each row is unlike those of training, or ""


def read(paths: list[str], asked: Voters) -> Examples:
    """What the arguments name, as examples for networks.

    Raises:
      ValueError: if they are none for such networks.
    """
    config = asked.config
    if "table" in config:
        if len(paths) != 1 or not reading.is_table(paths[0]):
            raise ValueError(f"a network of a table takes one such table, got {' '.join(paths)}")
        return _table(user_path(paths[0]), asked)
    if len(paths) == 1 and paths[0].endswith(ENDINGS):
        return read_file(user_path(paths[0]), config)
    if config["task"] == "regression":
        raise ValueError(f"a regression takes one .npz or .parquet file, got {' '.join(paths)}")
    if not config["image_shape"]:
        raise ValueError(
            f"this network takes rows of {config['sizes'][0]} numbers: expected one .npz or "
            f".parquet file, got {' '.join(paths)}"
        )
    white, shape = config.get("white", 1.0), tuple(config["image_shape"])
    if white is None:
        raise ValueError(
            "this network was trained on pictures with pixels below 0, which pictures in files "
            f"have not: expected one .npz or .parquet file, got {' '.join(paths)}"
        )
    read_one = read_as_it_is if config["image_size"] else read_picture  # as in training
    pictures = [_as_bright(read_one(user_path(path), shape), white) for path in paths]
    return Examples(paths, np.stack([each.rows[0] for each in pictures]), None, pictures)


def _as_bright(picture: Picture, white: float) -> Picture:
    """A picture whose white is that of the training's pixels."""
    return picture if white == 1 else picture._replace(rows=np.float32(white) * picture.rows)


def first(inputs: np.ndarray | Rows) -> np.ndarray:
    """As many of the inputs as are shown."""
    return inputs[np.arange(min(len(inputs), SHOWN))]


def read_file(path: Path, config: Mapping[str, Any]) -> Examples:
    """The inputs of a file of examples, and its labels where it has them."""
    sizes, task = config["sizes"], config["task"]
    inputs, labels = answers.read(path, sizes[0])
    names = [f"{path.name} {row}" for row in range(len(inputs))]
    if labels is None:
        return Examples(names, inputs, None)
    if task == "regression":
        return Examples(names, inputs, answers.check_values(path, labels, (len(inputs), sizes[-1])))
    if task != "multilabel":
        class_names = config.get("class_names", ())
        labels = classes_of(labels, class_names, max(sizes[-1], 2), path)
    if labels.dtype.kind == "f" and (labels == np.round(labels)).all():
        labels = labels.astype(np.int64)
    shape = (len(inputs), sizes[-1]) if task == "multilabel" else inputs.shape[:1]
    if labels.shape != shape or labels.dtype.kind not in "bui":
        got = f"{labels.dtype} {labels.shape}"
        expected = f"whole numbers {shape}" if len(shape) > 1 else f"{len(inputs)} whole numbers"
        raise ValueError(f"{path}: expected {expected} as labels, got {got}")
    num_classes = max(sizes[-1], 2) if task != "multilabel" else 2  # one output is of yes or no
    if (odd := ((labels < 0) | (labels >= num_classes)).reshape(len(labels), -1).any(1)).any():
        row = int(odd.argmax())
        raise ValueError(
            f"{path}: expected labels from 0 to {num_classes - 1}, as the network has classes, "
            f"got {labels[row]} in row {row}"
        )
    return Examples(names, inputs, labels)


def _table(path: Path, asked: Voters) -> Examples:
    """The rows of a table, prepared as those were that the networks were trained on."""
    folds = sorted({voter.fold for voter in asked.each})
    made = {fold: loading.prepare_rows(path, asked.preparations[fold]) for fold in folds}
    found = made[folds[0]]
    table = reading.read(path, least=1)
    ignored = asked.preparations[0]["ignored"]
    ignored = [each["name"] for each in ignored if each["why"] == IDENTIFIES]
    keys = {
        name: [text or "" for text in cells.texts_of(table.column(name)).to_pylist()]
        for name in ignored
        if name in table.column_names
    }
    notes = list(dict.fromkeys(note for each in made.values() for note in each.notes))
    names = [str(row) for row in range(1, len(found.inputs) + 1)]
    of_folds = {fold: each.inputs for fold, each in made.items()}
    marks = unlike.marks([asked.preparations[fold] for fold in folds], found.columns)
    return Examples(names, found.inputs, found.labels, (), keys, of_folds, notes, "row", marks)
