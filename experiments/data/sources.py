"""Where data comes from: `load(name)` gives one `Dataset` of NumPy arrays, with its source.

Inputs are rows of features. uint8 are pixels from 0 to 255, which the training step scales to
[0, 1]; anything else is float32 and used as it is.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.data import cifar, division, mnist_family, own
from experiments.data.digest import sha256_of
from experiments.data.idx import Arrays, DataError
from experiments.data.mnist_family import FAMILIES
from experiments.data.rows import Rows
from experiments.data.tfds_cache import NotAvailable
from experiments.folder.workdir import user_path
from jaxmlp.runtime import memory
from jaxmlp.types import Dataset

__all__ = ["NAMES", "DataError", "NotAvailable", "hold_out", "load", "load_auto", "places"]

NAMES = ("auto", *FAMILIES, cifar.NAME, "digits")  # and the path of a file or a folder
TFDS_DEFAULT = "~/tensorflow_datasets"


def load(
    name: str,
    data_dir: str | Path | None = None,
    *,
    look_in: Sequence[str | Path] = (),
    check_finite: bool = True,
    task: str | None = None,
    window: int | None = None,
    image_size: tuple[int, int] | None = None,
    before: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
) -> Dataset:
    """Loads a data set by name, or a user's own from a file.

    - `mnist`, `fashion_mnist`, `kmnist`, `emnist/<config>`: pixels (N, 784) uint8. From IDX files
      on this machine, or data that tensorflow-datasets has prepared here, or a download. EMNIST's
      pictures are turned upright; its letters' classes are 0 for a to 25 for z (stored as 1 to 26).
    - `cifar10`: pixels (N, 3072) uint8, of 32x32 pictures in colour, red, green and blue by turns.
      From either archive of it, packed or not, or a download; see `cifar.load`.
    - `digits`: scikit-learn's 1,797 pictures of 8x8, float32 from 0 to 1, in two parts by
      `division.split`.
    - `auto`: MNIST, or digits where MNIST is not to be had; see `load_auto`.
    - `path/to/file.npz` or `.parquet`, or a folder of such, or with x_train.npy and so on, or of
      picture files by class, or one that tensorflow-datasets has prepared as array_record: see
      `own.read`.

    Args:
      name: one of `NAMES`, or the path of a file that ends in .npz or .parquet, or of a folder.
      data_dir: the first directory to look in, and where a download goes; see `places`. Without
        it a download goes to $TFDS_DATA_DIR, else ~/tensorflow_datasets, shared with TFDS.
      look_in: directories to look in after that, where no download goes.
      check_finite: whether NaN and infinity in the inputs of a user's own data are errors.
      task: what the labels of a user's own data are for, as of `own.read`.
      window: bytes; sets of more that can be read by rows are not read into memory.
      image_size: (height, width) to bring picture files to.
      before: the config of an earlier run, which knows of no more than it has on record.
      say: is called with each line that a reader should see of what a user's own data were taken
        for.

    Returns:
      train_inputs (N, features) uint8 or float32, train_labels (N,) int32, or values float32, the
      same for testing, and name, source, sha256, num_classes, image_shape and class_names.

    Raises:
      DataError: an unknown name, or data that is damaged or not as expected.
      NotAvailable: the data is neither here nor to be downloaded.
    """
    if name == "auto":
        return load_auto(data_dir)[0]
    if name == "digits":
        return _load_digits()
    target = user_path(data_dir or os.environ.get("TFDS_DATA_DIR") or TFDS_DEFAULT)
    if name in FAMILIES:
        arrays, source = mnist_family.load(name, places(data_dir, look_in), target)
        num_classes = FAMILIES[name].num_classes
        return _dataset(arrays, name, source, num_classes, mnist_family.IMAGE_SHAPE)
    if name == cifar.NAME:
        arrays, source = cifar.load(places(data_dir, look_in), target)
        return _dataset(arrays, name, source, len(cifar.CLASSES), cifar.IMAGE_SHAPE)
    if is_own(name):
        found = own.read(user_path(name), check_finite, task, image_size, before is not None)
        if say is not None:
            for note in found.notes:
                say(note)
        return _as_before(_of_ones_own(user_path(name), found, window), before)
    close = difflib.get_close_matches(name, NAMES, n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    if name.endswith((".array_record", ".arrayrecord")):
        raise DataError(
            f"{name}: expected the folder that tensorflow-datasets prepared, with "
            "dataset_info.json, which says what the records are; got one file of them"
        )
    endings = " or ".join(f"path/to/file{ending}" for ending in own.ENDINGS)
    expected = f"{', '.join(NAMES)}, {endings}, or a folder"
    raise DataError(f"expected a data set ({expected}), got {name!r}{hint}")


def is_own(name: str) -> bool:
    """Whether a name is that of a user's own file or folder."""
    is_path = name.endswith(own.ENDINGS) or (name != "" and user_path(name).is_dir())
    return name not in NAMES and is_path


def _of_ones_own(path: Path, found: own.Own, window: int | None) -> Dataset:
    arrays = _in_memory(found.arrays, path, window)
    num_classes = 0
    if task_of(arrays[1]) == "classification":
        num_classes = 1 + int(max(arrays[1].max(), arrays[3].max()))
    kind, ending = ("folder", "/") if path.is_dir() else ("file", "")
    what = own.PICTURES if found.are_pictures else f"the {kind}"
    full_name, source = f"{path.absolute()}{ending}", f"{what} {path}"
    shape, held_out = found.image_shape, found.validation
    data = _dataset(arrays, full_name, source, num_classes, shape, held_out)
    return data._replace(class_names=found.class_names)


def _as_before(data: Dataset, config: Mapping[str, Any] | None) -> Dataset:
    """The data as an earlier run took them, that knew of no colours or names in them."""
    if config is None:
        return data
    shape = data.image_shape if config["image_shape"] else None
    return data._replace(
        image_shape=shape, class_names=data.class_names if "class_names" in config else ()
    )


def _in_memory(arrays: Arrays, path: Path, window: int | None) -> Arrays:
    """The same, with those rows read that are not to be read in windows."""

    def read(inputs: np.ndarray | Rows, labels: np.ndarray) -> Any:
        if not isinstance(inputs, Rows) or (window or math.inf) < inputs.nbytes + labels.nbytes:
            return inputs
        if 2 * inputs.nbytes > (limit := memory.available(None)):  # with what training needs
            got = f"{memory.gib(2 * inputs.nbytes)}, of {memory.gib(limit)}"
            raise DataError(f"{path}: expected inputs for the memory, or --window, got {got}")
        return np.asarray(inputs)

    train_inputs, train_labels, test_inputs, test_labels = arrays
    train, test = read(train_inputs, train_labels), read(test_inputs, test_labels)
    return train, train_labels, test, test_labels


def task_of(labels: np.ndarray) -> str:
    """What a data set's labels are for: floats are values, whole numbers classes or answers."""
    if labels.dtype.kind == "f":
        return "regression"
    return "classification" if labels.ndim == 1 else "multilabel"


def load_auto(data_dir: str | Path | None = None) -> tuple[Dataset, str | None]:
    """Loads MNIST if it is at hand or can be downloaded, else scikit-learn's digits.

    Returns:
      The data, whose name and source are those of what was loaded; and, where digits took MNIST's
      place, a notice that says so and why.

    Raises:
      DataError: MNIST is here but damaged.
    """
    try:
        return load("mnist", data_dir), None
    except NotAvailable as error:
        digits = load("digits")
        why = str(error).partition("\n")[0]
        source = f"{digits.source} -- IN PLACE OF MNIST, WHICH WAS NOT TO BE HAD: {why}"
        notice = f"MNIST WAS NOT TO BE HAD: scikit-learn's digits take its place.\n{error}"
        return digits._replace(source=source), notice


def hold_out(data: Dataset, fraction: float) -> Dataset:
    """Takes a validation set out of the training set, by `division.split`.

    Args:
      data: without a validation set.
      fraction: of the training examples, from 0 (none) to less than 1.

    Raises:
      DataError: the fraction leaves one of the two without examples.
    """
    if fraction == 0:
        return data
    if data.validation_inputs is not None:
        got = f"a fraction of {fraction} and {len(data.validation_inputs):,} examples"
        raise DataError(f"{data.name}: expected one validation set, got {got}")
    if isinstance(data.train_inputs, np.memmap):
        raise DataError(f"{data.name}: expected no validation fraction of a folder, got {fraction}")
    if not 0 < fraction < 1:
        raise DataError(f"expected a validation fraction from 0 to less than 1, got {fraction}")
    inputs, labels, *held_out = division.split(
        data.train_inputs, data.train_labels, data.name, fraction
    )
    if not len(inputs):
        raise DataError(f"{data.name}: expected training examples besides {fraction} of them")
    return data._replace(
        train_inputs=inputs,
        train_labels=labels,
        validation_inputs=held_out[0],
        validation_labels=held_out[1],
    )


def places(
    data_dir: str | Path | None = None, look_in: Sequence[str | Path] = ()
) -> tuple[Path, ...]:
    """Returns the directories to look in, in this order, whether they exist or not.

    `data_dir`, `look_in`, $JAXMLP_DATA_DIR, $TFDS_DATA_DIR, ~/tensorflow_datasets; what is unset
    is left out.

    Raises:
      DataError: `data_dir` is a file.
    """
    if data_dir and Path(data_dir).is_file():
        raise DataError(f"{data_dir}: expected a directory of data, got a file")
    variables = [os.environ.get(name) for name in ("JAXMLP_DATA_DIR", "TFDS_DATA_DIR")]
    named = [data_dir, *look_in, *variables, TFDS_DEFAULT]
    return tuple(dict.fromkeys(user_path(name) for name in named if name))


def _load_digits() -> Dataset:
    """Loads scikit-learn's digits: inputs (N, 64) float32 in steps of 1/16."""
    try:
        import sklearn
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(f"digits: expected scikit-learn to be installed, got {error}") from error
    pixels, labels = load_digits(return_X_y=True)
    arrays = division.split((pixels / 16).astype(np.float32), labels.astype(np.int32), "digits")
    source = f"scikit-learn {sklearn.__version__}, load_digits, split 80/20 by class"
    return _dataset(arrays, "digits", source, 10, (8, 8))


def _dataset(
    arrays: Arrays,
    name: str,
    source: str,
    num_classes: int,
    image_shape: tuple[int, ...] | None,
    held_out: tuple[np.ndarray, np.ndarray] | None = None,
) -> Dataset:
    """Puts arrays, and the digest of their types, shapes and bytes, into a `Dataset`."""
    data = Dataset(
        *arrays,
        name=name,
        source=source,
        sha256=sha256_of((*arrays, *(held_out or ()))),
        num_classes=num_classes,
        image_shape=image_shape,
    )
    if held_out is None:
        return data
    return data._replace(validation_inputs=held_out[0], validation_labels=held_out[1])
