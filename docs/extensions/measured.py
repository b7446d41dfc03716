"""What the lessons measured, put into the book by the build.

No page states a number that a run gave: it names it, and the build takes it out of
`measured/NAME/results.json`. What is not there, or a claim that did not hold, is a warning, and
`make docs` takes warnings as errors: no figure of the book can go stale or be wrong unnoticed.

    {measured}`perceptron figures.share.0 .1%`        a number in a sentence

    ```{measured-table} perceptron widths             a table, with a format for each column
    :formats: d .1%
    ```

    ```{lesson} perceptron                            command, claims, picture, where and how long
    :alt: What the picture shows, for those who cannot see it.
    ```

    ```{lessons}                                      a line for each, of its program's own
    ```
"""

import ast
import json
import re
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from experiments import lessons

__all__ = ["figure", "read", "setup", "written"]


def read(folder: Path, name: str) -> Any:
    """The results of a lesson, of which each claim held.

    Args:
      folder: the one that has NAME/results.json of every lesson.
      name: the lesson's.

    Raises:
      ValueError: where they are missing, another lesson's, or do not hold.
    """
    path = folder / name / "results.json"
    if not path.is_file():
        raise ValueError(f"needs measured/{name}/results.json, which is not there")
    found = json.loads(path.read_text())
    program = f"python -m experiments.lessons.{name}"
    if found["lesson"] != name or found["command"].partition(" --")[0] != program:
        raise ValueError(f"needs results of {program}, got those of {found['command']}")
    failed = [claim["text"] for claim in found["claims"] if claim["held"] is not True]
    if failed or not found["claims"] or found["held"] is not True:
        raise ValueError(f"needs claims that held, got {failed or 'none'}")
    return found


def figure(found: Any, where: str, form: str = "") -> str:
    """The value at a path of names and places in lists, as text.

    >>> figure({"figures": {"share": [0.0, 0.978]}}, "figures.share.1", ".2f")
    '0.98'
    """
    for step in where.split("."):
        try:
            found = found[int(step) if isinstance(found, list) else step]
        except (LookupError, TypeError, ValueError):
            raise ValueError(f"needs {where}, of which {step!r} is not there") from None
    return written(found, form)


def written(value: Any, form: str = "") -> str:
    """A number or a text in Python's format language, with a thin space before a per cent sign."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"needs a number or a text, got {value!r}")
    endless = form and value in ("inf", "-inf", "nan")  # JSON has no such numbers
    text = format(float(value) if endless else value, form)
    return re.sub(r"(?<=\d)%", "\N{NARROW NO-BREAK SPACE}%", text)


class Figure(SphinxRole):
    """A number of a lesson's results in a sentence: the lesson, where it is, its format."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The number, or the error in its place."""
        name, *where = self.text.split()
        self.env.note_dependency(f"measured/{name}/results.json")
        try:
            return [nodes.Text(figure(read(self.env.srcdir / "measured", name), *where))], []
        except (KeyError, TypeError, ValueError) as error:
            problem = self.inliner.reporter.error(f"{self.text}: {error}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, problem)], [problem]


class OfLesson(SphinxDirective):
    """What is made of a lesson's results; the lesson's name is its first argument."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """What is shown, or the error in its place."""
        name = self.arguments[0]
        self.env.note_dependency(f"measured/{name}/results.json")
        try:
            return self.shown(read(self.env.srcdir / "measured", name))
        except (KeyError, TypeError, ValueError) as error:
            raise self.error(f"{' '.join(self.arguments)}: {error}") from None

    def shown(self, found: Any) -> list[nodes.Node]:
        """What is shown of results that hold."""
        raise NotImplementedError


class MeasuredTable(OfLesson):
    """A table of a lesson's results, a format a column."""

    required_arguments = 2
    option_spec: ClassVar = {"formats": str.split, "caption": directives.unchanged}

    def shown(self, found: Any) -> list[nodes.Node]:
        """The table; numbers are on the right."""
        columns, rows = found["tables"][self.arguments[1]].values()
        forms = self.options.get("formats", [""] * len(columns))
        group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in columns), cols=len(columns))
        group += nodes.thead("", _row(columns, [""] * len(columns)))
        group += nodes.tbody("", *(_row(row, forms) for row in rows))
        caption = self.options.get("caption")
        return [nodes.table("", *([nodes.title("", caption)] if caption else []), group)]


class Lesson(OfLesson):
    """The head of a lesson's page: command, claims, picture, where and how long."""

    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def shown(self, found: Any) -> list[nodes.Node]:
        """In this order, so that what is claimed is read before it is seen."""
        name, made = self.arguments[0], found["environment"]
        if not (self.env.srcdir / "measured" / name / "picture.png").is_file():
            raise ValueError(f"needs measured/{name}/picture.png, which is not there")
        claims = nodes.bullet_list()
        claims += [
            nodes.list_item("", nodes.paragraph("", written(each["text"])))
            for each in found["claims"]
        ]
        where = (
            f"Each of these held when the program was run: {found['seconds']:.0f} s on"
            f" {made['processor']}, Python {made['python']}, jax {made['versions']['jax']}."
        )
        title = nodes.title("", "What it claims, and measured")
        return [
            nodes.literal_block("", found["command"], language="sh"),
            nodes.admonition("", title, claims, nodes.paragraph("", where), classes=["tip"]),
            nodes.image(uri=f"/measured/{name}/picture.png", alt=self.options["alt"]),
        ]


class Lessons(SphinxDirective):
    """The lessons that there are, with what the program of each says first."""

    def run(self) -> list[nodes.Node]:
        """A list, with links to their pages."""
        listed = nodes.bullet_list()
        for name in lessons.NAMES:
            program = Path(lessons.__file__ or "").parent / f"{name}.py"
            self.env.note_dependency(program)
            first = (ast.get_docstring(ast.parse(program.read_text())) or "").partition("\n")[0]
            where = {"refdomain": "std", "reftype": "doc", "reftarget": f"/lessons/{name}"}
            link = addnodes.pending_xref(
                "", nodes.inline("", ""), **where, refexplicit=False, refwarn=True
            )
            listed += nodes.list_item("", nodes.paragraph("", "", link, nodes.Text(f": {first}")))
        return [listed]


def _row(cells: Any, forms: list[str]) -> nodes.row:
    made = nodes.row()
    for cell, form in zip(cells, forms, strict=True):
        side = ["text-left" if isinstance(cell, str) else "text-right"]
        made += nodes.entry("", nodes.paragraph("", written(cell, form)), classes=side)
    return made


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_role("measured", Figure())
    app.add_directive("measured-table", MeasuredTable)
    app.add_directive("lesson", Lesson)
    app.add_directive("lessons", Lessons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
