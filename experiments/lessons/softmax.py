"""Softmax overflows unless the largest logit is subtracted, and where order is all it is needless.

    python -m experiments.lessons.softmax

Softmax as it is written is NaN from logits of 89 on, where exp overflows; with the maximum
subtracted, as the library has it, it is right at 1000. Dividing logits by a temperature changes
how sure 8 networks are of digits, from 99 % at 0.25 to 53 % at 4, and no class changes places: what
they answer is to be had from logits. Softmax is for one of several, sigmoids are for yes or no, and
values need neither. 10 s on two cores, 6 s once compiled.

Sources: Bridle, 1990; Guo et al., On Calibration of Modern Neural Networks, 2017 (temperature).
"""

from typing import Any

import jax
import numpy as np
import optax
from matplotlib.figure import Figure

import jaxmlp
from experiments.data import sources
from experiments.lessons import drawing
from experiments.lessons.lesson import Claim, Outcome, Table, interval, say, start

TASKS = {
    "one of several": jaxmlp.classification(2),
    "yes or no, twice": jaxmlp.binary_classification(2),
    "two values": jaxmlp.regression(2),
}
PLANE: Any = np.mgrid[-4:4.1:0.5, -4:4.1:0.5].reshape(2, -1).T.astype(np.float32)
SHIFTS = np.arange(-1000, 1001, dtype=np.float32)  # added to all logits they change nothing
SHIFTED: Any = np.array([2, 1, 0], np.float32) + SHIFTS[:, None]
DIGITS = jaxmlp.classification(10)
RECIPE = jaxmlp.Recipe(
    jaxmlp.mlp((64, 32, 10)), DIGITS, optax.adam, {"learning_rate": 0.01}, 64, num_epochs=10
)


def naive(logits: jax.Array) -> jax.Array:
    """Softmax as it is written, (classes,) -> (classes,)."""
    return jax.numpy.exp(logits) / jax.numpy.exp(logits).sum()


def heated(logits: Any, temperature: float) -> np.ndarray:
    """Probabilities (..., classes) of logits that are divided by a temperature first."""
    return np.asarray(DIGITS.link(logits / np.float32(temperature)))


def is_ordered(logits: np.ndarray, probabilities: np.ndarray) -> bool:
    """Whether no two classes have changed places."""
    order = logits.argsort(axis=-1)
    return bool((np.diff(np.take_along_axis(probabilities, order, -1)) >= 0).all())


def learn(seeds: int) -> np.ndarray:
    """What networks make of digits that they have not seen: logits (seeds, examples, 10)."""
    say(f"{seeds} seeds learn digits")
    data: Any = sources.load("digits")
    runs = jaxmlp.train_many(RECIPE, data, range(seeds), mode="fast", eval_every=10)
    apply = jax.vmap(jax.vmap(RECIPE.model.apply, (None, 0)), (0, None))
    return np.asarray(apply(runs.params, data.test_inputs))


def teach(seeds: int = 8, temperatures: tuple[float, ...] = (0.25, 0.5, 1, 2, 4)) -> Outcome:
    """Takes softmax to where it overflows, heats it, and asks where it belongs.

    Args:
      seeds: how many networks are to learn digits, from 2 on.
      temperatures: what to divide logits by, from cold to hot, above 0.
    """
    if seeds < 2 or not 0 < temperatures[0] < temperatures[-1]:
        raise ValueError(f"need 2 seeds, temperatures rising from 0, got {seeds}, {temperatures}")
    true = np.exp([2, 1, 0]) / np.exp([2, 1, 0]).sum()
    written, stable = np.asarray(jax.vmap(naive)(SHIFTED)), heated(SHIFTED, 1)
    right = SHIFTS[np.abs(written - true).max(axis=1) < 1e-6]
    off = float(np.abs(stable - true).max())
    logits = learn(seeds)
    hot = [heated(logits, t) for t in temperatures]
    sure = [interval(each.max(axis=2).mean(axis=1)) for each in hot]
    units = {name: np.asarray(task.link(PLANE)) for name, task in TASKS.items()}
    twice = [float((each > 0.5).all(axis=1).mean()) for each in units.values()]
    claims = [
        Claim(
            f"softmax of (2, 1, 0) + c as it is written is right from c = {right.min():g} to "
            f"{right.max():g}, and with the maximum subtracted from -1000 to 1000, to {off:.0e}",
            off < 1e-6 and -100 < right.min() < right.max() < 100,
        ),
        Claim(
            f"a temperature changes how sure networks are, {sure[0].text('.1%')} at "
            f"{temperatures[0]:g} and {sure[-1].text('.1%')} at {temperatures[-1]:g}",
            sure[0].low > sure[-1].high,
        ),
        Claim(
            f"not what they say: of {logits[..., 0].size} pictures at {len(hot)} temperatures each "
            "no two classes change places, so that logits are enough for an answer",
            all(is_ordered(logits, each) for each in hot),
        ),
        Claim(
            f"by task: softmax's two outputs, whose sum is 1, are both above 1/2 in {twice[0]:.0%} "
            f"of a plane, the sigmoids of yes or no in {twice[1]:.0%}; values stay as they are",
            twice[0] == 0 < twice[1] and np.array_equal(units["two values"], PLANE),
        ),
    ]
    heats = [[t, found.text(".1%")] for t, found in zip(temperatures, sure, strict=True)]
    ends = [[name, *(f"{x:.2g}" for x in (each.min(), each.max()))] for name, each in units.items()]
    tables = {"temperature": Table(["temperature", "highest probability"], heats)}
    tables["units"] = Table(["task", "outputs from", "to"], ends)
    figures = {"right": right[[0, -1]], "off": off, "sure": sure, "twice": twice}
    return Outcome(claims, figures, tables, draw(written, stable, sure, temperatures, units))


def draw(written: Any, stable: Any, sure: Any, temperatures: Any, units: Any) -> Figure:
    """Where softmax overflows, what a temperature does, and what each task's outputs are."""
    figure, axes = drawing.sheet("Softmax: where it overflows, and where it belongs", 3)
    axes[0].plot(SHIFTS, stable[:, 0], color=drawing.COLOURS[0], label="maximum subtracted")
    axes[0].plot(SHIFTS, written[:, 0], "o", ms=3, color=drawing.COLOURS[1], label="as written")
    axes[0].set(title="first of softmax of (2, 1, 0) + c", xlabel="c", xlim=(-150, 150))
    drawing.intervals(axes[1], temperatures, sure)
    axes[1].set(title="how sure networks are", xlabel="temperature", ylabel="highest probability")
    for colour, (name, each) in reversed([*zip(drawing.COLOURS, units.items(), strict=False)]):
        axes[2].plot(*each.T, "o", ms=3, color=colour, label=name)
    axes[2].set(title="two outputs by task", xlim=(-1, 2.5), ylim=(-1, 2.5), xlabel="the first")
    axes[0].legend(frameon=False, loc="lower left")
    axes[2].legend(framealpha=1)
    return figure


if __name__ == "__main__":
    start(teach)
