"""Under the sigmoid a gradient falls by the layer; under ReLU with He's start it keeps its size.

    python -m experiments.lessons.vanishing

Networks of 5, 10 and 20 hidden layers, untrained, on 128 digits: the gradient's norm in each layer,
for three activations, four starts and 16 seeds. Each layer nearer to the input has 0.24 of the next
one's norm under the sigmoid with Xavier's start, and 1.02 of it under ReLU with He's: with 20
layers the first one's is 3e-13, and 0.4. With batch norm the start matters no more: 1.03 of it for
the sigmoid; and 1.21 for ReLU, which is too much, as theory has it. 25 s on two cores.

Sources: Hochreiter, 1991; Glorot and Bengio, Understanding the Difficulty of Training Deep
Feedforward Neural Networks, 2010; He et al., 2015; Yang et al., A Mean Field Theory of Batch
Normalization, 2019 (a factor of sqrt(pi / (pi - 1)) with ReLU).
"""

import functools
import itertools
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

import jaxmlp
from experiments.data.sources import load
from experiments.lessons import drawing
from experiments.lessons.lesson import Claim, Interval, Outcome, Table, interval, say, start
from jaxmlp.nn.activations import relu, sigmoid, tanh
from jaxmlp.nn.initializers import gaussian, he, xavier
from jaxmlp.training.step import objective
from jaxmlp.types import trained

ACTIVATIONS = {"sigmoid": sigmoid, "tanh": tanh, "ReLU": relu}
STARTS = {"N(0, 1)": gaussian(1.0), "N(0, 0.01²)": gaussian(0.01), "Xavier": xavier, "He": he}
WIDTH = 64  # of every hidden layer, and what the digits have


def gradient(model: jaxmlp.Model, batch: jaxmlp.Batch, key: jax.Array) -> list[jax.Array]:
    """The slope of a batch's mean loss in each kernel of a network that is yet to be trained."""
    params, functions = model.init(key), (jaxmlp.losses.softmax_cross_entropy,)
    loss = objective(model, functions, params, batch, key, jax.numpy.int32(0))
    slopes, _ = jax.grad(loss, has_aux=True)(trained(params))
    return [layer.kernel for layer in slopes]


def norms(model: jaxmlp.Model, batch: jaxmlp.Batch, seeds: int) -> np.ndarray:
    """The decimal logarithm of the gradient's norm in each kernel (seeds, layers)."""
    keys = jax.random.split(jax.random.key(0), seeds)
    # Not compiled as a whole: as the layers are alike, each operation serves for all of them.
    kernels = jax.vmap(functools.partial(gradient, model, batch))(keys)
    found = [np.linalg.norm(np.asarray(kernel, np.float64), axis=(1, 2)) for kernel in kernels]
    return np.log10(np.transpose(found))


def factor(logs: np.ndarray) -> Interval:
    """What a layer has of the norm of the next one, of the same shape; of logs (seeds, layers)."""
    return interval(10 ** ((logs[:, 1] - logs[:, -2]) / (logs.shape[1] - 3)))


def measure(norm: str | None, depths: tuple[int, ...], seeds: int) -> dict[Any, list[np.ndarray]]:
    """The logarithms of norms (seeds, layers), by activation and start, and then by depth."""
    data, found = load("digits"), {}
    batch = jaxmlp.Batch(data.train_inputs[:128], data.train_labels[:128])
    for kind, how in itertools.product(ACTIVATIONS, STARTS):
        say(f"{kind}, {how}{', with batch norm' if norm else ''}")
        shapes = [(WIDTH, *(WIDTH,) * depth, 10) for depth in depths]
        made = (jaxmlp.mlp(s, ACTIVATIONS[kind], STARTS[how], norm=norm) for s in shapes)
        found[kind, how] = [norms(model, batch, seeds) for model in made]
    return found


def teach(seeds: int = 16, depths: tuple[int, ...] = (5, 10, 20)) -> Outcome:
    """Follows gradients back through deep networks.

    Args:
      seeds: how many networks of each kind, from 2 on.
      depths: how many hidden layers, from few to many: two numbers or more, from 3 to 24.
    """
    if seeds < 2 or not 2 < depths[0] < depths[-1] < 25 or list(depths) != sorted({*depths}):
        raise ValueError(f"need 2 seeds, depths that rise from 3 to 24, got {seeds}, {depths}")
    plain, normed = (measure(norm, depths, seeds) for norm in (None, "batch"))
    left = {case: factor(logs[-1]) for case, logs in plain.items()}
    cured = {case: factor(logs[-1]) for case, logs in normed.items()}
    first = {case: interval(logs[-1][:, 0]) for case, logs in plain.items()}
    bad, good = ("sigmoid", "Xavier"), ("ReLU", "He")
    fades, stays = (interval(plain[case][-1][:, 0] - plain[case][0][:, 0]) for case in (bad, good))
    most = max(found.high for (kind, _), found in left.items() if kind == "sigmoid")
    claims = [
        Claim(
            "under the sigmoid gradients fall by the layer: with Xavier's start each layer's has "
            f"{left[bad].text()} of the next one's norm, and with any less than {most:.3g}",
            left[bad].high < 0.5 and most < 1,
        ),
        Claim(
            f"under ReLU with He's start they do not: each layer's has {left[good].text()} of it",
            left[good].low > 0.8 and left[good].high < 1.25,
        ),
        Claim(
            f"from {depths[0]} to {depths[-1]} hidden layers the first one's norm goes by "
            f"10^{fades.text('.1f')} under the sigmoid, and 10^{stays.text('.1f')} under ReLU",
            fades.high < -1 < stays.low,
        ),
        Claim(
            f"with batch norm it is {cured[bad].text()}, and under ReLU {cured[good].text()}",
            cured[bad].low > 0.9 and cured[good].low > cured[bad].high,
        ),
    ]
    rows = [[*k, left[k].text(), f"{10 ** first[k].mean:.0e}", cured[k].text()] for k in left]
    columns = ["activation", "start", "a layer leaves", "to the first", "with batch norm"]
    figures = {"left": [*left.values()], "cured": [*cured.values()], "goes": [fades, stays]}
    return Outcome(claims, figures, {"left": Table(columns, rows)}, draw(plain, normed, depths))


def draw(plain: Any, normed: Any, depths: tuple[int, ...]) -> Figure:
    """The norm in each layer of the deepest networks, and in the first one by depth."""
    title = "The gradient's norm by layer, without (above) and with batch norm (below)"
    figure, axes = drawing.sheet(title, 4, 2, sharey="row")
    layers = range(1, depths[-1] + 2)
    for row, found in zip((axes[:4], axes[4:]), (plain, normed), strict=True):
        for place, kind in enumerate(ACTIVATIONS):
            for how, colour in zip(STARTS, drawing.COLOURS, strict=False):
                drawing.band(row[place], layers, found[kind, how][-1], how, colour)
            row[place].set(title=kind, xlabel="layer")
            firsts = np.transpose([logs[:, 0] for logs in found[kind, "Xavier"]])
            drawing.band(row[3], depths, firsts, kind, drawing.COLOURS[4 + place])
        row[0].set_ylabel("log₁₀ of the norm")
        row[3].set(title="first layer, Xavier", xlabel="hidden layers")
    axes[3].legend(frameon=False)
    axes[4].legend(frameon=False, loc="upper left")
    return figure


if __name__ == "__main__":
    start(teach)
