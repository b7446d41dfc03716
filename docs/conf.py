"""How Sphinx makes the book. `make docs` builds it offline, with warnings as errors."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "extensions")]  # this checkout's library

import jaxmlp  # noqa: E402

project = "jaxmlp"
author = "The jaxmlp authors"
release = jaxmlp.__version__
copyright = author

extensions = [
    *("myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"),
    *("docstrings", "mathml", "measured"),  # in extensions/
]
exclude_patterns = ["measured"]
nitpicky = True

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "jaxmlp"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_math_renderer = "mathml"
html_show_sphinx = False
html_copy_source = False
smartquotes_action = "D"  # dashes alone: docstrings quote values

default_role = "code"  # docstrings write `name`
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # Args and Returns say what things are, with shapes
