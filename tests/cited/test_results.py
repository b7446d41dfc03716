"""The program: what it runs, puts on record, refuses and writes."""

import os
import re
import shutil
import signal

import jax
import pytest
from absl import flags
from cited_books import COMMANDS, ONE, RECORD
from programs import call, command_line
from rich.console import Console

from experiments import results, sweep
from experiments.app import startup
from experiments.cited import measured, page, picture, stopping
from experiments.cited.catalogue import PUBLISHED
from experiments.data import sources
from experiments.data.tfds_cache import NotAvailable

SMALL, FASTER = COMMANDS


def program(book, *arguments):
    """Calls it as from a command line."""
    values = flags.FlagValues()
    results.define(values)
    argv = values(["program", *map(str, arguments)])
    with command_line():
        results.main(values, argv, book)


def pages(book):
    names = ("docs/results.md", "README.md")
    return [(book.root / name).read_text() for name in names]


@pytest.fixture(autouse=True)
def platforms():
    """Those of JAX as they were, which it changes for its own process."""
    before = jax.config.jax_platforms
    yield
    jax.config.update("jax_platforms", before)


@pytest.fixture
def runs(folders, tmp_path):
    """Copies of the folders of all commands."""
    return shutil.copytree(folders, tmp_path / "runs")


@pytest.fixture
def started(monkeypatch):
    """The commands that it starts, here and not in processes of their own."""
    found = []

    def run(words):
        found.append(words)
        call(sweep, *words[3:])
        return 0

    monkeypatch.setattr(stopping, "run_to_end", run)
    return found


def test_what_is_there_is_put_on_record_and_on_the_pages(book, runs, capsys):
    program(book, f"--workdir={runs}")
    made, readme = pages(book)
    for name in ("small", "faster", "ablation_length"):
        record = measured.read(book.measured, name)
        assert f"`{record['all_params_sha256']}`" in made
        assert ", ".join(map(str, record["errors"])) in made
    assert "not run yet" not in made
    assert "The best two are" in made
    assert "| a small one | `python -m experiments.sweep --dataset=digits" in readme
    assert "a faster one" not in readme
    assert readme.startswith("before\n")
    assert readme.endswith("\nafter\n")
    assert not (book.root / "docs" / page.PICTURE).exists()  # of MNIST alone
    assert "have figures of 3 of 3 commands" in capsys.readouterr().out
    (book.root / "docs" / "results.md").write_text(made + "\nA word of one's own.\n")
    program(book, "--page", "--workdir=nowhere")
    assert pages(book) == [made + "\nA word of one's own.\n", readme]


def test_without_a_folder_nothing_is_run_and_nothing_invented(book, tmp_path, started, capsys):
    program(book, f"--workdir={tmp_path / 'none'}")
    assert started == []
    assert pages(book)[0].count("not run yet") == 6
    assert not book.measured.exists()


def test_no_other_device_is_taken_from_the_commands(book, tmp_path, monkeypatch):
    known = []
    monkeypatch.setattr(startup, "wake", lambda *_: known.append(jax.config.jax_platforms))
    jax.config.update("jax_platforms", None)
    program(book, f"--workdir={tmp_path / 'none'}")
    assert known == ["cpu"]


def test_only_what_is_not_complete_is_run_and_it_goes_on(book, runs, started):
    shutil.rmtree(runs / "ablation_length")
    (runs / "faster" / "summary.json").unlink()
    program(book, "--run", "--only=faster,ablation", f"--workdir={runs}")
    first, second = started
    assert first[1:] == [
        *("-m", "experiments.sweep", *FASTER.flags),
        *(f"--workdir={runs / 'faster'}", "--resume"),
    ]
    assert second[-2] == f"--workdir={runs / 'ablation_length'}"
    assert measured.read(book.measured, "small") is None
    assert measured.read(book.measured, "faster") is not None
    assert measured.read(book.measured, "ablation_length") is not None


def test_a_folder_of_another_command_is_refused_before_anything_is_run(book, runs, started):
    shutil.rmtree(runs / "small")
    shutil.rmtree(runs / "faster")
    shutil.copytree(runs / "ablation_length", runs / "faster")
    with pytest.raises(SystemExit) as ended:
        program(book, "--run", f"--workdir={runs}")
    line = str(ended.value.code)
    assert line.startswith(f"error: {runs / 'faster'} needs to be of --dataset=digits")
    assert line.endswith("got another: num_epochs: expected 2, got 3")
    assert (started, book.measured.exists()) == ([], False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only=no"], "--only needs some of small, faster, ablation_length, got no"),
        (["--run", "--plan"], "expected one of --run, --plan and --page, got --run and --plan"),
        (["mnist"], "expected flags only, such as --seed=1, got mnist"),
    ],
)
def test_mistakes_are_one_line(book, arguments, said):
    with pytest.raises(SystemExit, match=said):
        program(book, *arguments)


def test_flags_of_the_programs_that_it_runs_are_refused(book):
    values = flags.FlagValues()
    results.define(values)
    flags.DEFINE_integer("num_epochs", 1, "", flag_values=values)
    values(["program", "--run", "--num_epochs=2"])
    with pytest.raises(SystemExit, match="takes --run, .* --workdir, got --num_epochs$"):
        results.main(values, ["program"], book)


def test_the_plan_says_what_there_is(book, runs, capsys):
    shutil.rmtree(runs / "small")
    program(book, "--only=faster", f"--workdir={runs}")
    capsys.readouterr()
    program(book, "--plan", f"--workdir={runs}")
    text = capsys.readouterr().out
    small, faster, length = (text.index(name) for name in ("small ", "faster ", "ablation_length "))
    said = [
        re.findall("not begun|complete|on record|no record|unknown|took", part)
        for part in (text[small:faster], text[faster:length], text[length:])
    ]
    assert said == [
        ["not begun", "no record", "unknown"],
        ["complete", "on record", "took"],
        ["complete", "no record", "unknown"],
    ]


def test_a_command_that_fails_ends_it(book, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stopping, "run_to_end", lambda words: 1)
    with pytest.raises(SystemExit, match="^error: small needs to end well, got exit code 1$"):
        program(book, "--run", f"--workdir={tmp_path / 'none'}")
    assert "stopped" not in capsys.readouterr().err


STOPS = [  # where it is told to stop, and what it says
    (("sources", "load"), "before anything was run or put on record"),
    (("stopping", "run_to_end"), "; small on record, faster begun; the same command goes on"),
    (("measured", "make"), "; small complete; the same command goes on"),
    (("page", "rows"), "; small on record, faster on record, ablation_length on record, the pages "
     "begun; the same command goes on"),
]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("place", "said"), STOPS)
def test_wherever_it_is_stopped_a_line_says_what_there_is(
    book, runs, monkeypatch, capsys, place, said, number
):
    shutil.rmtree(runs / "faster")
    monkeypatch.setattr(stopping, "run_to_end", lambda words: call(sweep, *words[3:]) or 0)
    monkeypatch.setattr(
        getattr(results, place[0]), place[1], lambda *_: os.kill(os.getpid(), number)
    )
    with pytest.raises(SystemExit) as ended:
        program(book, "--run", f"--workdir={runs}")
    assert ended.value.code == 128 + number
    assert capsys.readouterr().err == f"\nstopped{' ' if said[0] == 'b' else ''}{said}\n"
    noted = {name for name in book.every if measured.read(book.measured, name)}
    assert noted == set(re.findall(r"(\w+) on record", said)) - {"put"}


def test_without_its_data_a_command_is_left_out(book, tmp_path, started, monkeypatch, capsys):
    def load(name):
        raise NotAvailable(f"{name} needs four files")

    monkeypatch.setattr(sources, "load", load)
    program(book, "--run", "--only=small", f"--workdir={tmp_path / 'none'}")
    assert "digits is left out: digits needs four files" in capsys.readouterr().out
    assert started == []
    assert pages(book)[0].count("left out: its data were not to be had") == 2
    program(book, f"--workdir={tmp_path / 'none'}")  # which runs nothing
    assert measured.read(book.measured, "faster") is None


def test_a_record_is_not_lost_where_data_and_folder_are(book, runs, tmp_path, monkeypatch):
    program(book, "--only=small", f"--workdir={runs}")
    record = measured.read(book.measured, "small")

    def load(name):
        raise NotAvailable(name)

    monkeypatch.setattr(sources, "load", load)
    program(book, "--run", "--only=small", f"--workdir={tmp_path / 'none'}")
    assert measured.read(book.measured, "small") == record


def test_the_picture_is_of_what_the_records_have(book, monkeypatch):
    drawn = []
    monkeypatch.setattr(picture, "draw", lambda *given: drawn.append(given))
    cited = results.Book([ONE], [], book.root)
    results.write_pages(Console(), cited, {})
    assert drawn == []
    records = {"one": RECORD}
    results.write_pages(Console(), cited, records)
    path = book.root / "docs" / "measured" / "results" / "picture.svg"
    assert drawn == [(path, [ONE], records, PUBLISHED)]


def test_a_record_of_other_settings_is_not_shown(book, runs, capsys):
    program(book, f"--workdir={runs}")
    record = measured.read(book.measured, "small")
    changed = {**record, "settings": {**record["settings"], "l2": 0.5}}
    measured.write(book.measured, changed)
    program(book, "--page")
    out = capsys.readouterr().out
    assert "small is to be run again: on record it has settings.l2: expected nothing" in out
    assert pages(book)[0].count("not run yet") == 2  # as a command, and as a step


def test_the_committed_pages_are_what_the_committed_records_say(capsys):
    book = results.BOOK
    records = results.read(Console(), book)
    assert capsys.readouterr().out == ""  # each is of its command as it is now
    for name, text in results.texts(book, records).items():
        assert (book.root / name).read_text() == text, "python -m experiments.results --page"
    named = {path.stem for path in book.measured.glob("*.json")}
    assert named == records.keys()
