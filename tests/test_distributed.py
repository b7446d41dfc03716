"""Several processes on one machine by one command, and their bits in one."""

import re
import signal
import time

import pytest
from programs import call, finish, start

from experiments import distributed

FAST = ["--dataset=digits", "--hidden_sizes=4", "--noplots"]


def test_two_processes_train_and_one_finds_the_same_bits(tmp_path):
    folder = tmp_path / "run"
    code, out, said = finish(start("distributed", *FAST, "--workdir", folder))
    assert code == 0, said
    shown = ["on cpu data:2 in exact mode", "2/2 ", f"all in {folder}: ", "process 1 of 2: "]
    assert all(text in out for text in shown)
    assert re.search(r"\nthe same in one process: .*\n(.*\n)*identical to the bit in all 2 e", out)


def test_sigterm_goes_on_to_the_processes_which_leave_a_checkpoint(tmp_path):
    folder = tmp_path / "run"
    started = start("distributed", *FAST, "--num_epochs=1000", "--workdir", folder)
    deadline = time.monotonic() + 200
    while not (folder / "metrics.jsonl").exists():
        assert started.poll() is None, finish(started)
        assert time.monotonic() < deadline
        time.sleep(0.05)
    started.send_signal(signal.SIGTERM)
    code, out, said = finish(started, timeout=60)  # once nobody can write into its output
    assert code == 143, said
    assert f"interrupted; {folder} holds a checkpoint of step " in said
    assert "the same in one process" not in out


@pytest.mark.parametrize("flag", ["--process_id=0", "--coordinator_address=a:1", "--distributed"])
def test_what_it_decides_itself_is_refused(flag, tmp_path):
    with pytest.raises(SystemExit, match="^error: --.* is for experiments.mnist: here it is decid"):
        call(distributed, *FAST, flag, "--workdir", tmp_path / "run")


def test_what_a_process_refuses_ends_it_without_verifying(tmp_path):
    given = [*FAST, "--batch_size=20", "--mesh=data:2", "--num_processes=1", "--workdir", tmp_path]
    code, out, said = finish(start("distributed", *given))
    assert (code, "in one process" in out) == (1, False)
    assert (
        said == "error: batch_size needs to be a multiple of 8 on 2 devices in exact mode, got 20\n"
    )
