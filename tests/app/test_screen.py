"""What is printed: in lines, and to nobody if need be."""

import os
import subprocess
import sys
import warnings

import pytest
from programs import ROOT

from experiments.app import screen
from jaxmlp.storage.checkpoint import CheckpointWarning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        ("a\r\nb\u2028c\td\x1b[31m\udcff\r", r"a b c\td\x1b[31m\udcff"),
        ("für 中", "für 中"),
        (f"got {'x' * 5000}: no", f"got {'x' * 100}...: no"),
        ("x " * 2000, "x " * 1000 + "..."),
        ("x" * 199, "x" * 199),
    ],
)
def test_an_error_is_a_line(text, expected):
    assert screen.one_line(ValueError(text)) == expected


def test_of_the_checkpoints_that_cannot_be_saved_the_first_is_shown(capsys, monkeypatch):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    screen.show_warnings()
    for text in ("saving step 1 in a: full", "saving step 2 in a: full", "saving step 3 in a: b"):
        warnings.showwarning(CheckpointWarning(text), CheckpointWarning, "", 0)
    for _ in range(2):
        warnings.showwarning(UserWarning("skipped step 1"), UserWarning, "", 0)
    assert capsys.readouterr().err.splitlines() == [
        "warning: saving step 1 in a: full",
        *["warning: skipped step 1"] * 2,
    ]


PROGRAM = """
import contextlib, sys
with contextlib.suppress(OSError):
    print("starting", flush=True)
from rich.console import Console
from experiments.app import endings
def main(argv):
    for number in range(3000):
        print("line", number)
        Console().print("line", number)
        print("error", number, file=sys.stderr)
    open(argv[1], "w").write("trained")
    sys.exit(int(argv[2]))
endings.start(main)
"""


def ended(tmp_path, code=0, before=(), **options):
    """Runs a program that prints a lot, and sees that it came to its end: exit code, its errors."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "done"), str(code)]
    ran = subprocess.run([*before, *command], cwd=ROOT, timeout=600, **options)
    assert (tmp_path / "done").read_text() == "trained"
    return ran.returncode


@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize("buffering", ["1", ""])
def test_a_program_goes_on_when_nobody_reads(tmp_path, code, buffering):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as pipe:
        env = {**os.environ, "PYTHONUNBUFFERED": buffering}
        assert ended(tmp_path, code, stdout=pipe, stderr=pipe, env=env) == code


def test_a_program_goes_on_without_any_output(tmp_path):
    assert ended(tmp_path, before=["sh", "-c", 'exec "$0" "$@" >&- 2>&-']) == 0


def test_a_program_goes_on_when_the_disk_of_its_log_is_full_and_says_so(tmp_path):
    with open("/dev/full", "wb") as full, (tmp_path / "err").open("wb") as err:
        assert ended(tmp_path, stdout=full, stderr=err) == 1
    last = (tmp_path / "err").read_text().splitlines()[-1]
    assert last.startswith("error: not all that was printed could be written: [Errno 28]")


def test_what_is_printed_arrives_at_once_and_in_order(tmp_path):
    with (tmp_path / "out").open("wb") as out:
        assert ended(tmp_path, stdout=out, stderr=subprocess.DEVNULL) == 0
    lines = (tmp_path / "out").read_text().splitlines()
    assert lines == ["starting"] + [f"line {number // 2}" for number in range(6000)]
