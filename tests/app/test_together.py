"""Several processes that are one program, as a user starts them."""

import json
import os
import re
import signal
import time

import numpy as np
import pytest
from programs import call, command_line
from several import ends, free_address, start_programs

from experiments import mnist, verify
from experiments.app import config, together
from experiments.app.settings import Settings
from jaxmlp import processes

SETTINGS = [
    *("--dataset=digits", "--hidden_sizes=8", "--norm=batch", "--dropout=0.1", "--noplots"),
    *("--threads=2", "--num_epochs=12"),
]
DIVERGING = [  # without what is long to compile
    *("--dataset=digits", "--hidden_sizes=8", "--noplots", "--threads=2", "--num_epochs=2"),
    *("--learning_rate=1e30", "--optimizer=sgd"),
]
TIMES = ("seconds", "environment")


def lines_of(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [{n: value for n, value in line.items() if n not in TIMES} for line in lines]


def record_of(folder, name):
    record = json.loads((folder / name).read_text())
    config = record.get("config", record)
    for setting in ("mesh", "threads", "outputs"):
        config.pop(setting, None)
    return {name: value for name, value in record.items() if name not in TIMES}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run of two processes, of which the second was told to stop: its folder, and their ends."""
    folder = tmp_path_factory.mktemp("together") / "run"
    pair = start_programs("mnist", *SETTINGS, "--workdir", folder)
    deadline = time.monotonic() + 300
    while not (folder / "metrics.jsonl").exists():
        assert time.monotonic() < deadline
        assert all(each.poll() is None for each in pair), ends(*pair)
        time.sleep(0.01)
    pair[1].send_signal(signal.SIGTERM)
    return folder, ends(*pair)


def test_a_signal_to_any_stops_all_with_a_checkpoint_and_the_first_alone_shows(stopped):
    folder, (codes, (shown, other), said) = stopped
    assert codes == [143, 143], said
    assert 0 < len(lines_of(folder)) < 100
    assert "on cpu data:2 in exact mode" in "\n".join(shown)
    assert other == [
        "experiments.mnist: starting JAX",
        "process 1 of 2: process 0 shows and writes",
    ]
    assert "interrupted; " in said[0]
    assert "(--resume goes on)" in said[0]
    assert said[1] == ""
    assert json.loads((folder / "environment.json").read_text())["num_devices"] == 2


def test_it_goes_on_to_the_bits_of_one_process(stopped, tmp_path, capsys):
    folder = stopped[0]
    codes, (shown, _), said = ends(*start_programs("mnist", "--resume", "--workdir", folder))
    assert codes == [0, 0], said
    assert any(line.startswith("going on after step ") for line in shown)
    call(mnist, *SETTINGS, "--mesh=data:1", "--workdir", tmp_path / "alone")
    assert lines_of(folder) == lines_of(tmp_path / "alone")
    for name in ("config.json", "receipt.json", "summary.json"):
        assert record_of(folder, name) == record_of(tmp_path / "alone", name), name
    with np.load(folder / "params.npz") as own, np.load(tmp_path / "alone/params.npz") as alone:
        assert own.files == alone.files
        assert all(own[name].tobytes() == alone[name].tobytes() for name in own.files)
    capsys.readouterr()
    call(verify, folder)
    assert "identical to the bit in all 12 epochs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "stopped: a number that is not finite came up in step 1 "),
        (["--on_fault=ignore"], "THIS RUN ENDED WORSE THAN IT BEGAN"),
    ],
)
def test_all_end_where_training_diverges(flags, said, tmp_path):
    flags = [*DIVERGING, *flags, "--workdir", tmp_path / "run"]
    codes, shown, errors = ends(*start_programs("mnist", *flags))
    assert codes == [3, 3], errors
    assert said in "\n".join(shown[0]) + errors[0]
    assert errors[1] == ""
    assert [line for line in shown[0] + shown[1] if "Gloo" in line] == []  # kept off the screen


def test_what_one_refuses_ends_all_with_a_line_each(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    codes, _, said = ends(*start_programs("mnist", *SETTINGS, "--workdir", tmp_path))
    assert codes == [1, 1]
    why = f"--workdir needs a new or empty folder, or --overwrite, got {tmp_path} with 1 files"
    assert said[0].startswith(f"error: {why}")
    assert said[1].startswith(f"error: process 0 has ended: {why}")
    assert [each.count("\n") for each in said] == [1, 1]
    assert os.listdir(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--seed=3", "seed: expected 0, got 3"),
        ("--mesh=data:3", "mesh: expected None, got data:3"),  # before JAX has its devices
        ("--dataset=DATA", "data_sha256: expected .*, got .*"),  # and nothing of what follows
    ],
)
def test_settings_that_differ_are_named_by_all(flag, said, tmp_path):
    data = tmp_path / "own.npz"
    np.savez(data, x=np.zeros((20, 3), np.float32), y=np.arange(20) % 2)
    own = ([], [flag.replace("DATA", str(data))])
    pair = start_programs("mnist", *SETTINGS, "--workdir", tmp_path / "new", own=own)
    codes, shown, lines = ends(*pair)
    assert codes == [1, 1]
    assert lines[0] == lines[1]
    line = f"error: process 1 needs to have what process 0 has; {said}\n"
    assert re.fullmatch(line, lines[0])
    assert re.fullmatch(r"waiting for 1 more at 127.0.0.1:\d+, for up to 60 s", shown[0][1])
    assert not (tmp_path / "new").exists()


ADDRESS = "--coordinator_address=127.0.0.1:1"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([ADDRESS], "all of .*, got --coordinator_address alone; with --distributed"),
        (["--num_processes=2", "--process_id=0"], "got --num_processes and --process_id alone"),
        ([ADDRESS, "--num_processes=2", "--process_id=2"], "--process_id needs to be from 0 to 1"),
        (["--coordinator_address=here", "--num_processes=1", "--process_id=0"], "a host and a p"),
        (["--num_processes=0"], "flag --num_processes=0: expected a whole number from 1"),
        (["--process_id=-1"], "flag --process_id=-1: expected a whole number from 0"),
        (["--distributed"], "--distributed needs to come before anything that JAX computes, got"),
    ],
)
def test_flags_that_do_not_fit_each_other_are_refused_before_any_work(flags, said, tmp_path):
    with pytest.raises(SystemExit, match=f"^error: .*{said}"):
        call(mnist, *SETTINGS, *flags, "--workdir", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_one_process_joins_nobody():
    with command_line():
        assert together.join(config.read()) == 1
    together.agree({"seed": 0, "data_sha256": "5"})
    with pytest.raises(SystemExit, match="^a line$"), together.ending_alike():
        raise SystemExit("a line")
    assert not processes.are_joined()


def test_where_data_lie_may_differ(monkeypatch):
    seen = []
    monkeypatch.setattr(together.processes, "same", seen.append)
    together.agree({"seed": 0, "data_dir": "/here", "dataset": "/here/a.npz", "data_sha256": "5"})
    assert seen == [{"data_sha256": "5"}, {"seed": 0, "data_sha256": "5"}]
    assert Settings().distributed is False
    assert free_address().startswith("127.0.0.1:")
