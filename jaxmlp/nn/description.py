"""A network that `mlp` made as a record for a file, and back: functions go by their names."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax

from jaxmlp.naming import name_of
from jaxmlp.nn import activations, initializers
from jaxmlp.nn.architecture import LATER, MLP, SCALINGS, record_of
from jaxmlp.nn.mlp import architecture_of, mlp
from jaxmlp.nn.precision import with_precision
from jaxmlp.nn.sharded import with_sharded
from jaxmlp.nn.standardized import standardized
from jaxmlp.types import Model

__all__ = ["LINKS", "description_of", "model_of", "name_in"]

ACTIVATIONS = {name: getattr(activations, name) for name in activations.__all__}
INITIALIZERS = {name: getattr(initializers, name) for name in initializers.__all__}
TABLES = {"activation": ACTIVATIONS, "kernel_init": INITIALIZERS, "bias_init": INITIALIZERS}
LINKS = {"softmax": jax.nn.softmax, "sigmoid": jax.nn.sigmoid, "identity": activations.identity}


def description_of(model: Model) -> dict[str, Any]:
    """What JSON can hold of a network.

    Args:
      model: from `mlp`, whose functions are those of `activations` and `initializers`, or partials
        of them by keywords.

    Raises:
      ValueError: if it is another's, or has functions of its own.

    >>> description = description_of(mlp((4, 8, 3), kernel_init=initializers.gaussian(0.5)))
    >>> description["sizes"], description["activation"], description["kernel_init"]
    ([4, 8, 3], 'relu', {'gaussian': {'stddev': 0.5}})
    """
    made = architecture_of(model)
    if made is None:
        raise ValueError(
            f"a network needs to be made by mlp to be described, got {model}: save_params keeps "
            "the parameters, and the code that makes the model the rest"
        )
    record = {**record_of(made), "sizes": list(made.sizes)}
    for field, table in TABLES.items():
        name = name_in(table, record[field])
        if name is None:
            room = "activations" if field == "activation" else "initializers"
            raise ValueError(
                f"{field} needs to be one of jaxmlp.{room} to be described, got "
                f"{name_of(record[field])}: save_params keeps the parameters alone"
            )
        record[field] = name
    return record


def model_of(description: Mapping[str, Any]) -> Model:
    """The network of a description.

    Raises:
      ValueError: if a field is missing or not known, or has a value that `mlp` refuses.
    """
    needed = [name for name in MLP._fields if name not in LATER]
    unknown = {*needed} ^ {*description} - {*LATER}
    if unknown:
        raise ValueError(f"a network needs the fields {', '.join(needed)}; {unknown} differ")
    functions = {
        field: _function(field, table, description[field]) for field, table in TABLES.items()
    }
    parts = {name: description.get(name) for name in ("noise", "ladder")}
    plain = mlp(**{**{name: description[name] for name in needed}, **functions, **parts})
    model = standardized(plain, *(description.get(name) for name in SCALINGS))
    model = with_precision(model, description.get("precision", LATER["precision"]))
    return with_sharded(model, description.get("sharded", LATER["sharded"]))


def name_in(table: Mapping[str, Callable[..., Any]], function: Callable[..., Any]) -> Any:
    """The name of a function in a table; None where it has none.

    Returns:
      A text; or {name: keywords} for a partial, and for what `initializers.gaussian` returns.

    >>> name_in(ACTIVATIONS, functools.partial(activations.leaky_relu, negative_slope=0.2))
    {'leaky_relu': {'negative_slope': 0.2}}
    """
    for name, known in table.items():
        if function is known:
            return name
    if isinstance(function, functools.partial):
        name = name_in(table, function.func)
        is_plain = all(isinstance(v, bool | int | float | str) for v in function.keywords.values())
        return {name: function.keywords} if name and is_plain and not function.args else None
    stddev = _stddev(function)
    return None if stddev is None else {"gaussian": {"stddev": stddev}}


def _stddev(function: Callable[..., Any]) -> float | None:
    """The standard deviation of what `initializers.gaussian` returned; it returns it again."""
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    held = dict(zip(names, getattr(function, "__closure__", None) or (), strict=False))
    stddev = held["stddev"].cell_contents if "stddev" in held else None
    if not isinstance(stddev, int | float) or initializers.gaussian(stddev) is not function:
        return None
    return stddev


def _function(field: str, table: Mapping[str, Callable[..., Any]], named: Any) -> Any:
    name, keywords = next(iter(named.items())) if isinstance(named, dict) else (named, None)
    if name not in table:
        raise ValueError(f"{field} needs to be one of {', '.join(table)}, got {name}")
    if name == "gaussian":
        return initializers.gaussian(**(keywords or {}))
    return table[name] if keywords is None else functools.partial(table[name], **keywords)
