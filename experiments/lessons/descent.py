"""Gradient descent steps against the derivative's sign, and its rate decides whether it arrives.

    python -m experiments.lessons.descent

One weight first, by hand. A neuron y = w x has x = 2 and the target t = 2.81, which are chosen here
so that the numbers come out round: at w = 0.53 the derivative of (y - t)² is 2 x (w x - t) = -7. It
is negative, so w grows: 0.53 - 0.1 · (-7) = 1.23. With the loss's curvature L = 8 a step multiplies
the distance to the best weight by |1 - rate L|: rates above 2 / L diverge.

Then SGD, momentum, Nesterov, AdaGrad, RMSprop and Adam, each at its best rate, from four starts. In
a bowl all end at the one minimum, and momentum far nearer to it than SGD. Between two wells the
start decides in which an optimizer ends, and from the same start the optimizer does; in
Rosenbrock's bent valley few arrive. Last, where the gradient is noisy, a rate that shifts down
settles, and the same rate held does not. 10 s on two cores, 5 s once compiled.

Sources: Polyak, 1964 (momentum); Nesterov, 1983; Duchi, Hazan and Singer, 2011 (AdaGrad); Tieleman
and Hinton, 2012 (RMSprop, lecture 6.5 of their course); Kingma and Ba, 2015; Rosenbrock, 1960.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

from experiments.lessons import drawing, lesson, surfaces
from experiments.lessons.lesson import Claim, Outcome, Table, interval, say, start
from experiments.lessons.surfaces import INPUT, MINIMA, STARTS, SURFACES, TARGET, off, race
from jaxmlp import schedules

WEIGHT, RATE, BEST = 0.53, 0.1, TARGET / INPUT
BEYOND, LIMIT = 2 * BEST - WEIGHT, 2 / (2 * INPUT**2)  # weight; rate, 2 / L


def gears(steps: int, seeds: int, noise: float) -> dict[str, np.ndarray]:
    """The loss (seeds, steps + 1) of SGD in the bowl with noise, by what becomes of its rate."""
    disturbances = noise * jax.random.normal(jax.random.key(0), (seeds, steps, 2))
    rates = {"held high": 0.03, "held low": 0.0003, "shifted": schedules.step_decay(0.03, steps)}
    many = jax.vmap(surfaces.walk, (None, None, None, 0))
    paths = {name: many("bowl", optax.sgd(r), STARTS[0], disturbances) for name, r in rates.items()}
    return {name: np.asarray(SURFACES["bowl"](path.T).T) for name, path in paths.items()}


def teach(steps: int = 150, seeds: int = 32, noise: float = 1.0) -> Outcome:
    """Goes down from one weight, then on three surfaces, then with noise.

    Args:
      steps: how many each optimizer has on a surface, from 2 to 10,000; four times as many with
        noise.
      seeds: how many times the noise is drawn, at least 2.
      noise: the standard deviation of what is added to each number of the gradient, at most 100.
    """
    lesson.at_least(2, seeds=seeds, steps=steps)
    lesson.at_most(10_000, steps=steps)
    lesson.at_most(100, noise=noise)
    one = surfaces.walks("neuron", "sgd", [RATE], [[WEIGHT], [BEYOND]], 1)[0, :, 1, 0]
    slopes = [float(jax.grad(SURFACES["neuron"])(jnp.array([w]))[0]) for w in (WEIGHT, BEYOND)]
    shares = np.linspace(0.1, 1.9, 10).round(1)  # of the limit
    alone = surfaces.walks("neuron", "sgd", shares * LIMIT, [[WEIGHT]], 40)[:, 0, :, 0]
    is_nearer = abs(alone[:, -1] - BEST) < abs(WEIGHT - BEST)
    say(f"six optimizers, eight rates, four starts: {', '.join(MINIMA)}")
    races = {surface: race(surface, steps) for surface in MINIMA}
    ends = {s: np.stack([each[2][:, -1] for each in races[s].values()]) for s in races}
    (convex, _), (between, well) = (off(surface, ends[surface]) for surface in ("bowl", "wells"))
    both, split = (int((np.ptp(well, axis) > 0).sum()) for axis in (1, 0))  # of optimizers; starts
    plain, heavy = (races["bowl"][name][1] for name in ("sgd", "momentum"))
    say(f"shifting gears: {seeds} seeds, {4 * steps} noisy steps")
    noisy = gears(4 * steps, seeds, noise)
    last = {name: values[:, -steps // 2 :].mean(axis=1) for name, values in noisy.items()}
    saved = [interval(last[name] - last["shifted"]) for name in ("held high", "held low")]
    grows = f"at w = {WEIGHT} the slope is {slopes[0]:.3g}, so w grows to {one[0]:.3g}"
    falls = f"at {BEYOND:.3g} it is {slopes[1]:.3g}, so w falls to {one[1]:.3g}"
    count = f"of {len(shares)} rates the {(shares < 1).sum()}"
    below = f"below 2 / L = {LIMIT} bring the weight nearer to the best one, and no others"
    where = f"in bowl and wells all walks end {max(convex, between):.1g} or less off a minimum"
    starts = f"{both} of {len(well)} optimizers reach either of two wells, by the start; from"
    apart = f"{split} of {len(STARTS)} starts optimizers end in different ones"
    nearer = f"in the bowl momentum ends at a loss of {heavy:.1g}, SGD at {plain:.1g}"
    down = "with noise SGD whose rate is shifted down ends at a loss"
    less = f"{saved[0].text()} below that at the high rate held, {saved[1].text()} below the low"
    claims = [
        Claim(f"{grows}; {falls}", slopes[0] < 0 < slopes[1] and round(float(one[0]), 3) == 1.23),
        Claim(f"{count} {below}", is_nearer.tolist() == (shares < 1).tolist()),
        Claim(where, max(convex, between) < 0.1),
        Claim(f"{starts} {apart}", both == len(well) and split > 0),
        Claim(nearer, heavy < plain / 10),
        Claim(f"{down} {less}", min(saved[0].low, saved[1].low) > 0),
    ]
    figures = {"slopes": slopes, "after": one, "off": [convex, between], "bowl": [plain, heavy]}
    figures |= {"well": well, "split": split}
    figures |= {"saved": saved, "settled": [interval(values) for values in last.values()]}
    rows = [
        [name, *(f"{value:.2g}" for found in races.values() for value in found[name][:2])]
        for name in races["bowl"]
    ]
    columns = ["optimizer", *(f"{s}: {what}" for s in races for what in ("rate", "loss"))]
    picture = draw(float(one[0]), dict(zip(shares, alone, strict=True)), races, noisy)
    return Outcome(claims, figures, {"surfaces": Table(columns, rows)}, picture)


def draw(after: float, alone: dict[float, Any], races: Any, noisy: dict[str, Any]) -> Figure:
    """One weight's step and rates, the walks on three surfaces, the loss with noise."""
    figure, axes = drawing.sheet("Down against the slope: how far, the rate decides", 3, 2, 3.1)
    for w, style in ((np.linspace(0, 2 * BEST, 100), "-"), (np.array([WEIGHT, after]), "o-")):
        axes[0].plot(w, (w * INPUT - TARGET) ** 2, style)
    axes[0].set(title=f"one weight: {WEIGHT} → {after:.2f}", xlabel="weight", ylabel="loss")
    for share in (0.1, 0.3, 0.9, 1.1):
        axes[1].plot(alone[share][:11], "o-", ms=3, label=f"{share} · 2 / L")
    axes[1].set(title="too small, good, large, too large", xlabel="step", ylabel="weight")
    for panel, (surface, found) in zip(axes[2:5], races.items(), strict=True):
        surfaces.draw(panel, surface, {name: paths[::3] for name, (*_, paths) in found.items()})
        panel.set_title(f"the {surface}, from two of four starts")
    for name, values in noisy.items():
        axes[5].semilogy(values.mean(axis=0), label=name)
    axes[5].set(title="noise: shifting gears", xlabel="step", ylabel="mean loss over seeds")
    axes[2].legend(frameon=False, fontsize=7, ncols=3, handlelength=1.2, loc="lower center")
    for panel in (axes[1], axes[5]):
        panel.legend(frameon=False, fontsize=7)
    return figure


if __name__ == "__main__":
    start(teach)
