import numpy as np
import pytest
from lesson_claims import held, taught

from experiments.data.sources import hold_out, load
from experiments.lessons import optimizers, rates

TITLES = [
    "validation accuracy, epoch 1",
    "test accuracy by epoch",
    "test accuracy by time",
    "Adam: rate",
    "Adam: train loss",
    "Adam: test accuracy",
]


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
    assert held(outcome) == [True] * 4
    assert outcome.figures["ahead"].low > 0
    rows = {row[0]: row[1:] for row in outcome.tables["optimizers"].rows}
    assert rows["sgd"][0] == 0.32
    assert rows["adam"][0] == 0.032
    assert all(row[3] == judged[1][1][name].ms > 0 for name, row in rows.items())
    assert outcome.tables["optimizers"].columns == [
        "optimizer",
        "rate",
        "accuracy after an epoch",
        "at the end",
        "ms an epoch",
    ]
    accuracy = judged[1][1]["adam"].runs.history["test_accuracy"].mean(axis=0)
    assert rows["adam"][1].startswith(f"{accuracy[0]:.1%} (")
    assert rows["adam"][2].startswith(f"{accuracy[-1]:.1%} (")


def test_the_rate_is_found_by_halving_on_other_seeds_without_the_test_set(judged):
    searched, found, _ = judged[1]
    for name, runs in searched.items():
        assert runs.axes["seed"] == (5, 6, 7, 8, 9)
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

    monkeypatch.setattr(rates.jaxmlp, "train_many", train_many)
    monkeypatch.setattr(optimizers, "train", train)
    with pytest.raises(StopIteration, match=r"0\.5"):
        optimizers.teach(seeds=7)
    assert asked == [("validation_loss", range(7, 14), optimizers.RATES), "validation_loss"]


def test_the_rate_falls_as_it_is_called_and_each_curve_has_its_name(judged):
    outcome, (_, found, shifted) = judged
    rate, fallen = shifted["cosine"].rate, shifted["cosine"].runs.history["learning_rate"][0]
    assert shifted["constant"] is found["adam"]
    held_rate = found["adam"].runs.history["learning_rate"][0]
    assert held_rate == pytest.approx([found["adam"].rate] * 6)
    assert (np.diff(fallen) < 0).all()
    assert fallen[-1] < rate / 10
    histories = {name: each.runs.history for name, each in found.items()}
    falls = {name: each.runs.history for name, each in shifted.items()}
    panels = dict(zip(TITLES, outcome.picture.axes, strict=True))
    for title, expected in (
        (TITLES[1], {n: h["test_accuracy"] for n, h in histories.items()}),
        (TITLES[2], {n: h["test_accuracy"] for n, h in histories.items()}),
        (TITLES[3], {n: h["learning_rate"] for n, h in falls.items()}),
        (TITLES[4], {n: h["train_loss"] for n, h in falls.items()}),
        (TITLES[5], {n: h["test_accuracy"] for n, h in falls.items()}),
    ):
        assert panels[title].get_title() == title
        lines = {line.get_label(): line.get_ydata() for line in panels[title].lines}
        assert list(lines) == list(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(lines[name], values.mean(axis=0), rtol=1e-5)
    lines = {line.get_label(): line.get_ydata() for line in panels[TITLES[0]].lines}
    for name, runs in judged[1][0].items():
        expected = runs.history["validation_accuracy"][..., 0].mean(axis=1)
        np.testing.assert_allclose(lines[name], expected)
    by_second = panels[TITLES[2]]
    assert by_second.lines[1].get_xdata()[-1] == pytest.approx(6 * found["adam"].ms / 1e3)
    columns, rows = outcome.tables["schedules"]
    assert columns == ["schedule", "rate", "training loss at the end", "test accuracy"]
    for (name, each), row in zip(shifted.items(), rows, strict=True):
        loss, accuracy = each.runs.final("train_loss").mean(), each.runs.final("test_accuracy")
        assert row[:2] == [name, each.rate]
        assert row[2].startswith(f"{loss:.2g} (")
        assert row[3].startswith(f"{accuracy.mean():.1%} (")


def test_claims_fail_where_all_are_the_same(monkeypatch, judged):
    outcome, (searched, found, shifted) = judged
    monkeypatch.setattr(optimizers, "draw", lambda *_: outcome.picture)
    sgd, adam = found.values()
    level = dict.fromkeys(searched, searched["sgd"])
    assert held(optimizers.judge(level, found, shifted)) == [True, False, False, True]
    one = dict.fromkeys(shifted, shifted["cosine"])
    assert held(optimizers.judge(searched, found, one)) == [True, True, True, False]
    flat = {}
    for share, (name, runs) in enumerate(searched.items(), 1):  # whatever the rate
        even = np.full(runs.history["validation_accuracy"].shape, 0.4 * share)
        flat[name] = runs._replace(history={**runs.history, "validation_accuracy": even})
    assert held(optimizers.judge(flat, found, shifted)) == [False, True, True, True]
    bad = {**sgd.runs.history, "test_accuracy": 0 * sgd.runs.history["test_accuracy"]}
    worse = {"sgd": sgd._replace(runs=sgd.runs._replace(history=bad)), "adam": adam}
    assert held(optimizers.judge(searched, worse, shifted)) == [True, True, False, True]


@pytest.mark.parametrize("name", ["seeds", "epochs"])
def test_an_interval_needs_two_seeds_and_a_time_two_epochs(name):
    with pytest.raises(ValueError, match=f"^--{name} needs at least 2, got 1$"):
        optimizers.teach(**{name: 1})
