"""Flax and optax: a compiled step, in a plain loop over batches of NumPy arrays."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
from flax import linen as nn
from flax.training.train_state import TrainState

from experiments.speed.peers import line


def train(data: line.Data, work: line.Work, pause: Callable[[], None]) -> list[float]:
    """As `line.Train`."""
    inputs = line.scaled(data.train_inputs)
    he = nn.initializers.he_normal()
    *hidden, num_outputs = work.sizes(inputs.shape[1])[1:]
    layers = [layer for width in hidden for layer in (nn.Dense(width, kernel_init=he), nn.relu)]
    model = nn.Sequential([*layers, nn.Dense(num_outputs, kernel_init=he)])
    state: Any = TrainState.create(
        apply_fn=model.apply,
        params=model.init(jax.random.key(work.seed), inputs[:1]),
        tx=optax.adam(work.learning_rate),
    )
    rng = np.random.default_rng(work.seed)
    test_inputs = line.scaled(data.test_inputs)

    def accuracy() -> float:
        predicted = answer(state, test_inputs).argmax(axis=1)
        return line.accuracy(predicted, data.test_labels)

    for epoch in range(1, work.num_epochs + 1):
        order = rng.permutation(len(inputs))
        for first in range(0, len(order), work.batch_size):
            rows = order[first : first + work.batch_size]
            state = step(state, inputs[rows], data.train_labels[rows])
        jax.block_until_ready(state)
        if work.has_test(epoch):
            accuracy()
        pause()
    return [accuracy()]


@jax.jit
def step(state: Any, inputs: jax.Array, labels: jax.Array) -> Any:
    """One update."""

    def loss(params: Any) -> jax.Array:
        logits = state.apply_fn(params, inputs)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    return state.apply_gradients(grads=jax.grad(loss)(state.params))


@jax.jit
def answer(state: Any, inputs: jax.Array) -> jax.Array:
    """The logits."""
    logits: jax.Array = state.apply_fn(state.params, inputs)
    return logits


if __name__ == "__main__":
    line.serve(train, "flax", "optax", "jax")
