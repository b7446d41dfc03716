"""Losses of one or two weights, and where optimizers go on them."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes

from experiments.plots.style import COLOURS, GREY, INK
from jaxmlp import losses, optimizers

__all__ = [
    "INPUT",
    "MINIMA",
    "STARTS",
    "SURFACES",
    "TARGET",
    "draw",
    "off",
    "race",
    "walk",
    "walks",
]

NAMES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
STARTS = np.array([[-1.5, 1.0], [-0.5, -1.0], [0.3, 1.5], [1.6, 0.6]], np.float32)

INPUT, TARGET = 2.0, 2.81  # of the neuron y = w x
SURFACES: Mapping[str, Callable[[Any], Any]] = {  # the valley is Rosenbrock's
    "neuron": lambda w: losses.squared_error(w * INPUT, jnp.array([TARGET])),
    "bowl": lambda w: (w[0] ** 2 + 50 * w[1] ** 2) / 2,
    "wells": lambda w: (w[0] ** 2 - 1) ** 2 + 0.3 * w[0] + w[1] ** 2,
    "valley": lambda w: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2,
}
PAINTS = [colour for colour in COLOURS if colour not in ("#E69F00", INK)]  # two look alike as lines
LEFT, _, RIGHT = np.sort(np.roots([4, 0, -4, 0.3]))  # between the wells the slope is 0 as well
MINIMA = {"bowl": [(0, 0)], "wells": [(LEFT, 0), (RIGHT, 0)], "valley": [(1, 1)]}


def walk(surface: str, optimizer: Any, w: Any, noise: Any) -> jax.Array:
    """Where an optimizer goes from w (weights,): (steps + 1, weights).

    Args:
      surface: the name of a loss.
      optimizer: from optax.
      w: where it starts.
      noise: (steps, weights), what is added to the gradient in each step.

    >>> still = jnp.zeros((1, 1))
    >>> [round(float(w), 3) for w in walk("neuron", optax.sgd(0.1), jnp.array([0.53]), still)[:, 0]]
    [0.53, 1.23]
    """

    def step(carried: Any, disturbance: jax.Array) -> Any:
        w, state = carried
        gradient = jax.grad(SURFACES[surface])(w) + disturbance
        change, state = optimizer.update(gradient, state, w)
        return (optax.apply_updates(w, change), state), w + change

    return jnp.vstack([w, jax.lax.scan(step, (w, optimizer.init(w)), noise)[1]])


def walks(surface: str, name: str, rates: Any, starts: Any, steps: int) -> np.ndarray:
    """Where an optimizer goes at each rate from each start: (rates, starts, steps + 1, weights).

    Args:
      surface: the name of a loss.
      name: of one of `jaxmlp.optimizers`.
      rates: (rates,).
      starts: (starts, weights).
      steps: how many.
    """

    def one(rate: jax.Array, w: jax.Array) -> jax.Array:
        return walk(surface, getattr(optimizers, name)(rate), w, jnp.zeros((steps, len(w))))

    many = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))
    return np.asarray(many(jnp.asarray(rates, jnp.float32), jnp.asarray(starts, jnp.float32)))


def race(surface: str, steps: int) -> dict[str, tuple[float, float, np.ndarray]]:
    """What each optimizer makes of the best of eight rates, from all starts.

    Args:
      surface: the name of a loss of two weights.
      steps: how many.

    Returns:
      By its name: the rate, the mean loss at the end, and the walks (starts, steps + 1, 2).
    """
    found, rates = {}, 10 ** np.linspace(-3.5, 0, 8)
    for name in NAMES:
        paths = walks(surface, name, rates, STARTS, steps)
        losses = np.asarray(SURFACES[surface](jnp.moveaxis(paths[:, :, -1], -1, 0))).mean(axis=1)
        best = np.where(np.isfinite(losses), losses, np.inf).argmin()
        found[name] = float(rates[best]), float(losses[best]), paths[best]
    return found


def off(surface: str, ends: np.ndarray) -> tuple[float, np.ndarray]:
    """How far from a minimum the worst of ends (..., 2) is, and which minimum each is at (...)."""
    distances = np.linalg.norm(ends[..., None, :] - np.array(MINIMA[surface]), axis=-1)
    return float(distances.min(axis=-1).max()), distances.argmin(axis=-1)


def draw(axes: Axes, surface: str, paths: dict[str, np.ndarray]) -> None:
    """Walks on a surface, drawn by lines of equal loss, with its minima as stars.

    Args:
      axes: where to draw.
      surface: the name of a loss.
      paths: by what they are called, (starts, steps + 1, 2).
    """
    x, y = np.meshgrid(np.linspace(-2.1, 2.1, 150), np.linspace(-1.5, 2.1, 150))
    heights = np.log(SURFACES[surface](np.stack([x, y])) + 0.5)
    axes.contour(x, y, heights, 9, colors=GREY, linewidths=0.4, alpha=0.6)
    for colour, (name, many) in zip(PAINTS, paths.items(), strict=False):
        for i, path in enumerate(many):
            label = None if i else name
            axes.plot(*path.T, color=colour, lw=1, alpha=0.8, label=label)
        axes.plot(*many[:, 0].T, "o", color=INK, ms=4)
    axes.plot(*np.transpose(MINIMA[surface]), "*", color=INK, ms=9)
    axes.set(xlim=(-2.1, 2.1), ylim=(-1.5, 2.1), xlabel="first weight", ylabel="second weight")
