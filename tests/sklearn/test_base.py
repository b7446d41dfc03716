import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from compilations import counted
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jaxmlp
from jaxmlp.sklearn import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)
QUIET = {
    **{"hidden_layer_sizes": (8,), "learning_rate_init": 0.03, "max_iter": 15},
    **{"tol": None, "random_state": 0},
}
ROWS, VALUES = load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def model():
    return MLPClassifier(**QUIET, n_members=2).fit(X, Y)


@pytest.fixture(scope="module")
def regressor():
    return MLPRegressor(**QUIET, n_members=2).fit(ROWS, np.column_stack([VALUES, -2 * VALUES]))


def test_a_copy_predicts_the_same_bits(model, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib")):
        np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
        assert jaxmlp.digest(copy.params_) == jaxmlp.digest(model.params_)


def test_a_pickle_is_read_in_another_process(model, tmp_path):
    (tmp_path / "it").write_bytes(pickle.dumps(model))
    program = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).predict([[0] * 4]))"
    command = [sys.executable, "-c", program, str(tmp_path / "it")]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=".")
    assert found.stdout.strip() == str(model.predict([[0] * 4]))


def test_the_same_random_state_gives_the_same_bits(model):
    again = clone(model).fit(X, Y)
    assert jaxmlp.digest(again.params_) == jaxmlp.digest(model.params_)
    other = clone(model).set_params(random_state=1).fit(X, Y)
    assert jaxmlp.digest(other.params_) != jaxmlp.digest(model.params_)


def test_a_random_state_that_is_a_generator_goes_on():
    def two(state):
        model = MLPClassifier(**{**QUIET, "random_state": state})
        return [jaxmlp.digest(model.fit(X, Y).params_) for _ in range(2)]

    first, second = two(np.random.RandomState(7))
    assert first != second
    assert two(np.random.RandomState(7)) == [first, second]
    assert two(7) == [first, first]
    assert len({*two(None), first}) == 3


def test_networks_are_the_estimator_in_one_piece(model, regressor, tmp_path):
    for index, (fitted, rows) in enumerate([(model, X), (regressor, ROWS)]):
        inputs = rows.astype(np.float32)
        said = [np.asarray(network.predict(inputs)) for network in fitted.networks_]
        asked = fitted.predict_proba(rows) if index == 0 else fitted.predict(rows)
        np.testing.assert_allclose(np.mean(said, axis=0), asked, rtol=2e-4, atol=1e-5)
        np.testing.assert_allclose(
            np.std(said, axis=0), fitted.predict_std(rows), rtol=1e-2, atol=1e-4
        )
        network, path = fitted.networks_[1], tmp_path / f"{index}.npz"
        jaxmlp.save(path, network.model, network.params, fitted.task_)
        np.testing.assert_array_equal(jaxmlp.load(path).predict(inputs), said[1])


def test_what_is_known_after_fit(model, regressor):
    assert (model.n_features_in_, model.n_outputs_, model.n_iter_) == (4, 3, 15)
    assert model.history_["train_loss"].shape == (2, 15)
    np.testing.assert_allclose(model.loss_curve_, model.history_["train_loss"].mean(axis=0))
    assert model.loss_ == model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.epochs_.tolist() == [15, 15]
    assert len(model.seeds_) == 2
    assert model.validation_scores_ is model.best_validation_score_ is None
    assert (model.output_scaling_, len(model.input_scaling_.mean)) == (None, 4)
    assert len(regressor.output_scaling_.mean) == regressor.n_outputs_ == 2


def test_scores_of_the_held_out_rows_are_kept():
    model = MLPClassifier(**QUIET, early_stopping=True, n_members=2).fit(X, Y)
    assert len(model.validation_scores_) == model.n_iter_ == 15
    assert max(model.validation_scores_) <= model.best_validation_score_ <= 1


@pytest.mark.parametrize("name", ["networks_", "task_"])
def test_before_fit_there_are_no_networks(name):
    with pytest.raises(NotFittedError):
        getattr(MLPClassifier(), name)
    with pytest.raises(NotFittedError):
        MLPRegressor().predict(X)


def test_parameters_that_are_changed_after_fit_change_no_prediction(model):
    copy = pickle.loads(pickle.dumps(model))
    copy.set_params(activation="tanh", hidden_layer_sizes=(3,), n_members=9, standardize=False)
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


def test_tables_have_their_names_kept_and_checked():
    table = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**QUIET))
    pipeline.set_output(transform="pandas").fit(table, pd.Series(Y).astype("category"))
    fitted = pipeline[-1]
    assert fitted.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert pipeline.score(table, Y) > 0.6
    scaled = pipeline[0].transform(table)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(scaled[["b", "a", "c", "d"]])


def test_a_search_over_numbers_compiles_nothing_anew():
    """Folds of 120 rows: one length, so one set of programs, whatever is searched for."""
    grid = {"learning_rate_init": [0.01, 0.03], "alpha": [1e-4, 1.0, 10.0], "dropout": [0.1, 0.3]}
    model = MLPClassifier(**{**QUIET, "dropout": 0.2})
    cross_val_score(model, X, Y, cv=5)
    with counted() as seen:
        search = GridSearchCV(model, grid, cv=5, refit=False).fit(X, Y)
    assert not seen
    assert len(set(search.cv_results_["mean_test_score"])) > 2


def test_bootstrapped_rows_share_a_program():
    model = BaggingClassifier(MLPClassifier(**QUIET), n_estimators=4, random_state=0)
    fitted = model.fit(X[::2], Y[::2])
    assert fitted.score(X, Y) > 0.6
    with counted() as seen:
        model.set_params(random_state=0).fit(X[::2], Y[::2])
    assert not seen


def test_two_processes_search_to_the_scores_of_one():
    grid = {"alpha": [1e-4, 1.0]}
    searches = [
        GridSearchCV(MLPClassifier(**QUIET), grid, cv=2, n_jobs=jobs).fit(X, Y) for jobs in (1, 2)
    ]
    one, two = (search.cv_results_["mean_test_score"] for search in searches)
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("weights", [[-1.0] + [1.0] * 149, [0.0] * 150])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(
        ValueError, match="^(sample_weight needs weights from 0 on|Sample weights must)"
    ):
        MLPClassifier(**QUIET).fit(X, Y, sample_weight=weights)


def test_a_row_that_weighs_nothing_is_as_if_it_were_not_there():
    weights = np.where(np.arange(150) % 5 == 0, 0.0, 1.0)
    given = {**QUIET, "batch_size": 40, "norm": "batch"}
    one = MLPClassifier(**given).fit(X, Y, sample_weight=weights)
    other = MLPClassifier(**given).fit(X[weights > 0], Y[weights > 0])
    assert jaxmlp.digest(one.params_) == jaxmlp.digest(other.params_)


def test_inputs_out_of_range_are_refused_where_they_are_not_scaled():
    model = MLPClassifier(**QUIET, standardize=False)
    assert model.fit(X, Y).input_scaling_ is None
    with pytest.raises(ValueError, match="^X needs values within the range of float32"):
        model.predict(np.full((1, 4), 1e300))


def test_without_scikit_learn_one_line_says_what_to_install():
    program = """
import sys
sys.modules["sklearn"] = None
import jaxmlp
assert not hasattr(jaxmlp, "sklearn")
import jaxmlp.sklearn
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    line = found.stderr.strip().splitlines()[-1]
    expected = "jaxmlp.sklearn needs scikit-learn 1.6 or newer: pip install 'jaxmlp[sklearn]'"
    assert line == f"ImportError: {expected}"
