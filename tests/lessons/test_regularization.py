import numpy as np
import pytest
from lesson_claims import covered, held

from experiments.lessons import few, regularization


@pytest.fixture(scope="module")
def outcome():
    return regularization.teach(seeds=6)


def test_most_ways_spare_errors_where_labels_are_wrong_and_two_where_they_are_right(outcome):
    figures = outcome.figures
    is_sure = figures["spared"]["batch-norm"].high < 0  # of 16 seeds it is, of 6 it may not be
    assert held(outcome) == [True, True, is_sure, True, True]
    assert figures["spared"]["batch-norm"].mean < 0
    assert figures["spared_right"]["twice-the-digits"].low > figures["spared_right"]["dropout"].high
    assert figures["train"]["nothing"].mean < 0.02
    assert 0.12 < figures["test"]["nothing"].mean < 0.25
    assert figures["spared"]["batch-norm"].mean < 0.01 < figures["spared_right"]["batch-norm"].mean
    spared = figures["test"]["nothing"].mean - figures["test"]["L2"].mean
    assert figures["spared"]["L2"].mean == pytest.approx(spared, abs=1e-6)


def test_the_tables_say_which_is_which(outcome):
    ways, modes = outcome.tables["ways"].rows, outcome.tables["modes"].rows
    figures = outcome.figures
    assert [row[0] for row in ways] == [
        *regularization.KINDS,
        "early-stopping",
        "twice-the-digits",
    ]
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


def test_the_picture_says_which_labels_which_way_and_which_mode(outcome):
    spared, errors, both = outcome.picture.axes
    figures, found = outcome.figures, {}
    dots = [line for line in spared.lines if line.get_marker() == "o" and len(line.get_xdata())]
    for line in dots:
        found[line.get_color()] = line.get_ydata()
    for handle in (line for line in spared.lines if line.get_label()[0] != "_"):
        name = {"some labels wrong": "spared", "none wrong": "spared_right"}[handle.get_label()]
        expected = [100 * each.mean for each in figures[name].values()]
        np.testing.assert_allclose(found[handle.get_color()], expected)
    assert [tick.get_text() for tick in spared.get_xticklabels()] == list(figures["spared"])
    ends = {line.get_label(): line.get_ydata()[-1] for line in errors.lines}
    assert list(ends) == ["nothing", "L2", "dropout", "batch-norm"]
    for way, end in ends.items():
        assert end == pytest.approx(100 * figures["test"][way].mean, rel=1e-5)
    means = [100 * each.mean for pair, _ in figures["modes"].values() for each in pair]
    np.testing.assert_allclose(both.lines[0].get_ydata(), means)
    assert [tick.get_text() for tick in both.get_xticklabels()] == [
        f"{network},\n{mode}"
        for network in ("dropout", "batch-norm")
        for mode in ("evaluation", "training")
    ]
    assert not covered(spared)
    assert not covered(errors)


@pytest.mark.slow
def test_claims_fail_where_the_labels_and_the_modes_are_the_other_way_round(monkeypatch, outcome):
    examples, modes = few.examples, few.modes
    monkeypatch.setattr(few, "examples", lambda size, wrong: examples(size, 0.0 if wrong else 0.2))
    monkeypatch.setattr(few, "modes", lambda *given: modes(*given)[:, ::-1])
    monkeypatch.setattr(few, "draw", lambda *_: outcome.picture)
    assert held(regularization.teach(seeds=6))[1:] == [False] * 4


def test_it_takes_epochs_to_learn_by_heart(monkeypatch, outcome):
    monkeypatch.setattr(few, "draw", lambda *_: outcome.picture)
    assert held(regularization.teach(seeds=6, epochs=1))[0] is False


def test_bad_settings_are_one_line():
    for said, given in (
        ("--seeds needs at least 2, got 1", {"seeds": 1}),
        ("--size needs at least 20, got 1", {"size": 1}),
        ("--size needs at most 800, got 900", {"size": 900}),
        ("--wrong needs a share above 0 and below 1, got 0", {"wrong": 0.0}),
        ("--wrong needs a share above 0 and below 1, got 1", {"wrong": 1.0}),
    ):
        with pytest.raises(ValueError, match=said):
            regularization.teach(**given)
