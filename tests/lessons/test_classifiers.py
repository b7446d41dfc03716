import itertools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.lessons import classifiers
from experiments.lessons.losses import LOGITS


def test_losses_and_slopes_are_those_of_the_formulas():
    p = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    loss, slope = classifiers.slopes(classifiers.CLASSIFIERS["cross-entropy"], LOGITS)
    np.testing.assert_allclose(loss, -np.log(p), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(slope, p - 1, rtol=1e-4, atol=1e-6)
    loss, slope = classifiers.slopes(classifiers.squared, LOGITS)
    np.testing.assert_allclose(loss, 2 * (1 - p) ** 2, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(slope, -4 * (1 - p) ** 2 * p, rtol=1e-3, atol=1e-6)


def test_ways_that_say_the_same_agree_and_the_other_does_not():
    found = {name: classifiers.apart(*ways) for name, ways in classifiers.WAYS.items()}
    assert max(found["sparse, categorical"]) < 1e-5
    assert max(found["binary, two classes"]) < 1e-5
    assert min(found["sparse, ten binary"]) > 0.5


def test_no_way_leaves_the_class_out():
    outputs, ways = jnp.array([2.0, *[0.0] * 9]), itertools.chain(*classifiers.WAYS.values())
    ways = list(ways)
    losses = jax.jit(lambda c: jnp.stack([way(outputs, c) for way in ways]))
    assert abs(losses(0) - losses(1)).tolist() == pytest.approx([2] * 6, abs=1e-5)


def test_each_scale_has_the_rate_that_is_best_in_training(monkeypatch):
    accuracy = np.arange(48.0).reshape(2, 3, 2, 4)  # scale, rate, seed, epoch
    trained = accuracy.copy()  # which decides, not the test set
    trained[0, 1] += 100
    asked = []

    def train_many(*given):
        asked.extend(given)
        return SimpleNamespace(history={"train_accuracy": trained, "test_accuracy": accuracy})

    monkeypatch.setattr(classifiers.jaxmlp, "train_many", train_many)
    found = classifiers.classify(classifiers.squared, None, 2, 4)
    np.testing.assert_array_equal(found, [accuracy[0, 1], accuracy[1, 2]])
    recipe, _, seeds, sweep = asked
    assert recipe.task.loss is classifiers.squared
    assert (recipe.num_epochs, list(seeds)) == (4, [0, 1])
    assert sweep["init_scale"] == classifiers.SCALES == (1, 10)
