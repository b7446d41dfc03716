"""What a multilayer perceptron is, as data: equal descriptions make the same network."""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.naming import kind_of, name_of
from jaxmlp.nn.products import PRECISIONS
from jaxmlp.nn.scaling import Scaling, checked_scaling
from jaxmlp.runtime.recompilation import canonical

__all__ = [
    "LATER",
    "MLP",
    "MOMENTUM",
    "NORMS",
    "RATES",
    "SCALINGS",
    "checked",
    "checked_precision",
    "record_of",
    "usual_layers",
    "without_scalings",
]

NORMS = ("batch", "layer")
# What training traces.
RATES = ("dropout", "input_dropout", "input_noise", "norm_momentum", "noise", "ladder")
SCALINGS = ("input_scaling", "output_scaling")  # what `standardized` sets
# Fields that files from before them do not have, and what these mean by it.
LATER: dict[str, Any] = {
    "input_scaling": None,
    "output_scaling": None,
    "precision": "float32",
    "sharded": (),
    "noise": None,
    "ladder": None,
}
UNUSUAL = (*SCALINGS, "sharded")  # what a network's name has in words of its own
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
    input_scaling: Scaling | None = None  # what is taken off the inputs, and divides them
    output_scaling: Scaling | None = None  # what the outputs are multiplied by, and added to them
    precision: str = "float32"  # of the products: one of PRECISIONS
    sharded: tuple[int, ...] = ()  # hidden layers whose units a mesh divides, 0 the first
    noise: float | None = None
    ladder: float | None = None

    @property
    def name(self) -> str:
        """The widths, and what makes it differ from a plain network of these.

        >>> MLP((4, 8, 3), max, max, max, dropout=0.5, norm="layer", norm_epsilon=1e-5).name
        '4-8-3, dropout=0.5, norm=layer'
        """
        usual = {"norm_momentum": MOMENTUM, "norm_epsilon": EPSILON, "precision": "float32"}
        rest = {name: getattr(self, name) for name in self._fields[4:]}
        shown = [
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in rest.items()
            if name not in UNUSUAL and value is not None and value != usual.get(name)
        ]
        shown += [f"sharded={'+'.join(map(str, self.sharded))}"] if self.sharded else []
        sides = [name.removesuffix("_scaling") for name in SCALINGS if rest[name] is not None]
        shown += [f"standardized {'s and '.join(sides)}s"] if sides else []
        return ", ".join(["-".join(map(str, self.sizes)), *shown])

    def __str__(self) -> str:
        """The same with the activation, where there is one."""
        widths, *rest = self.name.split(", ")
        activation = [name_of(self.activation)] if len(self.sizes) > 2 else []
        return ", ".join([widths, *activation, *rest])


def record_of(made: MLP) -> dict[str, Any]:
    """A description by its fields, for a file; what not every description has is there if set.

    >>> sorted(set(MLP._fields) - set(record_of(MLP((4, 3), max, max, max))))
    ['input_scaling', 'ladder', 'noise', 'output_scaling', 'precision', 'sharded']
    """
    record = {**made._asdict(), "sharded": made.sharded and list(made.sharded)}
    return {n: value for n, value in record.items() if n not in LATER or value != LATER[n]}


def without_scalings(made: MLP) -> MLP:
    """The network that sees what was scaled already: of the same parameters."""
    return made._replace(input_scaling=None, output_scaling=None)


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
    for name, such_as in (
        ("activation", "activations.relu"),
        ("kernel_init", "initializers.he"),
        ("bias_init", "initializers.zeros"),
    ):
        if not callable(function := getattr(given, name)):
            raise ValueError(
                f"{name} needs to be a function such as jaxmlp.{such_as}, got {kind_of(function)}"
            )
    if given.norm is not None and not (isinstance(given.norm, str) and given.norm in NORMS):
        raise ValueError(f"norm needs to be batch, layer or None, got {kind_of(given.norm)}")
    for name, value, place in (
        ("dropout", given.dropout, "a hidden layer: input_dropout is that of the inputs"),
        ("norm", given.norm, "a hidden layer"),
        ("noise", given.noise, "a hidden layer: input_noise is that of the inputs"),
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
        input_scaling=_scaling("input_scaling", given.input_scaling, sizes[0]),
        output_scaling=_scaling("output_scaling", given.output_scaling, sizes[-1]),
        precision=checked_precision(given.precision),
        sharded=_layers(given.sharded, len(sizes) - 2),
        noise=_number("noise", given.noise),
        ladder=_number("ladder", given.ladder),
    )
    if made.sharded and made.ladder is not None:
        raise ValueError(f"ladder needs whole layers on each device, got {made.name}")
    return _with_defaults(made)


def checked_precision(given: Any) -> str:
    """The name of a precision; raises ValueError for anything else.

    >>> checked_precision("tf32")
    'tf32'
    """
    if not isinstance(given, str) or given not in PRECISIONS:
        names = ", ".join(PRECISIONS)
        raise ValueError(f"precision needs to be one of {names}, got {kind_of(given)}")
    return given


def usual_layers(sizes: Sequence[int]) -> tuple[int, ...]:
    """Every other hidden layer: of both ways the one by which more parameters are divided.

    >>> usual_layers((784, 256, 256, 10)), usual_layers((9, 32, 256, 10)), usual_layers((4, 3))
    ((0,), (1,), ())
    """
    ways = (tuple(range(first, len(sizes) - 2, 2)) for first in (0, 1))
    return max(ways, key=lambda way: sum(sizes[i + 1] * (sizes[i] + sizes[i + 2]) for i in way))


def _layers(given: Any, count: int) -> tuple[int, ...]:
    """Numbers of hidden layers, in order."""
    numbers = tuple(given) if np.iterable(given) and not isinstance(given, str) else (given,)
    if not all(isinstance(each, Integral) and 0 <= int(each) < count for each in numbers):
        known = f"numbers from 0 to {count - 1}" if count else "a network with a hidden layer"
        raise ValueError(f"sharded needs {known}, got {', '.join(map(str, numbers))}")
    return tuple(sorted({int(each) for each in numbers}))


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


def _scaling(name: str, value: Any, size: Any) -> Scaling | None:
    return None if value is None else checked_scaling(name, value, int(size))


def _number(name: str, value: Any, below: float = np.inf) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value < below:
        most = "that is finite" if below == np.inf else f"and below {below}"
        got = str(float(value)) if is_number else kind_of(value)
        raise ValueError(f"{name} needs a number of at least 0 {most}, or None, got {got}")
    return float(value) + 0.0  # -0.0 is 0.0
