import os

import pytest
from checkpoint_folders import LIKE, is_of, save_all, tree

from jaxmlp.storage.checkpoint import Checkpoints
from jaxmlp.storage.restoring import restore, restore_best, steps


@pytest.mark.parametrize(
    ("scores", "keep", "kept"),
    [
        ([None] * 5, 3, [3, 4, 5]),
        ([None] * 5, 1, [5]),
        ([0.1, 0.9, 0.5, 0.5, 0.5], 2, [2, 4, 5]),
        ([0.0, -1.0, -2.0, -3.0], 1, [1, 4]),
        ([0.1, 0.9, 0.9, 0.9, 0.2], 1, [2, 5]),
        ([float("nan"), 0.3, float("nan"), 0.2, 0.1], 2, [2, 4, 5]),
        ([0.1, 0.2, 0.3, 0.4, 0.5], 2, [4, 5]),
    ],
)
def test_the_last_few_and_the_best_are_kept(tmp_path, scores, keep, kept):
    save_all(tmp_path, dict(enumerate(scores, 1)), keep)
    assert steps(tmp_path) == kept
    assert sorted(os.listdir(tmp_path)) == sorted(map(str, kept))


def test_the_best_is_the_highest_and_the_earliest_of_equals(tmp_path):
    save_all(tmp_path, {1: 0.1, 2: 0.9, 3: 0.9, 4: None, 5: float("nan")}, keep=9)
    assert is_of(restore_best(tmp_path, LIKE), 2)


def test_without_scores_there_is_no_best(tmp_path):
    save_all(tmp_path, {1: None, 2: None})
    assert restore_best(tmp_path, LIKE) is None


def test_a_second_run_in_the_folder_knows_the_best_of_the_first(tmp_path):
    save_all(tmp_path, {1: 0.9, 2: 0.1}, keep=1)
    save_all(tmp_path, {3: 0.5, 4: 0.6}, keep=1)
    assert steps(tmp_path) == [1, 4]


def test_a_step_saved_again_replaces_the_first(tmp_path):
    save_all(tmp_path, {1: 0.9, 2: 0.1})
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, tree(1), "again", 0.05)
    assert steps(tmp_path) == [1, 2]
    assert len(os.listdir(tmp_path)) == 2
    assert restore(tmp_path, LIKE, step=1).record == "again"
    assert is_of(restore_best(tmp_path, LIKE), 2)


def test_a_damaged_newest_does_not_push_out_what_training_saves_after_an_older_one(tmp_path):
    save_all(tmp_path, {1: None, 2: None, 3: None})
    for step in (2, 3):
        (tmp_path / f"{step}" / "record.json").unlink()
    save_all(tmp_path, {2: None}, keep=1)
    assert is_of(restore(tmp_path, LIKE), 2)


def test_a_new_start_clears_up_and_leaves_other_files_alone(two):
    for name in [
        ".3.saving",
        ".3.1.saving",
        ".saving-3",
        ".deleting-1",
        ".a.saving",
        ".other",
        "notes",
        "3x",
        "03",
        "4.0",
    ]:
        (two / name / "sub").mkdir(parents=True)
    Checkpoints(two).close()
    assert sorted(os.listdir(two)) == [".a.saving", ".other", "03", "1", "2", "3x", "4.0", "notes"]
    assert steps(two) == [1, 2]
