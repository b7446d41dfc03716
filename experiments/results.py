"""Makes docs/results.md, and the README's first rows, from the commands that they cite.

    python -m experiments.results --run

Without a flag it reads what the finished commands have left in --workdir, puts that on record in
docs/measured/results, and writes the pages from the records. --run runs those commands first that
are not there yet, one after another; one that was stopped goes on. A command is not run again, and
a folder with other settings than its command's is refused. --plan says what there is to do, and
--page writes the pages again from the records alone.

--only keeps to some commands, such as --only=classic,ablation: an id, or what ids begin with.

Each network is asked by the CPU what is put on record of it: the commands alone take other devices.

Exit code 0 when the pages are written; 1 for a mistake, or a command that failed; 130 and 143 when
Ctrl-C or SIGTERM stopped it, which a line says with what there is until then.
"""

import functools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
from absl import flags
from rich.console import Console

from experiments.app import command_line, endings, startup
from experiments.app.command_line import PathParser
from experiments.app.screen import one_line
from experiments.cited import asked, catalogue, commands, evidence, measured, page, stopping, words
from experiments.cited.asked import ABSENT, COMPLETE
from experiments.cited.catalogue import Command
from experiments.data import sources
from experiments.data.tfds_cache import NotAvailable
from experiments.folder.files import write_text
from experiments.folder.workdir import user_path
from jaxmlp.types import Dataset

DEFAULT = "runs/results"
OWN = ("run", "plan", "page", "only", "workdir")  # flags

Records = dict[str, dict[str, Any]]


class Book(NamedTuple):
    """What is cited, and where the pages are."""

    commands: Sequence[Command]  # but for the ablation's
    steps: Sequence[Command]
    root: Path  # of the checkout

    @property
    def every(self) -> dict[str, Command]:
        """All commands by their ids, in the order in which they are run."""
        return commands.each_once(self.commands, self.steps)

    @property
    def measured(self) -> Path:
        """Where the records lie."""
        return self.root / "docs" / "measured" / "results"


BOOK = Book(catalogue.COMMANDS, commands.steps(commands.ablation()), Path(__file__).parents[1])


def define(values: flags.FlagValues) -> None:
    """Makes the flags, when the program starts: other programs have some of the same names.

    Args:
      values: the flags so far.
    """
    where = f"Folder with a folder for each command; by default {DEFAULT}."
    flags.DEFINE(PathParser(), "workdir", None, where, values, allow_override=True)
    flags.DEFINE_list(
        "only", None, "Keep to these commands: an id, or what ids begin with.", values
    )
    flags.DEFINE_bool("run", False, "Run the commands that have not been run.", values)
    flags.DEFINE_bool("plan", False, "Say which commands there are, and do nothing.", values)
    flags.DEFINE_bool(
        "page", False, "Write the pages from the records, and read no folder.", values
    )


def main(values: flags.FlagValues, argv: Sequence[str], book: Book = BOOK) -> None:
    """Does what the flags ask for.

    Args:
      values: the flags of `define`, read.
      argv: what else there was on the command line, the program first.
      book: what is cited, and where the pages are.
    """
    console, done = Console(highlight=False), dict[str, str]()
    with endings.clear_errors(), stopping.stoppable(done):
        command_line.refuse_arguments(list(argv))
        _refuse_others(values)
        wanted = [name for name in ("run", "plan", "page") if values[name].value]
        if len(wanted) > 1:
            given = " and ".join(f"--{name}" for name in wanted)
            raise ValueError(f"expected one of --run, --plan and --page, got {given}")
        folder = user_path(values["workdir"].value or DEFAULT)
        chosen = _chosen(book, values["only"].value)
        if wanted == ["plan"]:
            _plan(console, chosen, folder, read(console, book))
            return
        if wanted != ["page"]:
            gather(console, book, chosen, folder, wanted == ["run"], done)
        done["the pages"] = "begun"
        write_pages(console, book, read(console, book))


def _refuse_others(values: flags.FlagValues) -> None:
    """Raises ValueError for flags of the programs that it runs: they would have no effect."""
    known = {"help", "helpfull", "helpshort", *OWN}
    if others := [name for name in values if values[name].present and name not in known]:
        own = ", ".join(f"--{name}" for name in OWN)
        raise ValueError(f"experiments.results takes {own}, got --{others[0]}")


def _chosen(book: Book, only: Sequence[str] | None) -> list[Command]:
    """The commands to look at.

    Raises:
      ValueError: for a name that is none of theirs.
    """
    every = book.every
    if only is None:
        return list(every.values())
    for word in only:
        if not any(_is_meant(word, name) for name in every):
            raise ValueError(f"--only needs some of {', '.join(every)}, got {word}")
    return [each for name, each in every.items() if any(_is_meant(word, name) for word in only)]


def _is_meant(word: str, name: str) -> bool:
    """Whether a word is an id, or its beginning up to an underscore."""
    return name == word or name.startswith(f"{word}_")


def read(console: Console, book: Book) -> Records:
    """The records of commands as they are now; of others a line says what is not theirs."""
    found = {}
    for name, command in book.every.items():
        record = measured.read(book.measured, name)
        if record is not None and (why := measured.odd(command, record)):
            _say(console, f"{name} is to be run again: on record it has {why}", "yellow")
        elif record is not None:
            found[name] = record
    return found


def _plan(
    console: Console, chosen: Sequence[Command], folder: Path, records: Mapping[str, Any]
) -> None:
    """A line for each command."""
    rows = []
    for each in chosen:
        record, there = records.get(each.id), asked.state_of(folder / each.id)
        took = "unknown"
        if evidence.was_run(record):
            took = f"took {words.duration(records[each.id]['train_seconds'])}"
        noted = "on record" if evidence.was_run(record) else "no record"
        rows.append([each.id, there, noted, took, commands.line(each.flags)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        _say(console, "  ".join(cells).rstrip())


def gather(
    console: Console,
    book: Book,
    chosen: Sequence[Command],
    folder: Path,
    is_run: bool,
    done: dict[str, str],
) -> None:
    """Runs what is to be run, and puts on record what there is.

    Args:
      console: where it is said.
      book: where the records are.
      chosen: the commands to look at.
      folder: with a folder for each command.
      is_run: whether commands are run.
      done: gets how far each command is, by its id.

    Raises:
      ValueError: if a folder holds something else than its command's results.
    """
    jax.config.update("jax_platforms", "cpu")  # or it would hold the memory that commands need
    startup.wake(None)
    loaded: dict[str, Dataset | None] = {}
    for each in chosen:
        path = folder / each.id
        if asked.state_of(path) != ABSENT:
            asked.check(path, each.flags)
    for each in chosen:
        path, name = folder / each.id, commands.dataset_of(each)
        if not is_run and asked.state_of(path) != COMPLETE:
            continue
        if name not in loaded:
            loaded[name] = _load(console, name)
        data = loaded[name]
        if data is None:
            if asked.state_of(path) == ABSENT and measured.read(book.measured, each.id) is None:
                done[each.id] = "left out"
                measured.write(book.measured, measured.left_out(each))
            continue
        if asked.state_of(path) != COMPLETE:
            done[each.id] = "begun"
            _run(console, each, path)
        done[each.id] = "complete"
        measured.write(book.measured, measured.make(each, path, data))
        done[each.id] = "on record"
        _say(console, f"{each.id}: on record")


def _load(console: Console, name: str) -> Dataset | None:
    """The data, or None where they are not to be had, which a line then says."""
    try:
        return sources.load(name)
    except NotAvailable as error:
        _say(console, f"{name} is left out: {error}", "yellow")
        return None


def _run(console: Console, command: Command, path: Path) -> None:
    """Runs a command, or has it go on, in a process of its own; ValueError where it fails."""
    console.rule(command.id)
    _say(console, commands.line(command.flags))
    own = [f"--workdir={path}", "--resume"]
    program = [sys.executable, "-m", "experiments.sweep", *command.flags, *own]
    if code := stopping.run_to_end(program):
        raise ValueError(f"{command.id} needs to end well, got exit code {code}")


def write_pages(console: Console, book: Book, records: Records) -> None:
    """Writes docs/results.md, its picture, and the README's rows."""
    from experiments.cited import picture  # with what draws, which takes a while to import

    made = texts(book, records)
    drawn = page.drawn(book.commands, book.steps)
    if any(evidence.was_run(records.get(each.id)) for each in drawn):
        picture.draw(book.root / "docs" / page.PICTURE, drawn, records, catalogue.PUBLISHED)
    for name, text in made.items():
        write_text(book.root / name, text)
    run = sum(evidence.was_run(records.get(name)) for name in book.every)
    _say(console, f"{' and '.join(made)} have figures of {run} of {len(book.every)} commands")


def texts(book: Book, records: Records) -> dict[str, str]:
    """The pages as they are to be, by their names: what is not between the marks is their own."""
    lines = {
        "docs/results.md": page.body(book.commands, book.steps, records),
        "README.md": page.rows(book.commands, records),
    }
    return {name: page.renewed(name, _own(book, name), each) for name, each in lines.items()}


def _own(book: Book, name: str) -> str:
    """A page as it is; of one that is not there what it begins with."""
    path = book.root / name
    return path.read_text(encoding="utf-8") if path.exists() else page.BARE


def _say(console: Console, text: str, style: str | None = None) -> None:
    console.print(one_line(text), markup=False, soft_wrap=True, style=style)


if __name__ == "__main__":
    define(flags.FLAGS)
    endings.start(functools.partial(main, flags.FLAGS))
