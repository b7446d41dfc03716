import jax
import numpy as np
import pytest
from lesson_claims import held, taught

import jaxmlp
from experiments.data.sources import load
from experiments.lessons import batching


@pytest.fixture(scope="module")
def judged():
    """What `teach` made of the small form, and what it judged by."""
    return taught(batching, seeds=3, epochs=2, sizes=(1, 256, 4096))


def test_time_and_noise_fall_and_the_rate_is_to_rise_with_the_batch(judged):
    outcome, (sizes, spreads, accuracy, times) = judged
    assert held(outcome) == [True] * 4
    assert sizes == (1, 256, 4096)
    assert outcome.figures["power"] == pytest.approx(-0.5, abs=0.05)
    assert accuracy.shape == (3, 2, 3)
    same, scaled = accuracy[1].mean(axis=-1)
    assert scaled > same + 0.1
    assert outcome.figures["gains"][1].mean == pytest.approx(float(scaled - same), abs=1e-6)
    assert accuracy[0, 0].mean() > 0.95
    columns, rows = outcome.tables["batches"]
    assert columns == ["batch", "µs an example", "gradient's spread", "same rate", "in proportion"]
    assert [claim.text.split(" points")[0] for claim in outcome.claims[2:]] == [
        f"in batches of 256 accuracy is {100 * outcome.figures['gains'][1].mean:.1f}",
        f"accuracy in batches of 1 is {100 * outcome.figures['lost'].mean:.1f}",
    ]
    assert rows[1][:3] == [256, round(times[1], 2), round(spreads[1], 3)]
    assert rows[1][3].startswith(f"{same:.1%} (")
    assert rows[1][4].startswith(f"{scaled:.1%} (")


def test_each_gradient_is_that_of_the_network_that_is_trained():
    digits = load("digits")
    inputs, labels = digits.train_inputs[:8], digits.train_labels[:8]
    each = batching.each_gradient(inputs, labels)
    assert each.shape == (8, 64 * 64 + 64 + 64 * 10 + 10)
    params = batching.RECIPE.model.init(jax.random.key(0))
    state = jaxmlp.init_state(params, jaxmlp.optimizers.sgd(1.0))
    update = jaxmlp.make_update(
        batching.RECIPE.model, batching.RECIPE.task.loss, jaxmlp.optimizers.sgd(1.0)
    )
    _, info = update(state, jaxmlp.Batch(inputs, labels))
    assert np.linalg.norm(each.mean(axis=0)) == pytest.approx(float(info.grad_norm), rel=1e-4)


def test_the_spread_is_the_standard_error_of_the_mean():
    each = np.random.default_rng(1).normal(1.0, 2.0, (500, 3)).astype(np.float32)
    expected = np.sqrt(each.var(axis=0).sum()) / np.linalg.norm(each.mean(axis=0))
    for size in (1, 16, 256):
        found = batching.noise(each, size, draws=2000)
        assert found == pytest.approx(expected / size**0.5, rel=0.05)


def test_the_picture_says_what_is_which(judged):
    outcome, (_, spreads, accuracy, times) = judged
    time, spread, learnt = outcome.picture.axes
    assert [panel.get_title() for panel in (time, spread, learnt)] == [
        "time per example (µs)",
        "gradient's spread / its length",
        "test accuracy, as many epochs",
    ]
    assert all(panel.lines[0].get_xdata().tolist() == [1, 256, 4096] for panel in (time, learnt))
    assert time.lines[0].get_ydata().tolist() == times.tolist()
    lines = {line.get_label(): line.get_ydata().tolist() for line in spread.lines}
    assert lines["measured"] == spreads.tolist()
    assert lines["1 / √batch"] == pytest.approx(lines["measured"], rel=0.2)
    lines = {line.get_label(): line.get_ydata() for line in learnt.lines}
    assert lines["same rate"] == pytest.approx(accuracy[:, 0].mean(axis=-1))
    assert lines["rate in proportion"] == pytest.approx(accuracy[:, 1].mean(axis=-1))


def test_claims_fail_one_by_one(monkeypatch, judged):
    outcome, (sizes, spreads, accuracy, times) = judged
    monkeypatch.setattr(batching, "draw", lambda *_: outcome.picture)
    slow = times.copy()
    slow[0] = times.min() * 1.4
    assert held(batching.judge(sizes, spreads, accuracy, slow)) == [False, True, True, True]
    loud = spreads[:1] / np.array(sizes)
    assert held(batching.judge(sizes, loud, accuracy, times)) == [True, False, True, True]
    same = accuracy.copy()
    same[:, 1] = same[:, 0]
    assert held(batching.judge(sizes, spreads, same, times)) == [True, True, False, True]
    large = accuracy.copy()
    large[-1, 1] = large[0, 0]
    assert held(batching.judge(sizes, spreads, large, times))[3] is False


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"seeds": 1}, "--seeds needs at least 2, got 1"),
        ({"epochs": 1}, "--epochs needs at least 2, got 1"),
        ({"sizes": (4,)}, "--sizes needs two or more, rising past 32 without it, got .4,."),
        ({"sizes": (4, 1)}, "--sizes needs two or more, rising past 32"),
        ({"sizes": (1, 32)}, "--sizes needs two or more, rising past 32"),
        ({"sizes": (1, 16)}, "--sizes needs two or more, rising past 32"),
        ({"sizes": (1, 8192)}, "--sizes needs at most 4096, got 8192"),
    ],
)
def test_what_makes_no_sense_is_said_before_any_work(given, expected):
    with pytest.raises(ValueError, match=expected):
        batching.teach(**given)
