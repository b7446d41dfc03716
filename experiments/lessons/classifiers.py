"""Classifiers by their loss: how it slopes, how they learn, and the ways to write a label."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex

import jaxmlp
from experiments.lessons import drawing
from jaxmlp import losses

__all__ = [
    "CLASSIFIERS",
    "SCALES",
    "WAYS",
    "apart",
    "classify",
    "draw",
    "slopes",
    "squared",
    "sure_and_wrong",
    "two",
]

SCALES, RATES = (1.0, 10.0), (0.1, 0.3, 1.0, 3.0)  # of initial weights; of learning


def squared(logits: jax.Array, label: jax.Array) -> jax.Array:
    """The squared error of a classifier's probabilities: Σ (p - t)², where t is one-hot."""
    return losses.squared_error(jax.nn.softmax(logits), jax.nn.one_hot(label, len(logits)))


def two(outputs: jax.Array, label: jax.Array) -> jax.Array:
    """Yes or no as two classes: the first output stands against 0."""
    both = jnp.stack([jnp.zeros(()), outputs[0]])
    return losses.softmax_cross_entropy(both, label % 2)


CLASSIFIERS = {"cross-entropy": losses.softmax_cross_entropy, "squared": squared}
# Pairs of losses that say the same of outputs and a class of ten, and a pair that does not. Labels
# are called sparse where they are classes, and categorical where they are one-hot vectors.
WAYS = {
    "sparse, categorical": (
        losses.softmax_cross_entropy,
        lambda outputs, c: losses.softmax_cross_entropy(outputs, jaxmlp.one_hot(c, 10)),
    ),
    "binary, two classes": (
        lambda outputs, c: losses.sigmoid_cross_entropy(outputs[:1], c % 2),
        two,
    ),
    "sparse, ten binary": (
        losses.softmax_cross_entropy,
        lambda outputs, c: losses.sigmoid_cross_entropy(outputs, jaxmlp.one_hot(c, 10)),
    ),
}


def sure_and_wrong(data: jaxmlp.Dataset, seeds: int) -> list[float]:
    """The share of test digits of which networks at first give the right class less than 1 %."""
    model, (inputs, labels) = jaxmlp.mlp((64, 10)), data.sets()["test"]
    params = jax.jit(jax.vmap(model.init))(jax.vmap(jax.random.key)(jnp.arange(seeds)))
    logits = jax.jit(jax.vmap(jax.vmap(model.apply, (None, 0)), (0, None)))(params, inputs)
    found = (jax.nn.softmax(scale * logits)[:, np.arange(len(labels)), labels] for scale in SCALES)
    return [float((right < 0.01).mean()) for right in found]


def classify(loss: Any, data: jaxmlp.Dataset, seeds: int, epochs: int) -> np.ndarray:
    """The test accuracy (scales, seeds, epochs), each scale at the rate best in training."""
    task = jaxmlp.classification(10, loss)
    recipe = jaxmlp.Recipe(jaxmlp.mlp((64, 10)), task, optax.sgd, {}, 32, epochs)
    sweep = {"init_scale": SCALES, "learning_rate": RATES}
    history = jaxmlp.train_many(recipe, data, range(seeds), sweep).history
    best = history["train_accuracy"][..., -1].mean(-1).argmax(axis=1)
    return history["test_accuracy"][range(len(SCALES)), best]


def slopes(loss: Any, logit: Any) -> Any:
    """The loss of two classes and its derivative in the logit (points,) of the right one."""
    one = jax.value_and_grad(lambda z: loss(jnp.stack([z, jnp.zeros(())]), jnp.array(0)))
    return jax.jit(jax.vmap(one))(logit)


def apart(one: Any, other: Any, examples: int = 1000) -> list[float]:
    """How far two losses of random outputs and classes are apart, and their slopes."""
    outputs = 5 * jax.random.normal(jax.random.key(0), (examples, 10))
    classes = jax.random.randint(jax.random.key(1), (examples,), 0, 10)
    both = jax.jit(lambda *given: [jax.vmap(jax.value_and_grad(f))(*given) for f in (one, other)])
    losses, slopes = zip(*both(outputs, classes), strict=True)
    return [float(abs(a - b).max()) for a, b in (losses, slopes)]


def draw(
    axes: list[Axes], logits: np.ndarray, slopes: Mapping[str, Any], accuracy: Mapping[str, Any]
) -> None:
    """Losses and their slopes by the right class's logit, and accuracy by epoch.

    Args:
      axes: three.
      logits: (points,).
      slopes: by loss what `slopes` gives.
      accuracy: by loss what `classify` gives.
    """
    for colour, (name, found) in zip(drawing.COLOURS, slopes.items(), strict=False):
        for panel, values in zip(axes, found, strict=False):
            panel.plot(logits, values, label=name)
        epochs = range(1, accuracy[name].shape[-1] + 1)
        pale = LinearSegmentedColormap.from_list("pale", ["#FFFFFF", colour])(0.5)
        for scale, values, tone in zip(SCALES, accuracy[name], (to_hex(pale), colour), strict=True):
            drawing.band(axes[2], epochs, values, f"{name}, weights · {scale:g}", tone)
    axes[0].set(title="classifier's loss", xlabel="logit of the right class")
    axes[1].set(title="its slope", xlabel="logit of the right class")
    axes[2].set(title="test accuracy on digits", xlabel="epoch", ylim=(0, 1.03))
    for panel in axes:
        panel.legend(frameon=False, fontsize=7)
