"""What pages name is there, and their examples run and print what they say."""

import importlib
import inspect
import json
import pkgutil
import re
import shlex
from pathlib import Path

import optax
import page_examples
import programs
import pytest
from absl import flags

import jaxmlp
from experiments import lessons

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
REFERENCE = [path.read_text() for path in ROOT.glob("docs/reference/*.md")]
ELSEWHERE = ("README.md", "docs/reproducibility.md")  # their examples run in test_readme.py
EXAMPLES = [
    page
    for page in PAGES
    if "```python\n" in page.read_text() and not str(page).endswith(ELSEWHERE)
]


MEASURED = [name for name in lessons.NAMES if name not in lessons.UNMEASURED]
TOPICS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs" / "topics.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| topic |")
]

COMMANDS = {
    (program, arguments.strip())
    for page in ROOT.glob("docs/**/*.md")
    for program, arguments in re.findall(
        r"python -m experiments\.([\w.]+)([^#`\n]*)", page.read_text().replace("\\\n", " ")
    )
}


def name_of(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_the_examples_of_a_page_run_and_print_what_they_say(page, tmp_path, monkeypatch, blobs):
    monkeypatch.chdir(tmp_path)
    model, task = jaxmlp.mlp((4, 64, 3)), jaxmlp.classification(3)
    recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 0.01}, 16, 10)
    given = {"jaxmlp": jaxmlp, "recipe": recipe, "data": blobs}  # of those that it speaks of
    page_examples.run(page.read_text(), given if page.name == "populations.md" else {})


@pytest.mark.parametrize(
    ("page", "names", "prints"),
    [
        ("print(2 * 3)  # 6, it is", ["x"], 1),
        ("x = 1", ["x"], 0),
        ("print(0.501)  # 0.51", [], 1),
        ("print('a\\nb')  # lines", [], 0),
        ("y = [\n    1,\n]\nprint(len(y), 2.0)  # 1 2.01 of it", ["y"], 1),
    ],
)
def test_an_example_that_prints_what_it_says_passes(page, names, prints):
    known = {"x": 0}
    assert page_examples.run(f"Text.\n\n```python\n{page}\n```\n", known) == prints
    assert set(names) <= set(known)


@pytest.mark.parametrize(
    "line",
    [
        "print(2 * 3)  # 7",
        "print(2 * 3)  # 60, it is",
        "print(0.5)  # 0.53",
        "print('yes')  # no",
        "print(1, 2)  # 1",
        "assert not 'so'",
    ],
)
def test_an_example_that_prints_otherwise_fails(line):
    with pytest.raises(AssertionError):
        page_examples.run(f"```python\n{line}\n```\n", {})
    page_examples.run(f"<!-- not run -->\n```python\n{line}\n```\n", {})


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_names_is_there(page):
    text = page.read_text()
    for name in re.findall(r"(?<![\w/.])(?:experiments|jaxmlp)(?:\.[A-Za-z_]\w*)+", text):
        pkgutil.resolve_name(name)
    for path in re.findall(
        r"(?<![\w/.])(?:experiments|jaxmlp|tests|docs)/[\w/]*\.(?:py|md)\b", text
    ):
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize(("program", "arguments"), sorted(COMMANDS))
def test_the_commands_are_of_programs_and_flags_that_are_there(program, arguments):
    module = importlib.import_module(f"experiments.{program}")
    given = [word for word in shlex.split(arguments) if word.startswith("--")]
    named = {word[2:].partition("=")[0] for word in given}
    if program.startswith("lessons"):  # its flags are its arguments
        teach = getattr(module, "teach", lambda: None)
        assert named <= {*inspect.signature(teach).parameters, "workdir", "overwrite"}
    else:
        with programs.command_line(*given):
            assert all(flags.FLAGS[name].present for name in named)


@pytest.mark.parametrize("name", jaxmlp.__all__)
def test_the_reference_has_every_public_name_once(name):
    entry = re.compile(rf"^\.\. auto(?:function|class|exception|module):: jaxmlp\.{name}$", re.M)
    assert sum(len(entry.findall(page)) for page in REFERENCE) == 1


@pytest.mark.parametrize("row", TOPICS, ids=lambda row: row[0])
def test_every_topic_has_its_function_program_test_and_page(row):
    _, functions, program, test, page = row
    assert re.fullmatch(r"(`[\w.]+`, )*`[\w.]+`", functions)
    for name in re.findall(r"`([\w.]+)`", functions):
        pkgutil.resolve_name(name)
    module = importlib.import_module(program.strip("`"))
    assert '__name__ == "__main__"' in Path(module.__file__).read_text()
    assert (ROOT / test.strip("`")).is_file()
    assert (ROOT / "docs" / re.fullmatch(r"\[[^]]+\]\((.+)\)", page)[1]).is_file()


def test_every_lesson_has_its_topics_and_its_page():
    programs = [row[2].strip("`") for row in TOPICS]
    found = dict.fromkeys(name.rpartition(".")[2] for name in programs if ".lessons." in name)
    assert list(found) == list(lessons.NAMES)
    for name in lessons.NAMES:
        rows = [row for row in TOPICS if row[2] == f"`experiments.lessons.{name}`"]
        assert any(f"(lessons/{name}.md)" in row[4] for row in rows)
        assert any(row[3] == f"`tests/lessons/test_{name}.py`" for row in rows)


def test_the_book_has_the_lessons_in_their_order():
    listed = (ROOT / "docs" / "lessons" / "index.md").read_text()
    order = re.search(r"```{toctree}\n(?::.*\n)*\n(.*?)```", listed, re.DOTALL)[1].split()
    there = [name for name in order if (ROOT / "docs" / "lessons" / f"{name}.md").is_file()]
    assert there == list(lessons.NAMES)
    first = (ROOT / "docs" / "index.md").read_text()
    assert [name for name in re.findall(r"\(lessons/(\w+)\.md\)", first) if name in order] == order


@pytest.mark.parametrize("name", MEASURED)
def test_a_lessons_picture_is_small(name):
    assert (ROOT / "docs" / "measured" / name / lessons.PICTURE).stat().st_size < 100_000


@pytest.mark.parametrize("name", MEASURED)
def test_what_was_measured_is_of_the_lesson_as_it_is(name):
    """Its settings are the defaults, but for what its command says."""
    found = json.loads((ROOT / "docs" / "measured" / name / lessons.RESULTS).read_text())
    teach = importlib.import_module(f"experiments.lessons.{name}").teach
    defaults = {key: each.default for key, each in inspect.signature(teach).parameters.items()}
    assert found["settings"].keys() == defaults.keys()
    for key, value in json.loads(json.dumps(defaults)).items():
        assert found["settings"][key] == value or f"--{key}=" in found["command"]
