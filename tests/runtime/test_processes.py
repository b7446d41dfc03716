"""Several processes on this machine: how they come together, agree, and end with each other."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxmlp.runtime import processes
from jaxmlp.runtime.processes import LOST, any_of, is_first, join, largest, leave, same

PROGRAM = """
import json, sys, time
from jaxmlp.runtime import processes, receipt
from jaxmlp.runtime.processes import *

given = json.loads(sys.argv[1])
if "jax" in given:
    versions = receipt.versions() | {"jax": given["jax"]}
    receipt.versions = lambda: versions
started = time.monotonic()
try:
    join(*given["join"], seconds=given["seconds"])
except (OSError, ValueError) as error:
    print(f"{type(error).__name__}: {error}")
    print(time.monotonic() - started)
    sys.exit(1)
exec(given["then"])
"""
ROOT = Path(__file__).parents[2]


def free_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def start(address, count, number, then="", seconds=60, **more):
    given = {"join": [address, count, number], "then": then, "seconds": seconds, **more}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps(given)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends(*started):
    """The exit codes, and what was printed but for gloo's words."""
    found = [process.communicate(timeout=120) for process in started]
    lines = [[each for each in out.splitlines() if "[Gloo]" not in each] for out, _ in found]
    return [process.returncode for process in started], lines, [said for _, said in found]


def test_alone_a_process_is_the_first_and_agrees_with_itself():
    assert is_first()
    assert (any_of(True), any_of(False)) == (True, False)
    assert largest([1, 7]).tolist() == [1, 7]
    same({"anything": 1})
    leave(1)  # does not exit


AGREEING = """
print(is_first(), any_of(not is_first()), any_of(False), largest([1, 3 if is_first() else 2]))
same({"seed": 0})
try:
    same({"seed": 0, "deep": {"batch": 8 if is_first() else 9}})
except ValueError as error:
    print(error)
if is_first():
    time.sleep(1)
    print("written")
leave()
"""


def test_processes_agree_and_wait_for_each_other_at_the_end():
    address = free_address()
    codes, lines, said = ends(*(start(address, 2, number, AGREEING) for number in range(2)))
    assert codes == [0, 0], said
    differs = "process 1 needs to have what process 0 has; deep.batch: expected 8, got 9"
    assert lines[0] == ["True True False [1. 3.]", differs, "written"]
    assert lines[1] == ["False True False [1. 3.]", differs]


def test_versions_and_the_number_of_processes_are_the_same_everywhere():
    address = free_address()
    codes, lines, _ = ends(start(address, 2, 0), start(address, 3, 1, jax="0.1"))
    assert codes == [1, 1]
    for said, _ in lines:
        assert said.startswith("ValueError: process 1 needs to have what process 0 has; ")
        assert "num_processes: expected 2, got 3; versions.jax: expected" in said
        assert said.endswith(", got 0.1")


def test_who_does_not_come_is_named_in_time():
    address = free_address()
    codes, lines, _ = ends(*(start(address, 3, number, seconds=3) for number in (0, 2)))
    assert codes == [1, 1]
    expected = f"TimeoutError: 3 processes need to come within 3 s at {address}, got none with "
    for said, seconds in lines:
        assert said == f"{expected}process_id 1"
        assert float(seconds) < 12


def test_two_processes_with_one_number_are_not_joined():
    address = free_address()
    codes, lines, _ = ends(*(start(address, 3, number, seconds=3) for number in (0, 1, 1)))
    assert codes == [1, 1, 1]
    said = [out[0] for out in lines]
    assert "ValueError: process_id needs to be another one in each process, got 1 twice" in said


def test_a_process_that_process_0_does_not_expect_is_told_so():
    address = free_address()
    given = [(2, 0), (3, 2)]
    codes, lines, _ = ends(*(start(address, *each, seconds=5) for each in given))
    assert codes == [1, 1]
    assert "num_processes needs to be the same in all processes, got 3 for process 2" in lines[1][0]


IDLE = "print('here', flush=True)\ntime.sleep(60)"
BUSY = "any_of(False)\nprint('here', flush=True)\nwhile True: any_of(False)"
FAILING = "any_of(False)\nif is_first():\n    raise KeyError('its own')\nwhile True: any_of(False)"
WORDS = "error: another process has ended or cannot be reached, and this one ends with it"


@pytest.mark.parametrize(
    ("dead", "then"), [(0, IDLE), pytest.param(1, IDLE, marks=pytest.mark.slow), (1, BUSY)]
)
def test_the_others_end_with_a_line_when_one_is_killed(dead, then):
    address = free_address()
    started = [start(address, 2, number, then) for number in range(2)]
    for process in started:
        while "here" not in process.stdout.readline():
            assert process.poll() is None
    killed = time.monotonic()
    started[dead].send_signal(signal.SIGKILL)
    (code,), _, (said,) = ends(started[1 - dead])
    ends(started[dead])
    assert time.monotonic() - killed < 30
    assert code == LOST == 75
    assert said.splitlines()[-1].partition("Error: ")[2].startswith("another") or WORDS in said
    assert "Check failure" not in said


def test_the_others_end_when_one_ends_by_an_error_of_its_own():
    address = free_address()
    codes, _, said = ends(*(start(address, 2, number, FAILING) for number in range(2)))
    assert codes == [1, LOST]
    assert "its own" in said[0]
    assert "another process has ended" in said[1]


def test_where_nobody_is_a_process_says_so_in_time():
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="to be where process 0 is, got 127.0.0.1:.* within 1 s"):
        join(free_address(), 2, 1, seconds=1)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("nowhere", 2, 1), "coordinator_address needs a host and a port, .*, got nowhere"),
        (("host:0", 2, 1), "coordinator_address needs a host and a port, .*, got host:0"),
        (("host:70000", 2, 1), "a host and a port, .*, got host:70000"),
        ((":80", 2, 1), "a host and a port, .*, got :80"),
        ((80, 2, 1), "coordinator_address needs to be a text, got 80"),
        (("host:1", 0, 0), "num_processes needs to be a whole number from 1, got 0"),
        (("host:1", 2, -1), "process_id needs to be a whole number from 0, got -1"),
        (("host:1", 2, "1"), "process_id needs to be a whole number from 0, got 1"),
        (("host:1", 2, 2), "process_id needs to be from 0 to 1 of 2 processes, got 2"),
    ],
)
def test_what_leads_nowhere_is_refused_at_once(given, said):
    with pytest.raises(ValueError, match=said):
        join(*given)


def test_what_nobody_says_is_refused():
    with pytest.raises(ValueError, match="seconds needs to be a whole number from 1, got 0"):
        join(seconds=0)
    codes, lines, _ = ends(start(None, None, None))
    assert codes == [1]
    assert "where JAX detects no cluster that says them, got coordinator" in lines[0][0]


def test_a_port_in_use_is_refused():
    with socket.create_server(("", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(OSError, match=f"a port that is free on process 0's .*, got {address}"):
            join(address, 2, 0)


def test_other_errors_are_not_taken_for_a_loss():
    with pytest.raises(ValueError, match="Gloo"), processes.noticing_losses():
        raise ValueError("Gloo, in a process that has joined no others")


def test_numbers_of_any_shape_are_compared():
    assert largest(np.zeros((2, 3))).shape == (2, 3)
