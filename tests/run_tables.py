"""Results of populations for the tests of what is made of them."""

import numpy as np

from jaxmlp import statistics
from jaxmlp.populations.runs import Runs
from jaxmlp.types import Fault

FAULT = Fault(3, 1, "loss", "layer_0", "")


def relu(x):
    return x


def runs_of(axes, values, metric="test_loss", faults=(), **more):
    """Members with these histories, values (*axes, epochs) or of fewer elements, spread."""
    axes = {name: tuple(labels) for name, labels in axes.items()}
    shape = tuple(map(len, axes.values()))
    history = {
        name: np.asarray(each, np.float32) for name, each in {metric: values, **more}.items()
    }
    epochs = history[metric].shape[-1]
    history = {name: np.broadcast_to(v, (*shape, epochs)).copy() for name, v in history.items()}
    places = np.zeros((*shape, 2), np.int32)
    ends = np.full(shape, epochs, np.int32)
    return Runs(axes, history, ends, (), places, dict.fromkeys(faults, FAULT))


def random_runs(num_settings, num_seeds, metric="test_loss", epochs=5, **options):
    axes = {"learning_rate": 0.001 * 2.0 ** np.arange(num_settings), "seed": range(num_seeds)}
    axes["learning_rate"] = axes["learning_rate"].tolist()
    random = np.random.default_rng(num_settings)
    values = random.uniform(0.2, 0.9, (num_settings, num_seeds, epochs))
    return runs_of(axes, values, metric, **options)


def made_up(accuracies, num_epochs=None, **axes):
    """A sweep whose networks came to an accuracy: (*axes, seeds)."""
    values = np.float32(accuracies)
    ended = np.ones(values.shape) if num_epochs is None else num_epochs
    runs = Runs(
        axes={**axes, "seed": tuple(range(values.shape[-1]))},
        history={"test_accuracy": values[..., None]},
        stopped_at=np.int32(ended),
        states=(),
        places=np.zeros((*values.shape, 2), np.int32),
        faults={},
    )
    return runs, statistics.summarize(runs, "test_accuracy", interval="t")
