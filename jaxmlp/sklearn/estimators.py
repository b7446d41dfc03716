"""The estimators: a classifier and a regressor."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from jaxmlp.sklearn.base import BaseMLP
from jaxmlp.sklearn.rows import class_weights

__all__ = ["MLPClassifier", "MLPRegressor"]


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """Classes by a multilayer perceptron, or by an ensemble of them.

    What scikit-learn's own `MLPClassifier` has too has its name there and means the same. Classes
    may be texts or numbers; several labels at once are a matrix of 0 and 1. Rows are scaled inside
    of the estimator, and so need no scaler before it. An estimator is a function of its parameters,
    of the rows and of a `random_state` that is a number, to the bit.

    Args:
      hidden_layer_sizes: the widths of the hidden layers, a tuple or one number; () is a linear
        model.
      activation: of `jaxmlp.activations`, by name; "logistic" is the sigmoid.
      optimizer: of `jaxmlp.optimizers`, by name; or a function of hyperparameters, as a `Recipe`
        takes it.
      alpha: the penalty on kernels, alpha / 2 |W|² over the (weighted) examples of a batch.
      batch_size: examples of a step, of which there may be fewer; "auto" is 200.
      learning_rate_init: the learning rate; where a schedule begins, or what it comes up to.
      schedule: of `jaxmlp.schedules`, by name, over `max_iter` epochs; or a function, as a `Recipe`
        takes it; None: the rate stays.
      max_iter: epochs at most.
      tol: the least that counts as better; None: all of `max_iter` epochs are trained.
      n_iter_no_change: a network stops once more than so many epochs in a row brought nothing
        better: a training loss lower by `tol`, or with `early_stopping` a validation score higher.
      early_stopping: whether to hold out examples, stratified by class, to stop by the (weighted)
        accuracy on them, and to keep the parameters of each network's best epoch.
      validation_fraction: the share that is held out.
      dropout: the share of each hidden layer's outputs that training drops; None for none.
      norm: "batch" or "layer", of the hidden layers; None for none.
      standardize: whether inputs are scaled by the training rows' (weighted) mean and deviation.
      n_members: networks that differ in their seeds, trained as one population; probabilities are
        the mean of theirs. In exact mode (`train_many`), the first ones are those of a smaller
        ensemble with the same `random_state`.
      class_weight: "balanced": as if there were as many examples of each class; or class -> weight,
        1 where it is left out; times the examples' own weights.
      random_state: a number, a `RandomState`, or None for another result each time.
      verbose: whether to show a bar, by the package tqdm.

    Once fitted it has these attributes:

    - `classes_`: (classes,) as they are in y; of several labels their numbers.
    - `n_features_in_`, `feature_names_in_`: of X, the names where it is a table that has some.
    - `n_iter_`: epochs of the network that was trained for longest.
    - `loss_curve_`, `loss_`: the training loss, without the penalty, of each epoch and of the last:
      a mean over the members that were still in training.
    - `history_`: name -> (members, epochs) float32, as of `jaxmlp.train_many`; of scaled rows.
    - `validation_scores_`, `best_validation_score_`: with `early_stopping`, means over members, of
      each epoch, and of each one's best; else None.
    - `seeds_`: (members,) the seeds that were drawn by `random_state`.
    - `epochs_`: (members,) the epoch that each network's parameters are from.
    - `params_`: the members' parameters as a tree of arrays (members, ...).
    - `input_scaling_`, `output_scaling_`: the `jaxmlp.Scaling` of inputs, and of a regressor's y.
    - `networks_` and `task_`, for `jaxmlp.save`: see there.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((8,), learning_rate_init=0.1, max_iter=20, tol=None, random_state=0)
    >>> model.fit(X, y).predict(X[::50])
    array([0, 1, 2])
    """

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
        class_weight: str | Mapping[Any, float] | None = None,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            optimizer=optimizer,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate_init=learning_rate_init,
            schedule=schedule,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            dropout=dropout,
            norm=norm,
            standardize=standardize,
            n_members=n_members,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPClassifier":
        """Trains the networks anew.

        Args:
          X: (num_examples, features).
          y: (num_examples,) classes, at least two; or (num_examples, labels) of 0 and 1.
          sample_weight: (num_examples,) what each example counts, from 0 on; 2 is as if it were
            there twice.

        Returns:
          The estimator itself.

        Raises:
          ValueError: if these, or a parameter, are not good, in one line; or a number that is not
            finite came up.
        """
        rows, y = self._rows(X, y, sample_weight)
        y = y.toarray() if hasattr(y, "toarray") else y
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multilabel-indicator":
            if self.class_weight is not None:
                raise ValueError("class_weight needs one class an example, got several labels")
            self.classes_ = np.arange(y.shape[1])
            self._train(rows._replace(labels=y.astype(np.float64)), "binary", y.shape[1])
            return self
        if kind == "multiclass-multioutput":
            raise ValueError(f"y needs one class an example, or labels of 0 and 1, got {kind}")
        self.classes_, places = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y needs at least two classes, got 1 class: {self.classes_[0]}")
        by_class = class_weights(self.class_weight, self.classes_, places, rows.weights)
        rows = rows._replace(labels=places, weights=rows.weights * by_class[places])
        if len(self.classes_) > 2:
            self._train(rows, "classification", len(self.classes_))
        else:
            self._train(rows._replace(labels=places[:, None].astype(np.float64)), "binary", 1)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each row; of several labels, those likelier than not.

        Args:
          X: (num_examples, features).

        Returns:
          (num_examples,) of `classes_`; or (num_examples, labels) int, of 0 and 1.
        """
        probabilities = self.predict_proba(X)
        if self._is_multilabel:
            return (probabilities > 0.5).astype(int)
        found: np.ndarray = self.classes_[probabilities.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> np.ndarray:
        """The mean of the members' probabilities.

        Args:
          X: (num_examples, features).

        Returns:
          (num_examples, classes) float64, in the order of `classes_`; or (num_examples, labels).
        """
        return np.asarray(self._probabilities(X).mean(axis=0))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of `predict_proba`; -inf where a probability is 0 in float32."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict_std(self, X: Any) -> np.ndarray:
        """How far the members' probabilities lie apart: their standard deviation, over n_members.

        Args:
          X: (num_examples, features).

        Returns:
          As of `predict_proba`; 0 where there is one member.
        """
        return np.asarray(self._probabilities(X).std(axis=0))

    @property
    def _is_multilabel(self) -> bool:
        return self._kind == "binary" and self.n_outputs_ == len(self.classes_)

    def _probabilities(self, X: Any) -> np.ndarray:
        """Each member's: (members, num_examples, classes)."""
        found = self._answers(X)
        if self._kind == "binary" and not self._is_multilabel:
            return np.concatenate([1 - found, found], axis=-1)
        return found


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """Values by a multilayer perceptron, or by an ensemble of them.

    All is as of `MLPClassifier`, but for `class_weight`, which is not there. `standardize` scales y
    as well as X, so that the loss, which is half the squared error, `tol` and `alpha` mean the same
    whatever y is measured in; the history is of scaled values, predictions are in y's own units.
    `early_stopping` goes by the share of the held out examples' variance that is explained.

    >>> import numpy as np
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = MLPRegressor((16,), learning_rate_init=0.02, n_members=3, tol=None, random_state=0)
    >>> model.fit(X, 1000 * X[:, 0] ** 2).predict([[0.0]]).shape, model.score(X, 1000 * X**2) > 0.99
    ((1,), True)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPRegressor":
        """Trains the networks anew.

        Args:
          X: (num_examples, features).
          y: (num_examples,) or (num_examples, outputs) numbers.
          sample_weight: (num_examples,) what each example counts, from 0 on; 2 is as if it were
            there twice.

        Returns:
          The estimator itself.

        Raises:
          ValueError: as of `MLPClassifier`.
        """
        rows, y = self._rows(X, y, sample_weight, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._is_flat = y.ndim == 1
        values = y.reshape(len(y), -1).astype(np.float64)
        self._train(rows._replace(labels=values), "regression", values.shape[1])
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The mean of the members' values.

        Args:
          X: (num_examples, features).

        Returns:
          (num_examples,) float64, or (num_examples, outputs), as y was.
        """
        return self._shaped(self._answers(X).mean(axis=0))

    def predict_std(self, X: Any) -> np.ndarray:
        """How far the members' values lie apart: their standard deviation, over n_members.

        It is what the seeds leave open, and not the error to be expected: noise in y is none of it.

        Args:
          X: (num_examples, features).

        Returns:
          As of `predict`; 0 where there is one member.
        """
        return self._shaped(self._answers(X).std(axis=0))

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        return values[:, 0] if self._is_flat else values
