"""The way back of a Ladder network: from its outputs to the inputs that it was given noisy."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp.nn.initializers import lecun
from jaxmlp.nn.layers import batch_normalized, product
from jaxmlp.types import Dense, LadderDense, LadderNormed, Normed

__all__ = ["denoised", "with_way_back", "without_way_back"]

# Where `merge` begins: half of the noisy values, and 0.15 of what comes from above.
START = (0.0, 1.0, 0.0, 0.3, 0.0, 0.0, 1.0, 0.0, 0.0, 0.5)
EPSILON = 1e-5


def with_way_back(layer: Dense | Normed, key: jax.Array) -> LadderDense | LadderNormed:
    """A layer with what leads from what it makes to what it was given.

    Args:
      layer: of a plain network.
      key: of the kernel that leads back.
    """
    inputs, outputs = layer.kernel.shape
    merge = jnp.tile(jnp.array(START, jnp.float32)[:, None], (1, inputs))
    back = {"back": lecun(key, (outputs, inputs), jnp.float32), "merge": merge}
    kind = LadderDense if isinstance(layer, Dense) else LadderNormed
    return kind(**layer._asdict(), **back)


def without_way_back(layer: Any) -> Dense | Normed:
    """A layer as that of a plain network."""
    kind = Normed if hasattr(layer, "scale") else Dense
    return kind(*(getattr(layer, name) for name in kind._fields))


def denoised(
    layers: Sequence[LadderDense | LadderNormed],
    noisy: Sequence[jax.Array],
    outputs: jax.Array,
    weight: jax.Array,
    precision: str,
) -> jax.Array:
    """What the way back finds of one example's inputs, under the `lift` that gives the batch.

    Args:
      layers: all of them.
      noisy: of each layer what it was given, as it was before the activation, with its noise; the
        source takes it before the norm's scale and bias, which `merge` can take back.
      outputs: (outputs,), of the last one.
      weight: () float32, 1 for an example that counts, else 0.
      precision: of the products.

    Returns:
      (features,) float32.
    """
    found = batch_normalized(outputs, weight, EPSILON)
    for number, layer in reversed(list(enumerate(layers))):
        with jax.named_scope(f"layer_{number}_back"):
            above = batch_normalized(product(layer.back, found, precision), weight, EPSILON)
            found = _merged(layer.merge, noisy[number], above)
    return found


def _merged(merge: jax.Array, noisy: jax.Array, above: jax.Array) -> jax.Array:
    """What values were before their noise, by what comes from above.

    Of Gaussian values with Gaussian noise the best guess is linear in the noisy ones; its mean and
    slope are functions here of what comes from above (Rasmus et al., 2015, eq. 2).
    """
    a: Any = merge
    mean = a[0] * jax.nn.sigmoid(a[1] * above + a[2]) + a[3] * above + a[4]
    slope = a[5] * jax.nn.sigmoid(a[6] * above + a[7]) + a[8] * above + a[9]
    return (noisy - mean) * slope + mean
