"""Processes on this machine that end, and how others end with them."""

import signal
import time

import pytest
from several import ends, free_address, joined

from jaxmlp.runtime.losing import LOST, noticing_losses

IDLE = "print('here', flush=True)\ntime.sleep(60)"
BUSY = "any_of(False)\nprint('here', flush=True)\nwhile True: any_of(False)"
FAILING = "any_of(False)\nif is_first():\n    raise KeyError('its own')\nwhile True: any_of(False)"
WORDS = "error: another process has ended or cannot be reached, and this one ends with it"


@pytest.mark.parametrize(
    ("dead", "then"), [(0, IDLE), pytest.param(1, IDLE, marks=pytest.mark.slow), (1, BUSY)]
)
def test_the_others_end_with_a_line_when_one_is_killed(dead, then):
    address = free_address()
    started = [joined(address, 2, number, then) for number in range(2)]
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
    codes, _, said = ends(*(joined(address, 2, number, FAILING) for number in range(2)))
    assert codes == [1, LOST]
    assert "its own" in said[0]
    assert "another process has ended" in said[1]


def test_other_errors_are_not_taken_for_a_loss():
    with pytest.raises(ValueError, match="Gloo"), noticing_losses():
        raise ValueError("Gloo, in a process that has joined no others")


WAITING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" ignores it
print("here", flush=True)
if is_first():
    time.sleep(60)
everyones("word")
"""


def test_ctrl_c_is_heeded_by_a_process_that_waits_for_another():
    address = free_address()
    started = [joined(address, 2, number, WAITING) for number in range(2)]
    while "here" not in started[1].stdout.readline():
        assert started[1].poll() is None
    time.sleep(0.5)
    interrupted = time.monotonic()
    started[1].send_signal(signal.SIGINT)
    (code,), _, (said,) = ends(started[1])
    assert time.monotonic() - interrupted < 10
    assert code == 1
    assert "KeyboardInterrupt" in said
    started[0].kill()
    ends(started[0])
