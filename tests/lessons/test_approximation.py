import jax
import numpy as np
import pytest
from lesson_claims import covered, held

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
    assert outcome.tables["width"].rows[1][1:] == [each[1].text(".1%") for each in missed.values()]
    assert all(low > 0 for each in missed.values() for _, low, _ in each)


def test_the_picture_has_a_curve_a_width_and_what_is_missed(outcome):
    wave, step, falls, *surfaces = outcome.picture.axes
    for panel, name in ((wave, "wave"), (step, "step")):
        lines = {line.get_label(): line for line in panel.lines}
        assert list(lines) == ["target", "2 units", "24 units"]
        x, target = lines["target"].get_xdata(), lines["target"].get_ydata()
        np.testing.assert_allclose(target, approximation.TARGETS[name][1](x.reshape(-1, 1)))
        off = [abs(lines[f"{w} units"].get_ydata() - target).mean() for w in WIDTHS]
        assert off[1] < off[0], name
        assert not covered(panel)
    *bands, by_hand = falls.lines
    assert [line.get_label() for line in bands] == list(approximation.TARGETS)
    for line in bands:
        means = [each.mean for each in outcome.figures["missed"][line.get_label()]]
        np.testing.assert_allclose(line.get_ydata(), means)
        assert tuple(line.get_xdata()) == WIDTHS
    assert by_hand.get_xydata()[0] == pytest.approx([8, outcome.figures["by_hand"][0]])
    assert [panel.get_title() for panel in surfaces[1:]] == ["2 units", "24 units"]
    target, *found = (panel.images[0].get_array() for panel in surfaces)
    off = [float(abs(each - target).mean()) for each in found]
    assert off[1] < off[0]


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
    with pytest.raises(ValueError, match="--seeds needs at least 2, got 1"):
        approximation.teach(seeds=1, widths=WIDTHS)
    for widths in ((8,), (8, 2), (8, 8)):
        with pytest.raises(ValueError, match="--widths needs two or more, rising, got"):
            approximation.teach(seeds=4, widths=widths)
