"""The shapes of everything that passes between the functions of this library."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.naming import kind_of, name_of

__all__ = [
    "Array",
    "Batch",
    "Context",
    "Dataset",
    "Dense",
    "Fault",
    "Info",
    "LadderDense",
    "LadderNormed",
    "Model",
    "Normed",
    "Params",
    "Progress",
    "PyTree",
    "Run",
    "TrainState",
    "Variables",
    "count",
    "trained",
    "with_trained",
]

Array = jax.Array | np.ndarray
PyTree = Any  # a tree of tuples, lists and dicts whose leaves are arrays


class Dense(NamedTuple):
    """The parameters of one fully connected layer."""

    kernel: jax.Array  # (inputs, outputs) float32
    bias: jax.Array  # (outputs,) float32


class Normed(NamedTuple):
    """The parameters of a layer whose outputs are normalised: its bias comes after the norm."""

    kernel: jax.Array  # (inputs, outputs) float32
    scale: jax.Array  # (outputs,) float32
    bias: jax.Array  # (outputs,) float32


class LadderDense(NamedTuple):
    """A fully connected layer of a Ladder network, with its part of the way back."""

    kernel: jax.Array  # (inputs, outputs) float32
    bias: jax.Array  # (outputs,) float32
    back: jax.Array  # (outputs, inputs) float32
    merge: jax.Array  # (10, inputs) float32: a1 to a10 of Rasmus et al., 2015, eq. 2


class LadderNormed(NamedTuple):
    """The same of a layer whose outputs are normalised."""

    kernel: jax.Array  # (inputs, outputs) float32
    scale: jax.Array  # (outputs,) float32
    bias: jax.Array  # (outputs,) float32
    back: jax.Array  # (outputs, inputs) float32
    merge: jax.Array  # (10, inputs) float32


Params = tuple[Dense | Normed | LadderDense | LadderNormed, ...]


class Context(NamedTuple):
    """What a network may know of the batch that it is trained on."""

    key: jax.Array  # () random key, the step's
    mask: jax.Array  # (batch,) bool: the examples that count
    first: jax.Array | int = 0  # the place of the first of them in the batch that they are from


class Variables(NamedTuple):
    """The parameters of a network that keeps running statistics beside them."""

    trained: PyTree  # what is differentiated, and what the optimizer sees
    running: PyTree  # what training updates by itself


class Model(NamedTuple):
    """A network as pure functions: of ONE example, but for `train`, which sees a batch.

    A network that is the same function in training needs no `train`. One that is not, as dropout
    and batch normalization make it, has one: `train(params, inputs, context)` takes a whole batch,
    (batch, features), and returns the outputs, (batch, outputs), and what has become of the running
    statistics, a tree like `params.running`; () where the parameters are no `Variables`. It may
    return a cost beside them, (batch,): what the network itself adds to the loss of each example.
    `lift` makes one from the math of one example.
    """

    init: Callable[[jax.Array], PyTree]  # key -> params, or Variables
    apply: Callable[[PyTree, jax.Array], jax.Array]  # params, (features,) -> (outputs,): evaluation
    train: Callable[[PyTree, jax.Array, Context], Any] | None = None
    # What the network is, as data: hashable, None where it is known by its functions alone.
    architecture: Any = None
    least_batch: int = 1  # examples that a batch of training needs: 2 for a mean and a variance

    def __repr__(self) -> str:
        """What the architecture says; of a network without one the functions' names.

        >>> Model(init=print, apply=max)
        Model(init=print, apply=max)
        """
        if self.architecture is not None:
            return f"Model({self.architecture})"
        return f"Model(init={name_of(self.init)}, apply={name_of(self.apply)})"


class Batch(NamedTuple):
    """Some examples; where `mask` is given, only those with True count.

    Where `weights` are given, an example counts as so many: means are weighted, and the gradient is
    that of examples repeated as often. What a network makes of the batch in training knows of the
    mask alone: the statistics of a batch norm are over all examples that it lets count.
    """

    inputs: Array  # (batch, features) float32, or uint8 pixels
    labels: Array  # (batch,) int32 classes, or (batch, outputs) float32
    mask: Array | None = None  # (batch,) bool
    weights: Array | None = None  # (batch,) float32, from 0 on


class Dataset(NamedTuple):
    """A training and a test set, and where they came from.

    Validation examples may be held out beside them, and training examples may weigh differently,
    by `train_weights`, as in `Batch`.

    What is not as below is taken so, once, where training begins:

    - inputs: uint8 are pixels, and become floats from 0 to 1 inside the training step. bool,
      float16, float64 and whole numbers become float32; but whole numbers from 0 to 255, which
      could be pixels, are refused. A network that takes whole numbers alone, as an embedding does,
      gets them.
    - labels: classes may be whole numbers of any dtype, floats or bool; or rows of probabilities.
    - lists, tables of pandas and polars, and tensors become arrays; generators, sparse matrices,
      strings and objects are refused.
    - with a `window`, as of `train`: what has a shape, a dtype, a length and rows may stand for an
      array, such as a reader of a file that is larger than memory.
    """

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
    # (height, width) where a row is a picture, (height, width, 3) of one in colour.
    image_shape: tuple[int, ...] | None = None
    # (num_train,) float32: an example counts as so many in training, and in the training set's
    # figures of a history; those of other sets, and of `evaluate`, count each as one.
    train_weights: np.ndarray | None = None
    class_names: tuple[str, ...] = ()  # of the classes, in their order; () where they are numbers

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

    def __repr__(self) -> str:
        """The sets by their shapes.

        >>> Dataset(np.zeros((4, 2), np.uint8), np.zeros(4, np.int32), name="dots")
        Dataset(dots: train uint8 (4, 2), labels int32 (4,))
        """
        sets = [
            f"{name} {_shape(inputs)}, labels {_shape(labels)}"
            for name, (inputs, labels) in self.sets().items()
        ]
        return f"Dataset({f'{self.name}: ' if self.name else ''}{'; '.join(sets)})"


class TrainState(NamedTuple):
    """All that the next step needs."""

    params: PyTree
    opt_state: PyTree
    step: jax.Array  # () int32, the number of updates done

    def __repr__(self) -> str:
        """How much there is; no array is looked into.

        >>> TrainState({"bias": np.zeros((2, 3))}, (), np.int32(5))
        TrainState(6 parameters, 0 numbers of the optimizer)
        """
        params, opt_state = count(self.params), count(self.opt_state)
        return f"TrainState({params:,} parameters, {opt_state:,} numbers of the optimizer)"


class Info(NamedTuple):
    """What a reader wants to see of one update, taken before it changed the parameters."""

    loss: jax.Array  # () float32, the reported one's mean over the batch
    metrics: Mapping[str, jax.Array]  # name -> () float32, the mean over the batch, or its figure
    grad_norm: jax.Array  # () float32, the Euclidean norm of the gradient
    num_examples: jax.Array  # () float32, how many examples counted, by their weights


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
    # name -> float32, () or of a metric's own shape, summed over the epoch's examples so far
    totals: Mapping[str, jax.Array]
    history: tuple[Mapping[str, float], ...]  # a line for each finished epoch
    faults: tuple[Fault, ...] = ()  # steps that were skipped

    def __repr__(self) -> str:
        """How far it is, and the last line of the history."""
        last = _metrics(self.history[-1]) if self.history else ""
        return f"Progress({len(self.history)} epochs{last}; {self.state!r}{_faults(self.faults)})"


class Run(NamedTuple):
    """What training leaves."""

    params: PyTree  # those of the state, or what the recipe's `eval_params` makes of it
    state: TrainState
    history: Mapping[str, np.ndarray]  # name -> (epoch,) float32
    faults: tuple[Fault, ...] = ()  # steps that were skipped

    def __repr__(self) -> str:
        """The last figures of the history, and how much there is.

        >>> state = TrainState({"bias": np.zeros(3)}, (), np.int32(5))
        >>> Run(state.params, state, {"train_loss": np.float32([0.5, 0.25])})
        Run(2 epochs, train_loss=0.25; TrainState(3 parameters, 0 numbers of the optimizer))
        """
        epochs = max((len(values) for values in self.history.values()), default=0)
        last = {name: values[-1] for name, values in self.history.items() if len(values)}
        return f"Run({epochs} epochs{_metrics(last)}; {self.state!r}{_faults(self.faults)})"


def trained(params: PyTree) -> PyTree:
    """What is differentiated of parameters: all, but for running statistics.

    >>> trained(Variables({"kernel": 1.0}, {"mean": 2.0})), trained({"kernel": 1.0})
    ({'kernel': 1.0}, {'kernel': 1.0})
    """
    return params.trained if isinstance(params, Variables) else params


def with_trained(params: PyTree, trained: PyTree) -> PyTree:
    """Parameters with others in the place of what is differentiated."""
    return params._replace(trained=trained) if isinstance(params, Variables) else trained


def count(tree: PyTree) -> int:
    """How many numbers there are in a tree of arrays, or of their shapes."""
    return sum(math.prod(getattr(leaf, "shape", ())) for leaf in jax.tree.leaves(tree))


def _shape(values: Any) -> str:
    if not hasattr(values, "shape"):
        return kind_of(values)
    return f"{getattr(values, 'dtype', type(values).__name__)} {tuple(values.shape)}"


def _metrics(line: Mapping[str, Any]) -> str:
    return "".join(f", {name}={float(value):.4g}" for name, value in line.items())


def _faults(faults: tuple[Fault, ...]) -> str:
    return f"; {len(faults)} faulty steps skipped" if faults else ""
