"""What pages name is there, and their examples run and print what they say."""

import ast
import functools
import importlib
import inspect
import pkgutil
import re
import runpy
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


TOPICS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs" / "topics.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| topic |")
]

EXAMPLE = "the page's example"  # where no program shows it

COMMANDS = {
    (program, arguments.strip())
    for page in ROOT.glob("docs/**/*.md")
    for program, arguments in re.findall(
        r"python -m experiments\.([\w.]+)([^#`\n]*)", page.read_text().replace("\\\n", " ")
    )
}


@functools.cache
def used(path):
    """What a program's code names, or says as a whole string, and that of what it imports here."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    found, there = set(), set()
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names}
            found |= names
            room = getattr(node, "module", None)
            there |= {f"{room}.{name}" for name in names} | {room} if room else names
    files = {ROOT / f"{name.replace('.', '/')}.py" for name in there if "experiments" in name}
    return found.union(*(used(each) for each in files - {path} if each.is_file()))


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
    words = shlex.split(arguments)
    given = [word for word in words if word.startswith("--") and word != "--help"]
    named = {word[2:].partition("=")[0] for word in given}
    if program.startswith("lessons"):  # its flags are its arguments
        teach = getattr(module, "teach", lambda: None)
        assert named <= {*inspect.signature(teach).parameters, "workdir", "overwrite"}
    elif hasattr(module, "define"):  # its flags are its own
        module.define(values := flags.FlagValues())
        values(["program", *given])
        assert all(values[name].present for name in named)
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
    found = re.findall(r"`([\w.]+)`", functions)
    for name in found:
        pkgutil.resolve_name(name)
    named = {name.rpartition(".")[2] for name in found}
    text = (ROOT / "docs" / re.fullmatch(r"\[[^]]+\]\((.+)\)", page)[1]).read_text()
    if program == EXAMPLE:
        example = "".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
        assert named <= set(re.findall(r"\w+", example))
    else:
        path = Path(importlib.import_module(program.strip("`")).__file__)
        assert '__name__ == "__main__"' in path.read_text()
        assert named <= used(path)
    assert (ROOT / test.strip("`")).is_file()


def test_what_a_program_uses_is_by_code_not_by_prose(tmp_path):
    path = tmp_path / "it.py"
    path.write_text(
        '"""Of train."""\n# evaluate\nfrom a import b as c\nd.e(f, g=1)\nx = "fit", "no fit"\n'
    )
    names = {"b", "d", "e", "f", "x", "fit", "no fit"}
    assert used(path) == {"Of train.", *names}
    assert "scaling_of" in used(ROOT / "experiments" / "lessons" / "regression.py")
    assert "save_safetensors" not in used(ROOT / "experiments" / "mnist.py")
    assert "train" in used(ROOT / "experiments" / "mnist.py")  # in what it imports


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


@pytest.mark.parametrize(("found", "expected"), [(None, ["extensions"]), ("sphinx", [])])
def test_extensions_have_no_examples_to_run_where_sphinx_is_not(monkeypatch, found, expected):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    assert runpy.run_path(ROOT / "docs" / "conftest.py")["collect_ignore"] == expected
