"""Under the sigmoid a gradient falls by the layer; under ReLU with He's start it keeps its size.

    python -m experiments.lessons.vanishing

Networks of 5, 10 and 20 hidden layers, untrained, on 128 digits: the gradient's norm in each layer,
for three activations, four starts and 16 seeds. Each layer nearer to the input has 0.24 of the next
one's norm under the sigmoid with Xavier's start, and about 1 of it under ReLU with any: with 20
layers the sigmoid's first one has 3e-13, and ReLU's, from He's start, 0.4. With batch norm what a
layer leaves differs by 0.01 at most from start to start: 1.03 for the sigmoid, and 1.21 for ReLU,
which is too much, as theory has it. 35 s on two cores.

Sources: Hochreiter, 1991; Glorot and Bengio, Understanding the Difficulty of Training Deep
Feedforward Neural Networks, 2010; He et al., 2015; Yang et al., A Mean Field Theory of Batch
Normalization, 2019 (a factor of sqrt(pi / (pi - 1)) with ReLU).
"""

import itertools
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

import jaxmlp
from experiments.data.sources import load
from experiments.lessons import drawing, lesson
from experiments.lessons.lesson import Claim, Interval, Outcome, Table, interval, say, start
from jaxmlp.nn.initializers import gaussian, he, xavier
from jaxmlp.training.step import objective
from jaxmlp.types import trained

NAMES = ("sigmoid", "tanh", "ReLU")
ACTIVATIONS = {name: getattr(jaxmlp.activations, name.lower()) for name in NAMES}
STARTS = {"N(0, 1)": gaussian(1.0), "N(0, 0.01²)": gaussian(0.01), "Xavier": xavier, "He": he}
WIDTH = 64  # of every hidden layer, and what the digits have


def gradient(model: jaxmlp.Model, batch: jaxmlp.Batch, key: jax.Array) -> list[jax.Array]:
    """The slope of a batch's mean loss in each kernel of a network that is yet to be trained."""
    params, functions = model.init(key), (jaxmlp.losses.softmax_cross_entropy,)
    loss = objective(model, functions, params, batch, key, jax.numpy.int32(0))
    return [layer.kernel for layer in jax.grad(loss, has_aux=True)(trained(params))[0]]


def norms(model: jaxmlp.Model, batch: jaxmlp.Batch, seeds: int) -> np.ndarray:
    """The decimal logarithm of the gradient's norm in each kernel (seeds, layers)."""
    keys = jax.random.split(jax.random.key(0), seeds)
    # Not compiled as a whole: as the layers are alike, each operation serves for all of them.
    kernels = jax.vmap(lambda key: gradient(model, batch, key))(keys)
    return np.log10([np.linalg.norm(np.asarray(k, np.float64), axis=(1, 2)) for k in kernels]).T


def factor(logs: np.ndarray) -> Interval:
    """What a layer has of the norm of the next one, of the same shape; of logs (seeds, layers)."""
    return interval(10 ** ((logs[:, 1] - logs[:, -2]) / (logs.shape[1] - 3)))


def measure(norm: str | None, depths: tuple[int, ...], seeds: int) -> dict[Any, list[np.ndarray]]:
    """The logarithms of norms (seeds, layers), by activation and start, and then by depth."""
    data, found = load("digits"), {}
    batch = jaxmlp.Batch(data.train_inputs[:128], data.train_labels[:128])
    for (kind, bend), (how, begin) in itertools.product(ACTIVATIONS.items(), STARTS.items()):
        say(f"{kind}, {how}{', with batch norm' if norm else ''}")
        made = [jaxmlp.mlp((*(WIDTH,) * (1 + d), 10), bend, begin, norm=norm) for d in depths]
        found[kind, how] = [norms(model, batch, seeds) for model in made]
    return found


def teach(seeds: int = 16, depths: tuple[int, ...] = (5, 10, 20)) -> Outcome:
    """Follows gradients back through deep networks.

    Args:
      seeds: how many networks of each kind, from 2 on.
      depths: how many hidden layers, from few to many: two numbers or more, from 3 to 24.
    """
    lesson.at_least(2, seeds=seeds)
    lesson.rising(3, 24, depths=depths)
    plain, normed = (measure(norm, depths, seeds) for norm in (None, "batch"))
    left, cured = ({c: factor(logs[-1]) for c, logs in each.items()} for each in (plain, normed))
    bad, good = ("sigmoid", "Xavier"), ("ReLU", "He")
    goes = [interval(plain[c][-1][:, 0] - plain[c][0][:, 0]) for c in (bad, good)]
    most = max(left["sigmoid", how].high for how in STARTS)
    bent = np.array([left["ReLU", how] for how in STARTS])
    spread = max(np.ptp([cured[kind, how].mean for how in STARTS]) for kind in ACTIVATIONS)
    claims = [
        Claim(
            "under the sigmoid gradients fall by the layer: with Xavier's start each layer's has "
            f"{left[bad].text()} of the next one's norm, and with any at most {most:.3g}",
            left[bad].high < 0.5 and most < 1,
        ),
        Claim(
            "under ReLU they are about the same in all layers, whatever the start: each layer's "
            f"has {bent.min():.2f} to {bent.max():.2f} of the next one's norm",
            bent.min() > 0.8 and bent.max() < 1.25,
        ),
        Claim(
            f"from {depths[0]} to {depths[-1]} hidden layers the norm in the first changes by a "
            f"factor of 10^{goes[0].text('.1f')} under the sigmoid with Xavier's start, and of "
            f"10^{goes[1].text('.1f')} under ReLU with He's",
            goes[0].high < -1 < goes[1].low and goes[1].high < 1,
        ),
        Claim(
            f"with batch norm the start changes by {spread:.2g} at most what a layer has of the "
            f"next one's norm: {cured[bad].text()} of it under the sigmoid, where it falls no more,"
            f" and under ReLU {cured[good].text()}, too much, as theory has it (1.21)",
            spread < 0.05 and cured[bad].low > 0.9 and abs(cured[good].mean - 1.21) < 0.1,
        ),
    ]
    to_first = {case: 10 ** logs[-1][:, 0].mean() for case, logs in plain.items()}
    rows = [[*c, left[c].text(), f"{to_first[c]:.0e}", cured[c].text()] for c in left]
    columns = ["activation", "start", "a layer leaves", "to the first", "with batch norm"]
    figures = {"left": [*left.values()], "cured": [*cured.values()], "goes": goes, "spread": spread}
    return Outcome(claims, figures, {"left": Table(columns, rows)}, draw(plain, normed, depths))


def draw(plain: Any, normed: Any, depths: tuple[int, ...]) -> Figure:
    """The norm in each layer of the deepest networks, and in the first one by depth."""
    figure, axes = drawing.sheet("The gradient's norm, with batch norm below", 4, 2, sharey="row")
    for row, found in zip((axes[:4], axes[4:]), (plain, normed), strict=True):
        for i, kind in enumerate(ACTIVATIONS):
            for how, colour in zip(STARTS, drawing.COLOURS, strict=False):
                drawing.band(row[i], range(1, depths[-1] + 2), found[kind, how][-1], how, colour)
            row[i].set(title=kind, xlabel="layer")
            firsts = np.transpose([logs[:, 0] for logs in found[kind, "Xavier"]])
            drawing.band(row[3], depths, firsts, kind, drawing.COLOURS[4 + i])
        row[0].set_ylabel("log₁₀ of the norm")
        row[3].set(title="first layer, Xavier", xlabel="hidden layers")
    axes[3].legend(frameon=False)
    axes[4].legend(frameon=False, loc="upper left")
    return figure


if __name__ == "__main__":
    start(teach)
