import contextlib

import numpy as np
import pytest

import jaxmlp
from experiments.data import sources
from experiments.speed import quick, search


@pytest.fixture(scope="module")
def few():
    """Digits, so few that an epoch is a handful of steps."""
    data = sources.load("digits")
    return data._replace(
        train_inputs=data.train_inputs[:500],
        train_labels=data.train_labels[:500],
        test_inputs=data.test_inputs[:100],
        test_labels=data.test_labels[:100],
    )


@pytest.fixture(scope="module")
def found(few):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "REST", 0)
        patch.setattr(search, "without_cache", contextlib.nullcontext)
        patch.setitem(quick.PRESETS, "quick", {"num_epochs": 2, "hidden_sizes": [8]})
        patch.setitem(quick.settings.DEFAULTS, "num_epochs", 8)
        told = []
        figures = quick.measure(few, (3, 4, 5), 1, told.append)
        return figures, told, {name: quick.recipe_of(name, few) for name in ("classic", "quick")}


def test_both_train_by_turns_with_each_seed(found):
    figures, told, _ = found
    assert told[0] == "compiling"
    turns = [(3, "classic"), (3, "quick"), (4, "classic"), (4, "quick")]
    assert told[1:5] == [f"seed {seed}: {name}" for seed, name in turns]
    assert told[7:] == [f"compiling anew, seed 3: {name}" for name in ("classic", "quick")]
    assert figures["seeds"] == [3, 4, 5]
    assert {name: len(each) for name, each in figures["seconds"].items()} == {
        "classic": 3,
        "quick": 3,
    }
    assert {name: len(each) for name, each in figures["seconds_compiling"].items()} == {
        "classic": 1,
        "quick": 1,
    }


def test_accuracies_are_those_of_training_with_the_seeds(found, few):
    figures, _, recipes = found
    for name, recipe in recipes.items():
        expected = [jaxmlp.train(recipe, few, seed).history["test_accuracy"][-1] for seed in (3, 5)]
        np.testing.assert_allclose(figures["test_accuracy"][name][::2], expected, rtol=1e-6)
    assert figures["num_there"] == sum(a >= 0.98 for a in figures["test_accuracy"]["quick"])


def test_what_is_compiled_anew_takes_longer(found):
    figures, _, _ = found
    for name in ("classic", "quick"):
        assert figures["seconds_compiling"][name][0] > 2 * max(figures["seconds"][name])
    for kind in ("share", "share_compiling"):
        assert 0 < figures[kind]["median"] <= figures[kind]["worst"]


def test_the_recipes_are_those_of_the_program(few):
    classic = quick.recipe_of("classic", few._replace(train_inputs=np.zeros((60_000, 64), "f4")))
    assert (classic.batch_size, classic.num_epochs) == (256, 10)
    assert classic.model.architecture.sizes == (64, 256, 10)
    assert dict(classic.hyperparameters) == {"learning_rate": 0.001}
    assert quick.recipe_of("quick", few).num_epochs == quick.PRESETS["quick"]["num_epochs"]
    assert [*quick.SEEDS] == [*range(20)]
