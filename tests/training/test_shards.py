"""Evaluation by several devices; here there is one, and `test_parallel` has more."""

import jax
import numpy as np
import optax
import pytest
from jax.sharding import Mesh
from row_readers import Rows

from jaxmlp import Recipe, classification, evaluate, metrics, mlp, predict
from jaxmlp.training import shards
from jaxmlp.training.parallel import as_parallel
from jaxmlp.training.shards import divide

MESH = Mesh(np.array(jax.devices()[:1]), ("data",))
TASK = classification(3)._replace(metrics=(metrics.accuracy, metrics.f1(3)))
RECIPE = Recipe(mlp((4, 5, 3)), TASK, optax.adam, {})
PARAMS = RECIPE.model.init(jax.random.key(0))


def examples(num_examples):
    random = np.random.default_rng(num_examples)
    inputs = random.normal(size=(num_examples, 4)).astype(np.float32)
    return inputs, random.integers(0, 3, num_examples)


@pytest.mark.parametrize("num_examples", [1, 7, 8, 50, 999, 8001, 70_000])
@pytest.mark.parametrize("parts", [1, 3, 8])
def test_every_example_is_in_one_batch_of_one_part(num_examples, parts):
    division = divide(num_examples, parts)
    assert division.batch_size <= shards.BATCH
    found = []
    for part in range(parts):
        places = np.arange(division.num_batches * division.batch_size)
        rows, is_there = division.rows(part, places)
        assert rows.max() < num_examples
        found += rows[is_there].tolist()
    assert found == list(range(num_examples))


def test_batches_are_alike_and_few():
    assert divide(10_000, 8)[2:] == (1250, 625, 2)
    assert divide(8000, 8)[2:] == (1000, 1000, 1)
    assert divide(3, 8)[2:] == (1, 1, 1)


@pytest.mark.parametrize("mode", ["exact", "fast"])
@pytest.mark.parametrize("num_examples", [3, 50])
def test_figures_and_answers_are_those_of_one_device_within_rounding(mode, num_examples):
    inputs, labels = examples(num_examples)
    alone = evaluate(RECIPE, PARAMS, inputs, labels)
    got = evaluate(RECIPE, PARAMS, inputs, labels, mesh=MESH, mode=mode)
    assert got == pytest.approx(alone, rel=1e-6)
    assert list(got) == ["loss", "accuracy", "f1"]
    answers = predict(RECIPE, PARAMS, inputs, mesh=MESH, mode=mode)
    assert answers.shape == (num_examples, 3)
    np.testing.assert_allclose(answers, predict(RECIPE, PARAMS, inputs), rtol=1e-5)


@pytest.mark.parametrize("window", [1, 64 * 24, 10**4])
def test_bits_do_not_depend_on_windows(window, monkeypatch):
    monkeypatch.setattr(shards, "BATCH", 3)  # of 13 examples a part: five batches
    inputs, labels = examples(101)
    read = Rows(inputs), Rows(labels)
    expected = evaluate(RECIPE, PARAMS, inputs, labels, mesh=MESH)
    assert evaluate(RECIPE, PARAMS, *read, mesh=MESH, window=window) == expected


def test_a_window_has_whole_batches_of_each_part(monkeypatch):
    monkeypatch.setattr(shards, "BATCH", 3)
    arrays = tuple(map(Rows, examples(101)))  # of 24 bytes each; 8 parts of 3 take 576
    parallel = as_parallel(MESH, "exact")
    sizes = [shards.batches_in(window, arrays, parallel) for window in (1, 1151, 1152, 10**9)]
    assert sizes == [1, 1, 2, 5]


@pytest.mark.parametrize("function", [evaluate, predict])
def test_a_mode_needs_a_mesh_and_a_mesh_the_axis(function):
    given = (RECIPE, PARAMS, *examples(5)[: 2 if function is evaluate else 1])
    with pytest.raises(ValueError, match="mode needs a mesh, .* got fast and no mesh"):
        function(*given, mode="fast")
    with pytest.raises(ValueError, match="mesh needs .* along the axes"):
        function(*given, mesh=Mesh(np.array(jax.devices()[:1]), ("member",)))


def test_weights_that_are_another_models_are_refused_on_a_mesh_too():
    with pytest.raises(ValueError, match="params needs arrays of the shapes"):
        evaluate(RECIPE, {}, *examples(5), mesh=MESH)
