"""Kernels of the right spread keep a signal's size through the layers, and learn at once.

    python -m experiments.lessons.initialization

Four ReLU layers on digits, whose kernels are drawn from N(0, 1), from N(0, 0.01) (a standard
deviation of 0.01), by Xavier's rule or by He's. A layer multiplies its inputs' spread by about
stddev · √(width / 2): by 5.6 with N(0, 1), by 0.056 with 0.01, by 0.70 with Xavier's, and by 1 with
He's, which is made so. Trained by Adam for 4 epochs, each at the better of two rates, they come to
85 %, 34 %, 95.3 % and 95.7 % of accuracy. And from kernels of zeros all hidden units stay the same
to the bit, however far they move. 25 s on two cores, 8 s once compiled.

Sources: Glorot and Bengio, 2010; He et al., Delving Deep into Rectifiers, 2015.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jaxmlp
from experiments.data import sources
from experiments.lessons import drawing
from experiments.lessons.lesson import Claim, Outcome, Pictures, Table, interval, say, start
from jaxmlp.nn.activations import relu, sigmoid
from jaxmlp.nn.initializers import gaussian, he, xavier, zeros
from jaxmlp.optim.optimizers import adam
from jaxmlp.training.batches import scale_pixels

INITS = {"N(0, 1)": gaussian(1.0), "N(0, 0.01)": gaussian(0.01), "Xavier": xavier, "He": he}
RATES = (0.003, 0.01)


def spreads(model: jaxmlp.Model, seeds: int, inputs: np.ndarray) -> np.ndarray:
    """The standard deviation of what each hidden layer makes of inputs: (seeds, layers)."""

    def one(seed: jax.Array) -> jax.Array:
        each = jax.vmap(jaxmlp.layer_outputs, (None, None, 0))
        outputs = each(model, model.init(jax.random.key(seed)), scale_pixels(inputs))
        return jnp.stack([layer.std() for layer in outputs[:-1]])

    return np.asarray(jax.jit(jax.vmap(one))(jnp.arange(seeds)))


def best(runs: jaxmlp.Runs, init: Any) -> dict[str, Any]:
    """The setting at whose rate networks of an initializer end at the lowest training loss."""
    return {"kernel_init": init, **runs.select(kernel_init=init).best("train_loss")}


def teach(
    seeds: int = 16, layers: int = 4, epochs: int = 4, dataset: Pictures = "digits"
) -> Outcome:
    """Draws kernels in four ways, looks at what comes through, and trains.

    Args:
      seeds: how many networks of each kind, at least 2.
      layers: how many hidden layers of 64 units, at least 2.
      epochs: how long to train.
      dataset: what on.
    """
    if min(seeds, layers) < 2:
        raise ValueError(f"seeds and layers need to be at least 2, got {seeds} and {layers}")
    data = sources.load(dataset)
    sizes = data.train_inputs.shape[1], *[64] * layers, 10
    models = {name: jaxmlp.mlp(sizes, relu, init) for name, init in INITS.items()}
    through = {
        name: spreads(model, seeds, data.train_inputs[:500]) for name, model in models.items()
    }
    task = jaxmlp.classification(10)
    recipe = jaxmlp.Recipe(models["He"], task, adam, {}, batch_size=64, num_epochs=epochs)
    say(f"training {seeds} seeds from each of {', '.join(INITS)}, at {len(RATES)} rates")
    sweep = {"kernel_init": list(INITS.values()), "learning_rate": RATES}
    runs = jaxmlp.train_many(recipe, data, range(seeds), sweep)
    say("training from zeros")
    flat = recipe._replace(model=jaxmlp.mlp((sizes[0], 32, 10), sigmoid, zeros))
    alike = jaxmlp.train_many(flat, data, range(seeds), {"learning_rate": RATES[1:]})
    return judge(through, runs, alike.select(learning_rate=RATES[1]))


def judge(through: dict[str, np.ndarray], runs: jaxmlp.Runs, alike: jaxmlp.Runs) -> Outcome:
    """What the spreads (seeds, layers), and the networks trained, say."""
    chosen = {name: best(runs, init) for name, init in INITS.items()}
    found = {name: runs.select(**where) for name, where in chosen.items()} | {"zeros": alike}
    ends = {name: each.final("test_accuracy") for name, each in found.items()}
    accuracy = {name: interval(values) for name, values in ends.items()}
    power = 1 / (through["He"].shape[1] - 1)
    growth = {n: interval((each[:, -1] / each[:, 0]) ** power) for n, each in through.items()}
    wide, narrow = (interval(ends["He"] - ends[name]) for name in ("N(0, 1)", "N(0, 0.01)"))
    kernels = alike.params[0].kernel  # (seeds, inputs, hidden units)
    apart, largest = float(np.ptp(kernels, axis=-1).max()), float(abs(kernels).max())
    factors = ", ".join(f"{name} {each.text('.2g')}" for name, each in growth.items())
    more = f"from He's, accuracy ends {wide.text('.1%')} above that from N(0, 1)"
    same = f"from zeros the hidden units' weights grow to {largest:.2g}, and differ by {apart:.1g}"
    keeps = growth["N(0, 0.01)"].high < 1 / 3 < 0.8 < growth["He"].mean < 1.25
    claims = [
        Claim(f"a layer multiplies the spread: {factors}", keeps and growth["N(0, 1)"].low > 3),
        Claim(f"{more}, {narrow.text('.1%')} above N(0, 0.01)", min(wide.low, narrow.low) > 0),
        Claim(same, apart < 1e-6 * largest),
    ]
    rows = [
        [name, chosen[name]["learning_rate"], each.text(".2g"), accuracy[name].text(".1%")]
        for name, each in growth.items()
    ]
    rows.append(["zeros", RATES[1], "", accuracy["zeros"].text(".1%")])
    table = Table(["kernels", "rate", "a layer multiplies the spread by", "test accuracy"], rows)
    figures: dict[str, Any] = {"growth": list(growth.values()), "gains": [wide, narrow]}
    figures |= {"accuracy": list(accuracy.values()), "largest": largest}
    return Outcome(claims, figures, {"kernels": table}, draw(through, found, accuracy))


def draw(through: dict[str, np.ndarray], found: dict[str, Any], accuracy: Any) -> Figure:
    """What comes through, how training goes, and what kernels it makes."""
    figure, axes = drawing.sheet("A kernel's first spread decides what a deep network learns", 3, 2)
    for colour, (name, each) in zip(drawing.COLOURS, through.items(), strict=False):
        layers = range(1, each.shape[1] + 1)
        drawing.band(axes[0], layers, each, name, colour)
    axes[0].set(title="spread before training", yscale="log", xlabel="hidden layer", xticks=layers)
    drawing.curves(axes[1], found, "train_loss")
    drawing.curves(axes[2], found, "test_accuracy")
    axes[1].set_yscale("log")
    axes[1].legend(frameon=False, fontsize=7)
    for panel, name in ((axes[3], "He"), (axes[4], "zeros")):
        drawing.matrix(panel, found[name].params[0].kernel[0][:, :32].T, aspect="auto")
        panel.set(title=f"trained from {name}", xlabel="inputs", ylabel="32 hidden units")
    drawing.intervals(axes[5], list(accuracy), list(accuracy.values()))
    axes[5].set(title="test accuracy after training", ylim=(0, 1))
    axes[5].tick_params("x", rotation=30)
    return figure


if __name__ == "__main__":
    start(teach)
