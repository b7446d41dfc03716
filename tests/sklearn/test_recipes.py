from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

from jaxmlp import activations, initializers, optimizers, schedules
from jaxmlp.nn.mlp import architecture_of
from jaxmlp.sklearn import MLPClassifier
from jaxmlp.sklearn.recipes import (
    batch_size_of,
    half_squared_error,
    model_of,
    recipe_of,
    settings_of,
    task_of,
)


def settings(**given):
    return settings_of(MLPClassifier(**given))


def test_names_stand_for_functions():
    found = settings(activation="logistic", optimizer="nesterov", schedule="cosine", alpha=0)
    assert found.activation == "sigmoid"
    assert found.optimizer is optimizers.regularized(optimizers.nesterov)
    assert found.schedule is schedules.cosine
    assert (found.alpha, found.hidden_layer_sizes) == (0.0, (100,))


def test_functions_stand_for_themselves():
    found = settings(optimizer=optax.adamw, schedule=schedules.constant, hidden_layer_sizes=7)
    assert found.optimizer is optimizers.regularized(optax.adamw)
    assert found.schedule is schedules.constant
    assert found.hidden_layer_sizes == (7,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"hidden_layer_sizes": (8, 0)},
            "hidden_layer_sizes needs a whole number of at least 1, got 0",
        ),
        (
            {"hidden_layer_sizes": "8"},
            "hidden_layer_sizes needs a whole number of at least 1, got '8'",
        ),
        ({"activation": "step"}, "activation needs to be one of elu, .*, logistic, got 'step'"),
        ({"activation": None}, "activation needs to be one of elu, .*, logistic, got None"),
        ({"optimizer": "lbfgs"}, "optimizer needs to be one of adagrad, .*, sgd, got 'lbfgs'"),
        ({"schedule": "adaptive"}, "schedule needs to be one of constant, .*, got 'adaptive'"),
        ({"norm": "group"}, "norm needs to be one of batch, layer, got 'group'"),
        ({"alpha": -1}, "alpha needs a number at least 0, got -1"),
        ({"learning_rate_init": 0.0}, "learning_rate_init needs a number above 0, got 0.0"),
        ({"learning_rate_init": "auto"}, "learning_rate_init needs a number above 0, got 'auto'"),
        ({"dropout": 1.0}, "dropout needs a number from 0 to below 1, got 1.0"),
        ({"max_iter": 0}, "max_iter needs a whole number of at least 1, got 0"),
        ({"n_members": 2.0}, "n_members needs a whole number of at least 1, got 2.0"),
        (
            {"n_iter_no_change": True},
            "n_iter_no_change needs a whole number of at least 1, got True",
        ),
        ({"tol": -0.1}, "tol needs a number at least 0, got -0.1"),
        ({"validation_fraction": 1}, "validation_fraction needs a number between 0 and 1, got 1"),
    ],
)
def test_a_bad_parameter_is_named_in_one_line(given, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        settings(**given)


@pytest.mark.parametrize(
    ("given", "count", "norm", "expected"),
    [
        ("auto", 50, None, 50),
        ("auto", 500, None, 200),
        (64, 50, None, 50),
        (64, 500, "batch", 64),
        ("auto", 401, "batch", 199),
        ("auto", 401, "layer", 200),
    ],
)
def test_the_size_of_a_batch(given, count, norm, expected):
    assert batch_size_of(given, count, norm) == expected


@pytest.mark.parametrize("given", [0, 2.5, "all"])
def test_another_size_of_a_batch_is_refused(given):
    with pytest.raises(ValueError, match=r"^batch_size needs .*, got "):
        batch_size_of(given, 10, None)


@pytest.mark.parametrize(
    ("activation", "kernel_init"),
    [("relu", initializers.he), ("gelu", initializers.he), ("tanh", initializers.xavier)],
)
def test_kernels_begin_as_suits_the_activation(activation, kernel_init):
    made = settings(hidden_layer_sizes=(8, 4), activation=activation, dropout=0.5, norm="layer")
    found = architecture_of(model_of(made, 3, 2))
    assert (found.sizes, found.dropout, found.norm) == ((3, 8, 4, 2), 0.5, "layer")
    assert found.activation is getattr(activations, activation)
    assert found.kernel_init is kernel_init


def test_the_recipe_has_the_penalty_over_the_weight_of_a_batch():
    made = settings(alpha=0.5, learning_rate_init=0.25, max_iter=7, schedule="cosine")
    recipe = recipe_of(made, task_of("classification", 3), 4, 10, 25.0)
    assert dict(recipe.hyperparameters) == {"learning_rate": 0.25, "l2": 0.02}
    assert (recipe.batch_size, recipe.num_epochs, recipe.schedule) == (10, 7, schedules.cosine)
    assert recipe.task.num_outputs == 3


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        ("classification", jax.nn.softmax),
        ("binary", jax.nn.sigmoid),
        ("regression", activations.identity),
    ],
)
def test_the_task_of_a_kind(kind, link):
    task = task_of(kind, 2)
    assert (task.kind, task.num_outputs, task.link) == (kind, 2, link)
    assert task_of(kind, 2) == task  # so that it is compiled once


def test_the_regressor_goes_down_half_the_squared_error():
    value, gradient = jax.value_and_grad(half_squared_error)(np.float32([1, 5]), np.float32([3, 4]))
    assert value == 2.5
    assert gradient.tolist() == [-2.0, 1.0]
    assert task_of("regression", 2).loss is half_squared_error


def test_settings_are_read_from_anything_with_the_parameters():
    parameters = SimpleNamespace(**MLPClassifier(alpha=0.25).get_params())
    assert settings_of(parameters).alpha == 0.25
