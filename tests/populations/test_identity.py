"""Which population it is, as a record."""

import json

import numpy as np
import optax

import jaxmlp
from jaxmlp import Dataset, Recipe
from jaxmlp.populations.grid import make_grid
from jaxmlp.populations.identity import identity_of_many
from jaxmlp.training.identity import differences

RECIPE = Recipe(
    jaxmlp.mlp((4, 8, 3)), jaxmlp.classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 3
)
DATA = Dataset(np.zeros((4, 4), np.float32), np.zeros(4, np.int32))


def test_a_population_is_told_by_its_axes_and_by_all_its_recipes():
    def record(sweep, seeds=(0, 1, 2, 9), recipe=RECIPE):
        return identity_of_many(make_grid(recipe, seeds, sweep), DATA, "own")

    identity = record({"learning_rate": [0.1, 0.01], "hidden_sizes": [(8,), (4, 2)]})
    assert identity["axes"] == {
        "learning_rate": ["0.1", "0.01"],
        "hidden_sizes": ["8", "4x2"],
        "seed": "0-2, 9",
    }
    json.dumps(identity)
    alike = record({"learning_rate": [0.1, 0.01], "hidden_sizes": [(8,), (4, 2)]})
    assert differences(identity, alike) == ""
    recipes = [
        lambda width, b=b: RECIPE._replace(batch_size=16 if width == 1 else b) for b in (4, 8)
    ]
    told = differences(*(record({"width": [1, 2]}, recipe=recipe) for recipe in recipes))
    assert told.startswith("recipes: expected ")  # though the first of them are alike
    other = DATA._replace(train_inputs=DATA.train_inputs + 1)
    grid = make_grid(RECIPE, (0, 1), {})
    kept = identity_of_many(grid, DATA, "own")
    assert differences(kept, identity_of_many(grid, other, "own")).startswith("data: expected ")
    assert differences(kept, identity_of_many(grid, DATA, "shared")).startswith("shuffle: ")
    assert kept["environment"]["versions"]["jax"]
