"""What a device can do at most: products of matrices, bytes of its memory, and small steps."""

import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from experiments.speed.gpu.cases import Scale
from experiments.speed.limit import seconds_of
from jaxmlp.nn.products import ALGORITHMS

TIMES = 8  # products, or passes over the array, of a measurement
STEPS = 1000  # of a loop
REPEATS = 5


def limits(scale: Scale) -> dict[str, Any]:
    """The figures that shares are shares of.

    Returns:
      "flops": a second, by precision, of those that the device has; "bandwidth": bytes a second,
      read and written; and "step_seconds", of a loop whose length the compiler does not know and
      which does nothing.
    """
    speeds = {name: flops(name, scale.side) for name in scale.precisions}
    return {
        "flops": {name: speed for name, speed in speeds.items() if speed},
        "bandwidth": 2 * 4 * scale.stream * TIMES / median(passes(scale.stream)),
        "step_seconds": median(empty_steps()) / STEPS,
    }


def flops(precision: str, side: int) -> float | None:
    """Floating-point operations a second of large square products; None where there are none."""
    try:
        return 2 * side**3 * TIMES / median(products(precision, side))
    except (ValueError, RuntimeError):  # of XLA: a GPU before Ampere has no TF32
        return None


def products(precision: str, side: int) -> Callable[[], Any]:
    """Products of square matrices, each of the one before."""
    kind = jnp.bfloat16 if precision == "bfloat16" else jnp.float32
    matrix = jnp.full((side, side), 1 / side, kind)

    def times(y: jax.Array, x: jax.Array) -> jax.Array:
        how = ALGORITHMS.get(precision)
        return jnp.matmul(y, x, precision=how, preferred_element_type=jnp.float32).astype(kind)

    return started(lambda x: jax.lax.fori_loop(0, TIMES, lambda _, y: times(y, x), x), matrix)


def passes(count: int) -> Callable[[], Any]:
    """Passes over an array, each of which reads it and writes it."""
    array = jnp.ones(count)
    return started(lambda x: jax.lax.fori_loop(0, TIMES, lambda _, y: y * 0.999 + 1, x), array)


def empty_steps() -> Callable[[], Any]:
    """Steps of a loop with traced bounds, as that of training has."""

    def loop(stop: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, stop, lambda i, y: y * 0.999 + i, jnp.float32(0))

    return started(loop, jnp.int32(STEPS))


def started(function: Callable[..., Any], *arguments: jax.Array) -> Callable[[], Any]:
    """A function that is compiled, and has run once; it returns when the device is done."""
    compiled: Any = jax.jit(function)
    jax.block_until_ready(compiled(*arguments))
    return lambda: jax.block_until_ready(compiled(*arguments))


def median(function: Callable[[], Any]) -> float:
    """The median of some calls, in seconds."""
    return statistics.median(seconds_of(function) for _ in range(REPEATS))
