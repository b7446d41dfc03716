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
    test_inputs = line.scaled(data.test_inputs)

    def accuracy() -> float:
        return line.accuracy(model.predict(test_inputs), data.test_labels)

    for epoch in range(1, work.num_epochs + 1):
        model.partial_fit(inputs, data.train_labels, classes=np.arange(work.num_classes))
        if work.has_test(epoch):
            accuracy()
        pause()
    return [accuracy()]


if __name__ == "__main__":
    line.serve(train, "scikit-learn")
