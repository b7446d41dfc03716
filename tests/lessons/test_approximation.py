import jax
import numpy as np
import pytest
from lesson_claims import held

from experiments.lessons import approximation
from jaxmlp.nn.activations import identity

WIDTHS = (2, 24)


@pytest.fixture(scope="module")
def outcome():
    return approximation.teach(seeds=4, widths=WIDTHS, steps=300)


def test_what_is_missed_falls_with_the_width(outcome):
    assert held(outcome) == [True, True]
    assert outcome.figures["power_by_hand"] == pytest.approx(-2, abs=0.05)
    missed = outcome.figures["missed"]
    assert missed["wave"][1].mean < 0.8 < missed["wave"][0].mean < 1.1
    assert list(missed) == outcome.tables["width"].columns[1:] == list(approximation.TARGETS)
    assert [row[0] for row in outcome.tables["width"].rows] == list(WIDTHS)
    assert outcome.tables["width"].rows[1][3] == missed["saddle"][1].text(".1%")


def test_straight_pieces_meet_the_curve_where_they_join():
    first, second = approximation.interpolating(lambda x: x[:, 0] ** 2, 2)
    assert (first.kernel.tolist(), first.bias.tolist()) == ([[1, 1]], [1, 0])
    assert (second.kernel.tolist(), second.bias.tolist()) == ([[-1], [2]], [1])
    # Between the ends of a piece of length h, x² is missed by h²/4 at most: in its middle.
    model = approximation.recipe(1, 2).model
    said = [model.apply((first, second), np.float32([x]))[0] for x in (-1, -0.5, 0, 1)]
    np.testing.assert_allclose(said, [1, 0.5, 0, 1])


def test_the_power_and_what_is_missed_are_as_defined():
    assert approximation.power([1, 10, 100], [5, 0.5, 0.05]) == pytest.approx(-1)
    assert approximation.missed([4.0, 1.0], np.array([-2.0, 2.0])).tolist() == [1.0, 0.5]


def test_examples_are_new_in_each_step_and_the_test_set_is_a_grid():
    data = approximation.examples("ripple", 3)
    assert data.train_inputs.shape == (3 * 64, 2)
    assert len(np.unique(data.train_inputs[:, 0])) == 3 * 64
    assert (data.test_inputs.min(axis=0) == -1).all()
    assert data.test_labels[0] == pytest.approx(np.cos(5 * 2**0.5), rel=1e-5)


def test_without_a_bend_a_wide_network_is_a_line(monkeypatch):
    def straight(inputs, width):
        model = approximation.jaxmlp.mlp((inputs, width, 1), identity)
        return approximation.recipe(inputs, width)._replace(model=model)

    data = approximation.examples("wave", 300)
    run = approximation.jaxmlp.train(straight(1, 24), data, seed=0)
    x, y = data.test_inputs, data.test_labels
    line = np.polyval(np.polyfit(x[:, 0], y, 1), x[:, 0])
    missed = approximation.missed(run.history["test_loss"][-1], y)
    assert approximation.missed(((line - y) ** 2).mean(), y) == pytest.approx(missed, abs=0.02)


def test_claims_fail_where_errors_do_not_fall(monkeypatch, outcome):
    def no_bends(target, width):
        return jax.tree.map(np.zeros_like, whole(target, width))

    whole = approximation.interpolating
    monkeypatch.setattr(approximation, "interpolating", no_bends)
    monkeypatch.setattr(approximation, "draw", lambda *_: outcome.picture)
    monkeypatch.setitem(
        approximation.TARGETS, "step", (1, lambda x: np.sign(np.sin(400 * x[:, 0])))
    )
    assert held(approximation.teach(seeds=4, widths=WIDTHS, steps=300)) == [False, False]


def test_bad_settings_are_one_line():
    for seeds, widths in ((1, WIDTHS), (4, (8,)), (4, (8, 2))):
        with pytest.raises(ValueError, match="rising widths, got"):
            approximation.teach(seeds=seeds, widths=widths)
