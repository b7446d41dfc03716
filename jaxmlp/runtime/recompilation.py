"""Functions that are made anew for each call, and so are compiled anew: found, and told of."""

import functools
import warnings
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from jaxmlp.naming import name_of

__all__ = ["RecompilationWarning", "are_alike", "canonical", "warn_of_lookalikes"]

MANY = 5  # functions that look alike

_seen: dict[Any, WeakSet[Callable[..., Any]]] = {}
_counts: dict[Any, int] = {}


class RecompilationWarning(UserWarning):
    """The same function has been made many times, and each was compiled."""


def canonical(value: Any) -> Any:
    """The value itself; of equal partials of functions, the one that came first.

    >>> parts = [functools.partial(max, key=len) for _ in range(2)]
    >>> canonical(parts[0]) is canonical(parts[1])
    True
    """
    if type(value) is not functools.partial or vars(value):
        return value
    try:
        return _first(_Partial(value))
    except TypeError:  # what it binds has no hash
        return value


def are_alike(one: Any, other: Any) -> bool:
    """Whether two functions are the same, or partials that bind the same to the same.

    >>> are_alike(functools.partial(max, key=len), functools.partial(max, key=len))
    True
    """
    return bool(_key(one) == _key(other))


def warn_of_lookalikes(field: str, function: Any) -> None:
    """Warns, once, when many functions of one place in the source have come by.

    Two look alike if they have the same code and hold the same values, but for floats.

    Args:
      field: what the function is to a recipe.
      function: whatever is there.
    """
    place = _looks(function)
    if place is None:
        return
    seen = _seen.setdefault(place, WeakSet())
    if function in seen:
        return
    seen.add(function)
    _counts[place] = _counts.get(place, 0) + 1
    if _counts[place] == MANY:
        warnings.warn(
            f"{field} {name_of(function)} has been made {MANY} times over, and each is compiled "
            "anew: make it once, outside of the loop, and give its numbers as hyperparameters",
            RecompilationWarning,
            stacklevel=4,
        )


class _Partial:
    """A partial that equals another which binds the same to the same function."""

    def __init__(self, value: Any) -> None:
        self.value, self._key = value, _key(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Partial) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _key(value: Any) -> Any:
    """What equal values have in common that are written alike: 1 is not 1.0, nor 0.0 -0.0."""
    if type(value) is not functools.partial or vars(value):
        return type(value), value, repr(value)
    keywords = tuple((name, _key(bound)) for name, bound in sorted(value.keywords.items()))
    return _key(value.func), tuple(map(_key, value.args)), keywords


@functools.lru_cache(maxsize=4096)
def _first(partial: _Partial) -> Any:
    return partial.value


def _looks(value: Any) -> Any:
    """What two functions that look alike have in common; None of what is no plain function."""
    code = getattr(value, "__code__", None)
    if code is None:
        return None
    cells = [_content(cell) for cell in getattr(value, "__closure__", None) or ()]
    held = [*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).items()]
    looks = code, tuple(float if isinstance(each, float) else each for each in held)
    try:
        hash(looks)
    except TypeError:
        return code, tuple(type(each) for each in held)
    return looks


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # of a name that is yet to be bound
        return None
