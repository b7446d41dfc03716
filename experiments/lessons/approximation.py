"""A network with one hidden layer comes as close to a curve or a surface as it is wide.

    python -m experiments.lessons.approximation

Each hidden ReLU bends the function once, along a line. Set by hand, to join points of a wave by
straight pieces, 128 of them miss 0.09 % of the wave's deviation, and the error goes as the width to
the power -1.98. Adam finds worse ones, and better ones the wider they are: of two curves and two
surfaces 128 units miss 0.7 to 15 %, where 2 units miss 37 to 94 %. 55 s on two cores.

Sources: Leshno, Lin, Pinkus and Schocken, Multilayer Feedforward Networks with a Nonpolynomial
Activation Function Can Approximate Any Function, 1993; before them, for bounded activations,
Cybenko, Approximation by Superpositions of a Sigmoidal Function, 1989.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

import jaxmlp
from experiments.lessons import drawing
from experiments.lessons.lesson import Claim, Outcome, Table, at_least, interval, listed, say, start
from jaxmlp import initializers, optimizers, schedules

TARGETS: dict[str, Any] = {  # of rows x of one or two inputs from -1 to 1
    "wave": (1, lambda x: np.sin(2 * np.pi * x[:, 0])),
    "step": (1, lambda x: np.tanh(12 * (x[:, 0] - 0.3))),
    "saddle": (2, lambda x: x.prod(axis=1)),
    "ripple": (2, lambda x: np.cos(5 * np.hypot(x[:, 0], x[:, 1]))),
}
BENDS = initializers.gaussian(1.0)  # where units bend: all over, and not all at 0
BATCH = 64
PIECES = (8, 16, 32, 64, 128)  # straight ones of a curve, a hidden unit for each


def interpolating(target: Any, width: int) -> tuple[jaxmlp.Dense, ...]:
    """A ReLU network that joins points of a curve f by width straight pieces of one length.

    f(t_0) + sum_k (s_k - s_(k-1)) relu(x - t_k), where piece k begins at t_k and has slope s_k.
    """
    t = np.linspace(-1, 1, width + 1, dtype=np.float32)
    f = target(t[:, None])
    bends = np.diff(np.diff(f) / np.diff(t), prepend=np.float32(0))
    first = jaxmlp.Dense(np.ones((1, width), np.float32), -t[:-1])  # type: ignore[arg-type]
    return first, jaxmlp.Dense(bends[:, None], f[:1])


def examples(name: str, steps: int) -> jaxmlp.Dataset:
    """Random points, new ones in each step, with a target's values; to test, a grid."""
    inputs, target = TARGETS[name]
    points = np.random.default_rng(0).uniform(-1, 1, (steps * BATCH, inputs)).astype(np.float32)
    sides = [np.linspace(-1, 1, 1000 if inputs == 1 else 50, dtype=np.float32)] * inputs
    grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, inputs)
    return jaxmlp.Dataset(points, target(points), grid, target(grid))


def recipe(inputs: int, width: int) -> jaxmlp.Recipe:
    """One pass through the points, at a rate that goes down to 0."""
    model, adam = jaxmlp.mlp((inputs, width, 1), bias_init=BENDS), {"learning_rate": 0.02}
    how = optimizers.adam, adam, BATCH, 1, schedules.cosine
    return jaxmlp.Recipe(model, jaxmlp.regression(), *how)


def missed(squared: Any, values: Any) -> np.ndarray:
    """The root of mean squared errors, as a share of the deviation of the target's values."""
    return np.sqrt(np.asarray(squared, np.float64)) / values.std()


def by_hand(count: int) -> float:
    """What straight pieces miss of the wave."""
    data, params = examples("wave", 1), interpolating(TARGETS["wave"][1], count)
    loss = jaxmlp.evaluate(recipe(1, count), params, *data.sets()["test"])["loss"]
    return float(missed(loss, data.test_labels))


def power(widths: Any, errors: Any) -> Any:
    """As which power of the width errors (widths, ...) go: a line's slope between logarithms."""
    return np.polyfit(np.log(widths), np.log(errors), 1)[0]


def teach(seeds: int = 8, widths: tuple[int, ...] = (2, 16, 128), steps: int = 2000) -> Outcome:
    """Approaches two curves and two surfaces.

    Args:
      seeds: how many networks to train of each width, at least 2.
      widths: how many hidden units, from few to many.
      steps: of gradient descent.
    """
    at_least(2, seeds=seeds)
    if len(widths) < 2 or sorted(set(widths)) != list(widths):
        raise ValueError(f"--widths needs two or more, rising, got {widths}")
    runs, errors = {}, {}
    for name, (inputs, _) in TARGETS.items():
        say(f"{name}: {seeds} seeds of {len(widths)} widths")
        data, sweep = examples(name, steps), {"hidden_sizes": [(width,) for width in widths]}
        runs[name] = jaxmlp.train_many(recipe(inputs, 1), data, range(seeds), sweep, mode="fast")
        errors[name] = missed(runs[name].final("test_loss"), data.test_labels)
    built = [by_hand(count) for count in PIECES]
    powers = {name: interval(power(widths, each)) for name, each in errors.items()}
    found = {name: [interval(row, log=True) for row in each] for name, each in errors.items()}
    slope = power(PIECES, built)
    hand = f"errors of networks set by hand to a wave go as their width to the power {slope:.2f}"
    less = f"errors of trained networks go as their width to a power: {listed(powers, '.2f')}"
    claims = Claim(hand, abs(slope + 2) < 0.1), Claim(less, max(p[2] for p in powers.values()) < 0)
    rows = [[w, *(f[i].text(".1%") for f in found.values())] for i, w in enumerate(widths)]
    figures = {"powers": powers, "missed": found, "by_hand": built, "power_by_hand": slope}
    tables = {"width": Table(["hidden units", *TARGETS], rows)}
    return Outcome(claims, figures, tables, draw(widths, runs, errors, built))


def said(runs: jaxmlp.Runs, errors: np.ndarray, i: int, inputs: Any) -> np.ndarray:
    """What the network of width i whose error is the middle one of all seeds says of inputs."""
    width: Any = runs.axes["hidden_sizes"][i]
    seed = int(np.argsort(errors[i])[errors.shape[1] // 2])
    params = runs.select(hidden_sizes=width).member(seed=seed).params
    return np.asarray(jaxmlp.predict(recipe(inputs.shape[1], *width), params, inputs))[:, 0]


def draw(widths: Any, runs: Any, errors: dict[str, Any], built: list[float]) -> Figure:
    """A curve, a surface, and what networks make of them; what is missed against width."""
    figure, axes = drawing.sheet("The wider the network, the closer it comes", 3, 2)
    for panel, name in zip(axes, ("wave", "step"), strict=False):
        x: Any = examples(name, 1).test_inputs
        panel.plot(x, TARGETS[name][1](x), color=drawing.GREY, lw=5, alpha=0.3, label="target")
        for i, width in enumerate(widths):
            panel.plot(x, said(runs[name], errors[name], i, x), lw=1.2, label=f"{width} units")
        panel.set(title=f"a curve: {name}", xlabel="x", ylim=(-1.4, 2.6))
        panel.legend(frameon=False, ncols=2, loc="upper center")
    for (name, each), colour in zip(errors.items(), drawing.COLOURS, strict=False):
        drawing.band(axes[2], widths, each.T, name, colour, log=True)
    axes[2].plot(PIECES, built, ":", color=drawing.INK, label="wave, by hand")
    axes[2].set(title="missed, of the deviation", xlabel="hidden units", xscale="log", yscale="log")
    axes[2].legend(frameon=False, fontsize=8, loc="lower left")
    x = examples("ripple", 1).test_inputs
    surfaces = {"a surface: ripple": TARGETS["ripple"][1](x)}
    for i in (-2, -1):
        surfaces[f"{widths[i]} units"] = said(runs["ripple"], errors["ripple"], i, x)
    for panel, (title, values) in zip(axes[3:], surfaces.items(), strict=True):
        drawing.matrix(panel, values.reshape(50, 50), vmin=-1, vmax=1)
        panel.set_title(title)
    return figure


if __name__ == "__main__":
    start(teach)
