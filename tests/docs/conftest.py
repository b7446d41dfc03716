"""A book of one page."""

import io
import re
from types import SimpleNamespace

import pytest


@pytest.fixture
def book(tmp_path):
    """The folder of its source, and a page's text -> (its words, its HTML, the warnings)."""
    source, out = tmp_path / "docs", tmp_path / "out"
    source.mkdir()

    def build(text):
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace

        page = source / "index.md"
        if not page.exists() or text not in page.read_text():
            page.write_text(f"# Page\n\n{text}\n")
        ours = [f"docs.extensions.{name}" for name in ("docstrings", "mathml", "measured")]
        config = {
            "extensions": ["myst_parser", "sphinx.ext.autodoc", *ours],
            "myst_enable_extensions": ["dollarmath"],
            "html_math_renderer": "mathml",
            "html_theme": "basic",
            "autodoc_typehints": "none",
            "default_role": "code",
        }
        warnings = io.StringIO()
        folders = source, None, out, out / "doctrees"
        with docutils_namespace():
            Sphinx(*folders, "html", config, None, warnings).build()
        html = (out / "index.html").read_text()
        body = html[html.index("<h1>Page") : html.index('class="sphinxsidebar"')]
        words = re.sub(r"[ \n]+", " ", re.sub(r"<[^>]*>", " ", body))
        return words, html, warnings.getvalue()

    return SimpleNamespace(source=source, build=build)
