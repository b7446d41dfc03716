"""The program: what it runs, puts on record, refuses and writes."""

import re
import shutil
import signal
import sys

import pytest
from absl import flags
from cited_books import COMMANDS
from programs import call, command_line

from experiments import results, sweep
from experiments.cited import measured, page
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

    monkeypatch.setattr(results, "run_to_end", run)
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


@pytest.mark.parametrize("code", [1, 130])
def test_a_command_that_fails_or_is_stopped_ends_it(book, tmp_path, monkeypatch, capsys, code):
    found = []
    monkeypatch.setattr(results, "run_to_end", lambda words: found.append(words) or code)
    with pytest.raises(SystemExit) as ended:
        program(book, "--run", f"--workdir={tmp_path / 'none'}")
    failed = "error: small needs to end well, got exit code 1"
    assert ended.value.code == (failed if code == 1 else 130)
    assert len(found) == 1
    assert ("the same command goes on" in capsys.readouterr().err) == (code == 130)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, "time.sleep(9)"), (signal.SIGINT, "time.sleep(0.3); sys.exit(130)")],
)
def test_whoever_stops_it_waits_for_the_command_to_end(number, code):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    program = (
        "import os, signal, sys, time; "
        "signal.signal(signal.SIGTERM, lambda *of: (time.sleep(0.3), sys.exit(143))); "
        f"time.sleep(0.2); os.kill(os.getppid(), {int(number)}); {code}"
    )
    ended = results.run_to_end([sys.executable, "-c", program])
    assert ended == 128 + number
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


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
    from rich.console import Console

    book = results.BOOK
    records = results.read(Console(), book)
    assert capsys.readouterr().out == ""  # each is of its command as it is now
    for name, text in results.texts(book, records).items():
        assert (book.root / name).read_text() == text, "python -m experiments.results --page"
    named = {path.stem for path in book.measured.glob("*.json")}
    assert named == records.keys()
