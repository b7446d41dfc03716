"""Whoever stops it waits for the program that it runs, and hears what there is."""

import os
import signal
import sys

import pytest

from experiments.cited import stopping

SIGNALS = [signal.SIGINT, signal.SIGTERM]
READY = "import os, signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); "
TELL = "time.sleep(0.1); os.kill(os.getppid(), {}); "


def handlers():
    return [signal.getsignal(each) for each in SIGNALS]


@pytest.mark.parametrize(
    ("number", "program"),
    [
        (signal.SIGTERM, READY + TELL + "time.sleep(9)"),
        (signal.SIGINT, READY + TELL + "time.sleep(0.3); sys.exit(130)"),
        (signal.SIGINT, READY + TELL + "time.sleep(0.1)"),  # which was at its end
        (signal.SIGTERM, "import signal; signal.raise_signal(signal.SIGTERM)"),  # not ready for it
    ],
)
def test_it_waits_for_the_program_to_end(number, program, tmp_path):
    before = handlers()
    ending = f"import atexit; atexit.register(open, {str(tmp_path / 'end')!r}, 'w'); "
    with pytest.raises(SystemExit) as ended:
        stopping.run_to_end([sys.executable, "-c", ending + program.format(int(number))])
    assert ended.value.code == 128 + number
    assert (tmp_path / "end").exists() == ("atexit" in ending and "raise_signal" not in program)
    assert handlers() == before


@pytest.mark.parametrize("number", SIGNALS)
def test_what_comes_before_the_program_has_started_is_passed_on(monkeypatch, number):
    start = stopping.subprocess.Popen

    def told(words):
        os.kill(os.getpid(), number)
        return start(words)

    monkeypatch.setattr(stopping.subprocess, "Popen", told)
    with pytest.raises(SystemExit) as ended:
        stopping.run_to_end([sys.executable, "-c", "import time; time.sleep(60)"])
    assert ended.value.code == 128 + number


def test_a_program_that_nobody_stops_has_its_own_exit_code():
    assert stopping.run_to_end([sys.executable, "-c", "raise SystemExit(7)"]) == 7


def test_a_line_says_what_there_is_by_then(capsys):
    before, done = handlers(), {}
    for said in ("stopped before anything was run or put on record", "stopped; one begun; the "):
        with pytest.raises(SystemExit) as ended, stopping.stoppable(done):
            signal.raise_signal(signal.SIGTERM)
        assert ended.value.code == 143
        assert capsys.readouterr().err.startswith(f"\n{said}")
        done["one"] = "begun"
    with pytest.raises(SystemExit, match="error"), stopping.stoppable(done):
        sys.exit("error")
    assert capsys.readouterr().err == ""
    assert handlers() == before
