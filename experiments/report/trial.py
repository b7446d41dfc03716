"""What a page needs so that its reader can ask the network, or the networks of a sweep.

The reader draws a picture, opens one, fills in a form, or chooses a row of the test set;
`templates/trial.js` prepares it as `experiments.predict` does, and answers.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.data import cifar
from experiments.data.tables import stored
from experiments.report import network
from experiments.report.network import Harm
from experiments.report.subject import Subject, SweepSubject, names_of_classes
from experiments.scores.numerals import exact

__all__ = ["examples_of", "form_of", "input_of", "names_of", "notes_on", "of", "span_of"]

Asked = Subject | SweepSubject

MOST_PICTURES, MOST_ROWS = 20, 30  # examples of the test set to ask about
MOST_COLUMNS = 60  # of rows without names, in a form
MOST_MEASURED, MOST_BYTES = 4_000, 200_000  # pictures of the training set, and of their means
FEW = 0.01  # of the training set, which is marked as unlike it
NO_DRAWINGS = ("fashion_mnist", cifar.NAME)  # pictures that nobody draws with a pen


def of(subject: Subject) -> dict[str, Any] | None:
    """The network with what it may be asked; None where it cannot be in a page."""
    job = subject.job
    inputs = job.data.sets().get("test", job.data.sets()["train"])[0]
    if not network.is_finite(subject.params):
        return None
    dtype, harm = network.choose(job.recipe, subject.params, inputs)
    if dtype is None:
        return None
    encoded = network.encode(job.recipe, subject.params, dtype)
    return {
        "kind": job.recipe.task.kind,
        "names": names_of(subject),
        "span": span_of(subject),
        "networks": [{"name": f"seed={job.config['seed']}", "network": encoded}],
        "input": input_of(subject),
        "notes": [notes_on(dtype, harm, job.recipe.task.kind)],
    }


def notes_on(dtype: str, harm: Harm, kind: str) -> str:
    """What a reader is to know of the rounding of a page's weights."""
    if dtype == "float32":
        return "The network's weights are in this page exactly; sums are made in float64."
    what = f"{dtype} instead of float32"
    if kind == "regression":
        most = f"by more than {harm.difference:.2g} of the values' standard deviation"
        return f"The network's weights are in this page as {what}: that changes no answer {most}."
    changed = f"changes {harm.num_changed:,} of {harm.num_examples:,} answers on the test set"
    return (
        f"The network's weights are in this page as {what}: that {changed}, and no probability "
        f"by more than {harm.difference:.2g}."
    )


def names_of(subject: Asked) -> list[str]:
    """What the answers are called: the classes, or the values; no and yes have names as well."""
    job = subject.job
    count = job.recipe.task.num_outputs
    if job.recipe.task.kind == "regression":
        target = (job.config.get("table") or {}).get("target") or []
        if len(target) == count:
            return list(target)
        return ["value"] if count == 1 else [f"value {k}" for k in range(count)]
    if job.recipe.task.kind == "binary" and count == 1:
        names = names_of_classes(subject, 2)
        return ["no", "yes"] if names == ["0", "1"] else names
    return names_of_classes(subject, count)


def span_of(subject: Asked) -> list[list[float]] | None:
    """The lowest and the highest of each value that was trained on; None of classes."""
    if subject.job.recipe.task.kind != "regression":
        return None
    labels = np.asarray(subject.job.data.train_labels, np.float64)
    columns = labels.reshape(len(labels), -1)
    return np.stack([columns.min(axis=0), columns.max(axis=0)], axis=1).tolist()


def input_of(subject: Asked) -> dict[str, Any]:
    """How the network is asked: by a picture, a form or a row of the test set.

    Of a cross-validation the examples are of the first fold's test: `fold` says so, as the other
    folds' networks have trained on them.
    """
    return _input_of(subject) | ({"fold": 0} if subject.job.folds else {})


def _input_of(subject: Asked) -> dict[str, Any]:
    data, path = subject.job.data, subject.job.path / "preparation.json"
    white = subject.job.config.get("white", 1.0)
    if data.image_shape:
        return {
            "kind": "image",
            "shape": list(data.image_shape),
            "white": white,
            "draws": len(data.image_shape) == 2 and not (white is None or data.name in NO_DRAWINGS),
            "examples": examples_of(subject, MOST_PICTURES),
            "likeness": likeness_of(subject),
        }
    examples = examples_of(subject, MOST_ROWS)
    if path.exists():
        return {"kind": "form", "preparations": stored.read(path), "examples": examples}
    if data.train_inputs.shape[1] <= MOST_COLUMNS:
        return {"kind": "form", "preparations": [form_of(data.train_inputs)], "examples": examples}
    return {"kind": "row", "examples": examples}


def likeness_of(subject: Asked) -> dict[str, Any] | None:
    """The mean picture of each class, and the distance from the nearest that few are beyond.

    What is drawn is marked where it is further away than all but one in a hundred pictures of the
    training set. None where there are no classes, or too many for a page.
    """
    data, kind = subject.job.data, subject.job.recipe.task.kind
    rows = np.arange(min(len(data.train_inputs), MOST_MEASURED))
    labels = np.asarray(data.train_labels)[rows]
    if kind != "classification" or labels.ndim > 1:
        return None
    pictures = np.asarray(data.train_inputs[rows])
    white = 255 if pictures.dtype == np.uint8 else subject.job.config.get("white", 1.0)
    pixels = pictures.astype(np.float32) / (white or 1)
    classes = np.unique(labels)
    if len(classes) * pixels.shape[1] > MOST_BYTES or pixels.min() < 0 or pixels.max() > 1:
        return None
    means = [np.round(255 * pixels[labels == k].mean(axis=0)).astype(np.uint8) for k in classes]
    limit = float(np.quantile(_nearest(pixels, np.asarray(means, np.float32) / 255), 1 - FEW))
    return {"means": [_text(mean, "uint8") for mean in means], "limit": limit}


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The distance of each point, (N, D) float32, from the nearest of centres, (K, D); (N,).

    By one matrix product, which takes a tenth of the time of the differences.

    >>> _nearest(np.float32([[3, 4], [6, 0]]), np.float32([[0, 0], [6, 1]])).tolist()
    [4.242640495300293, 1.0]
    """
    lengths, own = (np.einsum("ij,ij->i", each, each) for each in (points, centres))
    squares = lengths[:, None] - 2 * points @ centres.T + own
    return np.sqrt(np.maximum(squares.min(axis=1), 0))


def form_of(inputs: Any) -> Mapping[str, Any]:
    """Columns of numbers without names, as a preparation that leaves them as they are."""
    values = np.asarray(inputs, np.float64)
    figures = zip(*(f(values, axis=0) for f in (np.median, np.min, np.max)), strict=True)
    plain = {"kind": "number", "log": False, "has_missing": False, "mean": 0.0, "scale": 1.0}
    return {
        "columns": [
            {"name": f"input {number}", **plain, "fill": middle, "low": low, "high": high}
            for number, (middle, low, high) in enumerate(figures)
        ]
    }


def examples_of(subject: Asked, most: int) -> Sequence[Mapping[str, Any]]:
    """Rows of the test set, of each class in turn, with their labels and their values."""
    inputs, labels = subject.job.data.sets()["test"]
    rows = _in_turn(subject, np.asarray(labels))[:most]
    taken = np.asarray(inputs[rows])
    dtype = "uint8" if taken.dtype == np.uint8 else "float32"
    return [
        {"label": label, "dtype": dtype, "values": _text(values, dtype)}
        for label, values in zip(_texts(subject, labels[rows]), taken, strict=True)
    ]


def _in_turn(subject: Asked, labels: np.ndarray) -> np.ndarray:
    """Positions: the first of each class, then the second of each."""
    if subject.job.recipe.task.kind == "regression" or labels.reshape(len(labels), -1).shape[1] > 1:
        return np.arange(len(labels))
    classes = labels.reshape(-1)
    order = np.argsort(classes, kind="stable")
    starts = np.flatnonzero(np.diff(classes[order], prepend=np.nan))
    lengths = np.diff([*starts, len(order)])
    ranks = np.arange(len(order)) - np.repeat(starts, lengths)
    return order[np.lexsort((classes[order], ranks))]


def _texts(subject: Asked, labels: np.ndarray) -> list[str]:
    rows, names = np.asarray(labels).reshape(len(labels), -1), names_of(subject)
    kind = subject.job.recipe.task.kind
    if kind == "regression":
        return [", ".join(map(exact, row)) for row in rows]
    if rows.shape[1] == 1:
        return [names[int(row[0])] for row in rows]
    if kind == "classification":
        return [names[int(row.argmax())] for row in rows]
    return [
        ", ".join(n for n, is_so in zip(names, row, strict=True) if is_so) or "-" for row in rows
    ]


def _text(values: np.ndarray, dtype: str) -> str:
    return base64.b64encode(values.astype(np.dtype(dtype).newbyteorder("<")).tobytes()).decode()
