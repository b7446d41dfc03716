"""The book's figures come out of what was measured, or the book is not built."""

import copy
import json
import re

import pytest

pytest.importorskip("sphinx")
from docs.extensions import measured
from experiments import lessons

FOUND = {
    "lesson": "xor",
    "command": "python -m experiments.lessons.xor --seeds=8",
    "settings": {"seeds": 8},
    "claims": [{"text": "One layer learns XOR in 0% of cases", "held": True}],
    "held": True,
    "figures": {"share": [0.0, 0.978], "steps": {"mean": 1234}, "far": "inf", "is_sure": True},
    "tables": {"widths": {"columns": ["net", "units", "learned"], "rows": [["small", 2, 0.625]]}},
    "seconds": 4.4,
    "environment": {
        "processor": "Abacus",
        "python": "3.11.7",
        "versions": {"jax": "0.10.2"},
    },
}
HEAD = "```{lesson} xor\n:alt: A line that fails.\n```\n"


@pytest.fixture
def build(book):
    """A page -> (its words, its HTML, the warnings), with the lesson's results beside it."""

    def built(text, found=FOUND, picture=b"PNG"):
        lesson = book.source / "measured" / "xor"
        lesson.mkdir(parents=True, exist_ok=True)
        if found is not None:
            (lesson / "results.json").write_text(json.dumps(found))
        if picture is not None:
            (lesson / "picture.png").write_bytes(picture)
        return book.build(text)

    return built


def changed(**fields):
    return {**copy.deepcopy(FOUND), **fields}


def test_figures_stand_in_a_sentence_in_their_formats(build):
    words, _, warnings = build(
        "Of all {measured}`xor figures.share.1 .1%`, after {measured}`xor figures.steps.mean ,`"
        " or {measured}`xor settings.seeds`."
    )
    assert "Of all 97.8\N{NARROW NO-BREAK SPACE}%, after 1,234 or 8." in words
    assert warnings == ""


def test_a_table_has_the_columns_the_rows_and_a_format_for_each(build):
    text = "```{measured-table} xor widths\n:formats: s d .1%\n:caption: By width\n```"
    words, html, warnings = build(text)
    assert "By width" in words
    assert "net units learned small 2 62.5\N{NARROW NO-BREAK SPACE}%" in words
    assert re.findall(r'<td class="(text-\w+)', html) == ["text-left", "text-right", "text-right"]
    assert warnings == ""


def test_the_head_of_a_lesson_says_command_claims_and_on_what(build):
    words, html, warnings = build(HEAD)
    assert re.search("experiments.lessons.xor --seeds = 8 .* One layer learns XOR", words)
    assert "XOR in 0\N{NARROW NO-BREAK SPACE}% of cases" in words
    assert "4 s on Abacus, Python 3.11.7, jax 0.10.2" in words
    assert 'alt="A line that fails."' in html
    assert (html.count("<img"), warnings) == (1, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{measured}`xor figures.shares.1 .1%`", "figures.shares.1, of which 'shares' is not"),
        ("{measured}`xor figures.share.2 .1%`", "figures.share.2, of which '2' is not there"),
        ("{measured}`xor figures.share .1%`", r"a number or a text, got \[0.0, 0.978\]"),
        ("{measured}`xor figures.is_sure`", "a number or a text, got True"),
        ("{measured}`xor command .1%`", "Unknown format code '%'"),
        ("{measured}`xor`", "missing 1 required positional"),
        ("{measured}`and figures.share.1`", "measured/and/results.json, which is not there"),
        ("```{measured-table} xor heights\n```", "xor heights: 'heights'"),
        ("```{measured-table} xor widths\n:formats: s d\n```", "xor widths: zip"),
        ("```{lesson} xor\n```", "xor: 'alt'"),
        ("```{lesson} and\n:alt: A line.\n```", "measured/and/results.json, which is not there"),
    ],
)
def test_what_is_not_there_is_a_warning_with_its_line(build, text, said):
    *_, warnings = build(f"First.\n\n{text}")
    assert re.search(rf"index.md:5: ERROR: .*{said}", warnings), warnings


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (changed(held=False), "claims that held, got none"),
        (changed(claims=[]), "claims that held, got none"),
        (changed(claims=[{"text": "So", "held": False}]), r"claims that held, got \['So'\]"),
        (changed(claims=[{"text": "So", "held": "no"}]), r"claims that held, got \['So'\]"),
        (changed(lesson="and"), "results of python -m experiments.lessons.xor, got those of"),
        (changed(command="python -m experiments.lessons.xor2"), "got those of .*xor2"),
        (None, "results.json, which is not there"),
    ],
)
@pytest.mark.parametrize("text", [HEAD, "{measured}`xor seconds .0f`"], ids=["head", "figure"])
def test_results_that_do_not_hold_are_a_warning_wherever_they_are_used(build, text, found, said):
    *_, warnings = build(text, found)
    assert re.search(f"ERROR: .*{said}", warnings), warnings


def test_lessons_are_listed_in_their_order_with_what_their_programs_say_first(book):
    pages = book.source / "lessons"
    pages.mkdir()
    for name in lessons.NAMES:
        (pages / f"{name}.md").write_text(f"---\norphan: true\n---\n# On {name}\n")
    words, _, warnings = book.build("```{lessons}\n```")
    found = re.findall(r"On (\w+)", words)
    assert (tuple(found), warnings) == (lessons.NAMES, "")
    assert "On perceptron : A perceptron learns AND and OR, and cannot learn XOR;" in words
    (pages / "perceptron.md").unlink()
    assert "unknown document: '/lessons/perceptron'" in book.build("```{lessons}\n```\n.")[2]


def test_a_lesson_needs_its_picture(build):
    *_, warnings = build(HEAD, picture=None)
    assert "xor: needs measured/xor/picture.png, which is not there" in warnings


def test_a_page_is_made_anew_where_its_figures_changed(build):
    text = "{measured}`xor figures.share.1 .1f`"
    assert "1.0" in build(text)[0]
    assert "0.2" in build(text, changed(figures={"share": [0, 0.2]}))[0]


def test_the_head_of_a_lesson_is_made_anew_too(build):
    assert "4 s on Abacus" in build(HEAD)[0]
    later = build(HEAD, changed(seconds=9.1), picture=None)  # the same picture's file, untouched
    assert "9 s on Abacus" in later[0]


def test_the_list_is_made_anew_where_a_program_says_something_else(book, tmp_path, monkeypatch):
    program = tmp_path / "xor.py"
    monkeypatch.setattr(lessons, "NAMES", ("xor",))
    monkeypatch.setattr(lessons, "__file__", str(tmp_path / "__init__.py"))
    (book.source / "lessons").mkdir()
    (book.source / "lessons" / "xor.md").write_text("---\norphan: true\n---\n# On XOR\n")
    for said in ("One layer fails.", "Two layers learn."):
        program.write_text(f'"""{said}"""\n')
        assert f"On XOR : {said}" in book.build("```{lessons}\n```")[0]


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.5, "", "0.5"),
        (7, "", "7"),
        ("100%", "", "100\N{NARROW NO-BREAK SPACE}%"),
        ("inf", ".2f", "inf"),
        ("-inf", ".2f", "-inf"),
        ("nan", ".2f", "nan"),
        ("100 %, or %", "", "100 %, or %"),
        (1e-7, ".0e", "1e-07"),
    ],
)
def test_values_are_written_in_pythons_formats(value, form, text):
    assert measured.written(value, form) == text
