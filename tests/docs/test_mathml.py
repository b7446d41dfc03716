"""Equations are MathML, and what cannot be one is said."""

import re
import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("sphinx")
from docs.extensions.mathml import mathml

SPACE = "{http://www.w3.org/1998/Math/MathML}"


def test_an_equation_is_a_tree_of_its_parts():
    (fraction,) = ET.fromstring(mathml(r"\frac{x}{2}"))
    assert [(part.tag, part.text) for part in fraction] == [
        (f"{SPACE}mi", "x"),
        (f"{SPACE}mn", "2"),
    ]
    assert ET.fromstring(mathml("x", as_block=True)).attrib == {"display": "block"}


def test_equations_stand_in_sentences_and_by_themselves_without_a_script(book):
    _, html, warnings = book.build("With $w$ it is:\n\n$$ y = w^\\top x $$")
    assert re.search(r"<p>With <math [^>]*><mi>w</mi></math> it is:</p>", html)
    assert re.search(r'<div class="math"><math [^>]* display="block"><mi>y</mi>', html)
    assert not re.search(r"<(script|link)[^>]*(mathjax|katex|https?:)", html.lower())
    assert warnings == ""


def test_what_is_no_equation_is_a_warning(book):
    *_, warnings = book.build(r"First $\nonsense{x}$.")
    assert re.search(r"index.md:3: WARNING: \\nonsense", warnings)
