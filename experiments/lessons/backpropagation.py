"""The chain rule, written out, is the gradient; backward costs twice forward, and its memory.

    python -m experiments.lessons.backpropagation

A network of two layers, and its gradient as the textbook's equations have it: for all seeds it is
`jax.grad`'s to 1e-6. Then deeper ones, as they are compiled: of 16 hidden layers the backward pass
takes 1.99 times the forward pass's operations, for each layer has a product for its weights and one
for its inputs. And each layer adds what it made of the batch to the memory, as the backward pass
needs it again, where a forward pass alone forgets it. 25 s on two cores, 5 s once compiled.

Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, 1986.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jaxmlp
from experiments.data.sources import load
from experiments.lessons import drawing, lesson
from experiments.lessons.lesson import Claim, Outcome, Table, say, start
from jaxmlp import losses
from jaxmlp.nn.activations import tanh

BATCH = 512  # digits


def backpropagate(params: Any, x: jax.Array, label: jax.Array) -> Any:
    """The gradient of one example's cross-entropy E, of the form of the parameters.

    Forward, with the hidden layer a and the outputs y:  a = tanh(x W₁ + b₁), y = softmax(a W₂ + b₂)
    Backward, with δ = ∂E/∂z of each layer's sums z:     δ₂ = y - t,  δ₁ = W₂ δ₂ · (1 - a²)
    The gradient, with a layer's inputs and its δ:       ∂E/∂W₁ = x δ₁ᵀ,  ∂E/∂W₂ = a δ₂ᵀ,  ∂E/∂b = δ

    Args:
      params: of a network of two layers.
      x: (features,).
      label: (), a class.
    """
    (w1, b1), (w2, b2) = params
    a = jnp.tanh(x @ w1 + b1)
    y = jax.nn.softmax(a @ w2 + b2)
    delta2 = y - jax.nn.one_hot(label, len(y))
    delta1 = w2 @ delta2 * (1 - a**2)
    return jaxmlp.Dense(jnp.outer(x, delta1), delta1), jaxmlp.Dense(jnp.outer(a, delta2), delta2)


def error(model: jaxmlp.Model, params: Any, inputs: Any, labels: Any) -> jax.Array:
    """The mean cross-entropy over examples."""
    outputs = jax.vmap(model.apply, (None, 0))(params, inputs)
    return jax.vmap(losses.softmax_cross_entropy)(outputs, labels).mean()


def both(model: jaxmlp.Model, seeds: int, inputs: Any, labels: Any) -> tuple[Any, Any]:
    """The gradients (seeds, ...) of networks by the equations, and by `jax.grad`."""
    params = jax.jit(jax.vmap(model.init))(jax.vmap(jax.random.key)(jnp.arange(seeds)))
    examples = jax.vmap(backpropagate, (None, 0, 0))
    written = jax.vmap(lambda p: jax.tree.map(lambda g: g.mean(0), examples(p, inputs, labels)))
    own = jax.vmap(jax.grad(lambda p: error(model, p, inputs, labels)))
    return jax.jit(written)(params), jax.jit(own)(params)


def greatest(tree: Any) -> float:
    """How large the largest number in a tree is, without its sign."""
    return max(float(abs(leaf).max()) for leaf in jax.tree.leaves(tree))


def passes(depth: int, width: int, inputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What forward alone, and forward and backward, take of so many hidden layers: (2, 3).

    These are millions of operations, MiB besides arguments and results, and ms.
    """
    say(f"forward and backward: hidden layers {depth}")
    model = jaxmlp.mlp((inputs.shape[1], *[width] * depth, 10), tanh)
    forward = functools.partial(error, model)
    given = jax.jit(model.init)(jax.random.key(0)), inputs, labels
    both = forward, jax.value_and_grad(forward)
    programs: list[Any] = [jax.jit(function).lower(*given).compile() for function in both]
    operations = [program.cost_analysis()["flops"] / 1e6 for program in programs]
    memory = [program.memory_analysis().temp_size_in_bytes / 2**20 for program in programs]
    return np.c_[operations, memory, lesson.milliseconds(programs, given)]


def teach(seeds: int = 20, depths: tuple[int, ...] = (1, 2, 4, 8, 16), width: int = 256) -> Outcome:
    """Compares the gradient by the equations with JAX's, and forward with backward.

    Args:
      seeds: how many networks of two layers to compare.
      depths: how many hidden layers the passes are measured with, two or more, from few to 64.
      width: the units of each of these, at most 4096.
    """
    if list(depths) != sorted(set(depths)) or len(depths) < 2:
        raise ValueError(f"--depths needs two numbers or more, from few to many, got {depths}")
    lesson.at_most(64, depths=depths[-1])
    lesson.at_most(4096, width=width)
    data = load("digits")
    examples = data.train_inputs[:BATCH], data.train_labels[:BATCH]
    written, own = both(jaxmlp.mlp((64, 32, 10), tanh), seeds, *examples)
    off, largest = greatest(jax.tree.map(jnp.subtract, written, own)), greatest(own)
    found = np.array([passes(depth, width, *examples) for depth in depths])
    ratios, slower = (found[:, 1, i] / found[:, 0, i] - 1 for i in (0, 2))
    layer = 4 * BATCH * width / 2**20  # MiB
    alone, grown = (found[-1, :, 1] - found[0, :, 1]) / (depths[-1] - depths[0])
    same = f"by the equations {seeds} networks' gradients are within {off:.1e} of jax.grad's, whose"
    twice = f"with {depths[-1]} hidden layers backward takes {ratios[-1]:.2f} times the operations"
    more = f"a layer adds {grown:.2f} MiB of memory with the backward pass, {alone:.2f} without;"
    claims = [
        Claim(f"{same} largest number is {largest:.2g}", off < 1e-6 < largest),
        Claim(f"{twice} of forward", 1.8 < ratios[-1] < 2.1),
        Claim(
            f"{more} its outputs have {layer:.2f}", 0.8 < grown / layer < 1.2 and alone < grown / 4
        ),
    ]
    numbers = np.c_[found.transpose(0, 2, 1).reshape(-1, 6), ratios, slower].round(2)
    kinds = [f"{what} {unit}" for unit in ("Mflop", "MiB", "ms") for what in ("forward,", "both,")]
    figures = {"off": off, "largest": largest, "ratios": ratios, "mib": [layer, grown, alone]}
    figures |= {"slower": slower, "batch": BATCH}
    rows = [[depth, *row] for depth, row in zip(depths, numbers.tolist(), strict=True)]
    table = Table(["hidden layers", *kinds, "backward / forward", "in ms"], rows)
    picture = draw(written[0].kernel[0], own[0].kernel[0], depths, found)
    return Outcome(claims, figures, {"passes": table}, picture)


def draw(written: Any, own: Any, depths: tuple[int, ...], found: np.ndarray) -> Figure:
    """One gradient twice, and what the passes take."""
    figure, axes = drawing.sheet("The gradient by the chain rule, and what it takes", 3, 2)
    matrices, most = (written, own, 1e6 * (written - own)), abs(own).max()
    titles = "∂E/∂W₁ by the equations", "∂E/∂W₁ by jax.grad", "difference · 10⁶"
    for panel, title, values in zip(axes[:3], titles, matrices, strict=True):
        drawing.matrix(panel, np.asarray(values).T, vmin=-most, vmax=most, aspect="auto")
        panel.set(title=title, xlabel="64 pixels", ylabel="32 hidden units")
    kinds = "operations (million)", "memory (MiB)", "time (ms)"
    for panel, kind, values in zip(axes[3:], kinds, found.transpose(2, 1, 0), strict=True):
        panel.plot(depths, values[0], "o-", label="forward alone")
        panel.plot(depths, values[1], "o-", label="forward and backward")
        panel.set(title=kind, xlabel="hidden layers", xticks=depths, ylim=(0, None))
    axes[3].legend(frameon=False)
    return figure


if __name__ == "__main__":
    start(teach)
