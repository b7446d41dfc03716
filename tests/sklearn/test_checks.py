"""scikit-learn's own checks of estimators, each as a test."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from jaxmlp.sklearn import MLPClassifier, MLPRegressor

# All of it but the length: with the defaults' 200 epochs the checks are slow.
SHORT = {"hidden_layer_sizes": (16,), "learning_rate_init": 0.03, "max_iter": 20}
OTHERS = [
    MLPClassifier(),
    MLPRegressor(),
    MLPClassifier(**SHORT, early_stopping=True, validation_fraction=0.3, n_members=3),
    MLPRegressor(**SHORT, early_stopping=True, validation_fraction=0.3, n_members=2),
    MLPClassifier(**SHORT, norm="batch", dropout=0.1, batch_size=16, schedule="cosine"),
    MLPRegressor(**SHORT, norm="layer", standardize=False, optimizer="nesterov", activation="tanh"),
    MLPClassifier(**SHORT, optimizer="rmsprop", activation="logistic", standardize=False, tol=None),
]

# scikit-learn's own MLPClassifier and MLPRegressor fail it with such parameters, too: what is held
# out is drawn among the rows, and so are batches, whether a row is repeated or weighs twice.
ROWS_ARE_DRAWN = {
    "check_sample_weight_equivalence_on_dense_data": "rows are drawn by number, not by weight"
}
ignored = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def expected_failures(estimator):
    draws = estimator.early_stopping or estimator.batch_size != "auto"
    return ROWS_ARE_DRAWN if draws else {}


@ignored
@parametrize_with_checks([MLPClassifier(**SHORT), MLPRegressor(**SHORT)])
def test_the_estimators_are_as_scikit_learn_has_them(estimator, check):
    check(estimator)


@pytest.mark.slow
@ignored
@parametrize_with_checks(OTHERS, expected_failed_checks=expected_failures)
def test_they_are_with_other_parameters(estimator, check):
    check(estimator)
