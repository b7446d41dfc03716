"""A sweep whose networks two processes train: stopped, resumed, and what it leaves."""

import re
import signal
import time

import numpy as np
import pytest
from programs import call, finish, start
from run_files import lines, read, save_npz
from several import free_address

from experiments import replay, sweep
from experiments.app import parts
from jaxmlp.storage import checkpoint

RATES = ["--sweep=learning_rate=0.1,0.001,0.01", "--halving=2", "--validation_fraction=0.2"]
SMALL = ["--num_epochs=150", "--batch_size=16", "--hidden_sizes=8", "--seeds=0:3", *RATES]


def of_two(folder, *flags):
    """Two processes of one sweep."""
    where = f"--coordinator_address={free_address()}", "--num_processes=2"
    return [
        start("sweep", f"--workdir={folder}", *flags, *where, f"--process_id={number}")
        for number in (0, 1)
    ]


def wait_for(path, count, running):
    """Until a file has so many lines, of processes that are at work."""
    deadline = time.monotonic() + 200
    while not path.exists() or len(path.read_text().splitlines()) < count:
        if time.monotonic() > deadline or any(each.poll() is not None for each in running):
            for each in running:
                each.kill()
            raise AssertionError([finish(each) for each in running])
        time.sleep(0.01)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("sweeps")


@pytest.fixture(scope="module")
def flags(blobs, place):
    return [save_npz(place / "blobs.npz", blobs), *SMALL, "--save_networks"]


@pytest.fixture(scope="module")
def ended(flags, place):
    """The folder of a sweep that a signal to the second process stopped, and that went on."""
    folder = place / "two"
    running = of_two(folder, *flags)
    wait_for(folder / "processes" / "1" / "metrics.jsonl", 2, running)
    running[1].send_signal(signal.SIGTERM)
    first, second = map(finish, running)
    assert (first[0], second[0]) == (143, 143), (first, second)
    assert f"interrupted; {folder} holds a checkpoint (--resume goes on)" in first[2]
    assert "process 1 of 2: process 0 shows and writes" in second[1]
    assert "epoch" not in second[1]
    assert not (folder / "runs.npz").exists()
    own = folder / "processes" / "1"
    (saved,), before = checkpoint.steps(own / "checkpoints"), lines(own)
    assert saved > 0
    stray = folder / "processes" / "stray"  # how many there were is in the record
    stray.mkdir()
    again = [finish(process) for process in of_two(folder, "--resume")]
    stray.rmdir()
    assert [code for code, _, _ in again] == [0, 0], again
    assert re.search(
        r"going on after \d+ network-epochs; \d+ networks of process 0's have", again[0][1]
    )
    assert "of each process, of which there are 2" in again[0][1]
    assert lines(own)[: len(before)] == before  # with their seconds: it has gone on
    epochs = [line["epoch"] for line in lines(own)]
    assert epochs == list(range(1, len(epochs) + 1))
    return folder


def test_a_sweep_of_two_processes_leaves_what_one_leaves(ended, flags, place):
    alone = place / "one"
    call(sweep, f"--workdir={alone}", *flags)
    with np.load(alone / "runs.npz") as one, np.load(ended / "runs.npz") as two:
        assert one.files == two.files
        for name in one.files:
            assert one[name].tobytes() == two[name].tobytes(), name
        assert len(set(one["params_sha256"].flat)) == 9
    assert (alone / "table.csv").read_bytes() == (ended / "table.csv").read_bytes()
    expected, got = read(alone / "summary.json"), read(ended / "summary.json")
    for figures in (expected, got):
        del figures["seconds"], figures["network_epochs_per_second"]
    assert got == expected
    assert got["ensemble"]["num_networks"] == 3  # though this process has not trained all
    for folder in ("networks", "plots"):
        names = sorted(path.name for path in (alone / folder).iterdir())
        assert names == sorted(path.name for path in (ended / folder).iterdir())
        for name in names:
            pair = (alone / folder / name).read_bytes(), (ended / folder / name).read_bytes()
            assert pair[0] == pair[1], name
    for expected, got in zip(lines(alone), lines(ended), strict=True):
        assert got.keys() | {"seconds"} == expected.keys()
        assert (got["epoch"], got["num_live"]) == (expected["epoch"], expected["num_live"])
        assert got["test_loss"] == pytest.approx(expected["test_loss"], rel=1e-6)


def test_a_network_of_either_process_is_replayed(ended, capsys):
    for seed in (0, 1):
        call(replay, ended, f"--member=learning_rate=0.01,seed={seed}")
        assert "identical to the bit" in capsys.readouterr().out


def test_a_sweep_goes_on_in_as_many_processes(ended):
    said = "--resume needs as many processes as before, .*: expected 2, got 1"
    with pytest.raises(ValueError, match=said):
        parts.check(ended)
    assert sorted(path.name for path in ended.iterdir() if path.is_dir()) == [
        *("checkpoints", "networks", "plots", "processes"),
    ]
