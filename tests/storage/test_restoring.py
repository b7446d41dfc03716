import random

import jax
import jax.numpy as jnp
import pytest
from checkpoint_folders import LIKE, files_of, is_of, save_all

from jaxmlp.storage.manifest import DamagedError
from jaxmlp.storage.restoring import CheckpointWarning, restore, restore_best, steps, verify


def test_the_newest_comes_back_or_the_one_asked_for(two):
    found = restore(two, LIKE)
    assert is_of(found, 2)
    assert found.score == 0.2
    assert is_of(restore(str(two), LIKE, step=1), 1)
    assert steps(two) == [1, 2]


def test_a_relative_folder_serves_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_all("checkpoints", {1: None})
    assert is_of(restore("checkpoints", LIKE), 1)


def test_steps_are_ordered_as_numbers(tmp_path):
    save_all(tmp_path, {9: None, 10: None, 0: None})
    assert steps(tmp_path) == [0, 9, 10]
    assert is_of(restore(tmp_path, LIKE), 10)


def test_nothing_to_restore_is_none(tmp_path):
    (tmp_path / "notes").mkdir()
    for folder in [tmp_path, tmp_path / "nowhere"]:
        assert restore(folder, LIKE) is None
        assert restore_best(folder, LIKE) is None
        assert steps(folder) == []


def test_a_step_without_a_checkpoint_is_named(two):
    with pytest.raises(FileNotFoundError, match=r"^step needs to be in \[1, 2\], got 3: .*"):
        restore(two, LIKE, step=3)


def test_another_network_is_an_error_and_not_skipped(two):
    like = {"weights": jax.ShapeDtypeStruct((51,), jnp.float32)}
    for find in (restore, restore_best):
        with pytest.raises(ValueError, match=r"^weights needs to be float32 \(51,\), got .*/2$"):
            find(two, like)


def test_no_flipped_bit_passes(two):
    """Every file gets its share of 200 flips, and at least ten."""
    files = files_of(two / "2")
    sizes = {file: file.stat().st_size for file in files}
    random.seed(0)
    flips = 0
    for file, size in sizes.items():
        whole = file.read_bytes()
        for _ in range(max(10, 200 * size // sum(sizes.values()))):
            bit = random.randrange(8 * size)
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            file.write_bytes(flipped)
            with pytest.warns(CheckpointWarning, match=f"^skipped a checkpoint: {file} needs"):
                found = restore(two, LIKE)
            assert is_of(found, 1), f"bit {bit} of {file}"
            flips += 1
        file.write_bytes(whole)
    assert flips >= 200
    assert is_of(restore(two, LIKE), 2)


def test_no_truncated_missing_or_added_file_passes(two):
    random.seed(0)
    for file in files_of(two / "2"):
        whole = file.read_bytes()
        for length in [0, len(whole) - 1, *random.sample(range(len(whole)), 3)]:
            file.write_bytes(whole[:length])
            with pytest.warns(CheckpointWarning, match=str(file)):
                assert is_of(restore(two, LIKE), 1)
        file.unlink()
        with pytest.warns(CheckpointWarning, match=f"{file} (is missing|cannot be read)"):
            assert is_of(restore(two, LIKE), 1)
        file.write_bytes(whole)
    (two / "2" / "arrays" / "more").touch()
    with pytest.warns(CheckpointWarning, match="arrays/more is not one of its files"):
        assert is_of(restore(two, LIKE), 1)


def test_every_damaged_one_is_named_and_if_all_are_it_is_an_error(tmp_path):
    save_all(tmp_path, {1: 1.0, 2: 3.0, 3: 2.0})
    (tmp_path / "3" / "record.json").unlink()
    (tmp_path / "2" / "manifest.json").write_text("{}")
    for find in (restore, restore_best):
        with pytest.warns(CheckpointWarning) as caught:
            assert is_of(find(tmp_path, LIKE), 1)
        assert sorted(str(warning.message).split()[3] for warning in caught) == [
            str(tmp_path / "2" / "manifest.json"),
            str(tmp_path / "3" / "record.json"),
        ]
        assert {warning.filename for warning in caught} == {__file__}
    (tmp_path / "1" / "arrays" / "_METADATA").write_text("")
    for find in (restore, restore_best):
        with (
            pytest.warns(CheckpointWarning),
            pytest.raises(DamagedError, match=r"^no checkpoint is undamaged: .*/3/.*; .*/1/"),
        ):
            find(tmp_path, LIKE)
    with (
        pytest.warns(CheckpointWarning),
        pytest.raises(DamagedError, match=r"3/record\.json is missing$"),
    ):
        restore(tmp_path, LIKE, step=3)


def test_verify_says_what_is_wrong(two):
    verify(two / "2")
    (two / "2" / "record.json").write_text("[]")
    with pytest.raises(DamagedError, match=r"record\.json needs the size 12, got 2$"):
        verify(two / "2")
