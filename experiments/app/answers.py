"""The examples in a file, and what a network answers to them."""

import math
from pathlib import Path

import numpy as np

import jaxmlp
from experiments.data import keys, npz, parquet
from experiments.data.rows import Rows, pieces
from jaxmlp.types import PyTree


def read(path: Path, num_features: int) -> tuple[np.ndarray | Rows, np.ndarray | None]:
    """The inputs of a file, (N, features), and its labels as they are, if it has them.

    Those of a Parquet file are not read yet.

    Raises:
      ValueError: if they are no inputs of such a network.
    """
    if path.suffix == parquet.SUFFIX:
        rows, labels = parquet.open_files([path], check_finite=False)
        _refuse_others(path, rows, num_features)
        return rows.flat(), labels
    found = npz.open_arrays(path, (*keys.find_to_predict(npz.names(path), path).values(),))
    inputs, *rest = found.values()
    if inputs.dtype.kind not in "buif" or inputs.ndim < 1 or not inputs.size:
        got = f"{inputs.dtype} {inputs.shape}"
        raise ValueError(f"{path}: expected inputs (N, ...) of numbers, got {got}")
    _refuse_others(path, inputs, num_features)
    inputs = inputs.reshape(len(inputs), -1)
    if inputs.dtype != np.uint8:
        with np.errstate(over="ignore"):  # infinity gets no answer
            inputs = inputs.astype(np.float32)
    return inputs, rest[0] if rest else None


def _refuse_others(path: Path, inputs: np.ndarray | Rows, num_features: int) -> None:
    if (width := math.prod(inputs.shape[1:])) != num_features:
        raise ValueError(f"{path}: expected rows of {num_features}, got {width}")


def predict(recipe: jaxmlp.Recipe, params: PyTree, inputs: np.ndarray | Rows) -> np.ndarray:
    """`jaxmlp.predict`; of rows that are not in memory, some at a time."""
    some = pieces(inputs) if isinstance(inputs, Rows) else [inputs]
    return np.concatenate([np.asarray(jaxmlp.predict(recipe, params, each)) for each in some])


def check_values(path: Path, labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Labels as float32 of a shape (N, values); raises ValueError if they are no such values."""
    allowed = [shape, shape[:1]] if shape[1] == 1 else [shape]
    if labels.dtype.kind not in "buif" or labels.shape not in allowed:
        got = f"{labels.dtype} {labels.shape}"
        raise ValueError(f"{path}: expected labels {shape} of numbers, got {got}")
    with np.errstate(over="ignore"):
        return labels.reshape(shape).astype(np.float32)
