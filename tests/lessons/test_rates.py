import numpy as np
import pytest

from experiments.lessons import rates


def test_a_step_from_the_best_rate_costs_what_both_neighbours_lack():
    accuracy = np.array([[0.1, 0.2], [0.6, 0.4], [0.9, 0.8], [0.5, 0.2], [0.3, 0.3]])
    best, cost = rates.near(accuracy)
    assert best.tolist() == [0.9, 0.8]
    assert cost.tolist() == pytest.approx([0.35, 0.5])
    best, cost = rates.near(accuracy[:3])  # at the end of the rates there is one
    assert cost.tolist() == pytest.approx([0.3, 0.4])
    best, cost = rates.near(np.array([[0.5], [np.nan]]))
    assert (best.tolist(), cost.tolist()) == ([0.5], [0.5])


def test_the_best_and_the_worst_are_so_over_seeds():
    found = rates.between([np.array([0.5, 0.6]), np.array([0.9, 0.8]), np.array([0.1, 0.9])])
    assert found.mean == pytest.approx(0.35)
