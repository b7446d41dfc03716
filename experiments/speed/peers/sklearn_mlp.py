"""scikit-learn's MLPClassifier, an epoch at a time; its kernels can be Glorot's alone."""

from collections.abc import Callable

import numpy as np
from sklearn.neural_network import MLPClassifier

from experiments.speed.peers import line


def train(data: line.Data, work: line.Work, pause: Callable[[], None]) -> list[float]:
    """As `line.Train`."""
    inputs = line.scaled(data.train_inputs)
    model = MLPClassifier(
        work.hidden,
        alpha=0,  # or it would penalize the weights
        batch_size=work.batch_size,
        learning_rate_init=work.learning_rate,
        random_state=work.seed,
    )
    for _ in range(work.num_epochs):
        model.partial_fit(inputs, data.train_labels, classes=np.arange(work.num_classes))
        pause()
    return [line.accuracy(model.predict(line.scaled(data.test_inputs)), data.test_labels)]


if __name__ == "__main__":
    line.serve(train, "scikit-learn")
