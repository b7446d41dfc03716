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
    "Fault",
    "Info",
    "Model",
    "Params",
    "Progress",
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
    validation_inputs: np.ndarray | None = None  # (num_validation, features)
    validation_labels: np.ndarray | None = None  # (num_validation,)
    name: str = ""
    source: str = ""  # for a reader: which files, or which package
    sha256: str = ""  # hexadecimal digest of the four arrays
    num_classes: int = 0  # 0: unknown
    image_shape: tuple[int, int] | None = None  # (height, width), where a row is a picture

    def sets(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Inputs and labels of "train", and of "validation" and "test" where they are there."""
        sets = {
            "train": (self.train_inputs, self.train_labels),
            "validation": (self.validation_inputs, self.validation_labels),
            "test": (self.test_inputs, self.test_labels),
        }
        return {
            name: (inputs, labels)
            for name, (inputs, labels) in sets.items()
            if inputs is not None and labels is not None
        }


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


class Fault(NamedTuple):
    """Where NaN or infinity came in."""

    step: int  # updates done before the faulty one
    epoch: int  # from 1
    kind: str  # "forward pass", "loss", "gradient", "update", or "none": not found
    layer: str  # such as "layer_0"; for a gradient or an update a parameter, "layer_0/kernel"
    detail: str  # what else is known, or ""

    def __str__(self) -> str:
        """One line for a reader."""
        where = f"step {self.step} (epoch {self.epoch}), {self.kind}, {self.layer}"
        return where + (f": {self.detail}" if self.detail else "")


class Progress(NamedTuple):
    """A training under way: all that it needs to go on exactly where it is."""

    state: TrainState
    totals: Mapping[str, jax.Array]  # name -> () float32, over the epoch's examples so far
    history: tuple[Mapping[str, float], ...]  # a line for each finished epoch
    faults: tuple[Fault, ...] = ()  # steps that were skipped


class Run(NamedTuple):
    """What training leaves."""

    params: PyTree
    state: TrainState
    history: Mapping[str, np.ndarray]  # name -> (epoch,) float32
    faults: tuple[Fault, ...] = ()  # steps that were skipped
