"""One page that needs nothing else: its templates filled, its scripts, styles and data inside it.

Texts come from users: file names, classes, columns. Jinja escapes all that it fills in, the data
are one block of JSON that cannot end early, and the scripts write texts, never HTML. The page's own
policy lets no other script or style act, by their digests, and no address be asked for anything.
"""

import base64
import functools
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from experiments.folder.files import as_written, write_text

__all__ = ["as_block", "policy", "render", "script", "write"]

STYLES = ("style.css", "trial.css")
TEMPLATES = Path(__file__).parent / "templates"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=async |function |const )", re.MULTILINE)
ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def render(template: str, data: Mapping[str, Any], **values: Any) -> str:
    """A page as text.

    Args:
      template: the file that extends base.html, and says which sections there are.
      data: what the scripts read, in JSON; a part that is None is left out.
      **values: what the template itself shows beside `data`.
    """
    given = {name: part for name, part in data.items() if part is not None}
    style = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in STYLES)
    code = script("main.js")
    inside = {"style": Markup(style), "script": Markup(code), "policy": policy(code, style)}
    made = _environment().get_template(template)
    return made.render(data=given, block=as_block(given), **inside, **values)


def write(path: Path, template: str, data: Mapping[str, Any], **values: Any) -> None:
    """Writes a page, whole or not at all; arguments as of `render`."""
    write_text(path, render(template, data, **values))


def as_block(data: Mapping[str, Any]) -> Markup:
    r"""JSON that stays inside its element, whatever texts are in it; numbers as in files.

    >>> print(as_block({"name": "</script>", "loss": float("nan")}))
    {"name":"\u003c/script\u003e","loss":null}
    """
    text = json.dumps(as_written(data), separators=(",", ":"))
    return Markup(text.translate(ESCAPES))


@functools.cache
def script(name: str) -> str:
    """A module with all that it imports, as one: files that open from a disk import no others.

    Args:
      name: of a file among the templates.
    """
    found: dict[str, str] = {}

    def take(file: str) -> None:
        text = (TEMPLATES / file).read_text(encoding="utf-8")
        for other in IMPORT.findall(text):
            if other not in found:
                take(other)
        found.setdefault(file, EXPORT.sub("", IMPORT.sub("", text)))

    take(name)
    return "\n".join(found.values())


def policy(code: str, style: str) -> str:
    """What a browser lets the page do: run this script, look like this, and nothing else.

    Args:
      code: what stands in its one script.
      style: and in its one style.

    >>> policy("", "")[:75]
    "default-src 'none'; script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZ"
    """
    return (
        f"default-src 'none'; script-src '{_digest(code)}'; style-src '{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@functools.cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["count"] = "{:,}".format
    return made


for _name in _environment().list_templates(extensions=["html"]):
    _environment().get_template(_name)  # compiled by who imports this, which programs do meanwhile
