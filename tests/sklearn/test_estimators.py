import inspect

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import neural_network
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_multilabel_classification,
)
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jaxmlp.sklearn import MLPClassifier, MLPRegressor
from jaxmlp.statistics.intervals import t_interval

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
QUIET = {
    **{"hidden_layer_sizes": (8,), "learning_rate_init": 0.03, "max_iter": 15},
    **{"tol": None, "random_state": 0},
}


def test_texts_are_classes():
    model = MLPClassifier(**QUIET).fit(X, NAMES[Y])
    assert model.classes_.tolist() == NAMES.tolist()
    found = model.predict(X)
    assert set(found) <= set(NAMES)
    assert (found == NAMES[Y]).mean() == model.score(X, NAMES[Y]) > 0.7
    numbered = MLPClassifier(**QUIET).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), numbered.predict_proba(X))


def test_probabilities_are_in_the_order_of_the_classes():
    probabilities = MLPClassifier(**QUIET).fit(X, Y)
    found = probabilities.predict_proba(X)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    for label in range(3):
        assert found[label == Y].mean(axis=0).argmax() == label
    np.testing.assert_allclose(np.exp(probabilities.predict_log_proba(X)), found)
    np.testing.assert_array_equal(probabilities.predict(X), found.argmax(axis=1))


def test_of_two_classes_the_second_s_is_the_output():
    some = Y > 0
    model = MLPClassifier(**QUIET, n_members=2).fit(X[some], NAMES[Y[some]])
    assert (model.n_outputs_, model.classes_.tolist()) == (1, ["versicolor", "virginica"])
    found = model.predict_proba(X[some])
    assert found.shape == (100, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    said = np.mean([network.predict(np.float32(X[some])) for network in model.networks_], axis=0)
    np.testing.assert_allclose(found[:, 1:], said, rtol=1e-3)
    np.testing.assert_array_equal(model.predict(X[some]), NAMES[1 + (found[:, 1] > 0.5)])
    std = model.predict_std(X[some])
    np.testing.assert_allclose(std[:, 0], std[:, 1])
    assert model.score(X[some], NAMES[Y[some]]) > 0.8


@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_several_labels_at_once(form):
    rows, labels = make_multilabel_classification(80, 5, n_classes=3, random_state=0)
    model = MLPClassifier(**{**QUIET, "max_iter": 60}).fit(rows, form(labels))
    probabilities, found = model.predict_proba(rows), model.predict(rows)
    assert (probabilities.shape, model.classes_.tolist()) == ((80, 3), [0, 1, 2])
    np.testing.assert_array_equal(found, probabilities > 0.5)
    assert (found == labels).mean() > 0.7
    assert found.dtype == labels.dtype


def test_the_mean_of_members_and_how_far_they_lie_apart():
    one, three = (MLPClassifier(**QUIET, n_members=count).fit(X, Y) for count in (1, 3))
    members = np.stack([network.predict(np.float32(X)) for network in three.networks_])
    np.testing.assert_allclose(three.predict_proba(X), members.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(three.predict_std(X), members.std(axis=0), atol=1e-5)
    np.testing.assert_allclose(one.predict_proba(X), members[0], atol=1e-5)
    assert not one.predict_std(X).any()


def test_balanced_weights_help_the_rare_class():
    rare = np.r_[0:50, 50:100, 100:104]
    rows, labels = X[rare][:, :2], Y[rare]  # two columns, in which the last two overlap
    given = {**QUIET, "max_iter": 60}
    plain = MLPClassifier(**given).fit(rows, labels)
    balanced = MLPClassifier(**given, class_weight="balanced").fit(rows, labels)
    by_hand = {0: 104 / 150, 1: 104 / 150, 2: 104 / 12}
    weighted = MLPClassifier(**given, class_weight=by_hand).fit(rows, labels)
    scores = [balanced_accuracy_score(labels, m.predict(rows)) for m in (plain, balanced)]
    assert scores[1] > scores[0] + 0.1
    np.testing.assert_allclose(
        balanced.predict_proba(rows), weighted.predict_proba(rows), atol=1e-3
    )


def test_class_weights_multiply_the_examples_own():
    own = np.linspace(0.5, 2, 150)
    by_class = {0: 1.0, 1: 3.0, 2: 0.5}
    model = MLPClassifier(**QUIET, class_weight=by_class).fit(X, Y, sample_weight=own)
    both = own * np.array([1.0, 3.0, 0.5])[Y]
    other = MLPClassifier(**QUIET).fit(X, Y, sample_weight=both)
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(150), "^y needs at least two classes, got 1 class: 0.0$"),
        (np.stack([Y, Y], axis=1), "^Unknown label type|^y needs one class an example"),
        (X[:, 0], "^Unknown label type: continuous"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**QUIET).fit(X, labels)


def test_class_weights_of_several_labels_are_refused():
    with pytest.raises(ValueError, match="^class_weight needs one class an example, got several"):
        MLPClassifier(**QUIET, class_weight="balanced").fit(X, np.eye(3, dtype=int)[Y])


def test_a_regressor_learns_in_the_target_s_own_units():
    rows, values = load_diabetes(return_X_y=True)
    given = {**QUIET, "n_members": 2}
    plain = MLPRegressor(**given).fit(rows, values)
    found = plain.predict(rows)
    assert (found.shape, found.dtype) == ((442,), np.float64)
    assert plain.score(rows, values) > 0.4
    shifted = MLPRegressor(**given).fit(rows, 1e6 + 1000 * values)
    np.testing.assert_allclose(shifted.predict(rows), 1e6 + 1000 * found, rtol=1e-4)
    np.testing.assert_allclose(
        shifted.predict_std(rows), 1000 * plain.predict_std(rows), rtol=0.2, atol=300
    )
    np.testing.assert_allclose(shifted.loss_curve_, plain.loss_curve_, rtol=1e-3)


def test_several_values_at_once():
    rows, values = load_diabetes(return_X_y=True)
    both = np.column_stack([values, 5 - values / 1000])
    model = MLPRegressor(**QUIET).fit(rows, both)
    assert model.predict(rows).shape == model.predict_std(rows).shape == (442, 2)
    assert model.score(rows, both) > 0.4
    assert not model.predict_std(rows).any()


def test_without_scaling_the_network_sees_the_rows_as_they_are():
    values = X @ [1.0, 2, 3, 4]
    model = MLPRegressor(**{**QUIET, "max_iter": 60}, standardize=False).fit(X, values)
    assert model.output_scaling_ is None
    (network,) = model.networks_
    np.testing.assert_allclose(model.predict(X), network.predict(np.float32(X))[:, 0], rtol=1e-5)
    assert model.score(X, values) > 0.9


def test_the_loss_is_scikit_learns_half_squared_error():
    """Of a network that is hardly moved: of targets with mean 0 and deviation 1 about a half."""
    values = X[:, 2]
    model = MLPRegressor(**{**QUIET, "hidden_layer_sizes": (), "learning_rate_init": 1e-9})
    model.fit(X, values)
    residual = (values - model.predict(X)) / values.std()
    assert model.loss_curve_[0] == pytest.approx(0.5 * (residual**2).mean(), rel=1e-4)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_names_and_defaults_are_scikit_learns_where_it_has_them(kind):
    ours = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[kind]
    ours = inspect.signature(ours).parameters
    theirs = inspect.signature(getattr(neural_network, kind)).parameters
    assert {"hidden_layer_sizes", "alpha", "tol", "random_state"} <= {*ours} & {*theirs}
    for name in {*ours} & {*theirs}:
        assert ours[name].default == theirs[name].default, name


def test_both_estimators_have_the_same_parameters_in_the_same_order():
    names = [list(inspect.signature(each).parameters) for each in (MLPClassifier, MLPRegressor)]
    assert [name for name in names[0] if name != "class_weight"] == names[1]
    values = {name: object() for name in names[0]}
    first, second = values.pop("hidden_layer_sizes"), values.pop("activation")
    model = MLPClassifier(first, second, **values)
    assert model.get_params(deep=False) == {
        **values,
        "hidden_layer_sizes": first,
        "activation": second,
    }


# --- beside scikit-learn's own


def beside(load):
    """Scores on five folds of scikit-learn's own with a scaler, and of ours."""
    rows, labels = load(return_X_y=True)
    if load is load_diabetes:
        own = make_pipeline(StandardScaler(), neural_network.MLPRegressor(random_state=0))
        own = TransformedTargetRegressor(own, transformer=StandardScaler())
        ours, folds = MLPRegressor(random_state=0), KFold(5, shuffle=True, random_state=0)
    else:
        own = make_pipeline(StandardScaler(), neural_network.MLPClassifier(random_state=0))
        ours, folds = (
            MLPClassifier(random_state=0),
            StratifiedKFold(5, shuffle=True, random_state=0),
        )
    return [cross_val_score(each, rows, labels, cv=folds) for each in (own, ours)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "load",
    [
        load_iris,
        pytest.param(load_diabetes, marks=pytest.mark.slow),
        pytest.param(load_wine, marks=pytest.mark.slow),
        pytest.param(load_breast_cancer, marks=pytest.mark.slow),
        pytest.param(load_digits, marks=pytest.mark.slow),
    ],
)
def test_scores_lie_within_the_interval_of_scikit_learns_own(load):
    own, ours = beside(load)
    low, high = t_interval(own, 0.95)
    print(f"{load.__name__}: {own.mean():.3f} [{low:.3f}, {high:.3f}], ours {ours.mean():.3f}")
    assert low <= ours.mean() <= high


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_an_empty_cell_is_refused(estimator):
    with pytest.raises(ValueError, match="Input X contains NaN"):
        estimator().fit(np.array([[1.0, np.nan], [2.0, 3.0]]), np.array([0, 1]))
