"""When the members of a population end."""

import numpy as np
import optax
import pytest

from jaxmlp import Fault, Halving, Metric, Recipe, classification, mlp
from jaxmlp.populations.grid import make_grid
from jaxmlp.populations.population import Population
from jaxmlp.populations.retire import Standing, end_at, is_rung, lagging_at, retired, standing_at
from jaxmlp.populations.runs import FAULT, HALVING, LENGTH, PATIENCE

NAN = np.nan
RECIPE = Recipe(mlp((4, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 5)
GRID = make_grid(RECIPE, [0, 1], {"learning_rate": [0.1, 0.2, 0.3]})


def population(losses, epochs, ended_by=(0,) * 6, faults=None):
    """Three settings of two members each."""
    history = {"test_loss": np.full((6, 5), NAN)}
    losses = np.asarray(losses, float)
    history["test_loss"][:, : losses.shape[1]] = losses
    return Population((), history, np.int32(epochs), np.int8(ended_by), dict(faults or {}))


def test_members_end_after_their_last_epoch():
    given = population(np.ones((6, 5)), [5, 5, 4, 5, 5, 5], [0, 0, FAULT, 0, 0, HALVING])
    ends = [LENGTH, LENGTH, FAULT, LENGTH, LENGTH, HALVING]
    assert retired(GRID, given, None, "", None).tolist() == ends
    assert given.ended_by.tolist() == [0, 0, FAULT, 0, 0, HALVING]  # as it was
    assert not retired(GRID, given._replace(epochs=np.int32([4] * 6)), None, "", None)[:2].any()


def test_patience_ends_members_that_got_no_better():
    losses = [[3, 2, 1], [1, 2, 3], [1, 1, 1], [2, 1, 3], [1, 0, 5], [1, NAN, NAN]]
    given = population(losses, [3] * 6, [0, 0, 0, 0, FAULT, 0])
    expected = [0, PATIENCE, PATIENCE, 0, FAULT, PATIENCE]
    assert retired(GRID, given, 2, "test_loss", None).tolist() == expected
    assert retired(GRID, given, 3, "test_loss", None).tolist() == [0, 0, 0, 0, FAULT, 0]


def test_a_rung_ends_the_settings_whose_mean_is_worst():
    given = population([[1, 9], [9, 1.5], [9, 4], [9, 5], [9, 7], [9, 8]], [2] * 6)
    halving = Halving("test_loss", factor=3, first=2)
    # The means at the second epoch are 5.25, 4.5 and 7.5: the best one goes on, or the best two.
    third, half = (
        retired(GRID, given, None, "", halving._replace(factor=factor)).tolist()
        for factor in (3, 2)
    )
    assert third == [HALVING, HALVING, 0, 0, HALVING, HALVING]
    assert half == [0, 0, 0, 0, HALVING, HALVING]
    assert not retired(GRID, given, None, "", halving._replace(first=3)).any()


def test_members_go_by_the_record_of_their_task():
    gain = Metric("gain", max), Metric("regret", max, higher_is_better=False)
    task = RECIPE.task._replace(metrics=gain)
    grid = make_grid(RECIPE._replace(task=task), [0, 1], {"learning_rate": [0.1, 0.2, 0.3]})
    assert all(each.one is None for each in grid.metrics)  # results hold no functions
    assert [(each.name, each.higher_is_better) for each in grid.metrics] == [
        ("loss", False),
        ("gain", True),
        ("regret", False),
    ]
    values = [[3, 2, 1], [1, 2, 3]] * 3
    for name, expected in (("test_regret", [0, PATIENCE]), ("test_gain", [PATIENCE, 0])):
        given = population(np.ones((6, 3)), [3] * 6)._replace(history={name: np.float64(values)})
        assert retired(grid, given, 2, name, None).tolist() == expected * 3
    values = np.float64([[1], [1], [2], [2], [3], [3]])
    for name, expected in (("test_regret", [0, HALVING]), ("test_gain", [HALVING, 0])):
        given = population(np.ones((6, 1)), [1] * 6)._replace(history={name: values})
        ended = retired(grid, given, None, "", Halving(name, factor=3)).tolist()
        assert [ended[0], ended[5]] == expected


def test_a_fault_makes_its_setting_the_worst_at_a_rung():
    losses = [[1], [NAN], [2], [3], [8], [9]]
    fault = Fault(3, 1, "loss", "layer_0", "")
    given = population(losses, [1, 0, 1, 1, 1, 1], [0, FAULT, 0, 0, 0, 0], {1: fault})
    expected = [HALVING, FAULT, 0, 0, HALVING, HALVING]
    assert retired(GRID, given, None, "", Halving("test_loss")).tolist() == expected


def test_a_fault_takes_its_member_back_in_place():
    given = population(np.ones((6, 3)), [3] * 6)
    given = given._replace(states=({"a": np.zeros((6, 2))},))
    fault = Fault(9, 3, "loss", "layer_0", "")
    end_at(fault, {"a": np.full(2, 7.0)}, GRID, given, 0, 4)
    assert given.states[0]["a"][:, 0].tolist() == [0, 0, 0, 0, 7, 0]
    assert np.isnan(given.history["test_loss"][:, 2]).tolist() == [False] * 4 + [True, False]
    assert given.history["test_loss"][4, :2].tolist() == [1, 1]
    assert given.epochs.tolist() == [3, 3, 3, 3, 2, 3]
    assert given.ended_by.tolist() == [0, 0, 0, 0, FAULT, 0]
    assert given.faults == {4: fault}


@pytest.mark.parametrize(
    ("halving", "rungs"),
    [
        (Halving("x"), [1, 3, 9, 27]),
        (Halving("x", 2), [1, 2, 4, 8, 16]),
        (Halving("x", 4, first=3), [3, 12]),
    ],
)
def test_rungs(halving, rungs):
    assert [epoch for epoch in range(1, 30) if is_rung(halving, epoch)] == rungs


def test_members_stand_at_a_rung_as_they_did_when_it_was_passed():
    """After epoch 2, seen from then on: what came later is as if it had not."""
    losses = [[4, 3, 9, 9]] * 2 + [[4, 3, NAN, NAN]] * 2 + [[4, NAN, NAN, NAN], [4, 3, NAN, NAN]]
    fault = Fault(8, 2, "loss", "layer_0", "")
    given = population(
        losses,
        epochs=[4, 3, 2, 2, 1, 2],
        ended_by=[PATIENCE, HALVING, PATIENCE, HALVING, FAULT, FAULT],
        faults={4: fault, 5: fault._replace(epoch=3)},
    )
    found = standing_at(GRID, given, 2, "test_loss")
    assert found.values.tolist() == [3, 3, 3, 3, 4, 3]
    assert found.is_live.tolist() == [True, True, False, True, False, True]
    assert found.is_faulty.tolist() == [False] * 4 + [True, False]
    found = standing_at(GRID, given, 1, "test_loss")
    assert found.values.tolist() == [4] * 6
    assert found.is_live.all()
    assert not found.is_faulty.any()
    sweep = {"num_epochs": [1, 2, 3]}
    short = standing_at(make_grid(RECIPE, [0, 1], sweep), given, 2, "test_loss")
    assert short.is_live.tolist() == [False] * 4 + [False, True]
    assert np.isnan(standing_at(GRID, given, 2, "test_accuracy").values).all()


def test_settings_that_lag_are_those_of_the_worst_means():
    standing = Standing(np.float64([1, 3, 5, NAN, 0, 1]), np.ones(6, bool), np.zeros(6, bool))
    halving = Halving("test_loss", factor=2)
    assert lagging_at(GRID, standing, halving).tolist() == [1]
    standing.is_faulty[0] = True
    assert lagging_at(GRID, standing, halving._replace(factor=3)).tolist() == [0, 1]
    standing.is_live[2:4] = False  # the second setting has ended before
    assert lagging_at(GRID, standing, halving).tolist() == [0]
