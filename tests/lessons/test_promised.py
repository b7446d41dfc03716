"""What a lesson's docstring promises is what its results, which the book shows, say.

Each number of its text, rounded as it is written there, is one of the results' or of the program's
own. Years are not asked for, nor what stands in words ("a quarter"). Of the times one is of the
measured run within a factor of 2, for machines are more or less busy, and a first run compiles.
"""

import ast
import json
import re

import pytest
from programs import ROOT

from experiments.lessons import NAMES, UNMEASURED, page

MEASURED = [name for name in NAMES if name not in UNMEASURED]
NUMBER = r"(?<![\w.])\d[\d,]*\d(?:\.\d+)?(?:e-?\d+)?|(?<![\w.])\d(?:\.\d+)?(?:e-?\d+)?"
SECONDS = rf"({NUMBER}) s\b"
SHARE = rf"(?:(?<!at )({NUMBER}) to )?({NUMBER}) ?%"  # "98 % at 1 to 81 %" has two
DIGITS = {1797.0, 1437.0, 360.0}  # scikit-learn's, of which 360 are tested on
BUSY = 2.0  # times as long as on a machine that has nothing else to do


def text(name):
    """A lesson's docstring without its command and sources."""
    claim, _, *rest = page.docstring(name).split("\n\n")
    return " ".join([claim, *(part for part in rest if not part.startswith("Source"))])


def said(text):
    """The shares, in per cent, and the other numbers of a text, as they are written."""
    text = re.sub(SECONDS, "", text)
    shares = [each for pair in re.findall(SHARE, text) for each in pair if each]
    return shares, re.findall(NUMBER, re.sub(SHARE, "", text))


def numbers(value, are_shares=False):
    """The numbers in results and their texts, where a per cent is the share that it is.

    Args:
      value: a part of the results.
      are_shares: of texts take the per cents alone.
    """
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [each for part in value for each in numbers(part, are_shares)]
    if isinstance(value, str):
        shares, others = said(value)
        kept = [] if are_shares else [plain(each) for each in others]
        return kept + [plain(each) / 100 for each in shares]
    return [] if isinstance(value, bool) or value is None else [abs(float(value))]


def plain(written):
    return float(written.replace(",", ""))


def is_among(written, found):
    """Whether one of the numbers, rounded as this one is written, is it."""
    digits, _, power = written.replace(",", "").partition("e")
    unit = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
    return any(abs(each - plain(written)) <= 0.5001 * unit for each in found)


def constants(name):
    """The numbers in a lesson's own code, and in that of the modules that are its alone."""
    found = set()
    folder = ROOT / "experiments" / "lessons"
    code = (folder / f"{name}.py").read_text()
    imported = " ".join(re.findall(r"^from experiments\.lessons(?:\.\w+)? import .*", code, re.M))
    own = ("classifiers", "few", "forms", "outliers", "rates", "surfaces")
    alone = [each for each in own if re.search(rf"\b{each}\b", imported)]
    for each in (name, *alone):
        for node in ast.walk(ast.parse((folder / f"{each}.py").read_text())):
            if isinstance(node, ast.Constant) and type(node.value) in (int, float):
                found.add(float(node.value))
    return found


def results(name):
    return json.loads((ROOT / "docs" / "measured" / name / "results.json").read_text())


def unkept(promise, found, known=()):
    """Which numbers of a text are not among those of results, nor known."""
    shares, others = said(promise)
    measured = [found[part] for part in ("claims", "figures", "tables")]
    per_cents = [100 * each for each in numbers(measured, are_shares=True)]
    kept = numbers([found["settings"], *measured])
    whole = [*kept, *known, *(100 * each for each in kept)]  # 37 of 100 seeds
    missing = [f"{each} %" for each in shares if not is_among(each, per_cents)]
    return missing + [each for each in others if not is_among(each, whole)]


@pytest.mark.parametrize("name", MEASURED)
def test_a_docstrings_figures_are_those_of_the_results(name):
    assert unkept(text(name), results(name), DIGITS | constants(name)) == []


def test_a_figure_that_is_not_the_results_is_found():
    found = {
        "settings": {"seeds": 100},
        "claims": [{"text": "it gains 4.3% (3.3% to 5.3%) by 1e-09", "held": True}],
        "figures": {"width": [0.37, 1.0], "loss": -0.0449},
        "tables": {"a": {"columns": ["b"], "rows": [["SGD", 0.9231]]}},
    }
    kept = "Of 100 seeds 37 do, and 92 % at 1 to 100 % gain 4.3 %, 3.3 to 5.3 %, "
    kept += "at 0.25 or 0.04, or 1e-9."
    assert said(kept) == (
        ["92", "100", "4.3", "3.3", "5.3"],
        ["100", "37", "1", "0.25", "0.04", "1e-9"],
    )
    assert unkept(kept, found) == ["0.25"]
    assert unkept(kept, found, {0.25}) == []
    broken = "Of 101 seeds 38 do, 91 to 99 %, 93 % and 4.4 %, by 0.06, 2e-9 and 0.046; 12 s."
    assert unkept(broken, found) == [
        *("91 %", "99 %", "93 %", "4.4 %"),
        *("101", "38", "0.06", "2e-9", "0.046"),
    ]


@pytest.mark.parametrize("name", MEASURED)
def test_a_docstrings_time_is_about_that_of_the_results(name):
    times = [plain(each) for each in re.findall(SECONDS, page.docstring(name))]
    took = results(name)["seconds"]
    assert any(took / BUSY <= each <= took * BUSY for each in times), (times, took)
