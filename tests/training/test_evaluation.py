import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas
import pytest

from jaxmlp import (
    Batch,
    Recipe,
    binary_classification,
    classification,
    evaluate,
    losses,
    metrics,
    mlp,
    predict,
    regression,
    train,
)
from jaxmlp.training.evaluation import BATCH, masked_means

MODEL = mlp((5, 3))
RECIPE = Recipe(MODEL, classification(3), optax.adam, {})
PARAMS = MODEL.init(jax.random.key(0))


def examples(num_examples):
    random = np.random.default_rng(num_examples)
    inputs = random.normal(size=(num_examples, 5)).astype(np.float32)
    return inputs, random.integers(0, 3, num_examples)


def log_probabilities(inputs):
    """By NumPy, in double precision."""
    (kernel, bias), *_ = jax.tree.map(np.float64, PARAMS)
    logits = inputs @ kernel + bias
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("num_examples", [1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 357])
def test_evaluation_counts_every_example_once(num_examples):
    inputs, labels = examples(num_examples)
    log_p = log_probabilities(inputs)
    result = evaluate(RECIPE, PARAMS, inputs, labels)
    assert list(result) == ["loss", "accuracy"]
    expected_loss = -log_p[np.arange(num_examples), labels].mean()
    assert result["loss"] == pytest.approx(expected_loss, rel=2e-6)
    right = (log_p.argmax(axis=1) == labels).sum()
    assert round(result["accuracy"] * num_examples, 3) == right


@pytest.mark.parametrize("place", [0, BATCH - 1, BATCH])
def test_an_example_counts_alike_wherever_it_stands(place):
    inputs, _ = examples(BATCH + 1)
    right = log_probabilities(inputs).argmax(axis=1)
    labels = (right + 1) % 3
    labels[place] = right[place]
    assert evaluate(RECIPE, PARAMS, inputs, labels)["accuracy"] == 1 / (BATCH + 1)


@pytest.mark.parametrize("num_examples", [1, BATCH - 1, BATCH, BATCH + 1])
def test_predictions_are_the_probabilities_of_every_example(num_examples):
    inputs, _ = examples(num_examples)
    probabilities = predict(RECIPE, PARAMS, inputs)
    assert probabilities.shape == (num_examples, 3)
    np.testing.assert_allclose(probabilities, np.exp(log_probabilities(inputs)), atol=1e-6)


def test_pixels_are_scaled_on_the_way_in():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5)).astype(np.uint8)
    labels = np.arange(7) % 3
    scaled = pixels.astype(np.float32) / 255
    by_pixels = evaluate(RECIPE, PARAMS, pixels, labels)
    by_scaled = evaluate(RECIPE, PARAMS, scaled, labels)
    assert by_pixels == pytest.approx(by_scaled, rel=1e-6)
    np.testing.assert_allclose(
        predict(RECIPE, PARAMS, pixels), predict(RECIPE, PARAMS, scaled), rtol=1e-6
    )


def test_the_link_is_the_tasks():
    inputs, _ = examples(4)
    values = predict(RECIPE._replace(task=regression(3)), PARAMS, inputs)
    np.testing.assert_allclose(
        predict(RECIPE._replace(task=binary_classification(3)), PARAMS, inputs),
        1 / (1 + np.exp(-values)),
        rtol=1e-6,
    )


@pytest.mark.parametrize("mask", [None, [True] * 4, [True, False, True, False], [False, True] * 2])
def test_masked_means_are_over_the_examples_that_count(mask):
    inputs, labels = examples(4)
    counted = np.arange(4) if mask is None else np.flatnonzero(mask)
    batch = Batch(inputs, labels, None if mask is None else jnp.array(mask))
    functions = (losses.softmax_cross_entropy, metrics.accuracy)
    means, count = masked_means(MODEL.apply, functions, PARAMS, batch)
    log_p = log_probabilities(inputs)[counted]
    assert count == len(counted)
    np.testing.assert_allclose(
        means,
        [
            -log_p[np.arange(len(counted)), labels[counted]].mean(),
            (log_p.argmax(axis=1) == labels[counted]).mean(),
        ],
        rtol=2e-6,
    )


def test_what_a_masked_example_holds_does_not_matter():
    inputs, labels = examples(3)
    inputs[1] = np.nan
    batch = Batch(inputs, labels, jnp.array([True, False, True]))
    (loss,), _ = masked_means(MODEL.apply, (losses.softmax_cross_entropy,), PARAMS, batch)
    assert jnp.isfinite(loss)


def test_examples_that_do_not_suit_the_recipe_are_refused():
    inputs, labels = examples(4)
    with pytest.raises(ValueError, match=r"labels need to be from 0 to 2, got 3 at 0"):
        evaluate(RECIPE, PARAMS, inputs, labels * 0 + 3)
    with pytest.raises(ValueError, match=r"inputs needs the shape \(5,\), got \(4,\)"):
        evaluate(RECIPE, PARAMS, inputs[:, :4], labels)
    with pytest.raises(ValueError, match=r"inputs needs the shape \(5,\), got \(4,\)"):
        predict(RECIPE, PARAMS, inputs[:, :4])


def test_examples_are_taken_as_people_bring_them():
    inputs, labels = examples(7)
    expected = evaluate(RECIPE, PARAMS, inputs, labels)
    table, column = pandas.DataFrame(inputs.astype(np.float64)), pandas.Series(labels * 1.0)
    assert evaluate(RECIPE, PARAMS, table, column) == expected
    assert evaluate(RECIPE, PARAMS, inputs.tolist(), labels.tolist()) == expected
    probabilities = predict(RECIPE, PARAMS, inputs)
    assert (predict(RECIPE, PARAMS, table) == probabilities).all()
    assert (predict(RECIPE, PARAMS, inputs.tolist()) == probabilities).all()
    with jax.disable_jit():
        np.testing.assert_allclose(predict(RECIPE, PARAMS, inputs), probabilities, rtol=1e-6)


def test_predictions_are_traced_with_the_rest():
    inputs, _ = examples(7)
    traced = jax.jit(functools.partial(predict, RECIPE))(PARAMS, inputs)
    np.testing.assert_allclose(traced, predict(RECIPE, PARAMS, inputs), rtol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros(5), r"inputs need to be \(num_examples, ...\), got one example \(5,\): .*"),
        ((row for row in ()), "inputs need an array of numbers, got a generator"),
        (np.full((2, 5), 200), "inputs need to be uint8 if they are pixels, .*"),
    ],
)
def test_what_is_no_batch_of_examples_is_refused_in_one_line(inputs, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        predict(RECIPE, PARAMS, inputs)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda run: run, "params needs parameters, got a Run: write .params"),
        (lambda run: run.state, "params needs parameters, got a TrainState: write .params"),
        (lambda run: None, r"params needs arrays of the shapes \[\(4, 3\), \(3,\)\], got \[\]"),
        (lambda run: {"a": 1.0}, r"params needs arrays of the shapes .*, got \[\(\)\]"),
        (lambda run: run.params[::-1] * 2, "params needs arrays of the shapes"),
    ],
)
def test_parameters_that_are_none_of_the_models_are_one_line(given, message, blobs):
    rate = {"learning_rate": 0.1}
    recipe = Recipe(mlp((4, 3)), classification(3), optax.sgd, rate, 25, 1)
    run = train(recipe, blobs, 0)
    for function, examples in (
        (predict, [blobs.test_inputs]),
        (evaluate, [blobs.test_inputs, blobs.test_labels]),
    ):
        with pytest.raises(ValueError, match=f"^{message}") as caught:
            function(recipe, given(run), *examples)
        assert "\n" not in str(caught.value)
