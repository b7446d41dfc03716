"""A digest of functions and of what they hold, the same in every process."""

import functools
import hashlib
import inspect
import re
from typing import Any

import jax
import numpy as np

__all__ = ["fingerprint"]

DEEPEST = 12  # levels of what holds what; below it, kinds alone
PLAIN = (str, bytes, int, float, complex, bool, type(None), type(...))


def fingerprint(value: Any) -> str:
    """A digest of a function, or of a tuple, list or dict of such: 16 hexadecimal digits.

    It tells functions apart by their names, their code, and the numbers, texts, arrays and further
    functions that they hold; Flax modules by how they show themselves. What else is held goes by
    the name of its kind, so that equal digests are no proof.

    >>> def make(rate):
    ...     return lambda inputs: rate * inputs
    >>> (
    ...     fingerprint(make(0.1)) == fingerprint(make(0.1)),
    ...     fingerprint(make(0.1)) == fingerprint(make(0.2)),
    ... )
    (True, False)
    """
    return hashlib.sha256(repr(_told(value, DEEPEST)).encode()).hexdigest()[:16]


def _told(value: Any, depth: int) -> Any:
    if isinstance(value, PLAIN):
        return type(value).__name__, value
    if depth == 0:
        return type(value).__name__
    below = functools.partial(_told, depth=depth - 1)
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        array = np.asarray(value)
        return str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest()
    if isinstance(value, dict):
        return "dict", [(below(key), below(held)) for key, held in value.items()]
    if isinstance(value, tuple | list):
        return type(value).__name__, [below(held) for held in value]
    if isinstance(value, functools.partial):
        return "partial", below(value.func), below(value.args), below(value.keywords)
    if inspect.isfunction(value):
        cells = [below(_content(cell)) for cell in value.__closure__ or ()]
        held = [below(value.__defaults__), below(value.__kwdefaults__), *cells]
        return _name(value), _code(value.__code__), held
    if inspect.ismethod(value):
        return below(value.__func__), below(value.__self__)
    if hasattr(value, "__wrapped__"):  # of jax.jit, functools.cache
        return below(value.__wrapped__)
    if callable(value) and hasattr(value, "__qualname__"):  # a class, a built-in function
        return _name(value)
    return _name(type(value)), re.sub(r" at 0x[0-9a-f]+", "", _shown(value))


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{value.__qualname__}"


def _code(code: Any) -> Any:
    """A function's code: its instructions, its names and constants, functions in it included."""
    constants = [_code(c) if inspect.iscode(c) else _shown(c) for c in code.co_consts]
    return hashlib.sha256(code.co_code).hexdigest(), code.co_names, constants


def _shown(value: Any) -> str:
    """As `repr`, which has the texts of a set in another order in each process."""
    if isinstance(value, set | frozenset) and any(isinstance(each, str) for each in value):
        return f"{type(value).__name__}({sorted(map(repr, value))})"
    return repr(value)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # of a name that is yet to be bound
        return None
