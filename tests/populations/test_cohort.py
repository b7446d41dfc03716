"""A population in training: what of it is seen, and who goes on."""

import numpy as np
import optax
import pytest

from jaxmlp import Halving, Recipe, classification, digest, mlp
from jaxmlp.populations import planning, population
from jaxmlp.populations.cohort import Cohort
from jaxmlp.populations.grid import make_grid
from jaxmlp.populations.runs import HALVING, PATIENCE

RECIPE = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.02}, 16, 3)


@pytest.fixture(scope="module")
def crew(blobs):
    grid = make_grid(RECIPE, [0, 1], {"learning_rate": [0.01, 0.1]})
    return grid, planning.prepare(grid, blobs, None, None, None, False)[0]


def test_a_rung_counts_the_seeds_that_patience_ended(blobs, crew):
    """By hand: of two settings, one has a seed that ended at 0.4 and one that is at 0.9."""
    start = population.beginning(crew[0], blobs, crew[1])
    accuracy = start.history["test_accuracy"]
    accuracy[:, :2] = [[0.4, np.nan], [0.5, 0.9], [0.7, 0.8], [0.7, 0.8]]
    start.epochs[:] = [1, 2, 2, 2]
    start.ended_by[0] = PATIENCE
    working = Cohort(crew[0], blobs, 1, "stop", crew[1], start)
    working.end_members(None, "", Halving("test_accuracy", factor=2, first=2))
    assert working.population().ended_by.tolist() == [PATIENCE, HALVING, 0, 0]
    assert working.live.tolist() == [2, 3]


def test_an_epoch_is_reported_as_it_goes(blobs, crew):
    start = population.beginning(crew[0], blobs, crew[1])
    working = Cohort(crew[0], blobs, 1, "stop", crew[1], start)
    before = digest(start.states)
    shares = list(working.train_epoch(None))
    assert shares == sorted(shares)
    assert shares[-1] == 1
    report = working.report(0.25)
    assert (report.epoch, report.share, report.num_live) == (1, 0.25, 4)
    assert report.epochs.tolist() == [1] * 4
    assert np.isfinite(report.history["train_loss"][:, 0]).all()
    assert np.isnan(report.history["train_loss"][:, 1:]).all()
    copy, own = report.snapshot(), report.snapshot(copy=False)
    assert digest(copy.states) == digest(own.states) != before
    assert not np.shares_memory(copy.epochs, own.epochs)
    assert np.shares_memory(own.epochs, report.epochs)
    assert not report.is_last
    assert working.report(0.25, is_last=True).is_last
