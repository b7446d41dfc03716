"""Lists the lessons, or runs them all and writes one page of what they found.

    python -m experiments.lessons
    python -m experiments.lessons --all

With --all each lesson is a program of its own, which leaves its picture and its figures in a folder
of its own; index.html beside them has everything on one page. Exit code 4 where a claim failed, 1
where a lesson could not be run; one whose data are not to be had is left out, and the page says so.
"""

import subprocess
import sys
from pathlib import Path

from absl import flags
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.app import command_line, endings
from experiments.folder import workdir
from experiments.lessons import CLAIM_FAILED, NAMES, NO_DATA, page

FLAGS = flags.FLAGS
flags.DEFINE_bool("all", False, "Run all lessons.")
flags.DEFINE_list("only", None, "Run these lessons: perceptron,depth.")
command_line.define_path("workdir", None, "Where to write; by default a new folder in runs/.")
flags.DEFINE_bool("overwrite", False, "Whether to replace what lessons left in --workdir.")


def main(argv: list[str]) -> None:
    """Lists or runs."""
    console = Console(highlight=False)
    with endings.clear_errors():
        command_line.refuse_arguments(argv)
        chosen = _chosen()
        if not chosen:
            _list(console)
            return
        folder = workdir.choose(FLAGS.workdir, "lessons", FLAGS.overwrite)
        codes = {name: _run(console, name, folder / name) for name in chosen}
        path = page.write(folder, codes)
    console.print(f"all on one page: {path}")
    bad = {code for code in codes.values() if code not in (0, NO_DATA)}
    sys.exit(CLAIM_FAILED if bad == {CLAIM_FAILED} else int(bool(bad)))


def _chosen() -> list[str]:
    """The lessons to run; none where they are to be listed.

    Raises:
      ValueError: for a name that is no lesson's.
    """
    wanted = NAMES if FLAGS.all else FLAGS.only or ()
    if unknown := [name for name in wanted if name not in NAMES]:
        raise ValueError(f"--only needs lessons ({', '.join(NAMES)}), got {', '.join(unknown)}")
    return [name for name in NAMES if name in wanted]


def _list(console: Console) -> None:
    grid = Table.grid(padding=(0, 2))
    for name in NAMES:
        grid.add_row(f"[bold]{name}[/]", escape(page.docstring(name).splitlines()[0]))
    console.print(grid)
    console.print("\npython -m experiments.lessons.NAME shows one; --all runs all of them")


def _run(console: Console, name: str, folder: Path) -> int:
    """Runs a lesson, whose words go to the screen, and returns its exit code."""
    console.rule(name)
    given = [f"--workdir={folder}", f"--overwrite={FLAGS.overwrite}"]
    return subprocess.run([sys.executable, "-m", f"experiments.lessons.{name}", *given]).returncode


if __name__ == "__main__":
    endings.start(main)
