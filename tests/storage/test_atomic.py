import contextlib
import itertools
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from endings import killed_at

from jaxmlp.storage import atomic
from jaxmlp.storage.atomic import locked, remove_folder, scratch_of, whole_file, whole_folder

ROOT = Path(__file__).parents[2]


def write(path, content):
    with whole_file(path) as file:
        file.write(content)


def fill(path, content):
    with whole_folder(path) as folder:
        (folder / "a").write_bytes(content)
        (folder / "sub").mkdir()
        (folder / "sub" / "b").write_bytes(content)


def read(path):
    """A file's bytes, or a folder's files with theirs; None for nothing."""
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        return {str(file.relative_to(path)): file.read_bytes() for file in files}
    return path.read_bytes() if path.exists() else None


OLD, NEW = b"old" * 1000, b"new"
FOLDER = {"a": NEW, "sub/b": NEW}


@pytest.fixture
def synced(monkeypatch):
    """Notes what is put on the disk, and what takes its place."""
    calls, fsync = [], os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda fd: (calls.append(Path(os.readlink(f"/proc/self/fd/{fd}"))), fsync(fd))
    )
    for name in ("replace", "rename"):
        move = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *p, move=move: (calls.append("moved"), move(*p)))
    return calls


# --- files


def test_a_file_is_replaced_when_all_of_it_is_there(tmp_path):
    write(path := tmp_path / "file", OLD)
    with whole_file(str(path)) as file:
        file.write(NEW)
        file.flush()
        assert read(path) == OLD
        assert Path(file.name) == scratch_of(path) == tmp_path / ".file.saving"
        file.seek(0)
        assert file.read() == NEW
    assert read(path) == NEW
    assert os.listdir(tmp_path) == ["file"]


def test_what_a_relative_path_names_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("file", NEW)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, error):
    write(tmp_path / "file", OLD)
    with contextlib.suppress(error), whole_file(tmp_path / "file") as file:
        file.write(NEW)
        raise error
    assert read(tmp_path / "file") == OLD
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_is_on_the_disk_before_it_is_in_its_place_and_then_its_folder_is(tmp_path, synced):
    write(tmp_path / "file", NEW)
    assert synced == [tmp_path / ".file.saving", "moved", tmp_path]


def test_what_a_killed_writer_leaves_is_used_and_none_of_it_stays(tmp_path):
    scratch_of(tmp_path / "file").write_bytes(OLD)
    write(tmp_path / "file", NEW)
    assert read(tmp_path / "file") == NEW
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_in_the_place_of_the_scratch_leads_nowhere(tmp_path):
    (tmp_path / "precious").write_bytes(OLD)
    scratch_of(tmp_path / "file").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        write(tmp_path / "file", NEW)
    assert read(tmp_path / "precious") == OLD


def test_all_may_read_a_file_unless_the_process_says_otherwise(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "file", NEW)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_writers_at_a_time_wait_for_each_other(tmp_path):
    path, contents = tmp_path / "file", [bytes([i]) * 100_000 for i in range(8)]
    write(path, contents[0])
    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(write, path, content) for content in contents * 4]
        while not all(each.done() for each in writes):
            assert read(path) in contents
    for each in writes:
        each.result()
    assert os.listdir(tmp_path) == ["file"]


def test_a_second_writer_waits_until_the_first_is_done(tmp_path):
    path = tmp_path / "file"
    second = threading.Thread(target=write, args=(path, NEW))
    with whole_file(path) as file:
        second.start()
        file.write(OLD)
        second.join(0.05)
        assert second.is_alive()
    second.join(60)
    assert read(path) == NEW
    assert os.listdir(tmp_path) == ["file"]


# --- folders


def test_a_folder_is_there_when_all_of_it_is(tmp_path):
    path = tmp_path / "folder"
    with whole_folder(path) as folder:
        (folder / "a").write_bytes(NEW)
        assert folder == scratch_of(path)
        assert not path.exists()
    assert read(path) == {"a": NEW}
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_of_a_folder_that_fails_nothing_is_left(tmp_path, error):
    with contextlib.suppress(error), whole_folder(tmp_path / "folder") as folder:
        (folder / "a").write_bytes(NEW)
        raise error
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_there_stays_as_it_is(tmp_path):
    fill(path := tmp_path / "folder", OLD)
    with pytest.raises(OSError, match="not empty"):
        fill(path, NEW)
    assert read(path) == {"a": OLD, "sub/b": OLD}
    assert os.listdir(tmp_path) == ["folder"]


def test_all_of_a_folder_is_on_the_disk_before_it_is_in_its_place(tmp_path, synced):
    fill(tmp_path / "folder", NEW)
    scratch, at = tmp_path / ".folder.saving", synced.index("moved")
    inside = [scratch, scratch / "a", scratch / "sub", scratch / "sub" / "b"]
    assert sorted(synced[:at]) == inside
    assert synced[at + 1 :] == [tmp_path]


# --- ends at any moment

DEEDS = {  # before, after
    "a file": (write, OLD, NEW),
    "a folder": (fill, None, FOLDER),
    "a removal": (lambda path, _: remove_folder(path), FOLDER, None),
}


@pytest.mark.parametrize("name", DEEDS)
def test_the_end_at_any_change_leaves_all_or_nothing_and_the_next_makes_it_good(name, tmp_path):
    deed, before, after = DEEDS[name]
    for number in itertools.count():
        folder = tmp_path / f"{number}"
        folder.mkdir()
        path = folder / "it"
        if isinstance(before, bytes):
            write(path, before)
        elif before:
            fill(path, NEW)
        with killed_at(number, folder) as changes:
            deed(path, NEW)
        assert read(path) in (before, after)
        if len(changes) < number:  # it came to its end
            break
        if deed is not write and read(path) == after:  # all but what lies aside, for the next
            fill(path, NEW) if after is None else remove_folder(path)
        deed(path, NEW)
        assert read(path) == after
        assert os.listdir(folder) == ["it"] * (after is not None)
    assert number >= 2


# --- locks


def test_a_lock_is_held_by_one_at_a_time_and_its_file_stays(tmp_path):
    for _ in range(2):
        with locked(tmp_path / "lock"):
            with pytest.raises(BlockingIOError), locked(tmp_path / "lock"):
                pass
            with locked(tmp_path / "other"):
                pass
    assert sorted(os.listdir(tmp_path)) == ["lock", "other"]


def test_a_lock_ends_with_an_error_inside_and_with_a_killed_process(tmp_path):
    with pytest.raises(ValueError, match="inside"), locked(tmp_path / "lock"):
        raise ValueError("inside")
    program = """
import os, sys
from jaxmlp.storage.atomic import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lock")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError), locked(tmp_path / "lock"):
            pass
        process.kill()
    with locked(tmp_path / "lock"):
        pass


@pytest.mark.parametrize("make", ["mkdir", "symlink_to", "mkfifo"])
def test_something_else_in_the_place_of_a_locks_file_is_left_alone(tmp_path, make):
    (tmp_path / "precious").write_bytes(OLD)
    lock = tmp_path / "lock"
    {
        "mkdir": lock.mkdir,
        "symlink_to": lambda: lock.symlink_to(tmp_path / "precious"),
        "mkfifo": lambda: os.mkfifo(lock),
    }[make]()
    message = r"lock needs to be a lock's file, got another kind$"
    with pytest.raises(ValueError, match=message), locked(lock):
        pass
    assert read(tmp_path / "precious") == OLD


def test_without_locks_in_the_system_all_else_is_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "HAS_LOCKS", False)
    write(tmp_path / "file", NEW)
    with locked(tmp_path / "lock"), locked(tmp_path / "lock"):
        pass
    assert os.listdir(tmp_path) == ["file"]
