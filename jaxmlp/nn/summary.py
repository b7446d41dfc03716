"""What a network is made of: a table of its layers, of what they hold, and of what they cost."""

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from jaxmlp.naming import name_of
from jaxmlp.nn.mlp import MLP, architecture_of
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.types import Model, PyTree, Variables, count, trained

__all__ = ["Layer", "Summary", "products", "summary"]


class Layer(NamedTuple):
    """A line of the table."""

    name: str
    kind: str
    output: tuple[int, ...] | None  # of one example; None where it cannot be told
    dtype: str  # of the parameters
    parameters: int  # numbers that are trained
    running: int  # numbers that training updates by itself: running statistics
    bytes: int  # of both
    flops: int | None  # of an example's products, 2 for a multiplication and an addition


class Summary(NamedTuple):
    """A network's layers, and their sums; it prints as a table."""

    layers: tuple[Layer, ...]
    total: Layer

    def __repr__(self) -> str:
        """The table: a line a layer, and the totals."""
        return _table([*self.layers, self.total])

    def __str__(self) -> str:
        """The same."""
        return repr(self)


def summary(model: Model, example: Any = None) -> Summary:
    """What a network is made of; nothing is computed.

    FLOPs are those of evaluating one example, and of products of matrices and convolutions alone,
    beside which biases, norms and activations are few. A loop whose length is not known counts as
    one turn, and of branches the dearest.

    Args:
      model: any; of one that `mlp` made the layers are known, of others where they keep parameters.
      example: one input of another's model, or its `jax.ShapeDtypeStruct`; without it neither its
        output's shape nor its FLOPs are known.

    Raises:
      ValueError: if the model does not take the example.

    >>> from jaxmlp.nn.mlp import mlp
    >>> summary(mlp((784, 256, 10), dropout=0.5, norm="layer"))
    layer    kind                              output  dtype    parameters    bytes    FLOPs
    layer_0  dense, layer norm, relu, dropout     256  float32     201,216  804,864  401,408
    layer_1  dense                                 10  float32       2,570   10,280    5,120
    total                                          10  float32     203,786  815,144  406,528
    """
    params = jax.eval_shape(model.init, jax.random.key(0))
    if (made := architecture_of(model)) is not None:
        layers = tuple(_of_mlp(made, params))
        output, flops = layers[-1].output, sum(layer.flops or 0 for layer in layers)
    else:
        layers = tuple(_of_groups(params))
        output, flops = _costs(model, params, example)
    return Summary(layers, _line("total", "", *_split(params), output, flops))


def products(jaxpr: Any) -> int:
    """The FLOPs of the products and convolutions of a program that `jax.make_jaxpr` made.

    >>> import jax.numpy as jnp
    >>> products(jax.make_jaxpr(jnp.dot)(jnp.ones((2, 3)), jnp.ones((3, 5))))
    60
    """
    total = 0
    for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        kind, given = equation.primitive.name, equation.params
        shapes = [variable.aval.shape for variable in (*equation.invars, *equation.outvars)]
        inner = [products(each) for each in _inner(given.values())]
        if kind == "dot_general":
            (contracted, _), _ = given["dimension_numbers"]
            total += 2 * math.prod(shapes[2]) * math.prod(shapes[0][axis] for axis in contracted)
        elif kind == "bfloat16_product":
            labels = "".join(given["labels"])
            sizes = dict(zip(labels, itertools.chain(*shapes), strict=True))
            total += 2 * math.prod(sizes.values())
        elif kind == "conv_general_dilated":
            outputs = shapes[1][given["dimension_numbers"].rhs_spec[0]]
            total += 2 * math.prod(shapes[2]) * math.prod(shapes[1]) // outputs
        elif kind == "cond":
            total += max(inner)
        else:
            total += sum(inner) * (given["length"] if kind == "scan" else 1)
    return total


def _inner(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple | list):
            yield from _inner(value)
        elif hasattr(value, "eqns") or hasattr(value, "jaxpr"):
            yield value


def _of_mlp(mlp: MLP, params: PyTree) -> Iterator[Layer]:
    parts = {
        "standardized": mlp.input_scaling,
        "noise": mlp.input_noise,
        "dropout": mlp.input_dropout,
    }
    if kinds := [name for name, part in parts.items() if part is not None]:
        yield _line("inputs", ", ".join(kinds), (), (), mlp.sizes[:1], 0)
    norm = [f"{mlp.norm} norm"] if mlp.norm else []
    dropped = ["dropout"] if mlp.dropout is not None else []
    noisy = ["noise"] if mlp.noise is not None else []
    hidden = ["dense", *norm, *noisy, name_of(mlp.activation), *dropped]
    layers, running = _split(params)
    for number, layer in enumerate(layers):
        is_last = number == len(layers) - 1
        moments = () if is_last or not running else running[number]
        back = ["back in units"] if mlp.output_scaling else []
        kind = ", ".join(["dense", *back] if is_last else hidden)
        inputs, outputs = layer.kernel.shape
        cost = 2 * inputs * outputs
        kind += ", way back" if mlp.ladder is not None else ""
        yield _line(f"layer_{number}", kind, layer, moments, (outputs,), cost)


def _of_groups(params: PyTree) -> Iterator[Layer]:
    """A line for each node of a tree of parameters that has leaves: what Flax calls a module."""
    groups: dict[str, tuple[list[Any], list[Any]]] = {}
    kinds: dict[str, list[str]] = {}
    for part, tree in enumerate(_split(params)):
        for full, leaf in named_leaves(tree):
            name, _, last = full.rpartition("/")
            _, _, module = name.partition("/")  # as in Flax's batch_stats/BatchNorm_0
            name = module if part and module in groups else name
            groups.setdefault(name, ([], []))[part].append(leaf)
            kinds.setdefault(name, []).append(f"{last} {_sides(leaf.shape)}")
    for name, (own, running) in groups.items():
        yield _line(name or "params", ", ".join(kinds[name]), own, running)


def _costs(model: Model, params: PyTree, example: Any) -> tuple[Any, Any]:
    if example is None:
        return None, None
    try:
        jaxpr, output = jax.make_jaxpr(model.apply, return_shape=True)(params, example)
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"the model cannot take the example: {line}") from error
    return output.shape, products(jaxpr)


def _split(params: PyTree) -> tuple[PyTree, PyTree]:
    return trained(params), params.running if isinstance(params, Variables) else ()


def _line(
    name: str,
    kind: str,
    own: PyTree,
    running: PyTree,
    output: tuple[int, ...] | None = None,
    flops: int | None = None,
) -> Layer:
    leaves = jax.tree.leaves((own, running))
    dtypes = ", ".join(sorted({str(leaf.dtype) for leaf in leaves}))
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
    return Layer(name, kind, output, dtypes, count(own), count(running), size, flops)


def _sides(shape: tuple[int, ...] | None) -> str:
    return "?" if shape is None else "x".join(map(str, shape)) or "1"


def _table(lines: list[Layer]) -> str:
    heads = ["layer", "kind", "output", "dtype", "parameters", "running", "bytes", "FLOPs"]
    rows = [
        [line.name, line.kind, _sides(line.output), line.dtype]
        + ["?" if number is None else f"{number:,}" for number in line[4:]]
        for line in lines
    ]
    shown = [i for i in range(len(heads)) if heads[i] != "running" or lines[-1].running]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    is_text = {0, 1, 3}

    def written(row: list[str]) -> str:
        cells = [
            row[i].ljust(widths[i]) if i in is_text else row[i].rjust(widths[i]) for i in shown
        ]
        return "  ".join(cells).rstrip()

    return "\n".join(map(written, [heads, *rows]))
