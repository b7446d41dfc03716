"""Runs the programs: in this process, or in one of their own as a user does."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from absl import flags

from experiments.app.command_line import parse

ROOT = Path(__file__).parent.parent


@contextlib.contextmanager
def command_line(*arguments):
    """The flags as a command line sets them; yields what is left of it."""
    try:
        flags.FLAGS.unparse_flags()
        yield parse(["program", *map(str, arguments)])
    finally:
        flags.FLAGS.unparse_flags()


def call(module, *arguments):
    """Calls a program's main as from the command line; SystemExit passes through."""
    with command_line(*arguments) as argv:
        module.main(argv)


def start(module, *arguments, env=None, **options):
    """Starts a program in a process of its own, with its output in pipes, as in the foreground."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # by a shell's "&"; children inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        [sys.executable, "-m", f"experiments.{module}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process, timeout=600):
    """Waits for a started program: exit code, standard output, standard error."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err
