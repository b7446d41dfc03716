import jax
import numpy as np
import pytest
from lesson_claims import held, taught

import jaxmlp
from experiments.lessons import initialization, lesson
from jaxmlp.populations.runs import Runs


@pytest.fixture(scope="module")
def judged():
    """What `teach` made of the small form, and what it judged by."""
    few = {name: init for name, init in initialization.INITS.items() if name != "Xavier"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initialization, "INITS", few)
        yield taught(initialization, seeds=3, layers=2, epochs=2)


def test_he_keeps_the_spread_and_learns_and_zeros_stay_alike(judged):
    outcome, _ = judged
    assert held(outcome) == [True] * 4
    assert [claim.text.split(":")[0] for claim in outcome.claims[:3:2]] == [
        "a hidden layer multiplies its inputs' spread",
        "of rates from 0.003 to 0.1 none at an end is best",
    ]
    wide, narrow, he = (each.mean for each in outcome.figures["growth"])
    assert wide == pytest.approx(32**0.5, rel=0.15)
    assert narrow == pytest.approx(0.01 * 32**0.5, rel=0.15)
    assert he == pytest.approx(1, rel=0.15)
    assert outcome.figures["largest"] > 0.1
    assert "differ by 0" in outcome.claims[3].text


def test_the_spread_is_that_of_the_activations():
    model = jaxmlp.mlp((2, 4, 3, 2))
    inputs = np.float32([[1, 2], [3, -1]])
    layers = model.init(jax.random.key(1))[:2]
    values, expected = inputs, []
    for kernel, bias in layers:
        values = np.maximum(values @ np.asarray(kernel) + np.asarray(bias)[None], 0)
        expected.append(np.std(values))
    found = initialization.spreads(model, 2, inputs)
    assert found.shape == (2, 2)
    np.testing.assert_allclose(found[1], expected, rtol=1e-5)


def test_pixels_are_scaled_as_in_training():
    model, pixels = jaxmlp.mlp((2, 4, 2)), np.uint8([[0, 255], [51, 102]])
    found = [initialization.spreads(model, 1, each) for each in (pixels, np.float32(pixels) / 255)]
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_each_is_shown_by_its_name_at_its_best_rate(judged):
    outcome, (through, runs, alike) = judged
    names = list(initialization.INITS)
    *rows, last = outcome.tables["kernels"].rows
    best = {}
    for name, row in zip(names, rows, strict=True):
        of = runs.select(kernel_init=initialization.INITS[name])
        shares = of.final("train_accuracy").mean(axis=1)
        rate = of.axes["learning_rate"][shares.argmax()]
        best[name] = of.select(learning_rate=rate)
        growth = lesson.interval(through[name][:, 1] / through[name][:, 0])
        accuracy = lesson.interval(best[name].final("test_accuracy"))
        assert row == [name, rate, growth.text(".2g"), accuracy.text(".1%")]
    assert last[0] == "zeros (one layer of sigmoids)"
    flat = alike.select(learning_rate=last[1])
    assert last[3] == lesson.interval(flat.final("test_accuracy")).text(".1%")
    spreads, loss, accuracy, kept, kernel, ends = outcome.picture.axes
    for panel, expected in (
        (spreads, through),
        (loss, {name: each.history["train_loss"] for name, each in best.items()}),
        (accuracy, {name: each.history["test_accuracy"] for name, each in best.items()}),
    ):
        lines = {line.get_label(): line.get_ydata() for line in panel.lines}
        assert list(lines) == names
        for name, values in expected.items():
            np.testing.assert_allclose(lines[name], values.mean(axis=0), rtol=1e-5)
    he = best["He"].params[0].kernel[0][:, :32]
    np.testing.assert_array_equal(kept.images[0].get_array(), he.T)
    np.testing.assert_array_equal(kernel.images[0].get_array(), flat.params[0].kernel[0].T)
    assert [tick.get_text() for tick in ends.get_xticklabels()] == names
    middle = ends.lines[0].get_ydata()
    np.testing.assert_allclose(middle, [b.final("test_accuracy").mean() for b in best.values()])


def test_the_rate_is_found_by_the_training_accuracy_and_not_by_the_test_set():
    history = {
        "train_loss": [[2.0] * 2, [1.0] * 2],  # lower where it is right less often
        "train_accuracy": [[0.9] * 2, [0.1] * 2],
        "test_accuracy": [[0.5] * 2, [1.0] * 2],
    }
    axes = {"learning_rate": (0.1, 0.2), "seed": (0, 1)}
    values = {name: np.float32(each)[..., None] for name, each in history.items()}
    runs = Runs(axes, values, np.ones((2, 2)), (), np.zeros((2, 2, 2)), {})
    assert initialization.best(runs)[0] == 0.1


def test_claims_fail_where_the_initializers_are_as_one_and_units_differ(monkeypatch, judged):
    outcome, (through, runs, alike) = judged
    monkeypatch.setattr(initialization, "draw", lambda *_: outcome.picture)
    same = dict.fromkeys(through, through["He"])
    assert held(initialization.judge(same, runs, alike)) == [False, True, True, True]
    he = runs.select(kernel_init=initialization.INITS["He"])
    for rate, expected in ((0.01, [True, False, True, True]), (0.1, [True, False, False, True])):
        one = rate, he.select(learning_rate=rate)
        monkeypatch.setattr(initialization, "best", lambda _, one=one: one)
        assert held(initialization.judge(through, runs, alike)) == expected
    monkeypatch.undo()
    monkeypatch.setattr(initialization, "draw", lambda *_: outcome.picture)
    shape = alike.states[0].params[0].kernel.shape
    for kernel in (np.random.default_rng(0).normal(size=shape), np.zeros(shape)):
        params = (alike.states[0].params[0]._replace(kernel=kernel), alike.states[0].params[1])
        other = alike._replace(states=(alike.states[0]._replace(params=params),))
        assert held(initialization.judge(through, runs, other)) == [True, True, True, False]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"seeds": 1}, "--seeds needs at least 2, got 1"),
        ({"layers": 1}, "--layers needs at least 2, got 1"),
        ({"layers": 13}, "--layers needs at most 12, got 13"),
    ],
)
def test_what_makes_no_sense_is_said_before_any_work(given, expected):
    with pytest.raises(ValueError, match=f"^{expected}$"):
        initialization.teach(**given)
