"""An ensemble of networks that differ in their seeds, trained as one population."""

import functools
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from jaxmlp.nn.description import description_of
from jaxmlp.nn.scaling import Scaling
from jaxmlp.populations.many import train_many
from jaxmlp.populations.runs import Runs
from jaxmlp.sklearn.recipes import Settings, batch_size_of, recipe_of, settings_of, task_of
from jaxmlp.sklearn.rows import as_float32, merged, padded
from jaxmlp.sklearn.scaling import scaled, weighted_scaling
from jaxmlp.sklearn.watching import scores_of, watching
from jaxmlp.types import Dataset, PyTree

__all__ = ["Ensemble", "Rows", "train_ensemble"]

Scalings = tuple[Scaling | None, Scaling | None]  # of inputs, and of a regressor's values


class Rows(NamedTuple):
    """Examples, and what each of them counts."""

    inputs: np.ndarray  # (num_examples, features) float64
    labels: np.ndarray  # (num_examples,) int, classes; or (num_examples, outputs) float64
    weights: np.ndarray  # (num_examples,) float64

    def at(self, where: np.ndarray) -> "Rows":
        """Some of them."""
        return Rows(*(each[where] for each in self))


class Ensemble(NamedTuple):
    """Trained networks, with all that is needed to predict by them; all of it can be pickled."""

    params: PyTree  # NumPy, leaves (members, ...)
    architecture: dict[str, Any]  # of each network, without scalings; as `description_of` has it
    input_scaling: Scaling | None
    output_scaling: Scaling | None
    seeds: tuple[int, ...]  # (members,)
    epochs: np.ndarray  # (members,) int, the epoch that the parameters are from
    history: dict[str, np.ndarray]  # name -> (members, epochs) float32, NaN after a member's end
    scores: np.ndarray | None  # (members, epochs), of the validation set, where there is one


def train_ensemble(estimator: Any, rows: Rows, kind: str, num_outputs: int) -> Ensemble:
    """Trains `n_members` networks as an estimator's parameters say.

    Args:
      estimator: with its parameters.
      rows: to be trained on.
      kind: of the task, as `Task.kind` has it.
      num_outputs: of the network.

    Raises:
      ValueError: if a parameter is not good, or a number that is not finite came up.
    """
    e, settings, task = estimator, settings_of(estimator), task_of(kind, num_outputs)
    random = check_random_state(e.random_state)
    validation, rows = _split(e, rows, kind, int(random.randint(2**31 - 1)))
    seeds = _seeds(random, e.n_members)
    size, data, scalings, batch_weight = _data(e, settings, rows, kind)
    recipe = recipe_of(settings, task, rows.inputs.shape[1], size, batch_weight)
    score = None
    if validation is not None:
        held_out = _scaled(validation, *scalings, kind)
        score = functools.partial(scores_of, recipe.model, task, *held_out)
    callback, result = watching(e.n_members, score, e.tol, e.n_iter_no_change)
    runs = train_many(recipe, data, seeds, callback=callback, progress=bool(e.verbose))
    _check_finite(runs, seeds)
    watch, kept, scores = result()
    if e.tol is not None and not watch.ended.all():
        warnings.warn(
            f"max_iter={e.max_iter} epochs were over before training had converged by tol={e.tol}: "
            "give it more, or tol=None to train so many without a look",
            ConvergenceWarning,
            stacklevel=4,
        )
    ended = np.where(watch.ended > 0, watch.ended, runs.stopped_at)
    history = {name: _until(ended, values) for name, values in runs.history.items()}
    return Ensemble(
        _with_rows(runs.params, kept),
        description_of(recipe.model),
        *scalings,
        seeds,
        watch.at if e.early_stopping else ended,
        history,
        _until(ended, scores) if e.early_stopping else None,
    )


def _split(e: Any, rows: Rows, kind: str, seed: int) -> tuple[Rows | None, Rows]:
    """The rows that are held out, where training is to stop early, and those to train on."""
    if not e.early_stopping:
        return None, rows
    if len(rows.inputs) * e.validation_fraction <= 1:
        raise ValueError(
            f"early_stopping needs at least two examples to hold out, got {len(rows.inputs)} and "
            f"validation_fraction={e.validation_fraction}: n_samples={len(rows.inputs)} is too few"
        )
    is_by_class = kind == "classification" or (kind == "binary" and rows.labels.shape[1] == 1)
    train, held_out = train_test_split(
        np.arange(len(rows.inputs)),
        test_size=e.validation_fraction,
        random_state=seed,
        stratify=rows.labels if is_by_class else None,
    )
    return rows.at(held_out), rows.at(train)


def _seeds(random: np.random.RandomState, count: int) -> tuple[int, ...]:
    """Different seeds, the first of which are those of a smaller ensemble."""
    seeds: dict[int, None] = {}
    while len(seeds) < count:
        seeds[int(random.randint(2**31 - 1))] = None
    return tuple(seeds)


def _data(
    e: Any, settings: Settings, rows: Rows, kind: str
) -> tuple[int, Dataset, Scalings, float]:
    """The size of a batch, scaled rows, what they are scaled by, and what a batch weighs."""
    size = batch_size_of(e.batch_size, len(rows.inputs), settings.norm)
    # All rows in every batch, and none that knows of the others: sums alone decide.
    is_whole = size == len(rows.inputs) and settings.norm != "batch"
    if is_whole and settings.dropout is None:
        rows = Rows(*merged(*rows))
        size = len(rows.inputs)
    batch_weight = size * float(rows.weights.mean())
    none: Scalings = (None, None)
    scalings = _scalings(rows, kind) if e.standardize else none
    rows = _scaled(rows, *scalings, kind)
    if is_whole:
        rows = Rows(*padded(*rows))
        size = len(rows.inputs)
    data = Dataset(rows.inputs, rows.labels)
    if is_whole or rows.weights.min() < rows.weights.max():
        data = data._replace(train_weights=as_float32("sample_weight", rows.weights))
    return size, data, scalings, batch_weight


def _scalings(rows: Rows, kind: str) -> Scalings:
    outputs = weighted_scaling("y", rows.labels, rows.weights) if kind == "regression" else None
    return weighted_scaling("X", rows.inputs, rows.weights), outputs


def _scaled(rows: Rows, inputs: Scaling | None, outputs: Scaling | None, kind: str) -> Rows:
    """Rows as the network has them, in float32; classes in int32."""
    taken = as_float32("X", scaled(inputs, rows.inputs))
    if kind == "classification":
        return Rows(taken, rows.labels.astype(np.int32), rows.weights)
    return Rows(taken, as_float32("y", scaled(outputs, rows.labels)), rows.weights)


def _check_finite(runs: Runs, seeds: tuple[int, ...]) -> None:
    if runs.faults:
        (member,), fault = next(iter(runs.faults.items()))
        raise ValueError(
            f"training needs finite numbers, got others in {fault} of the network with seed "
            f"{seeds[member]}: try a lower learning_rate_init, or standardize=True"
        )


def _until(ended: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A history up to the last member's end, NaN where a member's own has been."""
    values = values[:, : int(ended.max())].copy()
    values[np.arange(values.shape[1]) >= ended[:, None]] = np.nan
    return values


def _with_rows(params: PyTree, kept: Mapping[int, PyTree]) -> PyTree:
    """Parameters, leaves (members, ...), with those of some members in the place of theirs."""
    params = jax.tree.map(np.array, params)
    for member, own in kept.items():

        def put(leaf: np.ndarray, row: np.ndarray, member: int = member) -> None:
            leaf[member] = row

        jax.tree.map(put, params, own)
    return params
