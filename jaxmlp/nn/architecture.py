"""What a multilayer perceptron is, as data: equal descriptions make the same network."""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.naming import kind_of, name_of
from jaxmlp.runtime.recompilation import canonical

__all__ = ["MLP", "MOMENTUM", "NORMS", "RATES", "checked"]

NORMS = ("batch", "layer")
RATES = ("dropout", "input_dropout", "input_noise", "norm_momentum")  # what training traces
MOMENTUM = 0.9  # of running statistics: what PyTorch calls 0.1
EPSILON = 1e-5  # as PyTorch has it for both norms, and Flax for that of the batch


class MLP(NamedTuple):
    """The description of a network that `mlp` makes; see there for what each is."""

    sizes: tuple[int, ...]
    activation: Callable[[jax.Array], jax.Array]
    kernel_init: Callable[..., jax.Array]
    bias_init: Callable[..., jax.Array]
    dropout: float | None = None
    input_dropout: float | None = None
    input_noise: float | None = None
    norm: str | None = None
    norm_momentum: float | None = None  # None but where the norm is the batch's
    norm_epsilon: float | None = None  # None where there is no norm

    @property
    def name(self) -> str:
        """The widths, and what makes it differ from a plain network of these.

        >>> MLP((4, 8, 3), max, max, max, dropout=0.5, norm="layer", norm_epsilon=1e-5).name
        '4-8-3, dropout=0.5, norm=layer'
        """
        usual = {"norm_momentum": MOMENTUM, "norm_epsilon": EPSILON}
        rest = {name: getattr(self, name) for name in self._fields[4:]}
        shown = [
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in rest.items()
            if value is not None and value != usual.get(name)
        ]
        return ", ".join(["-".join(map(str, self.sizes)), *shown])

    def __str__(self) -> str:
        """The same with the activation, where there is one."""
        widths, *rest = self.name.split(", ")
        activation = [name_of(self.activation)] if len(self.sizes) > 2 else []
        return ", ".join([widths, *activation, *rest])


def checked(given: MLP) -> MLP:
    """A description as it is compared: numbers as floats, equal functions as one, defaults filled.

    Raises:
      ValueError: as `mlp` does.
    """
    sizes: Sequence[Any] = tuple(given.sizes) if np.iterable(given.sizes) else (given.sizes,)
    if len(sizes) < 2:
        raise ValueError(f"sizes needs an input and an output width, got sizes={sizes}")
    if not all(isinstance(size, Integral) and int(size) > 0 for size in sizes):
        raise ValueError(f"sizes needs positive whole numbers, got sizes={sizes}")
    for name in ("activation", "kernel_init", "bias_init"):
        if not callable(function := getattr(given, name)):
            raise ValueError(f"{name} needs to be a function, got {kind_of(function)}")
    if given.norm is not None and not (isinstance(given.norm, str) and given.norm in NORMS):
        raise ValueError(f"norm needs to be batch, layer or None, got {kind_of(given.norm)}")
    for name, value, place in (
        ("dropout", given.dropout, "a hidden layer: input_dropout is that of the inputs"),
        ("norm", given.norm, "a hidden layer"),
    ):
        if value is not None and len(sizes) == 2:
            raise ValueError(f"{name} needs {place}, got sizes={sizes}")
    made = given._replace(
        sizes=tuple(int(size) for size in sizes),
        **{name: canonical(getattr(given, name)) for name in given._fields[1:4]},
        dropout=_number("dropout", given.dropout, below=1),
        input_dropout=_number("input_dropout", given.input_dropout, below=1),
        input_noise=_number("input_noise", given.input_noise),
        norm_momentum=_number("norm_momentum", given.norm_momentum, below=1),
        norm_epsilon=_number("norm_epsilon", given.norm_epsilon),
    )
    return _with_defaults(made)


def _with_defaults(made: MLP) -> MLP:
    for name, default, is_asked in (
        ("norm_momentum", MOMENTUM, made.norm == "batch"),
        ("norm_epsilon", EPSILON, made.norm is not None),
    ):
        value = getattr(made, name)
        if value is not None and not is_asked:
            norm = "norm='batch'" if name == "norm_momentum" else "a norm"
            raise ValueError(f"{name} needs {norm}, got norm={made.norm!r}")
        if value is None and is_asked:
            filled: dict[str, Any] = {name: default}
            made = made._replace(**filled)
    return made


def _number(name: str, value: Any, below: float = np.inf) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value < below:
        most = "that is finite" if below == np.inf else f"and below {below}"
        got = str(float(value)) if is_number else kind_of(value)
        raise ValueError(f"{name} needs a number of at least 0 {most}, or None, got {got}")
    return float(value) + 0.0  # -0.0 is 0.0
