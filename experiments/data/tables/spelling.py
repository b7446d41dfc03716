"""Names that are written otherwise in another table: a spreadsheet's 1 is another program's 1.0."""

import re
from collections.abc import Iterable, Sequence

__all__ = ["alike"]

WHOLE = re.compile(r"([+-]?(?:0|[1-9][0-9]*))[.,]0{0,2}")


def alike(texts: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Texts as those that are known write them, where they are the same whole number.

    Args:
      texts: of a table that comes later.
      known: those of training, which stay as they are.

    >>> alike(["1.0", "2", "02", "Ulm"], ["1", "2.0", "02"])
    ('1', '2.0', '02', 'Ulm')
    """
    names = {*known}
    by_plain: dict[str, str] = {}
    for name in known:
        by_plain.setdefault(_plain(name), name)
    return tuple(text if text in names else by_plain.get(_plain(text), text) for text in texts)


def _plain(text: str) -> str:
    found = WHOLE.fullmatch(text)
    return found[1] if found else text
