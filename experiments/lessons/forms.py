"""One network, 64 pixels to 32 hidden units to 10 digits, in five forms; and what is in it."""

import functools
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

import jaxmlp
from experiments.lessons.lesson import Table

__all__ = [
    "DIGITS",
    "cast",
    "five",
    "functional",
    "outputs",
    "passage",
    "returns",
    "shares",
    "sums",
]

PIXELS, HIDDEN, DIGITS = 64, 32, 10
DTYPES = "float32", "float16", "bfloat16", "float8_e4m3fn", "int8"


class Tensors(NamedTuple):
    """From pictures to a number, each with the rank that it has."""

    inputs: Any  # 2: (batch, pixels)
    kernel: Any  # 2: (pixels, hidden)
    bias: Any  # 1: (hidden,)
    hidden: Any  # 2: (batch, hidden)
    outputs: Any  # 2: (batch, digits)
    labels: Any  # 1: (batch,), whole numbers
    losses: Any  # 1: (batch,)
    mean: Any  # 0: ()


class Linen(linen.Module):
    """A subclass of linen's, whose layers are made where they are called."""

    @linen.compact
    def __call__(self, pixels: jax.Array) -> Any:
        """(batch, pixels) -> (batch, digits)."""
        hidden = linen.relu(linen.Dense(HIDDEN, name="hidden")(pixels))
        return linen.Dense(DIGITS, name="output")(hidden)


class Nnx(nnx.Module):
    """A subclass of nnx's, which holds its parameters, as objects of Python do."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        """Makes the layers, of random keys."""
        self.hidden = nnx.Linear(PIXELS, HIDDEN, rngs=rngs)
        self.output = nnx.Linear(HIDDEN, DIGITS, rngs=rngs)

    def __call__(self, pixels: jax.Array) -> Any:
        """(batch, pixels) -> (batch, digits)."""
        return self.output(nnx.relu(self.hidden(pixels)))


def functional(params: Any, pixels: jax.Array) -> jax.Array:
    """The network as functions of functions: (pixels,) -> (digits,)."""

    def dense(name: str, inputs: jax.Array) -> jax.Array:
        return inputs @ params[name]["kernel"] + params[name]["bias"]

    hidden = jax.nn.relu(dense("hidden", pixels))
    return dense("output", hidden)


def five() -> dict[str, jaxmlp.Model]:
    """The network in five ways, all of which begin with the numbers that the first makes."""
    sequence = linen.Sequential([linen.Dense(HIDDEN), linen.relu, linen.Dense(DIGITS)])
    layers = jaxmlp.mlp((PIXELS, HIDDEN, DIGITS))
    subclass = jaxmlp.from_flax(Linen(), jnp.zeros(PIXELS))
    others = {
        "functions": jaxmlp.Model(subclass.init, functional),
        "Sequential": jaxmlp.from_flax(sequence, jnp.zeros(PIXELS)),
        "linen class": subclass,
        "nnx class": jaxmlp.from_flax(Nnx, jnp.zeros(PIXELS)),
    }
    return {"layers": layers} | {name: beginning_as(layers, m) for name, m in others.items()}


def beginning_as(first: jaxmlp.Model, model: jaxmlp.Model) -> jaxmlp.Model:
    """A model whose tree begins with another's numbers, each array in the place of its shape.

    Args:
      first: whose numbers, in arrays no two of which have the same shape.
      model: whose tree; its own initial parameters are not made.
    """
    tree = jax.eval_shape(model.init, jax.random.key(0))

    def init(key: jax.Array) -> Any:
        by_shape = {leaf.shape: leaf for leaf in jax.tree.leaves(first.init(key))}
        return jax.tree.map(lambda leaf: by_shape[leaf.shape], tree)

    return model._replace(init=init)


def beginning(model: jaxmlp.Model) -> Any:
    """The parameters (1, ...) of the first seed before training."""
    return jax.tree.map(lambda leaf: leaf[None], model.init(jax.random.key(0)))


@functools.partial(jax.jit, static_argnames="model")
def outputs(model: jaxmlp.Model, params: Any, inputs: Any) -> Any:
    """What networks (seeds, ...) make of inputs: (seeds, examples, digits)."""
    return jax.vmap(jax.vmap(model.apply, (None, 0)), (0, None))(params, inputs)


@functools.partial(jax.jit, static_argnames="dtype")
def cast(params: Any, dtype: str, scale: float = 1.0) -> Any:
    """Parameters, times the scale, as another dtype has them; and back."""
    return jax.tree.map(lambda p: (p * scale).astype(dtype).astype(jnp.float32) / scale, params)


def shares(model: jaxmlp.Model, params: Any, inputs: Any, labels: Any) -> dict[str, Any]:
    """The accuracy (seeds,) of networks whose parameters are cast to each dtype, and back."""
    largest = max(float(abs(leaf).max()) for leaf in jax.tree.leaves(params))
    casts = {dtype: cast(params, dtype) for dtype in DTYPES}
    casts["int8, scaled"] = cast(params, "int8", 127 / largest)
    found = {k: np.asarray(outputs(model, p, inputs)) for k, p in casts.items()}
    return {name: (each.argmax(-1) == labels).mean(-1) for name, each in found.items()}


def returns(model: jaxmlp.Model, params: Any) -> bool:
    """Whether parameters come back from a file to the bit; an `mlp`'s with what it is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.npz"
        if isinstance(params, tuple):
            jaxmlp.save(path, model, params)
            kept, found = jaxmlp.load(path)[:2]
            return kept == model and jaxmlp.digest(found) == jaxmlp.digest(params)
        jaxmlp.save_params(path, params)
        return jaxmlp.digest(jaxmlp.load_params(path)) == jaxmlp.digest(params)


@functools.partial(jax.jit, static_argnames="model")
def passage(model: jaxmlp.Model, params: Any, inputs: Any, labels: Any) -> Tensors:
    """What a batch becomes on its way to the loss of one network."""
    hidden, logits = jax.vmap(jaxmlp.layer_outputs, (None, None, 0))(model, params, inputs)
    losses = jax.vmap(jaxmlp.losses.softmax_cross_entropy)(logits, labels)
    kernel, bias = params[0]
    return Tensors(inputs, kernel, bias, hidden, logits, labels, losses, losses.mean())


def described(model: jaxmlp.Model, tensors: Tensors) -> dict[str, Table]:
    """The model's summary, and what its tensors are, as tables."""
    layers, total = jaxmlp.summary(model)
    lines = [list(map(str, layer)) for layer in layers]
    kinds = [
        [k, v.ndim, str(v.shape), str(v.dtype), v.nbytes] for k, v in tensors._asdict().items()
    ]
    columns = ["tensor", "rank", "shape", "dtype", "bytes"]
    return {"summary": Table(total._fields, lines), "tensors": Table(columns, kinds)}


def sums() -> dict[str, str]:
    """What comes of two numbers by their dtypes: full, rounded, and promoted."""
    half = jnp.float32(0.5)
    return {
        "uint8 200 + 100": str(jnp.uint8(200) + jnp.uint8(100)),
        "float32 2²⁴ + 1 - 2²⁴": str(jnp.float32(2**24) + 1 - 2**24),
        "uint8 · float32": str((jnp.uint8(2) * half).dtype),
        "bfloat16 · float32": str((jnp.bfloat16(2) * half).dtype),
        "bfloat16 · 0.5": str((jnp.bfloat16(2) * 0.5).dtype),
    }
