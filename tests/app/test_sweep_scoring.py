"""A sweep's scores: which networks are asked, on what, and what is said of those that are not."""

import io

import numpy as np
import pytest
from rich.console import Console
from run_tables import made_up, runs_of

import jaxmlp
from experiments.app import points, report, scoring, sweep_scoring
from experiments.app.job import Job
from experiments.scores.baselines import Baselines
from jaxmlp import statistics
from jaxmlp.populations.runs import Runs
from jaxmlp.types import Dataset, Run

RATES = {"learning_rate": (0.1, 0.2)}


@pytest.fixture
def asked(monkeypatch):
    """Networks whose parameters are their own address; they are right where it says so."""
    seen = []

    def member(runs, **where):
        return Run([np.array(list(where.values()), float)], None, {})

    def answers(job, params):
        seen.append((job.data.name, job.recipe, params[0].tolist()))
        return np.array([[0.25, 0.75], [0.25, 0.75]])

    monkeypatch.setattr(Runs, "member", member)
    monkeypatch.setattr(sweep_scoring, "trained", lambda params: params)
    monkeypatch.setattr(report, "answers", answers)
    monkeypatch.setattr(points, "given", lambda config: {})
    monkeypatch.setattr(points, "recipe_at", lambda data, given, setting: setting)
    monkeypatch.setattr(scoring, "fitted", lambda job, parts: Baselines({}, [f"of {parts}"]))
    return seen


def data(name="one"):
    inputs = np.zeros((4, 3), np.float32)
    labels = np.array([0, 1])
    return Dataset(inputs, np.array([0, 1, 1, 1]), inputs[:2], labels, name=name)


def job(folds=(), baselines=True, **config):
    config = {"task": "classification", "sizes": [3, 2], **config}
    if baselines is not None:
        config["outputs"] = {"baselines": baselines}
    recipe = jaxmlp.Recipe(None, jaxmlp.classification(2), None, {})
    return Job(recipe, data(), config, None, folds=folds)


def of_sweep(job, runs, rows):
    return sweep_scoring.of_sweep(Console(file=io.StringIO()), job, runs, rows)


@pytest.mark.parametrize(
    ("baselines", "config", "is_asked"),
    [
        (True, {}, True),
        (False, {}, False),
        (False, {"table": {}}, True),
        (None, {"table": {}}, False),  # from before there were any
    ],
)
def test_a_table_has_scores_and_what_is_asked_for(baselines, config, is_asked):
    made = job(baselines=baselines, **config)
    assert sweep_scoring.is_asked(made) == is_asked
    without = made._replace(data=made.data._replace(test_inputs=None, test_labels=None))
    assert not sweep_scoring.is_asked(without)


def test_the_best_settings_networks_are_asked_and_how_it_was_chosen_is_said(asked):
    found = of_sweep(job(), *made_up([[0.25, 0.5], [0.5, 0.75]], **RATES))
    assert asked == [("one", {"learning_rate": 0.2}, [seed]) for seed in (0.0, 1.0)]
    assert found["scores"]["network"]["accuracy"] == 0.5
    assert found["worth"]["over"] == "on the test set, means over 2 seeds"
    choice, fitted, seeds = found["worth"]["notes"]
    assert choice.startswith("learning_rate=0.2 is the best of 2 settings by the test accuracy of")
    assert (fitted, seeds) == ("of 1", sweep_scoring.OVER_SEEDS)
    asked.clear()
    alone = of_sweep(job(), *made_up([[0.25, 0.5]], learning_rate=(0.1,)))
    assert alone["worth"]["notes"] == ["of 1", sweep_scoring.OVER_SEEDS]


def folds_of(count, num_seeds):
    runs = runs_of({"fold": range(count), "seed": range(num_seeds)}, [0.5], metric="test_accuracy")
    return runs, rows_of(runs)


def rows_of(runs):
    return statistics.summarize(runs, "test_accuracy", interval="t")


def test_each_folds_networks_are_asked_of_its_rows(asked):
    made = job(folds=(data("first"), data("second")))
    found = of_sweep(made, *folds_of(2, 2))
    names = [name for name, _, _ in asked]
    assert names == ["first", "first", "second", "second"]
    over = "on the rows that each fold tests, means over 2 folds of 2 networks each"
    assert found["worth"] == {"over": over, "notes": ["of 2"]}


def test_each_fold_has_networks_scaling_and_weights_of_its_own(asked, monkeypatch):
    runs, rows = folds_of(2, 1)
    numbered = runs._replace(history={"test_accuracy": np.array([[[0.0]], [[1.0]]], np.float32)})
    seen, fitted = [], []

    def member(runs, **where):
        return Run([runs.history["test_accuracy"].reshape(-1)], None, {})

    def answers(job, params):
        seen.append((params[0].tolist(), job.config["output_scaling"]))
        return np.array([[0.25, 0.75], [0.25, 0.75]])

    def fit(job, parts):
        fitted.append((job.config["output_scaling"], job.config["class_weights"]))
        return Baselines({}, [])

    monkeypatch.setattr(Runs, "member", member)
    monkeypatch.setattr(report, "answers", answers)
    monkeypatch.setattr(scoring, "fitted", fit)
    scalings = [{"output_scaling": "a"}, {"output_scaling": "b"}]
    weights = [[1.0, 2.0], [3.0, 4.0]]
    own = {"fold_scalings": scalings, "fold_class_weights": weights}
    of_sweep(job(folds=(data("first"), data("second")), **own), numbered, rows)
    assert seen == [([0.0], "a"), ([1.0], "b")]
    assert fitted == [("a", [1.0, 2.0]), ("b", [3.0, 4.0])]


def test_of_many_networks_the_first_seeds_are_asked(asked, monkeypatch):
    monkeypatch.setattr(sweep_scoring, "MOST_NETWORKS", 6)
    made = job(folds=(data("first"), data("second")))
    found = of_sweep(made, *folds_of(2, 5))
    assert [params for _, _, params in asked] == [[0], [1], [2]] * 2
    assert "scores are of 3 of the 5 networks" in found["worth"]["notes"]
    asked.clear()
    runs = runs_of({"seed": range(2), "noise_seed": range(9)}, [0.5], metric="test_accuracy")
    of_sweep(job(), runs, rows_of(runs))
    assert [params for _, _, params in asked] == [[s, n] for s in (0, 1) for n in (0, 1, 2)]
    monkeypatch.setattr(sweep_scoring, "MOST_NUMBERS", 8)
    asked.clear()
    of_sweep(job(), runs, rows_of(runs))
    assert [params for _, _, params in asked] == [[0, 0], [1, 0]]


def test_of_many_folds_no_baselines_are_fitted(asked, monkeypatch):
    monkeypatch.setattr(sweep_scoring, "MOST_FOLDS", 1)
    found = of_sweep(job(folds=(data(), data())), *folds_of(2, 1))
    assert found["worth"]["notes"] == [sweep_scoring.MANY]


def test_networks_that_diverged_are_left_out(asked, monkeypatch):
    whole = Runs.member

    def member(runs, **where):
        run = whole(runs, **where)
        return run._replace(params=[np.array([np.nan])]) if where["seed"] in bad else run

    monkeypatch.setattr(Runs, "member", member)
    bad = {1}
    found = of_sweep(job(folds=(data(), data())), *folds_of(2, 3))
    assert found["worth"]["notes"] == [sweep_scoring.DIVERGED_SOME, "of 2"]
    assert found["worth"]["over"].endswith("2 folds of 2 networks each")
    bad = {0, 1, 2}
    found = of_sweep(job(folds=(data(), data())), *folds_of(2, 3))
    assert found == {"worth": {"notes": [sweep_scoring.DIVERGED]}}


def test_networks_of_another_process_have_no_scores(asked):
    runs, rows = made_up([[0.25, 0.5]], learning_rate=(0.1,))
    places = runs.places.copy()
    places[0, 1, 1] = -1
    found = of_sweep(job(), runs._replace(places=places), rows)
    assert found == {"worth": {"notes": [sweep_scoring.ELSEWHERE]}}
    assert not asked


def test_seeds_are_asked_what_they_say_together_though_nothing_else_is(asked):
    runs, rows = made_up([[0.25, 0.5], [0.5, 0.75]], **RATES)
    found = of_sweep(job(baselines=False), runs, rows)
    assert found.keys() == {"ensemble"}
    assert [params for _, _, params in asked] == [[0], [1]]
    made = found["ensemble"]
    assert (made["num_networks"], made["together"]["accuracy"], made["disagreement"]) == (2, 0.5, 0)
    (note,) = made["notes"]
    assert note.startswith("learning_rate=0.2 is the best of 2 settings by")
    alone = of_sweep(job(baselines=False), *made_up([[0.25, 0.5]], learning_rate=(0.1,)))
    assert alone["ensemble"]["notes"] == []


@pytest.mark.parametrize(
    ("baselines", "accuracies"),
    [(False, [[0.5], [0.25]]), (None, [[0.5, 0.25], [0.5, 0.25]])],  # one seed; an old record
)
def test_where_no_seeds_could_differ_none_is_asked(asked, baselines, accuracies):
    assert of_sweep(job(baselines=baselines), *made_up(accuracies, **RATES)) == {}
    assert not asked


def test_scores_and_what_seeds_say_together_are_of_the_same_networks(asked):
    found = of_sweep(job(), *made_up([[0.25, 0.5]], learning_rate=(0.1,)))
    assert found.keys() == {"scores", "worth", "ensemble"}
    assert len(asked) == 2
    assert found["ensemble"]["notes"] == []  # those of baselines are for the scores
    assert found["worth"]["notes"] == ["of 1", sweep_scoring.OVER_SEEDS]


def test_of_folds_all_rows_are_one_set(asked, monkeypatch):
    def answers(job, params):
        fold, seed = job.data.name, params[0][-1]
        is_right = fold == "first" or seed == 0
        return np.array([[1.0, 0.0], [0.0, 1.0]] if is_right else [[0.0, 1.0], [0.2, 0.8]])

    monkeypatch.setattr(report, "answers", answers)
    made = job(folds=(data("first"), data("second")), baselines=False)
    found = of_sweep(made, *folds_of(2, 2))["ensemble"]
    assert found["num_networks"] == 2
    assert (found["one"]["accuracy_low"], found["one"]["accuracy_high"]) == (0.75, 1.0)
    assert (found["disagreement"], found["not_unanimous"]) == (0.25, 0.25)
    assert of_sweep(made, *folds_of(2, 1)) == {}


def test_of_many_seeds_the_first_are_asked_what_they_say(asked, monkeypatch):
    monkeypatch.setattr(sweep_scoring, "MOST_TOGETHER", 3)
    runs = runs_of({"seed": range(5)}, [0.5], metric="test_accuracy")
    found = of_sweep(job(baselines=False), runs, rows_of(runs))["ensemble"]
    assert [params for _, _, params in asked] == [[0], [1], [2]]
    assert found["num_networks"] == 3
    assert found["notes"] == ["scores are of 3 of the 5 networks"]


def test_networks_without_numbers_say_nothing_together(asked, monkeypatch):
    monkeypatch.setattr(Runs, "member", lambda runs, **at: Run([np.array([np.nan])], None, {}))
    assert of_sweep(job(baselines=False), *made_up([[0.25, 0.5]], learning_rate=(0.1,))) == {}
    runs, rows = made_up([[0.25, 0.5]], learning_rate=(0.1,))
    elsewhere = runs._replace(places=np.full_like(runs.places, -1))
    assert of_sweep(job(baselines=False), elsewhere, rows) == {}


@pytest.mark.parametrize(
    ("changes", "is_fetched"),
    [({}, True), ({"hidden_sizes": [5000, 5000]}, False), ({"outputs": {}}, False)],
)
def test_processes_fetch_the_best_networks_where_they_are_few(changes, is_fetched, monkeypatch):
    runs, _ = made_up([[0.25, 0.5], [0.5, 0.75]], **RATES)
    runs = runs._replace(homes=np.zeros((2, 2), np.int32), processes=(0, 1))
    monkeypatch.setattr(sweep_scoring, "gather", lambda runs: ("all of", runs.axes))
    made = job(baselines=False, hidden_sizes=[4])
    found = sweep_scoring.best_of(made._replace(config={**made.config, **changes}), runs)
    assert found == ("all of", {"seed": (0, 1)}) if is_fetched else found.homes is not None
    one = sweep_scoring.best_of(made, runs._replace(homes=None))
    assert one.history["test_accuracy"].tolist() == [[0.5], [0.75]]


def test_a_fold_with_fewer_networks_than_another_has_as_many_say(asked, monkeypatch):
    calls = []

    def member(runs, **where):
        calls.append(where)
        return Run([np.array([np.nan if len(calls) == 5 else 1.0])], None, {})

    monkeypatch.setattr(Runs, "member", member)
    made = job(folds=(data("first"), data("second")), baselines=False)
    found = of_sweep(made, *folds_of(2, 3))["ensemble"]
    assert found["num_networks"] == 2
    assert found["notes"] == [sweep_scoring.DIVERGED_SOME]
