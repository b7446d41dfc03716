"""What --help says: a program's docstring, and its flags with what each takes and its default."""

import re
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

from absl import flags

WHOLE_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
ASKED = {"--help", "-help", "--helpshort", "-helpshort", "-h", "-?"}
WIDEST = 100  # of a line that reads well
ENDLESS = 2**31 - 1  # a bound from which on nobody needs to know of it


def show(program: str, docstring: str | None) -> None:
    """Prints the help of a program, as wide as the terminal.

    Args:
      program: its module, as absl names it.
      docstring: of that module.
    """
    width = min(shutil.get_terminal_size().columns, WIDEST)
    own = flags.FLAGS.get_key_flags_for_module(program)
    print(text(docstring or "", sorted(own, key=lambda flag: flag.name), width))


def text(docstring: str, own: Sequence[flags.Flag[Any]], width: int) -> str:
    """The help: the docstring's paragraphs and then the flags.

    Args:
      docstring: paragraphs, of which those that are indented stay as they are.
      own: the flags.
      width: of a line at the most; a longer word stands alone.
    """
    paragraphs = textwrap.dedent(docstring).strip().split("\n\n")
    parts = [each if each.startswith(" ") else _filled(each, "", width) for each in paragraphs]
    return "\n\n".join([*parts, "Flags:", *(_of(flag, width) for flag in own)])


def _of(flag: flags.Flag[Any], width: int) -> str:
    """A flag's name, and below it what it is for, what it takes and its default.

    >>> flag = flags.Flag(flags.IntegerParser(1, 9), flags.ArgumentSerializer(), "n", 3, "Seeds.")
    >>> print(_of(flag, 80))
      --n
          Seeds. [from 1 to 9; default 3]
    """
    name = f"[no]{flag.name}" if flag.boolean else flag.name
    facts = "; ".join(filter(None, [_taken(flag), _default(flag)]))
    # What absl adds of choices and of repetition is among the facts.
    own = re.sub(
        r"^<\S+>: |;\s+repeat this option to specify a list of values$", "", flag.help or ""
    )
    first, *others = own.split("\n")
    said = f"{first} [{facts}]" if facts else first
    lines = [_filled(line, " " * 8, width, " " * 12) for line in others]
    return "\n".join([f"  --{name}", _filled(said, " " * 6, width), *lines])


def _taken(flag: flags.Flag[Any]) -> str:
    """The choices or the bounds, where there are any to speak of."""
    if isinstance(flag, flags.EnumFlag):
        return "one of " + ", ".join(flag.parser.enum_values)
    if isinstance(flag, flags.MultiFlag):
        return "may be given several times"
    low, high = (getattr(flag.parser, f"{side}_bound", None) for side in ("lower", "upper"))
    if low is None:
        return ""
    return f"from {low:g}" + (f" to {high:.10g}" if high and high not in (ENDLESS, 3.4e38) else "")


def _default(flag: flags.Flag[Any]) -> str:
    """The default, where there is one and it is not the help that says it."""
    value = flag.default
    if value is None or value in ("", []):
        return ""
    if flag.boolean:
        return "on by default" if value else "off by default"
    one = ",".join(map(str, value)) if isinstance(value, list) else value
    return f"default {one:g}" if isinstance(one, float) else f"default {one}"


def _filled(paragraph: str, indent: str, width: int, later: str | None = None) -> str:
    words, after = " ".join(paragraph.split()), indent if later is None else later
    return textwrap.fill(
        words, width, initial_indent=indent, subsequent_indent=after, **WHOLE_WORDS
    )
