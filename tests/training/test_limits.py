import jax
import numpy as np
import optax
import pytest

import jaxmlp
from jaxmlp import Dataset, Recipe, classification, mlp, regression
from jaxmlp.training import limits
from jaxmlp.training.checks import check
from jaxmlp.training.limits import refuse_too_large

RECIPE = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.5}, 16, 3)
PARAMS = 4 * (4 * 8 + 8 + 8 * 3 + 3)  # bytes
DATA = 50 * 4 * 4 + 50 * 4 + 30 * 4 * 4 + 30 * 4
NEEDED = PARAMS + 2 * (3 * PARAMS + 4) + DATA + 16 * 4 * 4  # gradient, Adam's states, data, batch


@pytest.mark.parametrize(
    "changes",
    [
        {"model": mlp((4, 10**12, 3))},
        {"model": mlp((4, 10**30, 3))},
        {"num_epochs": 2**31},
        {"num_epochs": 10**30},
    ],
)
def test_what_no_machine_holds_is_one_line_before_anything_is_done(changes, blobs):
    recipe = RECIPE._replace(**changes)
    for train in (
        lambda: jaxmlp.train(recipe, blobs, 0),
        lambda: jaxmlp.warm_up(recipe, blobs),
        lambda: jaxmlp.train_many(recipe, blobs, range(2)),
        lambda: jaxmlp.plan_many(RECIPE, blobs, range(2), {k: [v] for k, v in changes.items()}),
    ):
        with pytest.raises(ValueError, match="^(training|num_epochs) needs .*, got ") as refused:
            train()
        assert "\n" not in str(refused.value)


def test_memory_is_counted_to_the_byte(blobs, monkeypatch):
    monkeypatch.setattr(limits, "available", lambda device: NEEDED * (device in jax.devices()))
    check(RECIPE, blobs)
    monkeypatch.setattr(limits, "available", lambda device: NEEDED - 1)
    with pytest.raises(
        ValueError, match=r"^training needs at least .* GiB of memory, .* got .* GiB$"
    ):
        check(RECIPE, blobs)
    held = Dataset(*map(jax.numpy.asarray, blobs[:4]))  # takes no more
    check(RECIPE, held)
    pixels = blobs._replace(train_inputs=blobs.train_inputs.astype(np.uint8))
    check(RECIPE, pixels)


def test_steps_are_counted_up_to_int32(blobs):
    shapes = jax.eval_shape(RECIPE.model.init, jax.random.key(0))
    steps = 4  # an epoch's
    refuse_too_large(shapes, (), blobs, 16, (2**31 - 1) // steps)
    with pytest.raises(
        ValueError, match=r"num_epochs needs to be at most 536870911, .* has 4, got"
    ):
        refuse_too_large(shapes, (), blobs, 16, (2**31 - 1) // steps + 1)


def test_examples_are_counted_up_to_int32(monkeypatch):
    monkeypatch.setattr(limits, "available", lambda device: 0)

    def try_length(length):  # of an array without memory of its own
        data = Dataset(*(np.broadcast_to(np.uint8(0), (length, width)) for width in (4, 1)))
        refuse_too_large((), (), data, 16, 1)

    with pytest.raises(
        ValueError, match="a set needs fewer than 2147483631 examples, got 2147483632"
    ):
        try_length(2**31 - 16)
    with pytest.raises(ValueError, match="training needs at least"):
        try_length(2**31 - 17)


def test_a_recipe_of_another_task_is_taken(blobs):
    data = Dataset(blobs.train_inputs, blobs.train_inputs[:, 0])
    check(Recipe(mlp((4, 1)), regression(), optax.sgd, {"learning_rate": 0.1}, 8), data)
