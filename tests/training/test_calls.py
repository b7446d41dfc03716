"""Which programs a training needs, and for which shapes."""

import jax.numpy as jnp
import numpy as np
import optax

from jaxmlp import Dataset, Recipe, classification, metrics, mlp
from jaxmlp.runtime.compilation import default_device
from jaxmlp.training import calls, programs

RECIPE = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.05}, 16, 3)
INPUTS, LABELS = np.zeros((50, 4), np.float32), np.arange(50) % 3


def test_a_program_for_each_set_that_is_looked_at_and_for_what_a_recipe_asks_for():
    data = Dataset(INPUTS, LABELS, INPUTS[:7], LABELS[:7])
    found = calls.calls_of(RECIPE, calls.shapes_of(data), default_device())
    assert list(found) == ["run", "init", "rate", "is_finite", "test"]
    assert found["run"].function is programs.run_steps
    averaged = RECIPE._replace(eval_params=lambda state: state.params)
    alone = calls.shapes_of(Dataset(INPUTS, LABELS))
    assert "params" in calls.calls_of(averaged, alone, default_device())
    task = classification(3)._replace(metrics=(metrics.f1(3),))
    assert "finish" in calls.calls_of(RECIPE._replace(task=task), alone, default_device())


def test_shapes_are_of_the_sets_with_weights_and_with_the_types_of_jax():
    weights = np.ones(50, np.float32)
    shapes = calls.shapes_of(Dataset(INPUTS, LABELS, INPUTS[:7], LABELS[:7], train_weights=weights))
    assert {name: [each.shape for each in found] for name, found in shapes.items()} == {
        "train": [(50, 4), (50,), (50,)],
        "test": [(7, 4), (7,)],
    }
    assert shapes["train"][1].dtype == jnp.int32


def test_totals_begin_at_nothing_in_the_order_of_the_history():
    totals = calls.no_totals(RECIPE, LABELS)
    assert [*totals] == [*calls.measured(RECIPE), "num_examples"]
    assert [float(each) for each in totals.values()] == [0.0, 0.0, 0.0]
    assert len(calls.ordered_zeros(RECIPE, LABELS)) == 2


def test_only_what_is_larger_than_a_window_is_streamed():
    data = Dataset(INPUTS, LABELS, INPUTS[:7], LABELS[:7])
    assert (list(calls.hosted(data)), calls.streamed(data)) == (["train", "test"], {})
