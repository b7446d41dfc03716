"""Docstrings come into the book as they are meant."""

import sys
from types import ModuleType
from typing import NamedTuple

import jax
import pytest

pytest.importorskip("sphinx")
from docs.extensions.docstrings import fields, plain


class Pair(NamedTuple):
    """Two of them."""

    first: int  # counts from 0
    second: int

    def both(self):
        """One and the other."""


def half(x, y):
    """Half of |x|, or `a|b`.

    Args:
      x: (n,): floats.
        Or not.
      y: none.

    Returns:
      The half: |x| / 2, by names_ and *rest.

    Raises:
      ValueError: if x is none.

    A last word.

    >>> 1 * 2
    2
    """


@pytest.fixture
def ours(monkeypatch):
    """A module as one of ours, with a function, a tuple and a function from elsewhere."""
    module = ModuleType("jaxmlp_of_the_test", "What it is for.")
    module.__file__ = __file__
    for thing in (half, Pair):
        monkeypatch.setattr(thing, "__module__", "jaxmlp_of_the_test")
        setattr(module, thing.__name__, thing)
    module.sigmoid = jax.nn.sigmoid
    module.__all__ = ["Pair", "half", "sigmoid"]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


def test_a_page_of_the_reference_says_what_docstrings_say(book, ours):
    text = f"```{{eval-rst}}\n.. automodule:: {ours}\n   :members:\n```"
    words, html, warnings = book.build(text)
    assert warnings == ""
    assert "Half of |x|, or a|b ." in words
    for said in ("Parameters", "Returns", "Raises", "A last word."):
        assert said in words
    assert "(n,): floats. Or not." in words
    assert "The half: |x| / 2, by names_ and *rest." in words
    assert "1 * 2" in words
    assert "One and the other." in words
    assert "first \N{EN DASH} counts from 0" in words
    assert f'id="{ours}.Pair.both"' in html
    assert f'id="{ours}.Pair.first"' not in html
    assert "Sigmoid activation function. From jax." in words
    assert "sech" not in words


def test_sections_become_fields_and_end_where_their_lines_do():
    text = ["One.", "", "Returns:", "  a: b", "", "Raises:", "  KeyError: c: d", "    e", "f"]
    assert list(fields(text)) == [
        *("One.", "", "", ":returns:", "  a: b", ""),
        *("", ":raises KeyError: c: d", "    e", "", "f"),
    ]
    text = ["Yields:", "  a: b", "c", "  d: no item"]
    assert list(fields(text)) == ["", ":yields:", "  a: b", "", "c", "  d: no item"]
    text = ["Args:", "  a: b", "c", "  d: no item"]
    assert list(fields(text)) == ["", ":param a: b", "", "c", "  d: no item"]
    assert list(fields(["x: y", "  z: not an item"])) == ["x: y", "  z: not an item"]


@pytest.mark.parametrize("line", [">>> a * b | c", "... a_ * b", "`a | b_`"])
def test_code_stays_as_it_is(line):
    assert plain(line) == line
