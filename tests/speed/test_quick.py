import contextlib

import numpy as np
import pytest
from compilations import counted

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
        patch.setattr(quick, "GOAL", 0.7)  # which the other recipe reaches here
        patch.setattr(search, "without_cache", contextlib.nullcontext)
        patch.setitem(quick.PRESETS, "quick", {"num_epochs": 2, "hidden_sizes": [8]})
        patch.setitem(quick.settings.DEFAULTS, "num_epochs", 8)
        told, train = [], jaxmlp.train

        def blind(recipe, data, seed):
            assert data.test_inputs is None  # a look at them would take time
            return train(recipe, data, seed)

        patch.setattr(jaxmlp, "train", blind)
        with counted() as compiled:
            figures = quick.measure(few, (3, 4, 5), 1, lambda t: told.append((t, len(compiled))))
            told.append(("end", len(compiled)))
        return figures, told, {name: quick.recipe_of(name, few) for name in ("classic", "quick")}


def test_both_train_by_turns_with_each_seed(found):
    figures, told, _ = found
    turns = [f"seed {seed}: {name}" for seed in (3, 4, 5) for name in ("classic", "quick")]
    anew = [f"compiling anew, seed 3: {name}" for name in ("classic", "quick")]
    assert [text for text, _ in told] == ["compiling", *turns, *anew, "end"]
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
    assert min(figures["test_accuracy"]["classic"]) > 0.7 > max(figures["test_accuracy"]["quick"])
    assert figures["num_there"] == 0


def test_all_is_compiled_before_or_anew(found):
    figures, told, _ = found
    counts = [count for _, count in told]
    assert counts[1] <= counts[2] <= counts[1] + 1  # of a seed, which takes no time to speak of
    assert len({*counts[2:8]}) == 1  # until the turns that compile
    assert counts[7] < counts[8] < counts[9]
    for kind in ("share", "share_compiling"):
        assert 0 < figures[kind]["median"] <= figures[kind]["worst"]


def test_the_recipes_are_those_of_the_program(few):
    classic = quick.recipe_of("classic", few._replace(train_inputs=np.zeros((60_000, 64), "f4")))
    assert (classic.batch_size, classic.num_epochs) == (256, 10)
    assert classic.model.architecture.sizes == (64, 256, 10)
    assert dict(classic.hyperparameters) == {"learning_rate": 0.001}
    assert quick.recipe_of("quick", few).num_epochs == quick.PRESETS["quick"]["num_epochs"]
    assert [*quick.SEEDS] == [*range(20)]
