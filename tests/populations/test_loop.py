"""Populations that several processes train; here they are threads."""

import time

import numpy as np
import optax
import pytest
from peers import trained

from jaxmlp import Halving, Recipe, classification, digest, mlp, regression, train_many
from jaxmlp.populations.peers import PeerError
from jaxmlp.populations.runs import HALVING

RECIPE = Recipe(mlp((4, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 4)
RATES = {"learning_rate": [0.5, 0.001, 0.1, 0.01]}
SIZES = {"hidden_sizes": [(), (8,)], "learning_rate": [0.1, 0.01]}


def assert_equal(spread, alone):
    """Whether what each process has is what one alone has, to the bit; and each state is at one."""
    for runs in spread:
        if isinstance(runs, Exception):
            raise runs
        assert runs.axes == alone.axes
        assert digest(dict(runs.history)) == digest(dict(alone.history))
        assert runs.stopped_at.tolist() == alone.stopped_at.tolist()
        assert runs.ended_by.tolist() == alone.ended_by.tolist()
        assert runs.faults == alone.faults
        assert runs.share_of_work == alone.share_of_work
        assert runs.metrics == alone.metrics
        assert runs.homes.tolist() == spread[0].homes.tolist()
    assert (
        np.sum([runs.is_here for runs in spread], axis=0).tolist() == np.ones(alone.shape).tolist()
    )
    for position in np.ndindex(*alone.shape):
        where = {
            name: values[i] for (name, values), i in zip(alone.axes.items(), position, strict=True)
        }
        runs = spread[int(spread[0].homes[position])]
        member, expected = runs.member(**where), alone.member(**where)
        assert digest(member.state) == digest(expected.state)
        assert member.history.keys() == expected.history.keys()


@pytest.mark.parametrize(("count", "seeds"), [(2, 7), (3, 2), (4, 3)])
def test_members_of_several_processes_have_the_bits_of_one(count, seeds, blobs):
    alone = train_many(RECIPE, blobs, range(seeds))
    assert_equal(trained(count, RECIPE, blobs, range(seeds)), alone)


@pytest.fixture(scope="module")
def halved(blobs):
    """One process' halving of four settings of three seeds: after epochs 1 and 2."""
    return train_many(RECIPE, blobs, range(3), RATES, halving=HALVED)


HALVED = Halving("test_loss", factor=2)


@pytest.mark.parametrize("count", [2, 5])
def test_halving_ranks_the_members_of_all_processes(count, halved, blobs):
    assert np.count_nonzero(halved.ended_by == HALVING) == 9  # all but the best setting's
    assert sorted(set(halved.stopped_at.flat)) == [1, 2, 4]
    assert_equal(trained(count, RECIPE, blobs, range(3), RATES, halving=HALVED), halved)


def test_more_processes_than_members_take_part_in_nothing(blobs):
    alone = train_many(RECIPE, blobs, [1], RATES, halving=HALVED)
    spread = trained(6, RECIPE, blobs, [1], RATES, halving=HALVED)
    assert sorted(int(runs.is_here.sum()) for runs in spread) == [0, 0, 1, 1, 1, 1]
    assert_equal(spread, alone)


def test_programs_and_patience_and_columns_of_some_members(blobs):
    recipe = RECIPE._replace(num_epochs=3)
    rules = {"patience": 1, "stop_metric": "test_loss"}
    sweep = {**SIZES, "num_epochs": [1, 3]}
    alone = train_many(recipe, blobs, range(2), sweep, halving=HALVED, **rules)
    assert_equal(trained(3, recipe, blobs, range(2), sweep, halving=HALVED, **rules), alone)


def test_a_fault_is_that_of_its_member_in_all_processes(blobs):
    recipe = RECIPE._replace(model=mlp((4, 1)), task=regression())
    data = blobs._replace(
        train_labels=blobs.train_inputs.sum(axis=1), test_labels=blobs.test_inputs.sum(axis=1)
    )
    sweep = {"learning_rate": [0.01, 1e20]}
    alone = train_many(recipe, data, range(3), sweep, halving=HALVED)
    assert {position[0] for position in alone.faults} == {1}
    assert_equal(trained(2, recipe, data, range(3), sweep, halving=HALVED), alone)


class Left(Exception):
    """A process that was killed."""


def killed_after(epoch, kept):
    """A callback of a process that keeps what it has and dies after an epoch."""

    def callback(report):
        kept.append(report.snapshot())
        if report.epoch == epoch:
            raise Left

    return callback


def test_processes_go_on_from_where_each_of_them_was(halved, blobs):
    """One was killed before a rung that the other had passed, with its rank from all."""
    kept = [], []
    hooks = {0: (killed_after(3, kept[0]), None), 1: (killed_after(2, kept[1]), None)}
    ends = trained(2, RECIPE, blobs, range(3), RATES, halving=HALVED, hooks=hooks)
    assert all(isinstance(end, Left | PeerError) for end in ends)
    starts = {0: kept[0][-1], 1: kept[1][0]}
    assert [start.epochs.max() for start in starts.values()] in ([3, 1], [2, 1])
    assert_equal(trained(2, RECIPE, blobs, range(3), RATES, starts, halving=HALVED), halved)


def test_one_that_waits_at_a_rung_is_left_as_it_is_there_and_goes_on(halved, blobs):
    """What it keeps meanwhile has the epoch, and not yet who ended by it."""
    waiting, slow = [], []

    def wait(report):
        if report.epoch == 2 and not report.share:
            waiting.append(report.snapshot())
        return bool(waiting)

    def be_slow(report):
        slow.append(report.snapshot())
        return None if report.epoch < 1 else _until(lambda: waiting)

    hooks = {0: (None, wait), 1: (None, be_slow)}
    ends = trained(2, RECIPE, blobs, range(3), RATES, halving=HALVED, hooks=hooks)
    assert [runs.share_of_work < halved.share_of_work for runs in ends] == [True, True]
    before = [population for population in slow if population.epochs.max() == 1]
    starts = {0: waiting[0], 1: before[-1]}
    assert set(starts[0].epochs[starts[0].ended_by == 0]) == {2}
    assert_equal(trained(2, RECIPE, blobs, range(3), RATES, starts, halving=HALVED), halved)


def _until(seen):
    while not seen():
        time.sleep(0.01)


@pytest.mark.parametrize("process", [0, 1])
def test_a_callback_of_any_process_stops_all(process, blobs):
    told = []
    hooks = {
        process: (lambda report: report.epoch == 1, None),
        1 - process: (None, lambda report: told.append(report.is_last)),
    }
    recipe = RECIPE._replace(num_epochs=100_000)
    ends = trained(2, recipe, blobs, range(4), hooks=hooks)
    homes = ends[0].homes
    assert set(ends[0].stopped_at[homes == process]) == {1}
    assert 0 < ends[0].share_of_work == ends[1].share_of_work < 1
    assert told[-1]
    assert not any(told[:-1])


def test_an_error_of_one_process_ends_the_others(blobs):
    def fail(report):
        raise OSError("no room on the disk\nat all")

    recipe = RECIPE._replace(num_epochs=100_000)
    first, second = trained(2, recipe, blobs, range(2), hooks={1: (fail, None)})
    assert isinstance(second, OSError)
    assert isinstance(first, PeerError)
    assert str(first) == "process 1 has ended: OSError: no room on the disk"
