"""The size of a picture as a text, its height first: 28x28."""

from __future__ import annotations

import re

__all__ = ["size_of", "size_text"]

LARGEST = 4096  # pixels a side: more is no input of such a network


def size_of(text: str) -> tuple[int, int]:
    """The (height, width) that a text says.

    Raises:
      ValueError: if it says none.

    >>> size_of("28x32")
    (28, 32)
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    sides = [int(side) for side in match.groups()] if match else []
    if not sides or max(sides) > LARGEST:
        raise ValueError(f"expected HEIGHTxWIDTH such as 28x28, up to {LARGEST}, got {text}")
    return sides[0], sides[1]


def size_text(size: tuple[int, ...]) -> str:
    """The text of a (height, width), or of the first two numbers of more.

    >>> size_text((28, 32, 3))
    '28x32'
    """
    return f"{size[0]}x{size[1]}"
