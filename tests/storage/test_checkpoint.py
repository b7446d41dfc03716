import contextlib
import os
import random
import resource
import shutil
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checkpoint_folders import LIKE, hidden, is_of, save_all, tree

from jaxmlp.storage import checkpoint_files
from jaxmlp.storage.checkpoint import (
    Checkpoints,
    CheckpointWarning,
    restore,
    restore_best,
    steps,
    verify,
)

# --- in the background


@pytest.fixture
def blocked(monkeypatch):
    """Nothing is written before this event is set; then the steps are noted in order."""
    event, write = threading.Event(), checkpoint_files.write
    event.written = []

    def wait_and_write(path, step, *rest):
        assert event.wait(60)
        event.written.append(step)
        write(path, step, *rest)

    monkeypatch.setattr(checkpoint_files, "write", wait_and_write)
    yield event
    event.set()


def test_saving_does_not_wait_for_the_disk_and_keeps_the_order(tmp_path, blocked):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, tree(1), {"epoch": 1})
        checkpoints.save(2, tree(2), {"epoch": 2})
        assert (steps(tmp_path), blocked.written) == ([], [])
        third = threading.Thread(target=checkpoints.save, args=(3, tree(3), {"epoch": 3}))
        third.start()
        third.join(0.05)
        assert third.is_alive()  # two are enough to hold in memory
        blocked.set()
        third.join()
        checkpoints.wait()
        assert (steps(tmp_path), blocked.written) == ([1, 2, 3], [1, 2, 3])
    assert is_of(restore(tmp_path, LIKE), 3)


def test_what_is_saved_is_what_was_there_at_the_time(tmp_path, blocked):
    """Arrays and record may change afterwards, and a buffer may be donated."""
    weights, record = np.full(50, 1, np.float32), {"epoch": 1}
    donated = jnp.arange(50.0)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"weights": weights, "donated": donated}, record)
        weights[:], record["epoch"] = 9, 9
        jax.block_until_ready(jax.jit(lambda x: x * 0 - 1, donate_argnums=0)(donated))
        blocked.set()
    found = restore(tmp_path, {**LIKE, "donated": donated})
    assert is_of(found, 1)
    assert found.tree["donated"].tolist() == list(range(50))


def test_closing_waits_and_is_the_end(tmp_path):
    checkpoints = Checkpoints(tmp_path / "new" / "folder")
    checkpoints.save(1, tree(1))
    checkpoints.close()
    checkpoints.close()
    assert steps(tmp_path / "new" / "folder") == [1]
    with pytest.raises(RuntimeError, match="shutdown"):
        checkpoints.save(2, tree(2))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((-1, {}), ValueError, "^step needs to be 0 or more, got -1$"),
        ((0.5, {}), TypeError, "float"),
        ((1, {"a": "text"}), TypeError, "^a needs to be an array of numbers, got <U4$"),
        ((1, {}, {"set"}), TypeError, "set is not JSON serializable"),
    ],
)
def test_what_cannot_be_saved_is_refused_at_once(tmp_path, arguments, error, message):
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(error, match=message):
        checkpoints.save(*arguments)
    assert os.listdir(tmp_path) == []


def test_keep_needs_to_be_positive(tmp_path):
    with pytest.raises(ValueError, match="^keep needs to be at least 1, got 0$"):
        Checkpoints(tmp_path / "none", keep=0)
    assert not (tmp_path / "none").exists()


# --- what goes wrong


def test_a_failed_save_is_a_warning_at_the_next_call_and_the_next_may_succeed(two, monkeypatch):
    write = checkpoint_files.write

    def fail(path, step, *rest):
        if step in (3, 5):
            raise OSError(28, "No space left on device")
        write(path, step, *rest)

    monkeypatch.setattr(checkpoint_files, "write", fail)
    message = r"^saving step {} in {}: OSError: \[Errno 28\] No space left on device$"
    checkpoints = Checkpoints(two)
    checkpoints.save(3, tree(3))
    with pytest.warns(CheckpointWarning, match=message.format(3, two)) as caught:
        checkpoints.wait()
    assert [warning.filename for warning in caught] == [__file__]
    assert checkpoints.error == "OSError: [Errno 28] No space left on device"
    checkpoints.save(4, tree(4))
    checkpoints.wait()
    assert checkpoints.error is None
    checkpoints.save(5, tree(5))
    with pytest.warns(CheckpointWarning, match=message.format(5, two)):
        checkpoints.close()
    assert steps(two) == [1, 2, 4]


@contextlib.contextmanager
def small_disk(folder):
    """A folder on a disk of 400 kB; skips the test where nothing can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_costs_one_checkpoint_and_no_more(tmp_path):
    folder = tmp_path / "disk"
    with small_disk(folder):
        save_all(folder / "checkpoints", {1: None, 2: None})
        (folder / "ballast").write_bytes(bytes(100_000))
        with Checkpoints(folder / "checkpoints") as checkpoints:
            checkpoints.save(3, {"weights": np.zeros(100_000, np.float32)})
            with pytest.warns(CheckpointWarning, match="(?i)saving step 3 .*no space left"):
                checkpoints.wait()
            assert hidden(folder / "checkpoints") == []
            assert is_of(restore(folder / "checkpoints", LIKE), 2)
            (folder / "ballast").unlink()
            checkpoints.save(4, {"weights": np.zeros(50_000, np.float32)})
        assert checkpoints.error is None
        assert steps(folder / "checkpoints") == [1, 2, 4]
        verify(folder / "checkpoints" / "4")


def test_a_limit_on_the_size_of_files_costs_one_checkpoint_and_no_more(two):
    large = {"weights": np.ones(100_000, np.float32)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Checkpoints(two) as checkpoints:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
            checkpoints.save(3, large)
            with pytest.warns(CheckpointWarning, match="(?i)saving step 3 .*file too large"):
                checkpoints.wait()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert hidden(two) == []
        assert is_of(restore(two, LIKE), 2)
        checkpoints.save(4, large)
    assert steps(two) == [1, 2, 4]


# --- a process that is killed


class Killed(BaseException):
    """Nothing catches it, so that nothing is done after it, as if the process had ended."""


def test_the_end_at_any_call_leaves_the_newest_or_the_one_before(tmp_path, monkeypatch):
    """Ends a save, with the deletion that follows it, before each call that changes the disk."""
    save_all(tmp_path / "template", {1: None})
    calls_to_go, outcomes = 0, []
    while True:
        folder = tmp_path / f"{calls_to_go}"
        shutil.copytree(tmp_path / "template", folder)
        with Checkpoints(folder, keep=1) as checkpoints, monkeypatch.context() as patched:
            countdown = iter([False] * calls_to_go + [True])
            for name in ["mkdir", "fsync", "rename", "unlink", "rmdir"]:
                patched.setattr(os, name, ending_at(countdown, getattr(os, name)))
            checkpoints.save(2, tree(2), {"epoch": 2})
            try:
                checkpoints.wait()
                break
            except Killed:
                pass
        found = restore(folder, LIKE)
        assert is_of(found, found.step)
        outcomes.append(found.step)
        save_all(folder, {3: None}, keep=2)  # what is left over does not stand in the way
        assert steps(folder) == [found.step, 3]
        assert hidden(folder) == []
        calls_to_go += 1
    assert outcomes == sorted(outcomes)
    assert outcomes.count(1) > 10
    assert outcomes.count(2) > 5


def ending_at(countdown, function):
    def counted(*arguments, **options):
        if next(countdown, False):
            raise Killed
        return function(*arguments, **options)

    return counted


SAVING = """
import sys
import numpy as np
from jaxmlp.storage.checkpoint import Checkpoints

checkpoints = Checkpoints(sys.argv[1], keep=1)
for step in range(1, 1_000_000):
    tree = {"weights": np.full(50, step, np.float32), "more": np.full(100_000, 1.0 * step)}
    checkpoints.save(step, tree, {"epoch": step}, score=-step)
    checkpoints.wait()
    print(step, flush=True)
"""


@contextlib.contextmanager
def saving_in_a_loop(folder):
    """A process that prints each step once its checkpoint is in place."""
    process = subprocess.Popen(
        [sys.executable, "-c", SAVING, str(folder)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_kill_9_at_any_moment_loses_nothing_that_was_saved(tmp_path):
    random.seed(0)
    folders = [tmp_path / f"{number}" for number in range(6)]
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(saving_in_a_loop(folder)) for folder in folders]
        for process, folder in zip(processes, folders, strict=True):
            process.stdout.readline()
            time.sleep(random.uniform(0, 0.2))
            process.kill()
            reported = [1, *map(int, process.stdout.read().split())][-1]
            found = restore(folder, {**LIKE, "more": np.zeros(100_000)})
            assert found.step in (reported, reported + 1)
            assert is_of(found, found.step)
            assert (found.tree["more"] == found.step).all()
            save_all(folder, {1_000_000: None})
            assert hidden(folder) == []


def test_importing_does_not_load_orbax():
    program = "import sys, jaxmlp.checkpoint; assert 'orbax' not in sys.modules"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=root, check=True)


def test_no_warning_is_raised_by_a_healthy_life(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        save_all(tmp_path, {1: 0.5, 2: 0.6})
        restore(tmp_path, LIKE)
        restore_best(tmp_path, LIKE)
    assert not caught
