"""What a machine can do at most: matrix products alone, and those of a network's epoch."""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxmlp
from jaxmlp.nn.layers import NARROW

NUM_EXAMPLES, BATCH = 60_000, 256
SIDE = 2048  # of the square matrices whose product sets the limit
SQUARES = 4  # products a measurement


def random_data(sizes: Sequence[int]) -> Any:
    """As many examples as MNIST has, of random pixels."""
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 256, (NUM_EXAMPLES, sizes[0]), np.uint8)
    return jaxmlp.Dataset(inputs, rng.integers(0, sizes[-1], NUM_EXAMPLES, np.int32))


def flops(sizes: Sequence[int], num_examples: int | None = None) -> int:
    """Floating-point operations of an epoch's matrix products, of `NUM_EXAMPLES` if none are given.

    A layer has one product forward and two backward, but the first has no need of its inputs'
    gradient; a product of (b, i) and (i, o) takes 2 b i o.
    """
    layers = list(itertools.pairwise(sizes))
    products = [2 if layer == 0 else 3 for layer in range(len(layers))]
    count = NUM_EXAMPLES if num_examples is None else num_examples
    return sum(2 * count * i * o * n for (i, o), n in zip(layers, products, strict=True))


def square_product() -> Callable[[], Any]:
    """Products of large square matrices, the fastest that this machine multiplies."""
    matrix = jnp.full((SIDE, SIDE), 1 / SIDE)
    chain = jax.jit(lambda x: jax.lax.fori_loop(0, SQUARES, lambda _, y: y @ x, x))
    jax.block_until_ready(chain(matrix))
    return lambda: jax.block_until_ready(chain(matrix))


def flops_per_second(seconds: float) -> float:
    """The machine's limit, by how long `square_product` took."""
    return 2 * SIDE**3 * SQUARES / seconds


def own_products(sizes: Sequence[int]) -> Callable[[], Any]:
    """The products of one epoch of a network, with nothing between them."""
    layers = [
        (jnp.ones((BATCH, i)), jnp.ones((i, o)), jnp.ones((BATCH, o)))
        for i, o in itertools.pairwise(sizes)
    ]

    def step(_: jax.Array, link: jax.Array) -> jax.Array:
        # The link makes each product wait for the one before, and none the same as the last time.
        for layer, (inputs, kernel, gradient) in enumerate(layers):
            link += (inputs.at[0, 0].set(link) @ kernel)[0, 0] * 1e-9
            changed = gradient.at[0, 0].set(link)
            is_narrow = gradient.shape[1] <= NARROW
            product = changed.T @ inputs if is_narrow else inputs.T @ changed  # as in `mlp.linear`
            link += product[0, 0] * 1e-9
            if layer:
                link += (gradient.at[0, 0].set(link) @ kernel.T)[0, 0] * 1e-9
        return link

    steps = -(-NUM_EXAMPLES // BATCH)
    chain = jax.jit(lambda link: jax.lax.fori_loop(0, steps, step, link))
    jax.block_until_ready(chain(0.0))
    return lambda: jax.block_until_ready(chain(0.0))


def seconds_of(function: Callable[[], Any]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
