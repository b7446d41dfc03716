"""What holds of every lesson: its length, contract and flags, and what it left for the book."""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from absl import flags
from programs import ROOT, command_line

from experiments.lessons import NAMES, NO_DATA, UNMEASURED, __main__, lesson, page

FOLDER = ROOT / "experiments" / "lessons"
MEASURED = ROOT / "docs" / "measured"
SHARED = {
    "__init__",
    "__main__",
    "classifiers",
    "drawing",
    "few",
    "forms",
    "lesson",
    "outliers",
    "page",
    "rates",
    "surfaces",
}
SEVERAL = 6  # lines that two lessons may not have in common


def code(name):
    """A lesson's lines without docstrings, comments and empty ones."""
    text = (FOLDER / f"{name}.py").read_text()
    documented = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            documented |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = (line.strip() for i, line in enumerate(text.splitlines(), 1) if i not in documented)
    return [line for line in lines if line and not line.startswith("#")]


def program(*arguments):
    """`python -m experiments.lessons`, whose flags are its own."""
    values = flags.FlagValues()
    __main__.define(values)
    __main__.main(values, values(["program", *arguments]))


def test_the_list_has_every_lesson_in_the_folder():
    assert sorted(NAMES) == sorted({path.stem for path in FOLDER.glob("*.py")} - SHARED)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_is_short_and_its_docstring_is_its_contract(name):
    assert len(code(name)) <= 90
    text = page.docstring(name)
    claim, command, *_ = text.split("\n\n")
    assert claim.count("\n") == 0
    assert claim.endswith(".")
    assert command.strip() == f"python -m experiments.lessons.{name}"
    assert re.search(r"\d+ (s|seconds?|minutes?)\b", text), "how long it takes"
    assert (ROOT / "tests" / "lessons" / f"test_{name}.py").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_lessons_flags_have_defaults_bounds_and_a_word_each(name):
    teach = importlib.import_module(f"experiments.lessons.{name}").teach
    values = flags.FlagValues()
    lesson.define(teach, values)
    values(["program"])
    parameters = inspect.signature(teach).parameters
    assert {n: values[n].default for n in parameters} == {
        n: list(p.default) if isinstance(p.default, tuple) else p.default
        for n, p in parameters.items()
    }
    with command_line(), pytest.raises(SystemExit, match="^error: expected flags only"):
        lesson.run(teach, values, ["program", "word"])


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNMEASURED])
def test_what_the_book_shows_was_measured_by_the_lessons_default_command(name):
    found = json.loads((MEASURED / name / "results.json").read_text())
    teach = importlib.import_module(f"experiments.lessons.{name}").teach
    defaults = {n: p.default for n, p in inspect.signature(teach).parameters.items()}
    assert found["settings"] == json.loads(json.dumps(defaults))
    assert found["command"] == f"python -m experiments.lessons.{name}"
    assert found["held"] is True
    assert all(claim["held"] for claim in found["claims"])
    assert (MEASURED / name / "picture.png").stat().st_size < 100_000
    assert not re.search(r"/(home|work|tmp|root|Users)/", json.dumps(found))


def test_a_lesson_starts_as_a_program_of_its_own():
    command = [sys.executable, "-m", "experiments.lessons.descent", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--workdir" in done.stdout


def test_no_two_lessons_share_a_scaffold():
    seen = {}
    for name in NAMES:
        lines = [line for line in code(name) if not line.startswith(("import ", "from "))]
        windows = {tuple(lines[i : i + SEVERAL]) for i in range(len(lines) - SEVERAL + 1)}
        for window in windows:
            assert seen.setdefault(window, name) == name, "\n".join(window)


def test_alone_the_program_lists_all_lessons_and_imports_nothing_slow():
    command = [sys.executable, "-X", "importtime", "-m", "experiments.lessons"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in done.stdout.splitlines() if line[:1].isalpha()]
    assert listed[: len(NAMES)] == list(NAMES)
    assert not re.search(r"\| +(jax|matplotlib|numpy)$", done.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    ("codes", "expected"), [((0, 0), 0), ((0, 5), 0), ((4, 0), 4), ((4, 1), 1), ((-9, 0), 1)]
)
def test_all_lessons_run_each_in_its_folder_and_the_exit_code_says_how(
    tmp_path, monkeypatch, capsys, codes, expected
):
    commands = []

    def run(command):
        commands.append(command)
        return subprocess.CompletedProcess(command, codes[len(commands) - 1])

    monkeypatch.setattr(__main__, "NAMES", ("first", "second"))
    monkeypatch.setattr(__main__.subprocess, "run", run)
    written = []
    monkeypatch.setattr(__main__.page, "write", lambda *a: written.append(a))
    with pytest.raises(SystemExit) as ended:
        program("--all", f"--workdir={tmp_path}", "--overwrite")
    assert ended.value.code == expected
    assert [command[1:] for command in commands] == [
        ["-m", f"experiments.lessons.{n}", f"--workdir={tmp_path / n}", "--overwrite=True"]
        for n in ("first", "second")
    ]
    assert re.search("── first ──.*── second ──", capsys.readouterr().out, re.DOTALL)
    assert written == [(Path(tmp_path), dict(zip(("first", "second"), codes, strict=True)))]


def test_some_lessons_are_named_and_a_name_that_is_none_is_found(tmp_path, monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(__main__, "_run", lambda console, *given: ran.append(given) or 0)
    monkeypatch.setattr(__main__.page, "write", lambda *a: None)
    monkeypatch.setattr(__main__, "NAMES", ("first", "second", "third"))
    with pytest.raises(SystemExit) as ended:
        program("--only=third,first", f"--workdir={tmp_path}")
    assert ended.value.code == 0
    assert ran == [(name, tmp_path / name, False) for name in ("first", "third")]
    with pytest.raises(SystemExit, match="^error: --only needs lessons .first.*, got fourth"):
        program("--only=fourth")
    with pytest.raises(SystemExit, match="^error: expected flags only"):
        program("first")
    assert len(ran) == 2
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(
        SystemExit, match="^error: --workdir needs a new or empty folder, or --over"
    ):
        program("--only=third", f"--workdir={tmp_path}")
    with pytest.raises(SystemExit, match="^error: --overwrite needs a folder that lessons made"):
        program("--only=third", f"--workdir={tmp_path}", "--overwrite")
    assert len(ran) == 2


@pytest.mark.parametrize("done", [0, 1])
def test_an_interruption_leaves_a_page_of_what_was_done(tmp_path, monkeypatch, capsys, done):
    def run(console, name, *_):
        if name == NAMES[done]:
            raise KeyboardInterrupt
        return NO_DATA

    monkeypatch.setattr(__main__, "_run", run)
    folder = tmp_path / "[of] mine"
    with pytest.raises(SystemExit) as ended:
        program("--all", f"--workdir={folder}")
    assert ended.value.code == 130
    told = capsys.readouterr()
    if done:
        path = folder / "index.html"
        assert told.out == f"1 of {len(NAMES)} lessons are on one page: {path}\n"
        assert told.err == "interrupted\n"
        assert f'<h2 id="{NAMES[0]}">' in path.read_text()
    else:
        assert told.err == "\ninterrupted; nothing was written\n"
        assert not folder.exists()


def test_an_interruption_of_the_page_itself_says_where_the_lessons_are(
    tmp_path, monkeypatch, capsys
):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "_run", lambda *_: 0)
    monkeypatch.setattr(__main__.page, "write", interrupt)
    with pytest.raises(SystemExit) as ended:
        program("--only=depth", f"--workdir={tmp_path}")
    assert ended.value.code == 130
    assert f"at once; {tmp_path} holds what was saved before" in capsys.readouterr().err


def test_the_list_has_brackets_as_they_are(monkeypatch, capsys):
    monkeypatch.setattr(__main__.page, "docstring", lambda name: f"From [a] to [b] of {name}.")
    program()
    assert "From [a] to [b] of depth." in capsys.readouterr().out


def test_numbers_in_tables_are_numbers_of_json():
    values = {"a": np.float32(0.5), "b": (np.int32(1), float("inf"))}
    assert lesson._plain(values) == {"a": 0.5, "b": [1, "inf"]}
