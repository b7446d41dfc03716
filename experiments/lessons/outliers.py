"""Lines through points, some of which are far off: drawn, fitted, and how far they are off."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes

import jaxmlp
from experiments.lessons import drawing
from jaxmlp import losses

__all__ = ["BIAS", "ERRORS", "POINTS", "SLOPE", "draw", "fit", "off", "scattered"]

LINE = jaxmlp.mlp((1, 1))
SLOPE, BIAS, POINTS, NOISE = 2.0, 1.0, 50, 0.5
STEPS, RATE = 1000, 0.5  # enough for lines that are far off
ERRORS = {"squared": losses.squared_error, "Huber": losses.huber, "absolute": losses.absolute_error}


def scattered(seeds: int, shares: tuple[float, ...], far: float) -> tuple[np.ndarray, np.ndarray]:
    """Points x and y (shares, seeds, points) on a line with noise, a share of them far above it."""
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (seeds, POINTS))
    y = SLOPE * x + BIAS + NOISE * random.normal(size=x.shape)
    is_outlier = np.arange(POINTS) < np.round(np.array(shares) * POINTS)[:, None, None]
    both = np.broadcast_arrays(x, y + far * is_outlier)
    return both[0].astype(np.float32), both[1].astype(np.float32)


@functools.partial(jax.jit, static_argnames="loss")
def fit(loss: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    """Lines (shares, seeds, 2), slope and bias, after gradient descent on the mean loss."""
    optimizer = optax.adam(optax.cosine_decay_schedule(RATE, STEPS))
    update = jaxmlp.make_update(LINE, loss, optimizer)

    def one(x: jax.Array, y: jax.Array) -> jax.Array:
        batch = jaxmlp.Batch(x[:, None], y)
        begun = jaxmlp.init_state((jaxmlp.Dense(jnp.zeros((1, 1)), jnp.zeros(1)),), optimizer)
        state, _ = jax.lax.scan(lambda s, _: (update(s, batch)[0], None), begun, length=STEPS)
        return jnp.concatenate(jax.tree.leaves(state.params), axis=None)

    return jax.vmap(jax.vmap(one))(x, y)


def off(lines: Any) -> np.ndarray:
    """How far lines (..., 2) are off the true one: the root of the mean square over -1 to 1."""
    slope, bias = np.moveaxis(np.asarray(lines), -1, 0) - np.array([[SLOPE], [BIAS]])[..., None]
    return np.sqrt(slope**2 / 3 + bias**2)


def draw(
    axes: list[Axes], shares: tuple[float, ...], points: Any, lines: Mapping[str, Any]
) -> None:
    """The losses by the error, the first seed's points and lines, and how far off lines are.

    Args:
      axes: three.
      shares: of outliers.
      points: x and y (shares, seeds, points).
      lines: by loss (shares, seeds, 2).
    """
    errors, middle = jnp.linspace(-4, 4, 161), len(shares) // 2
    x, y = (np.asarray(values)[middle, 0] for values in points)
    axes[1].plot(x, y, ".", color=drawing.GREY)
    for colour, (name, found) in zip(drawing.COLOURS, lines.items(), strict=False):
        axes[0].plot(
            errors, jax.jit(jax.vmap(ERRORS[name]))(errors[:, None], 0 * errors), label=name
        )
        slope, bias = np.asarray(found)[middle, 0]
        axes[1].plot([-1, 1], [bias - slope, bias + slope], label=name)
        drawing.band(axes[2], [100 * share for share in shares], off(found).T, name, colour)
    axes[1].plot([-1, 1], [BIAS - SLOPE, BIAS + SLOPE], ":", color=drawing.INK, label="true")
    axes[0].set(title="loss", xlabel="output - label", ylim=(0, 8))
    axes[1].set(title=f"one seed, {shares[middle]:.0%} outliers", xlabel="x", ylabel="y")
    axes[2].set(title="lines off the true one", xlabel="outliers (%)", ylabel="root mean square")
    for panel in axes:
        panel.legend(frameon=False, fontsize=7)
