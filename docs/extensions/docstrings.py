"""Docstrings as this house writes them, in the form that Sphinx reads.

They have Args, Returns, Yields and Raises as Google's do, but free text after Returns, of which
Sphinx's own reader takes all before a colon for a type, and `|x|` and `*` that mean themselves.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from sphinx.application import Sphinx

__all__ = ["fields", "plain", "setup"]

ITEMS = {"Args:": "param", "Raises:": "raises"}
TEXTS = {"Returns:": "returns", "Yields:": "yields"}


def fields(lines: Iterable[str]) -> Iterator[str]:
    """A docstring's lines, with a field for each argument, error and result.

    >>> list(fields(["Half of it.", "", "Args:", "  x: (n,).", "    Or not.", "", "More."]))
    ['Half of it.', '', '', ':param x: (n,).', '    Or not.', '', '', 'More.']
    """
    kind = ""
    for line in lines:
        item = re.match(r"  (\w+): (.*)", line)
        if line in ITEMS or line in TEXTS:
            kind = {**ITEMS, **TEXTS}[line]
            yield ""
            if line in TEXTS:
                yield f":{kind}:"
        elif kind in ITEMS.values() and item:
            yield f":{kind} {item[1]}: {item[2]}"
        elif kind and line and not line.startswith(" "):
            kind = ""
            yield ""
            yield line
        else:
            yield line


def comments(source: str) -> Iterator[tuple[str, str]]:
    r"""What a NamedTuple's source says of its fields, behind them or above them.

    >>> list(comments("    # Of which\n    # there are two.\n    x: int\n    y: int = 0  # (n,)"))
    [('x', 'Of which there are two.'), ('y', '(n,)')]
    """
    above: list[str] = []
    for line in source.splitlines():
        if comment := re.match(r"    # (.*)", line):
            above.append(comment[1])
        else:
            field = re.match(r"    (\w+): .*?(?:  # (.*))?$", line)
            if field and (above or field[2]):
                yield field[1], " ".join([*above, field[2] or ""]).strip()
            above = []


def plain(line: str) -> str:
    r"""A line in which bars and stars mean themselves, unless they are in code.

    >>> print(plain("|x| of `a * b`, (*names, 2)"))
    \|x\| of `a * b`, (\*names, 2)
    """
    if line.lstrip().startswith((">>>", "...")):
        return line
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(
        part if i % 2 else re.sub(r"([|*]|(?<=\w)_(?=\W|$))", r"\\\1", part)
        for i, part in enumerate(parts)
    )


def _rewrite(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Ours in Sphinx's form; of a function of another library, what it is and where it is from."""
    module = getattr(obj, "__module__", None) or "jaxmlp"
    if what in ("function", "class") and not module.startswith("jaxmlp"):
        first = " ".join(lines).split(".")[0].split("  ")[0]
        lines[:] = [f"{plain(first)}. From {module.split('.')[0]}."]
    else:
        found = [*fields(lines), ""]
        if what == "class" and hasattr(obj, "_fields"):
            said = dict(comments(inspect.getsource(obj)))
            found += [f":param {name}: {said[name]}" for name in obj._fields if name in said]
        lines[:] = [plain(line) for line in found]


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """A NamedTuple's fields stand in its signature, and need no lines of their own."""
    return type(obj).__name__ == "_tuplegetter" or None


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", _rewrite)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
