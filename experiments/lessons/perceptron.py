"""A perceptron learns AND and OR, and cannot learn XOR; two layers can.

    python -m experiments.lessons.perceptron

A neuron weighs its inputs, adds them up and fires above 0: it cuts the plane in two along a line.
Rosenblatt's rule and gradient descent both find a line for AND and for OR, and neither finds one
for XOR, which has none. A hidden layer bends the plane first: of 100 seeds none learns XOR with 1
hidden unit, 37 do with 2, 95 with 4 and all with 8. 35 s on two cores, 5 s once compiled.

Sources: Rosenblatt, The Perceptron, 1958; Minsky and Papert, Perceptrons, 1969.
"""

import functools
from typing import Any

import numpy as np
import optax
from matplotlib.figure import Figure

import jaxmlp
from experiments.lessons import drawing, lesson
from experiments.lessons.lesson import Claim, Outcome, Table, say, share, start
from jaxmlp.nn.activations import step, tanh

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
GATES = {
    name: np.array(targets, np.int32)
    for name, targets in {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "XOR": (0, 1, 1, 0)}.items()
}
YES_OR_NO = jaxmlp.binary_classification()
RECIPE = jaxmlp.Recipe(
    jaxmlp.mlp((2, 1), tanh), YES_OR_NO, optax.adam, {"learning_rate": 0.03}, 4, num_epochs=4
)
OFTEN = 100  # times that an epoch has each of the four inputs


def rule(targets: np.ndarray, epochs: int = 25) -> tuple[np.ndarray, list[int]]:
    """Rosenblatt's: w <- w + (t - y) x, where a last input that is always 1 has the bias.

    Returns:
      The weights (3,), and the number of mistakes in each epoch.
    """
    # From here no sum is ever 0, as all other changes are by 1: no input comes to lie on the line.
    weights, mistakes = np.array([0, 0, -0.5], np.float32), [0] * epochs
    for epoch in range(epochs):
        for x, t in zip(np.c_[INPUTS, np.ones(4, np.float32)], targets, strict=True):
            y = int(step(weights @ x))
            weights, mistakes[epoch] = weights + (t - y) * x, mistakes[epoch] + (t != y)
    return weights, mistakes


def side(weights: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """On which side of the neuron's line inputs (examples, 2) are: -1 or 1."""
    return np.sign(inputs @ weights[:2] + weights[2])


def descend(gate: str, seeds: int, hidden: list[tuple[int, ...]]) -> jaxmlp.Runs:
    """Networks with these hidden layers, of each seed, after gradient descent on a gate."""
    say(f"gradient descent on {gate}: {seeds} seeds of {len(hidden)} networks")
    often = np.tile(INPUTS, (OFTEN, 1)), np.tile(GATES[gate], OFTEN)
    data = jaxmlp.Dataset(*often, INPUTS, GATES[gate])
    return jaxmlp.train_many(RECIPE, data, range(seeds), {"hidden_sizes": hidden}, mode="fast")


def solved(runs: jaxmlp.Runs) -> np.ndarray:
    """Which networks (hidden layers, seeds) have all four right."""
    return runs.history["test_binary_accuracy"][..., -1] == 1


def teach(seeds: int = 100, widths: tuple[int, ...] = (1, 2, 3, 4, 8, 16)) -> Outcome:
    """Learns the gates by a line, and XOR by a hidden layer.

    Args:
      seeds: how many networks to train of each kind.
      widths: how many hidden units, from few to many: two numbers or more, up to 1000.
    """
    lesson.rising(1, 1000, widths=widths)
    ruled = {gate: rule(targets) for gate, targets in GATES.items()}
    fewest = {gate: min(mistakes) for gate, (_, mistakes) in ruled.items()}
    alone = {gate: share(solved(descend(gate, seeds, [()]))[0]) for gate in GATES}
    deep = descend("XOR", seeds, [(width,) for width in widths])
    by_width = {width: share(row) for width, row in zip(widths, solved(deep), strict=True)}
    low, high = by_width[widths[0]], by_width[widths[-1]]
    ends = ", ".join(f"{gate} {count}" for gate, count in fewest.items())
    found = ", ".join(f"{gate} {each.mean:.0%}" for gate, each in alone.items())
    claims = [
        Claim(
            f"the rule learns AND and OR, and not XOR: the fewest mistakes in an epoch are {ends}",
            fewest["AND"] == fewest["OR"] == 0 < fewest["XOR"],
        ),
        Claim(
            f"one layer by gradient descent learns AND, OR and not XOR: of {seeds} seeds {found}",
            alone["AND"].mean == alone["OR"].mean == 1 and alone["XOR"].mean == 0,
        ),
        Claim(
            f"two layers learn XOR: with {widths[-1]} hidden units {high.text('.0%')} of the seeds "
            f"do, with {widths[0]} {low.text('.0%')}",
            high.low > low.high,
        ),
    ]
    rows = [[width, each.text(".0%")] for width, each in by_width.items()]
    best = deep.select(hidden_sizes=(widths[-1],))
    return Outcome(
        claims,
        {"fewest_mistakes": fewest, "one_layer": alone, "two_layers": by_width},
        {"width": Table(["hidden units", f"of {seeds} seeds learn XOR"], rows)},
        draw(ruled, best.member(seed=int(solved(best).argmax())).params, by_width),
    )


def answer(recipe: jaxmlp.Recipe, params: Any, inputs: np.ndarray) -> np.ndarray:
    """What a network says of inputs (examples, 2), from -1 for no to 1 for yes."""
    return 2 * np.asarray(jaxmlp.predict(recipe, params, inputs))[:, 0] - 1


def draw(ruled: dict[str, Any], params: Any, by_width: dict[int, Any]) -> Figure:
    """What is on which side of each line, and how many seeds learn XOR."""
    figure, axes = drawing.sheet("One line is enough for AND and OR, and not for XOR", 3, 2)
    for panel, (gate, (weights, _)) in zip(axes, ruled.items(), strict=False):
        drawing.regions(panel, functools.partial(side, weights), INPUTS, GATES[gate])
        panel.set_title(f"{gate}, one layer")
    network = RECIPE._replace(model=jaxmlp.mlp((2, len(params[0].bias), 1), tanh))
    drawing.regions(axes[3], functools.partial(answer, network, params), INPUTS, GATES["XOR"])
    axes[3].set_title("XOR, two layers")
    for panel in axes[:4]:
        panel.set(xlabel="first input", ylabel="second input", xticks=(0, 1), yticks=(0, 1))
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=2, frameon=False, borderaxespad=0)
    drawing.intervals(axes[4], list(by_width), list(by_width.values()))
    axes[4].set(title="seeds that learn XOR", xlabel="hidden units", ylabel="share")
    for colour, (gate, (_, mistakes)) in zip(drawing.COLOURS, ruled.items(), strict=False):
        axes[5].plot(range(1, len(mistakes) + 1), mistakes, color=colour, label=gate)
    axes[5].set(title="the rule's mistakes", xlabel="epoch", ylabel="of 4 inputs")
    axes[5].legend(frameon=False)
    return figure


if __name__ == "__main__":
    start(teach)
