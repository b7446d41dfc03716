import pytest
from lesson_claims import held

from experiments.lessons import few, regularization


@pytest.fixture(scope="module")
def outcome():
    return regularization.teach(seeds=6)


def test_most_ways_spare_errors_where_labels_are_wrong_and_two_where_they_are_right(outcome):
    assert held(outcome) == [True, True, True, True]
    figures = outcome.figures
    assert figures["train"]["nothing"].mean < 0.02
    assert 0.12 < figures["test"]["nothing"].mean < 0.25
    assert figures["spared"]["batch-norm"].mean < 0.01 < figures["spared_right"]["batch-norm"].mean
    spared = figures["test"]["nothing"].mean - figures["test"]["L2"].mean
    assert figures["spared"]["L2"].mean == pytest.approx(spared, abs=1e-6)


def test_the_tables_say_which_is_which(outcome):
    ways, modes = outcome.tables["ways"].rows, outcome.tables["modes"].rows
    figures = outcome.figures
    assert [row[0] for row in ways] == [*regularization.KINDS, "early-stopping"]
    assert ways[2][1:] == [
        figures[name]["L2"].text(".1%") for name in ("train", "test", "spared", "spared_right")
    ]
    assert ways[0][3:] == ["", ""]
    assert ways[-1][1:3] == ["", ""]
    assert [row[0] for row in modes] == ["dropout", "batch-norm"]
    # Evaluation's errors are those of the history; answers change in training alone.
    errors, changed = figures["modes"]["dropout"]
    assert errors[0].mean == pytest.approx(figures["test"]["dropout"].mean, abs=1e-6)
    assert errors[1].mean > errors[0].mean
    assert changed[0].high == 0 < changed[1].low


def test_claims_fail_where_the_labels_and_the_modes_are_the_other_way_round(monkeypatch, outcome):
    examples, modes = few.examples, few.modes
    monkeypatch.setattr(few, "examples", lambda size, wrong: examples(size, 0.0 if wrong else 0.2))
    monkeypatch.setattr(few, "modes", lambda *given: modes(*given)[:, ::-1])
    monkeypatch.setattr(few, "draw", lambda *_: outcome.picture)
    assert held(regularization.teach(seeds=6))[1:] == [False, False, False]


def test_it_takes_epochs_to_learn_by_heart(monkeypatch, outcome):
    monkeypatch.setattr(few, "draw", lambda *_: outcome.picture)
    assert held(regularization.teach(seeds=6, epochs=1))[0] is False


def test_bad_settings_are_one_line():
    for given in ({"seeds": 1}, {"size": 900}, {"wrong": 0.0}, {"wrong": 1.0}):
        with pytest.raises(ValueError, match="expected 2 seeds or more, up to 800 digits, .* got"):
            regularization.teach(**given)
