"""Keras on JAX: `fit()`."""

import os
from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "jax"  # read when it is imported

import keras

from experiments.speed.peers import line


def train(data: line.Data, work: line.Work, pause: Callable[[], None]) -> list[float]:
    """As `line.Train`."""
    keras.utils.set_random_seed(work.seed)
    *hidden, num_outputs = work.sizes(data.train_inputs.shape[1])[1:]
    layers = [keras.layers.Dense(n, "relu", kernel_initializer="he_normal") for n in hidden]
    last = keras.layers.Dense(num_outputs, kernel_initializer="he_normal")
    model = keras.Sequential([keras.Input(data.train_inputs.shape[1:]), *layers, last])
    model.compile(
        keras.optimizers.Adam(work.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"] if work.eval_every else None,
    )
    test_inputs = line.scaled(data.test_inputs)
    tests = {"validation_data": (test_inputs, data.test_labels)} if work.eval_every else {}
    model.fit(
        line.scaled(data.train_inputs),
        data.train_labels,
        **tests,
        validation_freq=work.eval_every or 1,
        batch_size=work.batch_size,
        epochs=work.num_epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: pause())],
    )
    predicted = model.predict(test_inputs, verbose=0).argmax(axis=1)
    return [line.accuracy(predicted, data.test_labels)]


if __name__ == "__main__":
    line.serve(train, "keras", "jax")
