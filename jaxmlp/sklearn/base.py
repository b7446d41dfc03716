"""What the classifier and the regressor have in common: an estimator that holds an ensemble."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import check_is_fitted, validate_data

from jaxmlp.nn.description import model_of
from jaxmlp.nn.standardized import standardized
from jaxmlp.objectives.tasks import Task
from jaxmlp.sklearn.answers import answers
from jaxmlp.sklearn.ensemble import Rows, train_ensemble
from jaxmlp.sklearn.recipes import task_of
from jaxmlp.sklearn.rows import as_float32
from jaxmlp.sklearn.scaling import scaled, unscaled
from jaxmlp.storage.network import Network

__all__ = ["BaseMLP"]

FLOATS = [np.float64, np.float32]


class BaseMLP(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator that holds an ensemble; see `MLPClassifier` for its parameters."""

    def __init__(
        self,
        hidden_layer_sizes: int | tuple[int, ...] = (100,),
        activation: str = "relu",
        *,
        optimizer: str | Callable[..., Any] = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate_init: float = 1e-3,
        schedule: str | Callable[..., Any] | None = None,
        max_iter: int = 200,
        tol: float | None = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        dropout: float | None = None,
        norm: str | None = None,
        standardize: bool = True,
        n_members: int = 1,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.schedule = schedule
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.dropout = dropout
        self.norm = norm
        self.standardize = standardize
        self.n_members = n_members
        self.random_state = random_state
        self.verbose = verbose

    @property
    def task_(self) -> Task:
        """What the outputs mean: for `jaxmlp.save`, beside a network of `networks_`."""
        check_is_fitted(self)
        return task_of(self._kind, self.n_outputs_)

    @property
    def networks_(self) -> tuple[Network, ...]:
        """The members, each with the scaling of its inputs and outputs as a part of it.

        They take rows as `fit` does, and return probabilities, of a class or a label each, or
        values; of two classes the probability of the second.
        """
        check_is_fitted(self)
        model = model_of(self._architecture)
        model = standardized(model, self.input_scaling_, self.output_scaling_)
        return tuple(
            Network(model, jax.tree.map(lambda leaf, m=m: leaf[m], self.params_), self.task_.link)
            for m in range(len(self.seeds_))
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "params_")

    def _rows(self, X: Any, y: Any, sample_weight: Any, **how: Any) -> tuple[Rows, Any]:
        """Inputs and weights with no labels yet, and the labels as they are."""
        least = 2 if self.norm == "batch" else 1
        X, y = validate_data(
            self, X, y, dtype=FLOATS, multi_output=True, ensure_min_samples=least, **how
        )
        inputs = X.astype(np.float64, copy=False)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64)
        if not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise ValueError(
                "sample_weight needs weights from 0 on, one of them above, got "
                f"{weights.min():g} to {weights.max():g}"
            )
        return Rows(inputs, inputs[:, :0], weights), y

    def _train(self, rows: Rows, kind: str, num_outputs: int) -> None:
        """Trains on rows of which those that weigh nothing are not there; sets what has come."""
        if not rows.weights.all():
            rows = rows.at(np.flatnonzero(rows.weights))
        found = train_ensemble(self, rows, kind, num_outputs)
        self._kind, self.n_outputs_ = kind, num_outputs
        self._architecture, self.params_ = found.architecture, found.params
        self.input_scaling_, self.output_scaling_ = found.input_scaling, found.output_scaling
        self.seeds_, self.epochs_, self.history_ = found.seeds, found.epochs, found.history
        curve = np.nanmean(np.float64(found.history["train_loss"]), axis=0)
        self.loss_curve_ = curve.tolist()
        self.loss_, self.n_iter_ = self.loss_curve_[-1], len(curve)
        self.validation_scores_ = self.best_validation_score_ = None
        if found.scores is not None:
            self.validation_scores_ = np.nanmean(found.scores, axis=0).tolist()
            self.best_validation_score_ = float(np.nanmax(found.scores, axis=1).mean())

    def _answers(self, X: Any) -> np.ndarray:
        """What each member says of rows, in the data's own units: (members, rows, outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=FLOATS)
        inputs = as_float32("X", scaled(self.input_scaling_, X.astype(np.float64, copy=False)))
        model = model_of(self._architecture)
        found = answers(model.apply, self.task_.link, self.params_, inputs)
        return unscaled(self.output_scaling_, found.astype(np.float64))
