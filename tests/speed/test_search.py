import contextlib

import numpy as np

import jaxmlp
from experiments.speed import search

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(5, 3, (43, 4))
LABELS = (INPUTS[:, 0] > 5).astype(int)
TINY = search.Search("tiny", INPUTS, LABELS, 3, range(2), (0.01, 0.1), 4, 8, 2)


def test_a_search_as_one_population_has_the_bits_of_the_loop_of_single_runs():
    runs = search.of_one_program(TINY)
    assert runs.axes == {"learning_rate": (0.01, 0.1), "fold": (0, 1, 2), "seed": (0, 1)}
    assert (TINY.num_networks, len(runs.states)) == (
        12,
        1,
    )  # and one program: two folds test 14 rows
    assert runs.sizes == {"train": (28, 28, 28), "test": (15, 14, 14)}
    alone = search.of_single_runs(TINY)
    assert search.num_equal(runs, alone) == 12
    assert len({jaxmlp.digest(run.params) for run in alone}) == 12
    assert search.num_equal(runs, alone[1:] + alone[:1]) == 0


def test_folds_are_standardised_by_what_they_train_on():
    for fold, (train, test) in zip(search.folds_of(TINY), TINY.rows, strict=True):
        np.testing.assert_allclose(fold.train_inputs.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(fold.train_inputs.std(axis=0), 1, atol=1e-6)
        expected = (INPUTS[test] - INPUTS[train].mean(axis=0)) / INPUTS[train].std(axis=0)
        np.testing.assert_allclose(fold.test_inputs, expected, rtol=1e-5)
        assert (fold.test_labels == LABELS[test]).all()


def test_both_learn_the_same_and_are_timed_by_turns(monkeypatch):
    monkeypatch.setattr(search, "REST", 0)
    monkeypatch.setattr(search, "without_cache", contextlib.nullcontext)
    monkeypatch.setattr(search, "JOBS", 1)
    monkeypatch.setattr(search.theirs, "__defaults__", (1,))
    told = []
    figures = search.measure(TINY._replace(num_epochs=40, rates=(0.03,)), 1, told.append)
    assert [line.partition(": ")[2] for line in told[1:6]] == [
        *("population", "fast", "grid search", "compiling", "runs"),
    ]
    assert {name: len(each) for name, each in figures["seconds"].items()} == dict.fromkeys(
        ("population", "fast", "grid_search", "compiling", "runs"), 1
    )
    assert (figures["num_equal"], figures["num_networks"]) == (6, 6)
    assert figures["accuracy"] > 0.8
    assert figures["grid_search_accuracy"] > 0.8
    assert figures["ratio"] > figures["ratio_compiling"] > 0
    assert figures["ratio_fast"] > 0


def test_what_is_measured_is_a_search_of_120_networks():
    found = search.breast_cancer()
    assert (found.num_networks, found.inputs.shape) == (120, (569, 30))
    assert [len(train) for train, _ in found.rows] == [455] * 5
