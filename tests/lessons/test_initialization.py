import jax
import numpy as np
import pytest
from lesson_claims import held, taught

import jaxmlp
from experiments.lessons import initialization
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
    assert held(outcome) == [True, True, True]
    wide, narrow, he = (each.mean for each in outcome.figures["growth"])
    assert wide == pytest.approx(32**0.5, rel=0.15)
    assert narrow == pytest.approx(0.01 * 32**0.5, rel=0.15)
    assert he == pytest.approx(1, rel=0.15)
    assert outcome.figures["largest"] > 0.1
    assert "differ by 0" in outcome.claims[2].text


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
    outcome, (_, runs, alike) = judged
    names = [*initialization.INITS, "zeros"]
    rows = {row[0]: row[1:] for row in outcome.tables["kernels"].rows}
    assert list(rows) == names
    for name, (rate, _, accuracy) in rows.items():
        if name != "zeros":
            of = runs.select(kernel_init=initialization.INITS[name])
            losses = {
                r: of.select(learning_rate=r).final("train_loss").mean() for r in (0.003, 0.01)
            }
            assert rate == min(losses, key=losses.get)
            mean = of.select(learning_rate=rate).final("test_accuracy").mean()
            assert accuracy.startswith(f"{mean:.1%} (")
    spreads, loss, accuracy, _, kernel, ends = outcome.picture.axes
    for panel, count in ((spreads, 3), (loss, 4), (accuracy, 4)):
        assert [line.get_label() for line in panel.lines] == names[:count]
    first, last = (spreads.lines[i].get_ydata() for i in (0, 1))
    assert first[-1] > 1 > last[-1]
    np.testing.assert_array_equal(kernel.images[0].get_array(), alike.params[0].kernel[0].T)
    assert ends.get_title() == "test accuracy after training"


def test_the_rate_is_found_by_the_training_loss_and_not_by_the_test_set():
    history = {
        "train_loss": [[[1.0], [1.0]], [[2.0], [2.0]]],
        "test_accuracy": [[[0.5]] * 2, [[1]] * 2],
    }
    axes = {"kernel_init": ("he",), "learning_rate": (0.1, 0.2), "seed": (0, 1)}
    values = {name: np.float32([each]) for name, each in history.items()}
    runs = Runs(axes, values, np.ones((1, 2, 2)), (), np.zeros((1, 2, 2, 2)), {})
    assert initialization.best(runs, "he") == {"kernel_init": "he", "learning_rate": 0.1}


def test_claims_fail_where_the_initializers_are_as_one_and_units_differ(monkeypatch, judged):
    outcome, (through, runs, alike) = judged
    monkeypatch.setattr(initialization, "draw", lambda *_: outcome.picture)
    same = dict.fromkeys(through, through["He"])
    assert held(initialization.judge(same, runs, alike)) == [False, True, True]
    monkeypatch.setattr(initialization, "best", lambda runs, _: runs_of_one)
    runs_of_one = {"kernel_init": initialization.INITS["He"], "learning_rate": 0.01}
    assert held(initialization.judge(through, runs, alike)) == [True, False, True]
    monkeypatch.undo()
    monkeypatch.setattr(initialization, "draw", lambda *_: outcome.picture)
    kernel = alike.states[0].params[0].kernel.copy()
    kernel[1, 0, 0] += 1e-3
    params = (alike.states[0].params[0]._replace(kernel=kernel), alike.states[0].params[1])
    other = alike._replace(states=(alike.states[0]._replace(params=params),))
    assert held(initialization.judge(through, runs, other)) == [True, True, False]
    still = jax.tree.map(np.zeros_like, alike.states[0].params)
    other = alike._replace(states=(alike.states[0]._replace(params=still),))
    assert held(initialization.judge(through, runs, other)) == [True, True, False]


@pytest.mark.parametrize("given", [{"seeds": 1}, {"layers": 1}])
def test_a_spread_needs_two_layers_and_an_interval_two_seeds(given):
    with pytest.raises(ValueError, match="seeds and layers need to be at least 2, got"):
        initialization.teach(**given)
