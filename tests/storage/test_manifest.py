import random
import re
import shutil

import pytest
from checkpoint_folders import files_of

from jaxmlp.storage.manifest import DamagedError, read_manifest, verify


@pytest.mark.parametrize("bits", [1, pytest.param(8, marks=pytest.mark.slow)])  # of each byte
def test_no_flipped_bit_of_the_manifest_passes(bits, checkpoint):
    file, draw = checkpoint / "manifest.json", random.Random(0)
    whole = file.read_bytes()
    for place in range(len(whole)):
        for bit in draw.sample(range(8), bits):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            file.write_bytes(flipped)
            with pytest.raises(
                DamagedError, match=r"manifest\.json needs the bytes it was written"
            ):
                read_manifest(checkpoint)
    file.write_bytes(whole)
    verify(checkpoint)


def test_no_damaged_byte_of_any_file_passes(checkpoint):
    random.seed(0)
    for file in files_of(checkpoint):
        whole = file.read_bytes()
        for place in range(len(whole)):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << random.randrange(8)
            file.write_bytes(flipped)
            with pytest.raises(DamagedError, match=f"^{re.escape(str(file))} needs the "):
                verify(checkpoint)
        file.write_bytes(whole)
    verify(checkpoint)


def test_no_truncated_or_longer_file_passes(checkpoint):
    random.seed(0)
    for file in files_of(checkpoint):
        whole = file.read_bytes()
        lengths = {0, len(whole) - 1, *(random.randrange(len(whole)) for _ in range(10))}
        for content in [*(whole[:length] for length in lengths), whole + b"\0", whole + b"\n"]:
            file.write_bytes(content)
            with pytest.raises(DamagedError, match=f"^{re.escape(str(file))} needs the "):
                verify(checkpoint)
        file.write_bytes(whole)
    verify(checkpoint)


def test_no_missing_renamed_or_added_file_passes(checkpoint):
    for file in files_of(checkpoint):
        moved = file.with_name("other")
        file.rename(moved)
        with pytest.raises(DamagedError, match=f"^{re.escape(str(file))} (is missing|cannot be)"):
            verify(checkpoint)
        shutil.copy(moved, file)
        with pytest.raises(DamagedError, match=r"other is not one of its files: arrays/"):
            verify(checkpoint)
        moved.unlink()
        verify(checkpoint)


def test_files_that_changed_places_do_not_pass(checkpoint):
    record, array = checkpoint / "record.json", checkpoint / "arrays" / "leaves" / "0"
    first, second = record.read_bytes(), array.read_bytes()
    record.write_bytes(second)
    array.write_bytes(first)
    with pytest.raises(DamagedError):
        verify(checkpoint)


def test_another_step_s_folder_does_not_pass(checkpoint):
    renamed = checkpoint.rename(checkpoint.with_name("8"))
    with pytest.raises(DamagedError, match=r"8 needs the name 7, got 8$"):
        verify(renamed)


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"{}", b'{"manifest": {}}', b"\xff", b"[" * 100_000]
)
def test_anything_else_in_the_place_of_a_manifest_is_damage(checkpoint, content):
    (checkpoint / "manifest.json").write_bytes(content)
    with pytest.raises(DamagedError, match=r"manifest\.json needs the bytes it was written with"):
        verify(checkpoint)


def test_what_is_no_folder_is_damage(tmp_path):
    (tmp_path / "7").write_text("no folder")
    for name in ["7", "8"]:
        with pytest.raises(DamagedError, match=r"manifest\.json cannot be read: (Not|No such)"):
            verify(tmp_path / name)
