"""A larger batch takes less time per example and less noise per step, and needs a higher rate.

    python -m experiments.lessons.batching

SGD sees 4,096 digits an epoch (the 1,437 of the training set two or three times), in batches of 1
to 4,096. In a batch of 256 an example costs less than half the time that it costs alone, and the
gradient's spread around that of all digits falls as 1 / √batch. But a batch is one step, however
large: at the same rate accuracy falls from 98 % at 1 to 81 % at 256. A rate in proportion to the
size (0.05 at 32) keeps it at 95 % up to there, and diverges beyond. 35 s on two cores, 10 s once
compiled.

Source: Goyal et al., Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour, 2017.
"""

import time
from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import jaxmlp
from experiments.data.sources import load
from experiments.lessons import drawing, lesson
from experiments.lessons.lesson import Claim, Outcome, Table, interval, say, start
from jaxmlp.optim.optimizers import sgd

EXAMPLES = 4096  # an epoch
RATE, AT = 0.05, 32  # the rate, and the batch size that it is for
RECIPE = jaxmlp.Recipe(jaxmlp.mlp((64, 64, 10)), jaxmlp.classification(10), sgd, {})

SIZES = 1, 4, 16, 64, 256, 1024, 4096
Sizes = tuple[int, ...]


def each_gradient(inputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Each example's gradient in an untrained network: (examples, parameters)."""

    def loss(params: Any, x: jax.Array, label: jax.Array) -> jax.Array:
        return RECIPE.task.loss(RECIPE.model.apply(params, x), label)

    def gradient(x: jax.Array, label: jax.Array) -> jax.Array:
        params = RECIPE.model.init(jax.random.key(0))
        return ravel_pytree(jax.grad(loss)(params, x, label))[0]

    return np.asarray(jax.jit(jax.vmap(gradient))(inputs, labels))


def noise(each: np.ndarray, size: int, draws: int = 200) -> float:
    """How far a batch's gradient is from that of all examples, relative to its length.

    Args:
      each: (examples, parameters), the gradients.
      size: of the batches, whose examples are drawn with replacement.
      draws: how many batches.
    """
    shares = np.random.default_rng(0).multinomial(size, np.full(len(each), 1 / len(each)), draws)
    away = shares.astype(np.float32) / size @ each - each.mean(axis=0)
    return float(np.sqrt((away**2).sum(axis=1).mean()) / np.linalg.norm(each.mean(axis=0)))


def train(data: jaxmlp.Dataset, size: int, seeds: int, epochs: int) -> tuple[Any, float]:
    """The test accuracy (2, seeds) at the rate and at one in proportion, and µs an example."""
    say(f"batches of {size}: {seeds} seeds, 2 rates, {epochs} epochs")
    recipe = RECIPE._replace(batch_size=size, num_epochs=epochs)
    at = [time.perf_counter()]
    rates, clock = [RATE, RATE * size / AT], lambda _: at.append(time.perf_counter())
    told: dict[str, Any] = {"eval_every": epochs, "on_fault": "ignore", "callback": clock}
    runs = jaxmlp.train_many(recipe, data, range(seeds), {"learning_rate": rates}, **told)
    quickest = float(np.diff(at).min()) / (2 * seeds * len(data.train_inputs))
    return runs.final("test_accuracy"), 1e6 * quickest


def teach(seeds: int = 8, epochs: int = 5, sizes: Sizes = SIZES) -> Outcome:
    """Trains with batches of all sizes, and measures their gradients.

    Args:
      seeds: how many networks of each kind, at least 2.
      epochs: how long to train, at least 2.
      sizes: of the batches, two or more, rising past 32 without it, to at most 4096.
    """
    lesson.at_least(2, seeds=seeds, epochs=epochs)
    lesson.at_most(EXAMPLES, sizes=sizes[-1])
    if list(sizes) != sorted(set(sizes) - {AT}) or len(sizes) < 2 or sizes[-1] < AT:
        raise ValueError(f"--sizes needs two or more, rising past {AT} without it, got {sizes}")
    digits = load("digits")
    inputs, labels = digits.train_inputs, digits.train_labels
    gradients = each_gradient(inputs, labels)
    spreads = np.array([noise(gradients, size) for size in sizes])
    rows = np.arange(EXAMPLES) % len(inputs)
    data = digits._replace(train_inputs=inputs[rows], train_labels=labels[rows])
    found = [train(data, size, seeds, epochs) for size in sizes]
    return judge(sizes, spreads, np.array([a for a, _ in found]), np.array([t for _, t in found]))


def judge(sizes: Sizes, spreads: np.ndarray, accuracy: np.ndarray, times: np.ndarray) -> Outcome:
    """What spreads (sizes,), accuracy (sizes, 2, seeds) and µs an example (sizes,) say."""
    power = float(np.polyfit(np.log(sizes), np.log(spreads), 1)[0])
    gains = [interval(scaled - same) for same, scaled in accuracy]
    larger = (i for i, size in enumerate(sizes) if size > AT)
    most, cheapest = max(larger, key=lambda i: gains[i].low), int(times.argmin())
    lost = interval(accuracy[0, 0] - accuracy[-1].max(axis=0))
    less = f"an example takes {times[0]:.2g} µs in batches of {sizes[0]}, {times[cheapest]:.2g} in"
    more = f"in batches of {sizes[most]} accuracy is {gains[most].points()} higher with a rate in"
    end = f"accuracy in batches of {sizes[0]} is {lost.points()} above"
    claims = [
        Claim(f"{less} batches of {sizes[cheapest]}", times[0] > 1.5 * times[cheapest]),
        Claim(f"the gradient's spread goes with (batch size)^{power:.2f}", abs(power + 0.5) < 0.05),
        Claim(f"{more} proportion than with the same", gains[most].low > 0),
        Claim(f"{end} that in batches of {sizes[-1]}, at either rate", lost.low > 0),
    ]
    shown = ([interval(values).text(".1%") for values in each] for each in accuracy)
    found = zip(sizes, times.round(2).tolist(), spreads.round(3).tolist(), shown, strict=True)
    rows = [[*numbers, *texts] for *numbers, texts in found]
    columns = ["batch", "µs an example", "gradient's spread", "same rate", "in proportion"]
    figures = {"power": power, "gains": gains, "lost": lost, "times": times, "spreads": spreads}
    picture = draw(sizes, spreads, accuracy, times)
    return Outcome(claims, figures, {"batches": Table(columns, rows)}, picture)


def draw(sizes: Sizes, spreads: np.ndarray, accuracy: np.ndarray, times: np.ndarray) -> Figure:
    """Time, spread and accuracy against the batch size."""
    figure, axes = drawing.sheet("Why a batch, and how large", 3, height=3.3)
    axes[0].plot(sizes, times, "o-")
    axes[0].set(title="time per example (µs)", ylim=(0, None))
    axes[1].loglog(sizes, spreads, "o", label="measured")
    axes[1].loglog(sizes, spreads[0] * np.sqrt(sizes[0] / np.array(sizes)), label="1 / √batch")
    axes[1].set_title("gradient's spread / its length")
    for i, label in enumerate(("same rate", "rate in proportion")):
        drawing.band(axes[2], sizes, accuracy[:, i].T, label, drawing.COLOURS[i])
    axes[2].set(title="test accuracy, as many epochs", ylim=(0, 1))
    for panel in axes:
        panel.set(xscale="log", xlabel="batch size")
    axes[1].legend(frameon=False)
    axes[2].legend(frameon=False, loc="lower left")
    return figure


if __name__ == "__main__":
    start(teach)
