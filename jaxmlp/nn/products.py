"""Products of a matrix and a vector in the arithmetic that is asked for, forward and backward."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

__all__ = ["PRECISIONS", "multiply"]

PRECISIONS = ("float32", "bfloat16", "tf32")
# Float32 is asked for, since what a GPU or TPU takes by default is TF32 or bfloat16.
ALGORITHMS: dict[str, Any] = {
    "float32": jax.lax.Precision.HIGHEST,
    "tf32": jax.lax.DotAlgorithmPreset.TF32_TF32_F32,
}
LETTERS = "abcdefghijklmnopqrstuvwxyz"

Labels = tuple[str, str, str]  # of the axes of both operands and of the result, as einsum has them


def multiply(one: jax.Array, other: jax.Array, precision: str = "float32") -> jax.Array:
    """A matrix times a vector, or a vector times a matrix; and so do its derivatives multiply.

    Args:
      one: (inputs,) or (outputs, inputs).
      other: (inputs, outputs) or (inputs,).
      precision: "float32"; "tf32", whose operands have 10 bits after the first; or "bfloat16", with
        7 of them. Sums are float32 in any case.

    Returns:
      (outputs,) float32.

    >>> third, seven = jnp.array([1 / 3]), jnp.array([[7.0]])
    >>> [round(float(multiply(third, seven, name)[0]), 5) for name in ("float32", "bfloat16")]
    [2.33333, 2.33789]
    """
    if precision in ALGORITHMS:
        return jnp.matmul(one, other, precision=ALGORITHMS[precision])
    labels = ("i", "io", "o") if one.ndim == 1 else ("oi", "i", "o")
    operands = (jnp.asarray(operand, jnp.float32) for operand in (one, other))
    return _product.bind(*_alike(*operands), labels=labels)


def _alike(one: jax.Array, other: jax.Array) -> Iterator[jax.Array]:
    """Both as they are, but inside of `jax.shard_map` of values on the same axes of the mesh."""
    differing = [_varying(operand) for operand in (one, other)]
    for operand, own, others in zip((one, other), differing, differing[::-1], strict=True):
        missing = tuple(others - own)
        yield jax.lax.pcast(operand, missing, to="varying") if missing else operand


def _varying(operand: jax.Array) -> frozenset[str]:
    """The axes of a mesh along which a device's value is its own."""
    kind = getattr(jax.typeof(operand), "manual_axis_type", None)
    return getattr(kind, "varying", frozenset())


def _einsum(one: jax.Array, other: jax.Array, *, labels: Labels) -> jax.Array:
    operands = (operand.astype(jnp.bfloat16) for operand in (one, other))
    how = "{},{}->{}".format(*labels)
    return jnp.einsum(how, *operands, preferred_element_type=jnp.float32)


# JAX's own product of bfloat16 numbers has gradients in bfloat16, and multiplies them in float32.
# This one takes and gives float32, and derives to others of its kind: a product of two tensors by
# the labels of their axes, none of which is in one of the three alone.
_product = Primitive("bfloat16_product")
_product.def_impl(jax.jit(_einsum, static_argnames="labels"))
mlir.register_lowering(_product, mlir.lower_fun(_einsum, multiple_results=False))


def _shape(one: Any, other: Any, *, labels: Labels) -> Any:
    return jax.make_jaxpr(functools.partial(_einsum, labels=labels))(one, other).out_avals[0]


def _to_one(slope: Any, one: Any, other: Any, *, labels: Labels) -> Any:
    return _product.bind(slope, other, labels=(labels[2], labels[1], labels[0]))


def _to_other(slope: Any, one: Any, other: Any, *, labels: Labels) -> Any:
    return _product.bind(one, slope, labels=(labels[0], labels[2], labels[1]))


_product.def_abstract_eval(_shape)
ad.defbilinear(_product, _to_one, _to_other)


def _batched(operands: Any, axes: Any, *, labels: Labels) -> tuple[jax.Array, int]:
    """Of many: another label where an operand has the axis of these, and first in the result."""
    new = next(letter for letter in LETTERS if letter not in "".join(labels))
    one, other = (
        label if axis is None else label[:axis] + new + label[axis:]
        for label, axis in zip(labels, axes, strict=False)
    )
    return _product.bind(*operands, labels=(one, other, new + labels[2])), 0


batching.primitive_batchers[_product] = _batched
