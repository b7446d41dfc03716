import functools

import optax
import pytest

from jaxmlp import Recipe, classification, mlp, schedules
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
