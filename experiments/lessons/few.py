"""Few digits, some of them mislabelled, and what to ask of networks that were trained on them."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jaxmlp
from experiments.data import sources
from experiments.lessons import drawing
from jaxmlp.training.stopping import best_epoch

__all__ = ["BATCH", "draw", "examples", "modes", "side_by_side", "stopped", "together"]

BATCH, OFTEN = 20, 10  # examples; times that an epoch has each


def examples(size: int, wrong: float) -> jaxmlp.Dataset:
    """Digits to train and to stop by, size of each, a share mislabelled; the rest are to test."""
    draw, data = np.random.default_rng(0), sources.load("digits").sets()
    x, y = map(np.concatenate, zip(*data.values(), strict=True))
    train, stop, test = np.split(draw.permutation(len(y)), [size, 2 * size])
    for part in (train, stop):
        some = part[: round(wrong * size)]
        y[some] = (y[some] + draw.integers(1, 10, len(some))) % 10
    often = np.tile(train, OFTEN)
    sets = jaxmlp.Dataset(x[often], y[often], x[test], y[test])
    return sets._replace(validation_inputs=x[stop], validation_labels=y[stop])


def together(data: jaxmlp.Dataset) -> jaxmlp.Dataset:
    """What is to stop by is to train on, too."""
    assert data.validation_inputs is not None
    assert data.validation_labels is not None
    x = np.concatenate([data.train_inputs, np.tile(data.validation_inputs, (OFTEN, 1))])
    y = np.concatenate([data.train_labels, np.tile(data.validation_labels, OFTEN)])
    return jaxmlp.Dataset(x, y, data.test_inputs, data.test_labels)


def stopped(runs: jaxmlp.Runs) -> np.ndarray:
    """Each seed's test accuracy in the epoch of its least validation loss."""
    losses, right = (runs.history[name] for name in ("validation_loss", "test_accuracy"))
    epochs = [best_epoch([{"loss": each} for each in row], "loss") for row in losses]
    return right[np.arange(len(right)), np.array(epochs) - 1]


@functools.partial(jax.jit, static_argnums=0)
@functools.partial(jax.vmap, in_axes=(None, 0, None, 0))
def modes(model: jaxmlp.Model, params: Any, inputs: jax.Array, key: jax.Array) -> jax.Array:
    """The classes of inputs in evaluation, and in training: (2, examples), in batches by chance."""
    count, spare = len(inputs), -len(inputs) % BATCH  # by which the last batch is filled up
    order = jax.random.permutation(key, count)
    batches = jnp.pad(inputs[order], ((0, spare), (0, 0))).reshape(-1, BATCH, inputs.shape[1])
    masks = (jnp.arange(count + spare) < count).reshape(-1, BATCH)

    def train(key: jax.Array, batch: jax.Array, mask: jax.Array) -> jax.Array:
        assert model.train is not None
        return model.train(params, batch, jaxmlp.Context(key, mask))[0]

    evaluated = jax.vmap(jax.vmap(model.apply, (None, 0)), (None, 0))(params, batches)
    trained = jax.vmap(train)(jax.random.split(key, len(batches)), batches, masks)
    both = jnp.stack([evaluated, trained]).argmax(axis=-1).reshape(2, -1)
    return both[:, :count][:, jnp.argsort(order)]


def side_by_side(
    model: jaxmlp.Model, params: Any, data: jaxmlp.Dataset
) -> tuple[np.ndarray, np.ndarray]:
    """Test errors of networks in both modes, and the share of answers that a second pass changes.

    Args:
      model: one that differs in training.
      params: one set a seed; leaves (seeds, ...).
      data: to test with.

    Returns:
      Both (2, seeds), of evaluation and then of training.
    """
    seeds = len(jax.tree.leaves(params)[0])
    passes = jax.random.split(jax.random.key(0), (2, seeds))
    once, again = (np.asarray(modes(model, params, data.test_inputs, keys)) for keys in passes)
    return (once != data.test_labels).mean(axis=2).T, (once != again).mean(axis=2).T


def draw(errors: dict[str, np.ndarray], noisy: Any, clean: Any, modes: dict[str, Any]) -> Figure:
    """What is spared, how errors go by epoch, and what the modes of the same networks do.

    Args:
      errors: of some ways, (seeds, epochs).
      noisy: way -> the interval of test errors spared, with wrong labels.
      clean: the same with right labels alone.
      modes: network -> the intervals of its test errors in evaluation and in training, and more.
    """
    figure, axes = drawing.sheet("Few digits: what keeps a network from learning by heart", 3)
    wrong, right = drawing.COLOURS[1], drawing.COLOURS[0]
    for found, colour, label in (noisy, wrong, "some labels wrong"), (clean, right, "none wrong"):
        spared = [100 * np.array(each) for each in found.values()]
        drawing.intervals(axes[0], list(found), spared, colour)
        axes[0].plot([], [], "o", color=colour, label=label)
    axes[0].axhline(0, color=drawing.GREY, lw=0.8)
    axes[0].set(title="test errors spared", ylabel="percentage points", ylim=(-4, 15))
    for (way, each), colour in zip(errors.items(), drawing.COLOURS, strict=False):
        drawing.band(axes[1], range(1, 1 + each.shape[1]), 100 * each, way, colour)
    axes[1].set(title="some labels wrong", xlabel="epoch of ten passes", ylabel="test errors (%)")
    axes[1].set_ylim(0)
    axes[0].legend(frameon=False, loc="upper left")
    axes[1].legend(frameon=False, loc="lower right")
    names = [f"{name},\n{mode}" for name in modes for mode in ("evaluation", "training")]
    drawing.intervals(
        axes[2], names, [100 * np.array(e) for pair, _ in modes.values() for e in pair]
    )
    axes[2].set(title="the same networks, both modes", ylabel="test errors (%)")
    for panel in (axes[0], axes[2]):
        panel.tick_params(axis="x", rotation=40)
    return figure
