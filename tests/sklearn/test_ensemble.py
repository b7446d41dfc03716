import functools

import jax
import numpy as np
import pytest
from sklearn.datasets import load_iris

import jaxmlp
from jaxmlp import optimizers
from jaxmlp.sklearn import MLPClassifier, MLPRegressor
from jaxmlp.sklearn import ensemble as module
from jaxmlp.sklearn.ensemble import Rows, train_ensemble

X, Y = load_iris(return_X_y=True)
X = X.astype(np.float64)
SHORT = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.03, "max_iter": 15}
QUIET = {**SHORT, "tol": None, "random_state": 0}


def trained(rows=None, kind="classification", num_outputs=3, **given):
    estimator = MLPClassifier(**{**QUIET, **given})
    rows = rows or Rows(X, Y, np.ones(len(X)))
    return train_ensemble(estimator, rows, kind, num_outputs)


def bits(ensemble, member=0):
    return jaxmlp.digest(jax.tree.map(lambda leaf: leaf[member], ensemble.params))


@pytest.mark.parametrize(("batch_size", "norm"), [(50, None), (150, "batch")])
def test_members_are_those_of_train(batch_size, norm):
    """In batches of less than all rows, or of rows that see each other, rows are only scaled."""
    ensemble = trained(batch_size=batch_size, norm=norm, alpha=0.1, n_members=2)
    assert {leaf.shape[0] for leaf in jax.tree.leaves(ensemble.params)} == {2}
    scaling = jaxmlp.scaling_of(X)
    assert ensemble.input_scaling == scaling
    inputs = ((X - np.array(scaling.mean)) / np.array(scaling.scale)).astype(np.float32)
    recipe = jaxmlp.Recipe(
        jaxmlp.mlp((4, 8, 3), norm=norm),
        jaxmlp.classification(3),
        optimizers.regularized(optimizers.adam),
        {"learning_rate": 0.03, "l2": 0.1 / batch_size},
        batch_size=batch_size,
        num_epochs=15,
    )
    for member, seed in enumerate(ensemble.seeds):
        run = jaxmlp.train(recipe, jaxmlp.Dataset(inputs, Y.astype(np.int32)), seed)
        assert bits(ensemble, member) == jaxmlp.digest(run.params)
        losses = ensemble.history["train_loss"][member]
        np.testing.assert_array_equal(losses, run.history["train_loss"])


@pytest.mark.parametrize(
    ("given", "is_merged", "is_padded"),
    [
        ({}, True, True),
        ({"norm": "layer"}, True, True),
        ({"dropout": 0.1}, False, True),  # a row that is repeated drops other outputs
        ({"norm": "batch"}, False, False),
        ({"batch_size": 149}, False, False),
    ],
)
def test_rows_are_merged_and_padded_where_sums_alone_decide(
    given, is_merged, is_padded, monkeypatch
):
    called = []
    for name in ("merged", "padded"):
        real = getattr(module, name)
        own = functools.partial(lambda name, real, *rows: called.append(name) or real(*rows), name)
        monkeypatch.setattr(module, name, functools.partial(own, real))
    trained(max_iter=1, **given)
    assert called == ["merged"] * is_merged + ["padded"] * is_padded


def test_a_batch_of_one_row_is_not_left_over_for_a_batch_norm():
    rows = Rows(np.tile(X, (2, 1)), np.tile(Y, 2), np.ones(300)).at(np.arange(201))
    assert trained(rows, norm="batch", max_iter=1).epochs.tolist() == [1]


def test_verbose_shows_a_bar(capsys):
    trained(max_iter=2)
    assert capsys.readouterr().err == ""
    trained(max_iter=2, verbose=True)
    assert "2.0/2 [" in capsys.readouterr().err


def test_in_one_batch_neither_order_nor_repetition_nor_padding_changes_a_bit():
    times = np.arange(len(X)) % 3
    weighted = trained(Rows(X, Y, times.astype(float)).at(times > 0))
    order = np.random.default_rng(0).permutation(times.sum())
    repeated = Rows(X.repeat(times, 0)[order], Y.repeat(times)[order], np.ones(times.sum()))
    assert bits(weighted) == bits(trained(repeated))
    assert bits(weighted) != bits(trained())


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_first_members_are_those_of_a_smaller_ensemble(early_stopping):
    given = {"batch_size": 50, "early_stopping": early_stopping}
    three, one = trained(n_members=3, **given), trained(**given)
    assert len(set(three.seeds)) == 3
    assert three.seeds[:1] == one.seeds
    assert bits(three) == bits(one)
    assert len({bits(three, member) for member in range(3)}) == 3


def test_a_member_that_ends_early_is_the_one_that_was_trained_so_long():
    given = {"tol": 0.02, "n_iter_no_change": 2, "max_iter": 60, "batch_size": 50}
    ensemble = trained(n_members=3, **given)
    ends = ensemble.epochs
    assert len(set(ends.tolist())) > 1
    assert ends.max() < 60
    first, last = int(ends.argmin()), int(ends.argmax())
    losses = ensemble.history["train_loss"]
    assert losses.shape == (3, ends.max())
    assert np.isnan(losses[first, ends[first] :]).all()
    assert np.isfinite(losses[first, : ends[first]]).all()
    for member in (first, last):
        alone = trained(batch_size=50, n_members=3, max_iter=int(ends[member]))
        assert bits(ensemble, member) == bits(alone, member)


def test_early_stopping_keeps_the_best_epoch_of_each_member():
    given = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 3}
    ensemble = trained(n_members=2, tol=0.0, max_iter=40, batch_size=50, **given)
    scores = ensemble.scores
    assert scores.shape == ensemble.history["train_loss"].shape == (2, scores.shape[1])
    assert ensemble.epochs.tolist() == (np.nanargmax(scores, axis=1) + 1).tolist()
    assert 0.8 < np.nanmax(scores) <= 1
    shortest = int(ensemble.epochs[0])
    short = trained(n_members=2, max_iter=shortest, batch_size=50, **given)
    assert bits(ensemble) == bits(short)
    right = scores[0][np.isfinite(scores[0])] * 45  # of 150 examples three tenths
    np.testing.assert_allclose(right, right.round(), atol=1e-9)


def test_what_is_held_out_is_drawn_by_class_and_by_the_random_state():
    rows = Rows(np.arange(30.0)[:, None], np.repeat([0, 1, 2], 10), np.ones(30))
    means = []
    for state in (0, 0, 1):
        given = {"early_stopping": True, "validation_fraction": 0.5, "random_state": state}
        means.append(trained(rows, max_iter=1, **given).input_scaling.mean)
    assert means[0] == means[1] != means[2]
    alike = Rows(np.repeat([0.0, 5, 9], 10)[:, None], rows.labels, rows.weights)
    assert trained(alike, max_iter=1, **given).input_scaling.mean == pytest.approx([14 / 3])


def test_too_few_to_hold_out_are_refused():
    with pytest.raises(ValueError, match="^early_stopping needs at least two .*: n_samples=9 is"):
        trained(Rows(X[:9], Y[:9], np.ones(9)), early_stopping=True)


def test_training_that_does_not_converge_is_told_of():
    rows = X[::3], Y[::3]
    with pytest.warns(UserWarning, match=r"^max_iter=2 epochs were over .* tol=0.0001: ") as seen:
        MLPClassifier(**{**SHORT, "max_iter": 2}).fit(*rows)
    assert seen[0].filename == __file__  # the caller's line


def test_numbers_that_are_not_finite_are_an_error():
    model = MLPRegressor(**{**QUIET, "optimizer": "sgd", "learning_rate_init": 1e18})
    with pytest.raises(ValueError, match="^training needs finite numbers, got others in .* seed "):
        model.fit(X, X[:, 0])


def test_the_penalty_is_alpha_over_the_weight_of_a_batch():
    """Twice the weight, and twice alpha: the same mean loss, and the same penalty."""
    half = trained(alpha=1.0)
    twice = trained(Rows(X, Y, np.full(len(X), 2.0)), alpha=2.0)
    assert bits(half) == bits(twice)
    assert bits(half) != bits(trained(alpha=2.0))


def test_the_accuracy_of_what_is_held_out_is_weighted():
    """With all weight on one class, only its rows are counted."""
    weights = np.where(Y == 2, 1.0, 1e-12)
    given = {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 5}
    right = trained(Rows(X, Y, weights), **given).scores * 15  # of 50 examples three tenths
    np.testing.assert_allclose(right, right.round(), atol=1e-6)
    assert not np.allclose(trained(**given).scores * 15 % 1, 0, atol=1e-6)
