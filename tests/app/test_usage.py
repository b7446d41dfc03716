import importlib
import os

import pytest
from absl import flags

from experiments.app import usage
from experiments.app.command_line import Interval, NumberParser, PathParser, WholeParser

PROGRAMS = [
    "mnist",
    "sweep",
    "predict",
    "verify",
    "replay",
    "benchmark",
]  # a lesson makes its flags when run


def help_of(define, width=80):
    values = flags.FlagValues()
    define(values)
    return usage.text("One.", [values[name] for name in values if name != "help"], width)


def test_a_docstring_is_filled_and_its_examples_are_not():
    docstring = "First\nline.\n\n    python -m  program\n        --flag=1\n\nA third paragraph.\n"
    assert usage.text(docstring, [], 12) == (
        "First line.\n\n    python -m  program\n        --flag=1\n\nA third\nparagraph.\n\nFlags:"
    )


@pytest.mark.parametrize(
    ("define", "expected"),
    [
        (lambda v: flags.DEFINE_bool("n", True, "A.", v), "--[no]n\n      A. [on by default]"),
        (lambda v: flags.DEFINE_bool("n", False, "A.", v), "--[no]n\n      A. [off by default]"),
        (
            lambda v: flags.DEFINE_enum("n", "b", ["a", "b"], "A.", v),
            "--n\n      A. [one of a, b; default b]",
        ),
        (lambda v: flags.DEFINE_multi_string("n", [], "A.", v), "A. [may be given several times]"),
        (lambda v: flags.DEFINE_list("n", ["x", "y"], "A.", v), "A. [default x,y]"),
        (lambda v: flags.DEFINE(WholeParser(1), "n", None, "A.", v), "A. [from 1]"),
        (lambda v: flags.DEFINE(WholeParser(0, 9), "n", 0, "A.", v), "A. [from 0 to 9; default 0]"),
        (lambda v: flags.DEFINE(NumberParser(), "n", 0.25, "A.", v), "A. [from 0; default 0.25]"),
        (lambda v: flags.DEFINE(NumberParser(0.99), "n", None, "A.", v), "A. [from 0 to 0.99]"),
        (lambda v: flags.DEFINE(PathParser(), "n", None, "A.", v), "--n\n      A."),
    ],
)
def test_a_flag_says_what_it_takes_and_what_it_is_without(define, expected):
    assert help_of(define).endswith(expected)


def test_seeds_have_their_bound_in_full():
    assert "to 4294967295]" in help_of(
        lambda v: flags.DEFINE(WholeParser(0, 2**32 - 1), "n", None, "A.", v)
    )


def test_an_interval_reads_as_it_is_given():
    assert [str(Interval(1, "second")), str(Interval(500, "step"))] == ["1second", "500steps"]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("width", [80, 100])
def test_the_help_of_a_program_is_tidy(program, width):
    module = importlib.import_module(f"experiments.{program}")
    own = flags.FLAGS.get_key_flags_for_module(module.__name__)
    said = usage.text(module.__doc__, own, width)
    long = [line for line in said.splitlines() if len(line) > width]
    assert not [line for line in long if not line.startswith(" " * 4)]
    assert "\n      " in said
    assert not [line for line in said.splitlines() if line.rstrip() != line]
    for flag in own:
        assert f"  --{'[no]' if flag.boolean else ''}{flag.name}\n" in said
        assert flag.help
    for untidy in ("<", "(default", "repeat this", "Interval(", "e+38", os.getcwd()):
        assert untidy not in said


def test_the_help_is_as_wide_as_the_terminal_and_no_wider_than_reads_well(monkeypatch, capsys):
    docstring = "word " * 100
    for columns, widest in (("50", 49), ("80", 79), ("300", 99)):
        monkeypatch.setenv("COLUMNS", columns)
        usage.show("nobody", docstring)
        assert max(map(len, capsys.readouterr().out.splitlines())) == widest
