import jax
import numpy as np
import optax
import pytest
from jaxmlp.metrics import by_name, top_k

import jaxmlp
from experiments.app import verdict
from experiments.app.verdict import GUESS, WORSE, Guess
from jaxmlp.training import loop

CLASSES = jaxmlp.Recipe(
    jaxmlp.mlp((4, 3)), jaxmlp.classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 1
)
NUMBERS = CLASSES._replace(model=jaxmlp.mlp((4, 1)), task=jaxmlp.regression())


@pytest.fixture
def lopsided(blobs):
    """Class 1 is the commonest to train on, and class 2 to test on."""
    train, test = np.array([1] * 30 + [0] * 15 + [2] * 5), np.array([2] * 15 + [1] * 9 + [0] * 6)
    return blobs._replace(train_labels=train, test_labels=test)


def scores(recipe, params, data):
    return {
        f"{name}_{metric}": value
        for name, examples in data.sets().items()
        for metric, value in jaxmlp.evaluate(recipe, params, *examples).items()
    }


def always(number):
    """Parameters that make a network answer with a class, however it is asked."""
    kernel, bias = np.zeros((4, 3), np.float32), np.zeros(3, np.float32)
    bias[number] = 0.01
    return (jaxmlp.mlp((4, 3)).init(jax.random.key(0))[0]._replace(kernel=kernel, bias=bias),)


def test_the_guess_is_the_commonest_class_of_the_training_labels(lopsided):
    best = verdict.guess(CLASSES, lopsided.train_labels, lopsided.test_labels)
    assert best == Guess("class 1", by_name("accuracy"), pytest.approx(9 / 30))


def test_the_guess_at_numbers_is_the_mean_of_the_training_labels():
    known, labels = np.float32([0, 2, 4]), np.float32([1, 2, 3, 3])
    best = verdict.guess(NUMBERS, known, labels)
    assert best.answer == "the mean"
    expected = float(jax.vmap(NUMBERS.task.loss)(np.full((4, 1), 2, np.float32), labels).mean())
    assert (best.metric, best.score) == (by_name("loss"), pytest.approx(expected))
    assert verdict.is_no_better(best, expected + 1e-3)
    assert not verdict.is_no_better(best, expected - 1e-3)


def test_a_guess_is_judged_by_what_the_task_has():
    known, labels = np.array([1, 1, 0]), np.array([0, 0, 2, 1])
    task = jaxmlp.classification(3)
    recipe = CLASSES._replace(task=task._replace(metrics=(jaxmlp.metrics.f1(3), top_k(2))))
    best = verdict.guess(recipe, known, labels)
    assert best == Guess("class 1", by_name("top_2_accuracy"), 0.75)
    best = verdict.guess(CLASSES._replace(task=task._replace(metrics=())), known, known)
    shares = np.array([1, 2]) / 3
    assert best.metric.name == "loss"
    assert best.score == pytest.approx(-(shares * np.log(shares)).sum())
    assert verdict.is_no_better(best, best.score + 1e-3)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_the_guess_at_yes_or_no_is_the_commonest(shape):
    recipe = CLASSES._replace(task=jaxmlp.binary_classification())
    labels = np.array([0, 1, 1, 1]).reshape(shape)
    best = verdict.guess(recipe, labels, 1 - labels)
    assert best == Guess("class 1", by_name("binary_accuracy"), 0.25)
    expected = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert verdict.blind_loss(recipe, labels) == pytest.approx(expected)
    assert verdict.guess(recipe, 1 - labels, labels).answer == "class 0"


def test_the_loss_without_a_look_is_the_entropy_of_the_classes(lopsided):
    shares = np.array([15, 30, 5]) / 50
    expected = -(shares * np.log(shares)).sum()
    assert verdict.blind_loss(CLASSES, lopsided.train_labels) == pytest.approx(expected)
    assert verdict.blind_loss(CLASSES, np.array([1, 1])) == 0


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_network_that_always_answers_the_same_is_no_better_than_guessing(lopsided, number):
    found = verdict.of_run(CLASSES, lopsided, 0, scores(CLASSES, always(number), lopsided))
    assert found.keys() == {GUESS}
    assert "for always class 1" in found[GUESS]


def test_nothing_is_said_against_a_network_that_has_learned(blobs):
    recipe = CLASSES._replace(num_epochs=20)
    run = jaxmlp.train(recipe, blobs, 0)
    assert verdict.of_run(recipe, blobs, 0, scores(recipe, run.params, blobs)) == {}
    assert not verdict.has_diverged({})


def test_a_network_is_worse_than_it_began_by_its_training_loss(blobs):
    params = loop.beginning(CLASSES, blobs, 7).state.params
    began = scores(CLASSES, params, blobs)
    for factor, expected in ((1.0, set()), (1.001, set()), (1.5, {WORSE}), (np.nan, {WORSE})):
        changed = {**began, "train_accuracy": 1.0, "test_accuracy": 1.0}
        changed["train_loss"] *= factor
        changed["test_loss"] *= 100
        assert verdict.of_run(CLASSES, blobs, 7, changed).keys() == expected
    assert verdict.has_diverged(verdict.of_run(CLASSES, blobs, 7, changed))
    assert not verdict.has_diverged({GUESS: ""})


def test_where_the_beginning_is_no_number_nothing_is_worse(blobs):
    assert not verdict.is_worse(np.nan, np.nan)
    assert not verdict.is_worse(1.0, np.nan)


def test_of_a_sweep_the_networks_are_counted(blobs):
    began = verdict.first_loss(CLASSES, blobs, 3, "test")
    best = verdict.guess(CLASSES, blobs.train_labels, blobs.test_labels).score
    found = verdict.of_networks(
        CLASSES,
        blobs,
        3,
        {
            "test_accuracy": np.array([1.0, best, best / 2, 1.0, 1.0]),
            "test_loss": np.array([0.1, 1.0, began + 9, began + 9, began + 9]),
            "train_loss": np.array([0.1, 1.0, began + 9, 0.1, began + 9]),  # the fourth overfits
        },
    )
    assert found == {GUESS: 2, WORSE: 2}
