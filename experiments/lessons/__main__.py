"""Lists the lessons, or runs them all and writes one page of what they found.

    python -m experiments.lessons
    python -m experiments.lessons --all

With --all each lesson is a program of its own, which leaves its picture and its figures in a folder
of its own; index.html beside them has everything on one page. Exit code 4 where a claim failed, 1
where a lesson could not be run; one whose data are not to be had is left out, and the page says so.
Ctrl-C ends it with 130, and with a page of the lessons that were done.
"""

import functools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.app import command_line, endings
from experiments.folder import workdir
from experiments.lessons import CLAIM_FAILED, NAMES, NO_DATA, page


def define(values: flags.FlagValues) -> None:
    """Defines the flags, when the program starts: other programs have some of the same names.

    Args:
      values: the flags so far.
    """
    flags.DEFINE_bool("all", False, "Run all lessons.", values)
    flags.DEFINE_list("only", None, "Run these lessons: perceptron,depth.", values)
    folder = "Where to write; by default a new folder in runs/."
    flags.DEFINE(command_line.PathParser(), "workdir", None, folder, values)
    flags.DEFINE_bool("overwrite", False, "Replace what lessons left in --workdir.", values)


def main(values: flags.FlagValues, argv: list[str]) -> None:
    """Lists or runs.

    Args:
      values: the flags of `define`, read.
      argv: what else there was on the command line, the program first.
    """
    console = Console(highlight=False)
    codes: dict[str, int] = {}
    with endings.clear_errors("interrupted"):
        command_line.refuse_arguments(argv)
        chosen = _chosen(NAMES if values.all else values.only or ())
        if not chosen:
            _list(console)
            return
        folder = workdir.choose(values.workdir, "lessons", values.overwrite)
        page.check(folder)
        try:
            for name in chosen:
                codes[name] = _run(console, name, folder / name, values.overwrite)
        except KeyboardInterrupt:
            if not codes:
                raise
        with endings.clear_endings(folder):  # the lessons have written by now
            path = page.write(folder, codes)
    print(f"{len(codes)} of {len(chosen)} lessons are on one page: {path}")
    if len(codes) < len(chosen):
        print("interrupted", file=sys.stderr)
        sys.exit(endings.INTERRUPTED)
    bad = {code for code in codes.values() if code not in (0, NO_DATA)}
    sys.exit(CLAIM_FAILED if bad == {CLAIM_FAILED} else int(bool(bad)))


def _chosen(wanted: Sequence[str]) -> list[str]:
    """The lessons to run, in their order.

    Raises:
      ValueError: for a name that is no lesson's.
    """
    if unknown := [name for name in wanted if name not in NAMES]:
        raise ValueError(f"--only needs lessons ({', '.join(NAMES)}), got {', '.join(unknown)}")
    return [name for name in NAMES if name in wanted]


def _list(console: Console) -> None:
    grid = Table.grid(padding=(0, 2))
    for name in NAMES:
        grid.add_row(f"[bold]{name}[/]", escape(page.docstring(name).splitlines()[0]))
    console.print(grid)
    console.print("\npython -m experiments.lessons.NAME shows one; --all runs all of them")


def _run(console: Console, name: str, folder: Path, overwrite: bool) -> int:
    """Runs a lesson, whose words go to the screen, and returns its exit code."""
    console.rule(name)
    given = [f"--workdir={folder}", f"--overwrite={overwrite}"]
    return subprocess.run([sys.executable, "-m", f"experiments.lessons.{name}", *given]).returncode


if __name__ == "__main__":
    define(flags.FLAGS)
    endings.start(functools.partial(main, flags.FLAGS))
