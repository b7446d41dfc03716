import jax
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from jaxmlp import mlp
from jaxmlp.sklearn.recipes import task_of
from jaxmlp.sklearn.watching import scores_of, seen, watch_of, watching
from jaxmlp.types import TrainState


class Epoch:
    """What a callback is told, of one weight a member."""

    def __init__(self, epoch, losses, faults=()):
        self.epoch, self.faults = epoch, dict.fromkeys(faults)
        self.history = {"train_loss": np.array(losses).T}

    def snapshot(self, copy):
        assert not copy
        params = np.full((len(self.history["train_loss"]), 1), float(self.epoch))
        state = TrainState(params, (), self.epoch)
        return type("Population", (), {"states": (state,)})


def by_hand(scores, tol, patience):
    """scikit-learn's own rule: the best epoch, and the last."""
    best, at, count = -np.inf, 0, 0
    for epoch, score in enumerate(scores, start=1):
        count = count + 1 if score < best + tol else 0
        if score > best:
            best, at = score, epoch
        if count > patience:
            return at, epoch
    return at, 0


@pytest.mark.parametrize("tol", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("patience", [1, 3])
def test_members_end_as_scikit_learns_estimator(tol, patience):
    scores = np.random.default_rng(0).uniform(size=(30, 4)).cumsum(axis=0) ** 0.3
    scores += np.random.default_rng(1).normal(0, 0.1, size=scores.shape)
    watch = watch_of(4)
    for epoch, each in enumerate(scores, start=1):
        watch = seen(watch, each, epoch, tol, patience)
    expected = [by_hand(column, tol, patience) for column in scores.T]
    assert list(zip(watch.at.tolist(), watch.ended.tolist(), strict=True)) == expected


def test_without_a_tolerance_nobody_ends_and_the_best_is_known():
    watch = watch_of(1)
    for epoch, score in enumerate([0.5, 0.9, 0.1, 0.1, 0.1], start=1):
        watch = seen(watch, np.array([score]), epoch, None, 1)
    assert (watch.at.tolist(), watch.ended.tolist()) == ([2], [0])


def test_of_the_training_loss_the_last_parameters_of_those_that_end_early_are_kept():
    callback, result = watching(2, None, 0.1, 1)
    lines = [[1.0, 1.0], [1.0, 0.5], [1.0, 0.5], [0.0, 0.5], [0.0, 0.5]]
    told = [callback(Epoch(n, lines[:n])) for n in range(1, 5)]
    assert told == [False, False, False, True]
    watch, kept, scores = result()
    assert watch.ended.tolist() == [3, 4]
    assert {member: params.tolist() for member, params in kept.items()} == {0: [3.0]}
    assert scores.tolist() == [[-1.0, -1.0, -1.0, 0.0], [-1.0, -0.5, -0.5, -0.5]]


def test_of_a_score_the_best_parameters_are_kept():
    table = {1.0: [0.5, 0.2], 2.0: [0.9, 0.3], 3.0: [0.8, 0.4], 4.0: [0.7, 0.5]}
    callback, result = watching(2, lambda params: np.array(table[params[0, 0]]), 0.0, 1)
    told = [callback(Epoch(n, [[0.0, 0.0]] * n)) for n in range(1, 5)]
    assert told == [False] * 4
    watch, kept, _ = result()
    assert (watch.at.tolist(), watch.ended.tolist()) == ([2, 4], [4, 0])
    assert {member: params.tolist() for member, params in kept.items()} == {0: [2.0], 1: [4.0]}


def test_a_fault_stops_all_and_without_a_rule_nothing_else_does():
    callback, result = watching(1, None, None, 1)
    assert not any(callback(Epoch(n, [[1.0]] * n)) for n in range(1, 9))
    assert callback(Epoch(1, [[1.0]], faults=[0]))
    assert result()[2].size == 0


@pytest.mark.parametrize(("kind", "outputs"), [("classification", 3), ("binary", 2), ("binary", 1)])
def test_a_classifier_s_score_is_the_weighted_accuracy(kind, outputs):
    model, random = mlp((2, 5, outputs), dropout=0.5), np.random.default_rng(0)
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 2))
    inputs, weights = np.float32(random.normal(size=(9, 2))), random.uniform(size=9)
    labels = random.integers(0, 2, (9, outputs)).astype(np.float32)
    labels = random.integers(0, 3, 9) if kind == "classification" else labels
    found = scores_of(model, task_of(kind, outputs), inputs, labels, weights, params)
    for member, score in enumerate(found):
        own = jax.tree.map(lambda leaf, m=member: leaf[m], params)
        said = np.array(jax.vmap(model.apply, (None, 0))(own, inputs))
        answer = said.argmax(axis=1) if kind == "classification" else (said > 0).astype(int)
        expected = accuracy_score(labels.astype(int), answer, sample_weight=weights)
        assert score == pytest.approx(expected)


def test_a_regressor_s_score_is_r2():
    model, random = mlp((2, 2)), np.random.default_rng(0)
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 1))
    inputs, labels = (np.float32(random.normal(size=(6, 2))) for _ in range(2))
    own = jax.tree.map(lambda leaf: leaf[0], params)
    said = jax.vmap(model.apply, (None, 0))(own, inputs)
    weights = np.arange(1.0, 7)
    found = scores_of(model, task_of("regression", 2), inputs, labels, weights, params)
    assert found == pytest.approx([r2_score(labels, said, sample_weight=weights)])
