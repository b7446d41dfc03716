"""Which examples make up each step: a function of (key, epoch, step), with no iterator to keep."""

import math

import jax
import jax.numpy as jnp

from jaxmlp.types import Array, Batch

__all__ = ["epoch_order", "num_steps", "scale_pixels", "take_batch"]

SMALL = 4096  # examples up to which sorting is as cheap
ROUNDS = 8  # of the Feistel network; from 6 on no test of ours tells the order from a random one


def num_steps(num_examples: int, batch_size: int) -> int:
    """Steps in one pass over the data, the ragged last batch included.

    >>> num_steps(60_000, 256)
    235
    """
    return -(-num_examples // batch_size)


def epoch_order(key: jax.Array, epoch: jax.Array | int, num_examples: int) -> jax.Array:
    """The order in which an epoch visits the examples: each exactly once.

    A large set is not sorted by random keys, which costs more than a tenth of an epoch of a small
    network, but sent through a Feistel network: with an index written as the digits (left, right)
    of a mixed radix, each round replaces (left, right) by (right, left + F(right)), which is
    one-to-one whatever F is. Here every F is a table of random bits. Indices that leave the range
    go through again until they are back in it, which keeps the map one-to-one (cycle walking).
    Where the radix is odd such a network makes almost only permutations of one parity, so on the
    toss of a coin two random indices change places first.

    Args:
      key: the shuffle key of the run.
      epoch: a whole number.
      num_examples: how many there are.

    Returns:
      (num_examples,) int32, a permutation of 0 .. num_examples - 1, the same on every platform.

    Source: Luby and Rackoff, How to construct pseudorandom permutations, 1988; Black and Rogaway,
    Ciphers with arbitrary finite domains, 2002.

    >>> sorted(epoch_order(jax.random.key(0), 3, 5).tolist())
    [0, 1, 2, 3, 4]
    """
    key = jax.random.fold_in(key, epoch)
    indices = jnp.arange(num_examples, dtype=jnp.int32)
    if num_examples <= SMALL:
        return jax.random.permutation(key, indices)

    radix = math.isqrt(num_examples - 1) + 1  # the smallest with radix² >= num_examples
    bits = jax.random.bits(key, (ROUNDS, radix), jnp.uint32)
    tables = (bits % jnp.uint32(radix)).astype(jnp.int32)
    indices = _maybe_swapped(jax.random.fold_in(key, ROUNDS), indices)

    def encrypt(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        indices, is_out = carry
        left, right = indices // radix, indices % radix
        for table in tables:
            left, right = right, (left + table[right]) % radix
        indices = jnp.where(is_out, left * radix + right, indices)
        return indices, indices >= num_examples

    start = indices, jnp.ones(num_examples, bool)
    return jax.lax.while_loop(lambda carry: carry[1].any(), encrypt, start)[0]


def _maybe_swapped(key: jax.Array, indices: jax.Array) -> jax.Array:
    """The indices 0, 1, ..., in one case of two with two of them swapped."""
    num_examples = jnp.uint32(len(indices))
    coin, first, distance = jax.random.bits(key, (3,), jnp.uint32)
    left = first % num_examples
    right = (left + 1 + distance % (num_examples - 1)) % num_examples
    left, right = (place.astype(jnp.int32) for place in (left, jnp.where(coin % 2, right, left)))
    return jnp.where(indices == left, right, jnp.where(indices == right, left, indices))


def take_batch(
    inputs: jax.Array,
    labels: jax.Array,
    step: jax.Array | int,
    batch_size: int,
    order: jax.Array | None = None,
    weights: jax.Array | None = None,
    within: tuple[int, jax.Array] | None = None,
) -> Batch:
    """The batch of one step; the ragged last one is padded to size and masked.

    Args:
      inputs: (num_examples, features).
      labels: (num_examples, ...).
      step: the step within the epoch, from 0.
      batch_size: examples a batch.
      order: (num_examples,) int32 from `epoch_order`; by default the examples as they stand.
      weights: (num_examples,) float32, where examples count differently.
      within: where the arrays are but a window of an epoch's examples, with this step's in it: how
        many examples the epoch has, and how many of them come before the window.

    Returns:
      `batch_size` examples; those with a False mask repeat one that is there.

    >>> batch = take_batch(jnp.arange(5.0)[:, None], jnp.arange(5), 2, 2)
    >>> batch.labels.tolist(), batch.mask.tolist()
    ([4, 4], [True, False])
    """
    positions = step * batch_size + jnp.arange(batch_size, dtype=jnp.int32)
    num_examples = inputs.shape[0] if within is None else within[0]
    mask = positions < num_examples
    rows = jnp.minimum(positions, num_examples - 1)
    if within is not None:
        rows = rows - within[1]
    if order is not None:
        rows = order[rows]
    return Batch(inputs[rows], labels[rows], mask, None if weights is None else weights[rows])


def scale_pixels(inputs: Array) -> jax.Array:
    """Pixels, uint8 from 0 to 255, as float32 from 0 to 1; anything else as it is.

    >>> scale_pixels(jnp.array([0, 255], jnp.uint8)).tolist()
    [0.0, 1.0]
    """
    if inputs.dtype != jnp.uint8:
        return jnp.asarray(inputs)
    return jnp.asarray(inputs, jnp.float32) / 255
