"""Softmax overflows unless the largest logit is subtracted, and where order is all it is needless.

    python -m experiments.lessons.softmax

Softmax of (2, 1, 0) + c as it is written is right from c = -87 to below 85 alone: before it loses a
class after the other and does not say so, then all are 0, and farther out all are NaN; with
the maximum subtracted, as the library has it, it is right at 1000. Dividing logits by a temperature
changes how sure 8 networks are of digits, from 99 % at 0.25 to 53 % at 4, and no class changes
places: what they answer is to be had from logits. Softmax is for one of several, sigmoids are for
yes or no, and values need neither. 10 s on two cores, 6 s once compiled.

Sources: Bridle, 1990; Guo et al., On Calibration of Modern Neural Networks, 2017 (temperature).
"""

from typing import Any

import jax
import numpy as np
import optax
from matplotlib.figure import Figure

import jaxmlp
from experiments.data import sources
from experiments.lessons import drawing, lesson
from experiments.lessons.lesson import Claim, Outcome, Table, interval, say, start

NAMES = ("one of several", "yes or no, twice", "two values")
KINDS: Any = (jaxmlp.classification, jaxmlp.binary_classification, jaxmlp.regression)
TASKS = {name: task(2) for name, task in zip(NAMES, KINDS, strict=True)}
PLANE: Any = np.mgrid[-4:4.1:0.5, -4:4.1:0.5].reshape(2, -1).T.astype(np.float32)
SHIFTS = np.arange(-1000, 1001, dtype=np.float32)  # added to all logits they change nothing
SHIFTED: Any = np.array([2, 1, 0], np.float32) + SHIFTS[:, None]
DIGITS = jaxmlp.classification(10)
RATE = {"learning_rate": 0.01}  # in batches of 64, 10 times through all
RECIPE = jaxmlp.Recipe(jaxmlp.mlp((64, 32, 10)), DIGITS, optax.adam, RATE, 64, num_epochs=10)


def naive(logits: jax.Array) -> jax.Array:
    """Softmax as it is written, (classes,) -> (classes,)."""
    return jax.numpy.exp(logits) / jax.numpy.exp(logits).sum()


def kinds(written: np.ndarray, true: np.ndarray) -> list[tuple[str, str]]:
    """What comes of softmax as it is written (shifts, classes), and from which shift on."""
    off, some = np.abs(written - true).max(axis=1), written.any(axis=1)
    found = np.select([off < 1e-6, np.isnan(off), some], ["right", "NaN", "wrong"], "all 0")
    begins = [0, *np.flatnonzero(found[1:] != found[:-1]) + 1]
    return [(str(found[i]), f"{SHIFTS[i]:g}") for i in begins]


def heated(logits: Any, temperature: float) -> np.ndarray:
    """Probabilities (..., classes) of logits that are divided by a temperature first."""
    return np.asarray(DIGITS.link(logits / np.float32(temperature)))


def is_ordered(logits: np.ndarray, probabilities: np.ndarray) -> bool:
    """Whether no two classes have changed places."""
    return bool((np.diff(np.take_along_axis(probabilities, logits.argsort(-1), -1)) >= 0).all())


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
      temperatures: what to divide logits by, from cold to hot: two numbers or more, from 0.001 on.
    """
    lesson.at_least(2, seeds=seeds)
    lesson.rising(0.001, 1000, temperatures=temperatures)
    true = np.exp([2, 1, 0]) / np.exp([2, 1, 0]).sum()
    written, stable = np.asarray(jax.vmap(naive)(SHIFTED)), heated(SHIFTED, 1)
    found, off = kinds(written, true), float(np.abs(stable - true).max())
    logits = learn(seeds)
    sure = [interval(heated(logits, t).max(axis=2).mean(axis=1)) for t in temperatures]
    units = {name: np.asarray(task.link(PLANE)) for name, task in TASKS.items()}
    twice = [float((each > 0.5).all(axis=1).mean()) for each in units.values()]
    claims = [
        Claim(
            "softmax of (2, 1, 0) + c with the maximum subtracted is right from c = -1000 to 1000, "
            f"to {off:.0e}; as it is written it is {', '.join(map(' from '.join, found))}",
            off < 1e-6 and {"right", "wrong", "NaN"} <= {*dict(found)},
        ),
        Claim(
            f"networks' highest probability is {sure[0].text('.1%')} at temperature "
            f"{temperatures[0]:g}, and {sure[-1].text('.1%')} at {temperatures[-1]:g}",
            sure[0].low > sure[-1].high,
        ),
        Claim(
            f"a temperature changes no answer: in {logits[..., 0].size} outputs at {len(sure)} "
            "temperatures each no two classes change places, so that logits are enough",
            all(is_ordered(logits, heated(logits, t)) for t in temperatures),
        ),
        Claim(
            f"by task: two outputs of softmax are both above 1/2 in {twice[0]:.0%} of a plane, "
            f"two sigmoids in {twice[1]:.0%}",
            twice[0] == 0 < twice[1],
        ),
    ]
    heats = [[t, found.text(".1%")] for t, found in zip(temperatures, sure, strict=True)]
    ends = [[name, *(f"{x:.2g}" for x in (each.min(), each.max()))] for name, each in units.items()]
    tables = {"temperature": Table(["temperature", "highest probability"], heats)}
    tables["units"] = Table(["task", "outputs from", "to"], ends)
    tables["written"] = Table(["softmax of (2, 1, 0) + c as it is written", "from c ="], found)
    figures = {"off": off, "sure": sure, "twice": twice}
    return Outcome(claims, figures, tables, draw(written, stable, sure, temperatures, units))


def draw(written: Any, stable: Any, sure: Any, temperatures: Any, units: Any) -> Figure:
    """Where softmax overflows, what a temperature does, and what each task's outputs are."""
    figure, axes = drawing.sheet("Softmax: where it overflows, and where it belongs", 3)
    axes[0].plot(SHIFTS, stable[:, 0], color=drawing.COLOURS[0], label="maximum subtracted")
    axes[0].plot(SHIFTS, written[:, 0], "o", ms=3, color=drawing.COLOURS[1], label="as written")
    axes[0].set(title="softmax of (2, 1, 0) + c", xlabel="c", ylabel="the first", xlim=(-150, 150))
    drawing.intervals(axes[1], temperatures, sure)
    axes[1].set(title="how sure networks are", xlabel="temperature", ylabel="highest probability")
    for colour, (name, each) in reversed([*zip(drawing.COLOURS, units.items(), strict=False)]):
        axes[2].plot(*each.T, "o", ms=3, color=colour, label=name)
    axes[2].set(title="two outputs by task", xlabel="the first", ylabel="the second")
    axes[2].axis((-1, 2.5, -1, 2.5))
    axes[0].legend(frameon=False, loc="lower left")
    figure.legend(*axes[2].get_legend_handles_labels(), ncols=3, frameon=False, borderaxespad=0)
    return figure


if __name__ == "__main__":
    start(teach)
