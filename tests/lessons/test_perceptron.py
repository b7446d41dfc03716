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
    # From 0: (0, 0) fires not; (0, 1) errs, w = (0, 1, 1); then (0, 0) errs, and so on.
    assert mistakes[:4] == [1, 2, 1, 0]
    assert perceptron.side(weights, perceptron.INPUTS).clip(0).tolist() == [0, 1, 1, 1]


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
