"""Equations as MathML, of TeX by docutils: browsers draw it without a script, font or network."""

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

__all__ = ["mathml", "setup"]

logger = logging.getLogger(__name__)


def mathml(tex: str, as_block: bool = False) -> str:
    r"""An equation in MathML.

    >>> mathml(r"x^\top")
    '<math xmlns="http://www.w3.org/1998/Math/MathML"><msup><mi>x</mi><mi>⊤</mi></msup></math>'
    """
    found = latex2mathml.tex2mathml(tex, as_block=as_block)
    return "".join(line.strip() for line in found.splitlines())


def _write(self: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    is_block = isinstance(node, nodes.math_block)
    try:
        found = mathml(node.astext(), is_block)
    except latex2mathml.MathError as error:
        logger.warning("%s: %s", node.astext(), error, location=node)
        raise nodes.SkipNode from None
    self.body.append(f'<div class="math">{found}</div>' if is_block else found)
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_html_math_renderer("mathml", (_write, None), (_write, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
