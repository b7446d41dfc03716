"""The shapes of everything that passes between the functions of this library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

__all__ = [
    "Array",
    "Batch",
    "Dataset",
    "Dense",
    "Info",
    "Model",
    "Params",
    "PyTree",
    "Run",
    "TrainState",
]

Array = jax.Array | np.ndarray
PyTree = Any  # a tree of tuples, lists and dicts whose leaves are arrays


class Dense(NamedTuple):
    """The parameters of one fully connected layer."""

    kernel: jax.Array  # (inputs, outputs) float32
    bias: jax.Array  # (outputs,) float32


Params = tuple[Dense, ...]


class Model(NamedTuple):
    """A network as two pure functions, for ONE example; batches come from `jax.vmap`."""

    init: Callable[[jax.Array], PyTree]  # key -> params
    apply: Callable[[PyTree, jax.Array], jax.Array]  # params, (features,) -> (outputs,)


class Batch(NamedTuple):
    """Some examples; where `mask` is given, only those with True count."""

    inputs: Array  # (batch, features) float32, or uint8 pixels
    labels: Array  # (batch,) int32 classes, or (batch, outputs) float32
    mask: Array | None = None  # (batch,) bool


class Dataset(NamedTuple):
    """A training and a test set, and where they came from."""

    train_inputs: np.ndarray  # (num_train, features) uint8 pixels, or float32
    train_labels: np.ndarray  # (num_train,) int32
    test_inputs: np.ndarray | None = None  # (num_test, features)
    test_labels: np.ndarray | None = None  # (num_test,)
    name: str = ""
    source: str = ""  # for a reader: which files, or which package
    sha256: str = ""  # hexadecimal digest of the four arrays
    num_classes: int = 0  # 0: unknown
    image_shape: tuple[int, int] | None = None  # (height, width), where a row is a picture

    def sets(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Inputs and labels of "train", and of "test" where there is one."""
        sets = {"train": (self.train_inputs, self.train_labels)}
        if self.test_inputs is not None and self.test_labels is not None:
            sets["test"] = (self.test_inputs, self.test_labels)
        return sets


class TrainState(NamedTuple):
    """All that the next step needs."""

    params: PyTree
    opt_state: PyTree
    step: jax.Array  # () int32, the number of updates done


class Info(NamedTuple):
    """What a reader wants to see of one update, taken before it changed the parameters."""

    loss: jax.Array  # () float32, the mean over the batch
    metrics: Mapping[str, jax.Array]  # name -> () float32, the mean over the batch
    grad_norm: jax.Array  # () float32, the Euclidean norm of the gradient
    num_examples: jax.Array  # () float32, how many examples counted


class Run(NamedTuple):
    """What training leaves."""

    params: PyTree
    state: TrainState
    history: Mapping[str, np.ndarray]  # name -> (epoch,) float32
