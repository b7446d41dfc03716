"""A page's Python, run as a reader would type it."""

import ast
import contextlib
import io
import re

import pytest

NUMBER = re.compile(r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")
NOT_RUN = r"(?<!<!-- not run -->\n)"  # what a page says above an example that cannot be


def run(page, names):
    """Runs a page's examples one after another, and holds that they print what they say.

    Args:
      page: its text. `print(...)  # this` says that it prints one line, which begins so; numbers
        with a point may be others by 0.02, as they are on another processor.
      names: what the examples know; theirs are added.

    Returns:
      How many printed what they say.
    """
    said = 0
    for example in re.findall(NOT_RUN + r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        lines = example.splitlines()
        for statement in ast.parse(example).body:
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(ast.Module([statement], []), "<page>", "exec"), names)
            printed = out.getvalue().strip()
            _, is_there, comment = lines[statement.end_lineno - 1].partition("  # ")
            if printed and is_there and "\n" not in printed:
                assert_begins(comment, printed)
                said += 1
    return said


def assert_begins(comment, printed):
    """Whether a comment begins with what was printed."""
    parts, found = NUMBER.split(comment), NUMBER.split(printed)
    told = f"the page says {comment!r}, and it prints {printed!r}"
    assert len(parts) >= len(found), told
    for i, (said, got) in enumerate(zip(parts, found, strict=False)):
        if i % 2 and "." in got:
            assert float(got) == pytest.approx(float(said), abs=0.02), told
        else:
            assert said.startswith(got) if i == len(found) - 1 else said == got, told
