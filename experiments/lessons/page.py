"""One page of what the lessons found, as HTML that needs nothing but the pictures beside it."""

import ast
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from experiments.lessons import CLAIM_FAILED, NO_DATA, PICTURE, RESULTS

__all__ = ["check", "docstring", "write"]

NAME = "index.html"

HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lessons</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
img { width: 100%; height: auto; background: white; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: right; padding: 0.15rem 0.8rem; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
.held { color: #080; } .failed { color: #c00; font-weight: bold; }
@media (prefers-color-scheme: dark) { .held { color: #6c6; } .failed { color: #f77; } }
</style></head><body>
<h1>Lessons</h1>
"""


def docstring(name: str) -> str:
    """What a lesson says of itself, which is read without importing it."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or ""


def check(folder: Path) -> None:
    """Raises ValueError if there is a page in the folder already that is none of these."""
    path, title = folder / NAME, HEAD.partition("<style>")[0]  # after it earlier ones may differ
    if path.exists() and not path.read_bytes().startswith(title.encode()):
        raise ValueError(f"--overwrite needs a folder that lessons made, got another's {path}")


def write(folder: Path, codes: Mapping[str, int]) -> Path:
    """Writes index.html.

    Args:
      folder: has a folder of each lesson.
      codes: name -> the exit code of the lesson.

    Returns:
      The page.
    """
    links = " · ".join(f'<a href="#{name}">{name}</a>' for name in codes)
    parts = [_section(folder / name, name, code) for name, code in codes.items()]
    from jaxmlp.storage.atomic import whole_file  # the library takes a second to import

    folder.mkdir(parents=True, exist_ok=True)  # not there yet where no lesson has left anything
    path = folder / NAME
    with whole_file(path) as file:
        file.write("\n".join([HEAD, f"<p>{links}</p>", *parts, "</body></html>\n"]).encode())
    return path


def _section(folder: Path, name: str, code: int) -> str:
    headline = escape(docstring(name).splitlines()[0])
    head = f'<h2 id="{name}">{name}</h2>\n<p>{headline}</p>'
    if code == NO_DATA:
        return f"{head}\n<p>Left out: its data are not to be had here.</p>"
    if code not in (0, CLAIM_FAILED):
        return f'{head}\n<p class="failed">It ended with exit code {code}.</p>'
    found = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    claims = "\n".join(_claim(each) for each in found["claims"])
    tables = "\n".join(_table(each) for each in found["tables"].values())
    picture = f'<img src="{name}/{PICTURE}" alt="{headline}">'
    command = f"<p><code>{escape(found['command'])}</code>, {found['seconds']} s</p>"
    return "\n".join([head, command, f"<ul>{claims}</ul>", picture, tables])


def _claim(claim: Mapping[str, Any]) -> str:
    word = "held" if claim["held"] else "failed"
    return f'<li><span class="{word}">{word}</span>: {escape(claim["text"])}</li>'


def _table(table: Mapping[str, Any]) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in table["columns"])
    rows = (
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in table["rows"]
    )
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"
