"""Random bits for networks in training: the cheapest that are a function of a key alone.

Threefry (Salmon et al., 2011) turns a key and a counter into 64 bits; all of them are used here,
where `jax.random.bits` may spend a block on each number. They are the same whatever JAX is
configured to draw by.
"""

import jax
import jax.numpy as jnp
from jax.extend.random import threefry_2x32

__all__ = ["bits16", "bits32", "normal"]


def bits32(key: jax.Array, count: int) -> jax.Array:
    """Random words: (count,) uint32."""
    words = jax.random.key_data(key).reshape(-1)[:2]
    return threefry_2x32(words, jnp.arange(count + count % 2, dtype=jnp.uint32))[:count]


def bits16(key: jax.Array, count: int) -> jax.Array:
    """Random whole numbers below 65536: (count,) uint32."""
    words = bits32(key, (count + 1) // 2)
    return jnp.concatenate([words & 0xFFFF, words >> 16])[:count]


def normal(key: jax.Array, count: int) -> jax.Array:
    """N(0, 1): (count,) float32.

    By the inverse of the distribution, at the middles of 2**24 intervals of the same probability.
    """
    odd = (bits32(key, count) >> 8).astype(jnp.int32) * 2 + 1 - 2**24
    return jnp.float32(2**0.5) * jax.lax.erf_inv(odd.astype(jnp.float32) * jnp.float32(2**-24))
