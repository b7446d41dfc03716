"""An activation's derivative is what it leaves of a gradient: the sigmoid a quarter at most.

    python -m experiments.lessons.activations

Eleven activations and their derivatives by `grad`, each checked to fill the range that is
stated for it, the derivatives against central differences too. The sigmoid's is at most 0.25, at 0:
ten layers of it leave at most 3.9e-7 of a gradient, and ReLU all of it where its units are active.
Those of step and sign are 0 everywhere, which leaves nothing to go down on. 4 s on two cores.

Sources: McCulloch and Pitts, 1943 (step); Glorot, Bordes and Bengio, Deep Sparse Rectifier Neural
Networks, 2011 (ReLU, softplus); Clevert et al., 2016 (ELU); Hendrycks and Gimpel, 2016 (GELU).
"""

from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.lessons import drawing, lesson
from experiments.lessons.lesson import Claim, Outcome, Table, say, start
from jaxmlp import activations

REAL = "(-inf, inf)"
RANGES = {  # of the function, and of its derivative; the bend of GELU and SiLU to three digits
    "step": ("{0, 1}", "{0}"),
    "sign": ("{-1, 0, 1}", "{0}"),
    "identity": (REAL, "{1}"),
    "sigmoid": ("(0, 1)", "(0, 0.25]"),
    "tanh": ("(-1, 1)", "(0, 1]"),
    "relu": ("[0, inf)", "{0, 1}"),
    "leaky_relu": (REAL, "{0.01, 1}"),
    "softplus": ("(0, inf)", "(0, 1)"),
    "elu": ("(-1, inf)", "(0, 1]"),
    "gelu": ("[-0.171, inf)", "[-0.130, 1.130]"),
    "silu": ("[-0.279, inf)", "[-0.100, 1.100]"),
}
X = np.linspace(-6, 6, 1201, dtype=np.float32)  # 0 is among them; tanh is still less than 1
STEP = 2**-6  # of the central differences


def is_range(stated: str, values: np.ndarray) -> bool:
    """Whether values are all in a range such as "(0, 1]" or "{0, 1}", and come to its ends."""
    ends = np.array(stated[1:-1].split(","), np.float32)
    if stated[0] == "{":
        return set(ends) == set(values)
    low, high = ends
    least, most = values.min(), values.max()
    is_in = low <= least and most <= high and not (stated[0] == "(" and least == low)
    near = np.nan_to_num(ends, neginf=-0.05, posinf=5)  # of an end at infinity, some way
    reached = least < near[0] + 0.01 and most > near[1] - 0.01
    return bool(is_in and reached and not (stated[-1] == ")" and most == high))


def slope(name: str, x: np.ndarray) -> np.ndarray:
    """The derivative of an activation at x (points,)."""
    return np.asarray(jax.vmap(jax.grad(getattr(activations, name)))(x))


def left(name: str, layers: int) -> np.ndarray:
    """The most that 1, 2, ... layers, a neuron each, leave of a gradient, by the chain rule."""
    x, product, most = X, np.ones_like(X), []
    for _ in range(layers):
        product, x = product * slope(name, x), np.asarray(getattr(activations, name)(x))
        most.append(np.abs(product).max())
    return np.array(most)


def from_differences(name: str) -> float:
    """How far the derivative is from central differences; but where the function jumps or bends."""
    above, below = (np.asarray(getattr(activations, name)(X + side)) for side in (STEP, -STEP))
    return float(np.abs((above - below) / (2 * STEP) - slope(name, X))[np.abs(X) > STEP].max())


def teach(layers: int = 10) -> Outcome:
    """Draws activations and their derivatives, and checks what is said of them.

    Args:
      layers: how many layers, of one neuron each, a gradient is followed through, up to 200.
    """
    lesson.at_most(200, layers=layers)
    say(f"{len(RANGES)} activations and their derivatives, through {layers} layers")
    found = {name: (np.asarray(getattr(activations, name)(X)), slope(name, X)) for name in RANGES}
    error = max(map(from_differences, RANGES))
    lost = {name: left(name, layers) for name in RANGES}
    fits = [all(map(is_range, RANGES[name], pair)) for name, pair in found.items()]
    most = {name: float(np.abs(slopes).max()) for name, (_, slopes) in found.items()}
    top = X[found["sigmoid"][1].argmax()]
    claims = [
        Claim(
            f"{sum(fits)} of {len(fits)} functions, and their derivatives, fill the ranges stated",
            all(fits),
        ),
        Claim(
            f"derivatives by grad are slopes: central differences are within {error:.1e} of them",
            error < 1e-3,
        ),
        Claim(
            f"sigmoid' is at most {most['sigmoid']:.4g}, at x = {top:g}: {layers} layers leave at "
            f"most {lost['sigmoid'][-1]:.1e} of a gradient, of ReLU {lost['relu'][-1]:g}",
            most["sigmoid"] == 0.25 and lost["sigmoid"][-1] <= 0.25**layers < lost["relu"][-1] == 1,
        ),
        Claim(
            f"step and sign leave no gradient: they rise by {most['step']:g} and {most['sign']:g}",
            most["step"] == most["sign"] == 0,
        ),
    ]
    rows = [[n, *RANGES[n], f"{most[n]:.4g}", f"{lost[n][-1]:.2g}"] for n in RANGES]
    columns = ["activation", "range", "of derivative", "steepest", f"left by {layers} layers"]
    figures = {"steepest": most, "left": lost, "error": error}
    return Outcome(claims, figures, {"activations": Table(columns, rows)}, draw(found, lost))


def draw(found: dict[str, Any], lost: dict[str, np.ndarray]) -> Figure:
    """Each function with its derivative, and what layers leave of a gradient."""
    figure, axes = drawing.sheet("Activations and their derivatives", 4, 3, height=2.0)
    for panel, (name, pair) in zip(axes, found.items(), strict=False):
        for label, y, colour in zip(("f(x)", "f ′(x)"), pair, drawing.COLOURS, strict=False):
            panel.plot(X, y, color=colour, label=label)
        panel.set(title=name, xlabel="x", xlim=(-4, 4), ylim=(-1.25, 2.25))
    axes[0].legend(frameon=False, loc="upper left", ncols=2)
    for name, colour in zip(("silu", "relu", "sigmoid"), drawing.COLOURS, strict=False):
        axes[-1].semilogy(1 + np.arange(len(lost[name])), lost[name], color=colour, label=name)
    axes[-1].set(title="at most left of a gradient", xlabel="layers")
    axes[-1].legend(frameon=False)
    return figure


if __name__ == "__main__":
    start(teach)
