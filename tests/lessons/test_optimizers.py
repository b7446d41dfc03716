import numpy as np
import pytest
from lesson_claims import held, taught

from experiments.data.sources import hold_out, load
from experiments.lessons import optimizers


@pytest.fixture(scope="module")
def judged():
    """What `teach` made of the small form, and what it judged by."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimizers, "NAMES", ("sgd", "adam"))
        patch.setattr(optimizers, "FALLING", ("cosine",))
        patch.setattr(optimizers, "RATES", (0.001, 0.032, 0.32))
        yield taught(optimizers, seeds=5, epochs=6)


def test_rates_are_apart_adam_is_ahead_and_a_rate_that_falls_ends_lower(judged):
    outcome, _ = judged
    assert held(outcome) == [True, True, True]
    assert outcome.figures["by_rate"] > 2 * outcome.figures["by_optimizer"] > 0
    assert outcome.figures["ahead"].low > 0
    rows = {row[0]: row[1:] for row in outcome.tables["optimizers"].rows}
    assert rows["sgd"][0] == 0.32
    assert rows["adam"][0] == 0.032
    assert all(0 < row[3] < 1e3 for row in rows.values())
    accuracy = judged[1][1]["adam"].runs.history["test_accuracy"].mean(axis=0)
    assert rows["adam"][1].startswith(f"{accuracy[0]:.1%} (")
    assert rows["adam"][2].startswith(f"{accuracy[-1]:.1%} (")


def test_the_rate_is_found_by_halving_on_other_seeds_without_the_test_set(judged):
    searched, found, _ = judged[1]
    for name, runs in searched.items():
        assert runs.axes["seed"] == (5, 6, 7, 8)
        assert not set(runs.axes["seed"]) & set(found[name].runs.axes["seed"])
        ended = runs.stopped_at[:, 0]
        losses = runs.history["validation_loss"][:, :, 0].mean(axis=1)
        assert sorted(ended.tolist()) == [1, 1, 6]
        assert ended.argmax() == losses.argmin()
        assert found[name].rate == runs.axes["learning_rate"][ended.argmax()]
    data = hold_out(load("digits"), 0.2)
    assert found["sgd"].runs.final("test_accuracy").shape == (5,)
    assert len(data.train_inputs) + len(data.validation_inputs) == len(load("digits").train_inputs)


def test_no_rate_is_chosen_by_the_test_set(monkeypatch):
    """Where the test set says otherwise, the validation set decides."""
    asked = []

    class Searched:
        def best(self, metric):
            asked.append(metric)
            return {"learning_rate": 0.5}

    def train_many(recipe, data, seeds, sweep, halving):
        asked.append((halving.metric, seeds, tuple(sweep["learning_rate"])))
        return Searched()

    def train(recipe, data, seeds, rate):
        raise StopIteration(rate)

    monkeypatch.setattr(optimizers.jaxmlp, "train_many", train_many)
    monkeypatch.setattr(optimizers, "train", train)
    with pytest.raises(StopIteration, match=r"0\.5"):
        optimizers.teach(seeds=7)
    assert asked == [("validation_loss", range(7, 11), optimizers.RATES), "validation_loss"]


def test_the_rate_falls_as_it_is_called_and_each_curve_has_its_name(judged):
    outcome, (_, found, shifted) = judged
    rate, fallen = found["adam"].rate, shifted["cosine"].history["learning_rate"][0]
    assert shifted["constant"].history["learning_rate"][0] == pytest.approx([rate] * 6)
    assert (np.diff(fallen) < 0).all()
    assert fallen[-1] < rate / 10
    by_rate, by_epoch, by_second, falling, loss, _ = outcome.picture.axes
    for panel, names in (
        (by_rate, ["sgd", "adam"]),
        (by_epoch, ["sgd", "adam"]),
        (by_second, ["sgd", "adam"]),
        (falling, ["constant", "cosine"]),
        (loss, ["constant", "cosine"]),
    ):
        assert [line.get_label() for line in panel.lines] == names
    adam = by_epoch.lines[1].get_ydata()
    assert adam[0] > by_epoch.lines[0].get_ydata()[0]
    assert by_second.lines[1].get_ydata().tolist() == adam.tolist()
    assert by_second.lines[1].get_xdata()[-1] == pytest.approx(6 * found["adam"].ms / 1e3)
    columns, rows = outcome.tables["schedules"]
    assert columns == ["rate", "training loss at the end", "test accuracy"]
    assert rows[0][1].startswith(f"{shifted['constant'].final('train_loss').mean():.2g} (")


def test_claims_fail_where_all_are_the_same(monkeypatch, judged):
    outcome, (searched, found, shifted) = judged
    monkeypatch.setattr(optimizers, "draw", lambda *_: outcome.picture)
    same = dict.fromkeys(found, found["sgd"]._replace(rate=0.1))
    assert held(optimizers.judge(searched, same, shifted)) == [True, False, True]
    one = dict.fromkeys(shifted, shifted["cosine"])
    assert held(optimizers.judge(searched, found, one)) == [True, True, False]
    flat = searched["sgd"]
    history = {**flat.history, "validation_accuracy": np.full((3, 4, 6), 0.5)}
    level = {**searched, "sgd": flat._replace(history=history)}
    assert held(optimizers.judge(level, found, shifted)) == [False, True, True]


@pytest.mark.parametrize("given", [{"seeds": 1}, {"epochs": 1}])
def test_an_interval_needs_two_seeds_and_a_time_two_epochs(given):
    with pytest.raises(ValueError, match="seeds and epochs need to be at least 2, got"):
        optimizers.teach(**given)
