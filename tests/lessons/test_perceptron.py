import numpy as np
import pytest
from lesson_claims import held

from experiments.lessons import perceptron
from jaxmlp.nn.activations import identity


@pytest.fixture(scope="module")
def outcome():
    return perceptron.teach(seeds=12, widths=(1, 8))


def test_a_line_is_enough_for_and_and_or_alone_and_a_hidden_layer_for_xor(outcome):
    assert held(outcome) == [True, True, True]
    assert outcome.figures["fewest_mistakes"] == {"AND": 0, "OR": 0, "XOR": 2}
    assert outcome.figures["two_layers"][8].mean == 1.0
    assert outcome.figures["two_layers"][1].mean == 0.0


def test_the_rule_ends_as_by_hand():
    weights, mistakes = perceptron.rule(perceptron.GATES["OR"])
    # From (0, 0, -0.5): (0, 1) errs, w = (0, 1, 0.5); then (0, 0), w = (0, 1, -0.5), and so on.
    assert mistakes[:5] == [1, 2, 1, 0, 0]
    assert weights.tolist() == [1, 1, -0.5]
    assert perceptron.side(weights, perceptron.INPUTS).tolist() == [-1, 1, 1, 1]


def test_the_picture_has_each_gates_inputs_in_its_regions(outcome):
    axes = outcome.picture.axes
    titles = ["AND, one layer", "OR, one layer", "XOR, one layer", "XOR, two layers"]
    assert [panel.get_title() for panel in axes[:4]] == titles
    for panel, gate in zip(axes[:4], ("AND", "OR", "XOR", "XOR"), strict=True):
        targets = perceptron.GATES[gate]
        drawn = {each.get_label(): each.get_offsets().tolist() for each in panel.collections}
        for target in (0, 1):
            expected = perceptron.INPUTS[targets == target].tolist()
            assert drawn[f"target {target}"] == expected
        picture, place = panel.images[0].get_array(), {0: 26, 1: 93}  # of 120, from -0.4 to 1.4
        found = [picture[place[y], place[x]] > 0 for x, y in perceptron.INPUTS]
        assert (found == targets).all() == (panel is not axes[2])
    assert [text.get_text() for text in outcome.picture.legends[0].texts] == [
        "target 0",
        "target 1",
    ]


def test_the_picture_has_the_share_of_each_width_and_the_mistakes_of_each_gate(outcome):
    widths, mistakes = outcome.picture.axes[4:]
    assert [text.get_text() for text in widths.get_xticklabels()] == ["1", "8"]
    assert widths.lines[0].get_ydata().tolist() == [0, 1]
    lines = {line.get_label(): line.get_ydata() for line in mistakes.lines}
    assert list(lines["OR"][:4]) == [1, 2, 1, 0]
    assert lines["AND"][-1] == 0 < lines["XOR"][-1]
    assert outcome.tables["width"].columns == ["hidden units", "of 12 seeds learn XOR"]
    assert outcome.tables["width"].rows == [[1, "0% (0% to 24%)"], [8, "100% (76% to 100%)"]]


@pytest.mark.parametrize("widths", [(8, 2), (2, 2), (2,), (1, 1001)])
def test_widths_that_do_not_rise_are_refused_before_any_work(monkeypatch, widths):
    monkeypatch.setattr(perceptron, "rule", None)
    got = ",".join(map(str, widths))
    with pytest.raises(ValueError, match=f"^--widths needs two .* from 1 to 1000, got {got}$"):
        perceptron.teach(widths=widths)


def test_two_layers_without_a_bend_are_one_line(monkeypatch):
    linear = perceptron.jaxmlp.mlp((2, 1), identity)
    monkeypatch.setattr(perceptron, "RECIPE", perceptron.RECIPE._replace(model=linear))
    assert perceptron.solved(perceptron.descend("XOR", 12, [(8,)])).sum() == 0


def test_claims_fail_where_all_is_as_without_a_hidden_layer(monkeypatch, outcome):
    monkeypatch.setattr(perceptron, "rule", lambda targets: (np.zeros(3), [1, 1]))
    alone = perceptron.descend("XOR", 12, [(1,), (8,)])
    monkeypatch.setattr(perceptron, "descend", lambda gate, seeds, hidden: alone)
    monkeypatch.setattr(perceptron, "solved", lambda runs: np.zeros((2, 12), bool))
    monkeypatch.setattr(perceptron, "draw", lambda *_: outcome.picture)
    assert held(perceptron.teach(seeds=12, widths=(1, 8))) == [False, False, False]
