"""Runs in processes of their own that end before their time, and what is left of them.

A chain is a run that is ended again and again and resumed each time: in turns soon after its
start, and once it is past a random step, so that however busy the machine is, it neither ends by
itself nor stays where it was. What it leaves has to be what the same run leaves that nothing ever
happened to.
"""

import contextlib
import random
import re
import resource
import shutil
import signal
import subprocess
import time

import pytest
from programs import finish, start
from run_files import read, result, save_npz

from jaxmlp.storage import checkpoint

KILL, INT, TERM = signal.SIGKILL, signal.SIGINT, signal.SIGTERM
STEPS, EPOCHS, FEW = 45, 200, 80  # of an epoch, of a run, of one that is ended twice
STOPPED = [
    *("--validation_fraction=0.1", "--stop_metric=accuracy", "--patience=80"),
    *("--optimizer=adamw", "--schedule=warmup_cosine", "--checkpoint_every=70steps", "--keep=1"),
]
SCHEDULED = ["--optimizer=momentum", "--schedule=cosine", "--checkpoint_every=3epochs", "--plots"]
CHAINS = {
    "plain": (["--checkpoint_every=100steps"], [KILL] * 7),
    "schedule and pictures": (SCHEDULED, [TERM, KILL, INT, KILL, KILL, INT, KILL]),
    "early stopping": (STOPPED, [KILL, KILL, INT, KILL, TERM, KILL, KILL]),
}
QUICK = "schedule and pictures"


@pytest.fixture(scope="module")
def data(digits, tmp_path_factory):
    train, test = (rows.reshape(-1, 8, 8) for rows in (digits.train_inputs, digits.test_inputs))
    pictures = digits._replace(train_inputs=train, test_inputs=test)
    return save_npz(tmp_path_factory.mktemp("data") / "digits.npz", pictures)


def train(*flags):
    """Trains to the end."""
    code, _, err = finish(start("mnist", *flags))
    assert code == 0, err
    assert "Traceback" not in err


def interrupt(number, step, pause, *flags, folder):
    """Trains for an epoch, until a checkpoint has this step, and a moment more.

    Returns:
      The exit code, and what the run said.
    """
    with start("mnist", *flags, f"--workdir={folder}") as process:
        said: list[str] = []
        while not re.match(r" *\d+/\d+ ", said[-1] if said else ""):
            said.append(process.stdout.readline())
            assert said[-1], process.stderr.read()
        while newest_step(folder) < step:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        time.sleep(pause)
        process.send_signal(number)
        process.wait(timeout=600)
        said += [process.stdout.read(), process.stderr.read()]
    assert "Traceback" not in "".join(said)
    return process.returncode, "".join(said)


def newest_step(folder):
    return max(checkpoint.steps(folder / "checkpoints"), default=0)


def test_a_run_ended_again_and_again_leaves_what_one_left_in_peace_does(data, tmp_path):
    more, signals = CHAINS[QUICK]
    check_chain(QUICK, more, signals[:2], data, tmp_path, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("chain", CHAINS)
def test_so_it_does_when_it_is_ended_more_often(chain, data, tmp_path):
    check_chain(chain, *CHAINS[chain], data, tmp_path)


def check_chain(chain, more, signals, data, tmp_path, epochs=EPOCHS):
    flags = [data, f"--num_epochs={epochs}", "--noplots", *more]
    whole, folder = tmp_path / "whole", tmp_path / "ended"
    train(*flags, f"--workdir={whole}")
    last = read(whole / "summary.json")["num_epochs"] * STEPS

    moments = random.Random(chain)
    targets = sorted(moments.uniform(0, 0.6 * last) for _ in signals)
    for i, (number, target) in enumerate(zip(signals, targets, strict=True)):
        step = newest_step(folder)
        pause = moments.uniform(0, 0.1)
        code, said = interrupt(number, target * (i % 2), pause, *flags, "--resume", folder=folder)
        assert (f"going on after step {step}\n" in said) == (step > 0)
        if number == KILL:
            assert code == -KILL
        else:
            assert code == 128 + number
            assert f"a checkpoint of step {newest_step(folder)} (--resume goes on)" in said
    assert 0 < newest_step(folder) < last

    train(*flags, "--resume", f"--workdir={folder}")
    assert result(folder) == result(whole)
    assert bool(result(folder)["pictures"]) == ("--plots" in more)


# --- a disk without room

SMALL = ["--num_epochs=120", "--hidden_sizes=16", "--checkpoint_every=2epochs", "--noplots"]


@contextlib.contextmanager
def small_disk(folder):
    """A folder on a disk of 120 kB; yields what makes the disk larger."""
    command = ["mount", "-t", "tmpfs", "-o", "size=120k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")

    def enlarge():
        subprocess.run(["mount", "-o", "remount,size=20m", str(folder)], check=True)

    try:
        yield enlarge
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def small_files():
    """What is started from here may write files of up to 30 kB; yields what changes nothing."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))

    def lift():
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    try:
        yield lift
    finally:
        lift()


@pytest.fixture(scope="module")
def whole_small(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("small") / "whole"
    train(data, *SMALL, f"--workdir={folder}")
    return folder


@pytest.mark.parametrize("limit", [pytest.param("disk", marks=pytest.mark.slow), "files"])
def test_a_run_without_room_trains_to_its_end_says_what_is_missing_and_has_it_when_resumed(
    limit, data, whole_small, tmp_path
):
    folder = tmp_path / "ended"
    folder.mkdir()
    with small_disk(folder) if limit == "disk" else small_files() as make_room:
        process = start("mnist", data, *SMALL, f"--workdir={folder}")
        code, out, err = finish(process)
        assert code == 1
        assert "120/120" in out
        *warnings, error = err.splitlines()
        kinds = [line.split(" cannot be")[0].split(" step")[0] for line in warnings]
        assert {"warning: saving", "warning: metrics.jsonl"} <= set(kinds)
        assert len(kinds) == len(set(kinds))  # not one an epoch
        assert error.startswith(f"error: {folder} is not whole: ")
        assert "metrics.jsonl could not be written: [Errno " in error
        assert (folder / "metrics.jsonl").read_text().endswith("}\n")

        make_room()
        assert newest_step(folder) > 0
        for step in checkpoint.steps(folder / "checkpoints"):
            checkpoint.verify(folder / "checkpoints" / str(step))
        train(data, *SMALL, "--resume", f"--workdir={folder}")
        assert result(folder) == result(whole_small)
