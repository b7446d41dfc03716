"""Swept values as a reader writes them."""

import functools
from collections.abc import Hashable
from typing import Any

from jaxmlp.naming import name_of
from jaxmlp.types import Model

__all__ = ["as_column", "label"]


def label(value: Any) -> str:
    """A value as a reader writes it: 64x32 for (64, 32), linear for (), relu for a function.

    >>> label((64, 32)), label(()), label(0.001), label(label)
    ('64x32', 'linear', '0.001', 'label')
    """
    if isinstance(value, Model):
        return getattr(value.architecture, "name", "model")
    if isinstance(value, tuple):
        return "x".join(map(label, value)) or "linear"
    if isinstance(value, functools.partial):
        bound = ", ".join(f"{name}={label(v)}" for name, v in value.keywords.items())
        return f"{label(value.func)}({bound})"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return name_of(value) if callable(value) else str(value)


def as_column(values: tuple[Hashable, ...]) -> list[Any]:
    """An axis's values as a column can hold them: numbers as they are, others by their names."""
    if all(isinstance(value, int | float) for value in values):
        return list(values)
    names = [label(value) for value in values]
    if len(set(names)) == len(names):
        return names
    return [f"{name} ({number})" for number, name in enumerate(names, 1)]
