"""Populations whose data are read in windows: each member has the bits that it has in memory."""

import jax
import numpy as np
import optax
import pytest
from row_readers import Rows

from jaxmlp import (
    Dataset,
    Recipe,
    classification,
    digest,
    make_mesh,
    mlp,
    plan_many,
    resumable_many,
    train_many,
)

MODEL = mlp((4, 6, 3), dropout=0.2)
RECIPE = Recipe(MODEL, classification(3), optax.adam, {"learning_rate": 0.01}, 8, 2)
WINDOW = 2 * 8 * 20  # bytes: two batches of 8, of which an epoch has 7, the last of 2 examples


def read_by_rows(data):
    return Dataset(*map(Rows, data[:4]))


def bits_of(runs):
    return digest((runs.states, runs.history, runs.stopped_at, runs.ended_by))


@pytest.fixture(scope="module")
def in_memory(blobs):
    return {
        shuffle: bits_of(train_many(RECIPE, blobs, range(3), shuffle=shuffle))
        for shuffle in ("own", "shared")
    }


@pytest.mark.parametrize("window", [1, WINDOW, 999])
@pytest.mark.parametrize("shuffle", ["own", "shared"])
def test_bits_are_those_of_all_in_memory(shuffle, window, in_memory, blobs):
    runs = train_many(RECIPE, read_by_rows(blobs), range(3), shuffle=shuffle, window=window)
    assert bits_of(runs) == in_memory[shuffle]


def test_a_window_is_read_once_for_all_of_one_order_and_testing_once_for_all(blobs):
    for shuffle, times in (("shared", 1), ("own", 3)):
        data = read_by_rows(blobs)
        train_many(RECIPE, data, range(3), shuffle=shuffle, window=WINDOW)
        assert data.train_inputs.count == 50 + 2 * times * 50  # 50 when it is looked at first
        assert data.test_inputs.count == 30 + 2 * 30


def test_bits_of_several_programs_and_of_members_that_end(blobs):
    inputs = blobs.train_inputs.copy()
    inputs[7, 2] = 1e30
    data = blobs._replace(train_inputs=inputs)
    sweep = {"batch_size": [8, 16], "learning_rate": [1e-3, 1e30]}
    one, other = (
        train_many(
            RECIPE, each, range(2), sweep, patience=1, stop_metric="test_loss", window=window
        )
        for each, window in ((data, None), (read_by_rows(data), WINDOW))
    )
    assert bits_of(one) == bits_of(other)
    assert one.faults == other.faults
    assert one.faults


def test_it_goes_on_in_a_folder_with_another_window(blobs, in_memory, tmp_path):
    data = read_by_rows(blobs)
    with resumable_many(tmp_path / "here", RECIPE, data, range(3), every=0, window=1) as saved:
        train_many(
            RECIPE, data, range(3), start=saved.start, window=1, callback=lambda report: True,
            on_block=saved.save,
        )  # fmt: skip
    with resumable_many(tmp_path / "here", RECIPE, blobs, range(3)) as saved:
        assert saved.start is not None
        runs = train_many(RECIPE, data, range(3), start=saved.start, window=WINDOW)
    assert bits_of(runs) == in_memory["own"]


def test_fast_mode_is_refused_with_what_to_do(blobs):
    for work in (plan_many, train_many):
        with pytest.raises(ValueError, match=r"a window needs mode='exact', .* got train, test in"):
            work(RECIPE, read_by_rows(blobs), range(3), mode="fast", window=WINDOW)
    runs = train_many(RECIPE, blobs, range(2), mode="fast", window=10**6)  # which holds all
    assert np.isfinite(jax.tree.leaves(runs.states)[0]).all()


def test_a_window_that_is_none_is_refused(blobs):
    with pytest.raises(ValueError, match="window needs to be bytes, a whole number from 1, got 0"):
        train_many(RECIPE, blobs, range(3), window=0)


def test_members_of_a_team_have_the_bits_of_data_in_memory_on_it(blobs):
    mesh = make_mesh("data:1")
    one, other = (
        train_many(RECIPE, data, range(2), mesh=mesh, window=window)
        for data, window in ((blobs, None), (read_by_rows(blobs), WINDOW))
    )
    assert bits_of(one) == bits_of(other)


def test_a_plan_counts_the_windows_in_the_place_of_the_set(blobs):
    inputs = np.zeros((100_000, 4), np.float32)  # 2 MB with labels
    data = Dataset(inputs, np.zeros(100_000, np.int32))
    assert plan_many(RECIPE, data, range(1)).device_bytes > 2_000_000
    for window in (400_000, 800_000):
        plan = plan_many(RECIPE, Dataset(*map(Rows, data[:2])), range(1), window=window)
        assert plan.device_bytes == pytest.approx(3 * window, rel=0.1)
