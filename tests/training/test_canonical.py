import functools

import numpy as np
import optax
import pytest
from compilations import counted

from jaxmlp import (
    Recipe,
    classification,
    digest,
    mlp,
    plan_many,
    schedules,
    train,
    train_many,
    with_mixup,
    with_vat,
)
from jaxmlp.training import canonical as canonical_module
from jaxmlp.training.canonical import canonical_recipe

RECIPE = Recipe(mlp((4, 3)), classification(3), optax.adam, {"learning_rate": 0.1}, 16, 2)


def test_equal_partials_are_one():
    made = [
        RECIPE._replace(
            optimizer=functools.partial(optax.adam, b1=0.5),
            schedule=functools.partial(schedules.cosine),
        )
        for _ in range(2)
    ]
    first, second = map(canonical_recipe, made)
    assert first.optimizer is second.optimizer
    assert first.schedule is second.schedule


def test_all_that_a_task_is_computed_by_is_looked_at_for_its_like(monkeypatch):
    looked_at = []
    monkeypatch.setattr(
        canonical_module, "warn_of_lookalikes", lambda *pair: looked_at.append(pair)
    )
    task = with_vat(with_mixup(classification(3, label_smoothing=0.1)))
    found = canonical_recipe(RECIPE._replace(task=task)).task
    functions = {function for field, function in looked_at if field == "loss or metric"}
    assert {found.loss, found.train_loss, found.weight, found.mix, found.penalty} <= functions
    assert None not in (found.train_loss, found.mix, found.penalty)


def test_hyperparameters_come_by_name():
    pairs = RECIPE._replace(hyperparameters=(("learning_rate", 0.1),))
    assert canonical_recipe(pairs).hyperparameters == {"learning_rate": 0.1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": 3}, r"model needs to be a Model, such as mlp\(.*, got 3"),
        ({"num_epochs": 0}, "num_epochs needs to be a whole number of at least 1, got 0"),
        ({"optimizer": optax.sgd(0.1)}, "optimizer needs to be a function such as optax.adam, .*"),
    ],
)
def test_a_piece_that_is_none_is_refused(change, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        canonical_recipe(RECIPE._replace(**change))


def test_the_rates_of_the_model_among_the_hyperparameters_are_the_models():
    own = mlp((4, 8, 3), dropout=0.1, input_noise=1)
    given = {"learning_rate": 0.1, "dropout": np.float32(0.5), "input_noise": 0}
    recipe = canonical_recipe(RECIPE._replace(model=own, hyperparameters=given))
    assert recipe.model == mlp((4, 8, 3), dropout=0.5, input_noise=0)
    assert recipe.hyperparameters == {"learning_rate": 0.1}


@pytest.mark.parametrize("rate", [1.0, -0.1, True, np.ones(1)])
def test_a_rate_out_of_its_range_is_refused(rate):
    recipe = RECIPE._replace(model=mlp((4, 8, 3), dropout=0.1), hyperparameters={"dropout": rate})
    with pytest.raises(ValueError, match="^dropout needs (a number|to be a number)"):
        canonical_recipe(recipe)


def test_a_hundred_rates_are_one_program(blobs):
    recipe = RECIPE._replace(model=mlp((4, 8, 3), dropout=0.1, norm="batch"))
    rates = np.linspace(0, 0.99, 100).tolist()
    assert plan_many(recipe, blobs, [0], {"dropout": rates}).num_programs == 1
    by_name = {"learning_rate": 0.1, "dropout": 0.3}
    train(recipe, blobs, 0)
    with counted() as compiled:
        found = train(recipe._replace(hyperparameters=by_name), blobs, 0)
        member = train_many(recipe, blobs, [0, 1], {"dropout": [0.3, 0.9]}).member(
            dropout=0.3, seed=0
        )
    alone = train(recipe._replace(model=mlp((4, 8, 3), dropout=0.3, norm="batch")), blobs, 0)
    assert not compiled
    assert digest(found.state) == digest(member.state) == digest(alone.state)
    assert digest(found.state) != digest(train(recipe, blobs, 0).state)


def test_a_rate_may_stand_among_the_hyperparameters_alone():
    given = {"learning_rate": 0.1, "dropout": 0.5}
    recipe = canonical_recipe(RECIPE._replace(model=mlp((4, 8, 3)), hyperparameters=given))
    assert recipe.model == mlp((4, 8, 3), dropout=0.5)
